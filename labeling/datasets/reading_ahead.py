"""The database and this process at work at the same time, each on a connection of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from django.db import connection

from auditor.corpus.ahead import ahead

Item = TypeVar("Item")


@contextmanager
def read_ahead(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """The same items, which the database is asked for, one ahead.

    Inside a transaction each is asked for when it is wanted: another connection would not see what it has written.
    """
    if connection.in_atomic_block:
        yield items
        return

    def asked() -> Iterator[Item]:
        try:
            yield from items
        finally:
            connection.close()  # that thread's own; nobody else could

    with ahead(asked()) as made:
        yield made


@contextmanager
def beside(work: Callable[[], Item]) -> Iterator[Callable[[], Item]]:
    """What gives the result of some work, which begins now and is done beside what follows; it has ended on leaving.

    Inside a transaction it is done when it is first asked for, as above.
    """
    if connection.in_atomic_block:
        yield cache(work)
        return

    def done() -> Item:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1, thread_name_prefix="beside") as thread:
        yield thread.submit(done).result
