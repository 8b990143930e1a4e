"""Work ahead: an iterator runs in a thread of its own, a few items before they are asked for.

While the database writes one chunk, the next is read and prepared. What the iterator raises is raised where
its next item would have come. The iterator must not touch the database: connections belong to threads.
"""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
TURN = 0.0005  # seconds after which a computing thread lets one that the database woke go on
LOOK = 0.1  # seconds between looks whether anybody still wants items


class _End(Generic[Item]):
    """Nothing more comes: the iterator is at its end, or raised."""

    def __init__(self, problem: BaseException | None) -> None:
        self.problem = problem


@contextmanager
def ahead(items: Iterator[Item], *, depth: int = 1) -> Iterator[Iterator[Item]]:
    """The same items, made up to `depth` (and the one in hand) before they are taken.

    On leaving, the thread has ended: it finishes the item that it is making and makes no other.
    """
    queue: Queue[Item | _End[Item]] = Queue(maxsize=depth)
    unwanted = Event()

    def hand_over(item: Item | _End[Item]) -> None:
        while not unwanted.is_set():
            try:
                queue.put(item, timeout=LOOK)
                return
            except Full:
                continue

    def work() -> None:
        problem: BaseException | None = None
        try:
            for item in items:
                hand_over(item)
                if unwanted.is_set():
                    break
            if isinstance(items, Generator):
                items.close()  # here: what it holds belongs to this thread
        except BaseException as raised:  # also KeyboardInterrupt: it belongs to who asked
            problem = raised
        hand_over(_End(problem))

    def taken() -> Iterator[Item]:
        while True:
            item = queue.get()
            if isinstance(item, _End):
                if item.problem is not None:
                    raise item.problem
                return
            yield item

    thread = Thread(target=work, name="ahead", daemon=True)
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    thread.start()
    try:
        yield taken()
    finally:
        unwanted.set()
        thread.join()
        sys.setswitchinterval(before)
