"""The collector of cycles comes seldom while a release is built: what is made for it has none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 200_000  # objects made before it looks


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Items and records are millions of objects without cycles, and looking for some takes up to a third of the time."""
    threshold = gc.get_threshold()
    gc.set_threshold(SELDOM, *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
