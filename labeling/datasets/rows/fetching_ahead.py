"""Chunks of a release fetched while the one before is written: the database and this process are then both at work."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

from auditor.corpus.ahead import ahead
from labeling.datasets.planning import Chosen
from labeling.datasets.rows.making import Fetched, Records


@contextmanager
def fetched_ahead(records: Records, chunks: Iterable[Sequence[Chosen]]) -> Iterator[Iterator[Fetched]]:
    """What the database says of each chunk, one chunk ahead, on a connection of its own.

    Inside a transaction each is fetched when it is asked for: another connection would not see what it has written.
    """
    if connection.in_atomic_block:
        yield (records.fetched(chunk) for chunk in chunks)
        return

    def fetched() -> Iterator[Fetched]:
        try:
            for chunk in chunks:
                yield records.fetched(chunk)
        finally:
            connection.close()  # that thread's own; nobody else could

    with ahead(fetched()) as made:
        yield made
