"""Records gathered into what is written in one transaction, their rows ready.

Nothing here asks the database, so that it can be done ahead of it: in a thread, or in a process of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from auditor.corpus.records import ParsedTranscript, Rejection
from auditor.corpus.rows import Prepared, prepare

CHUNK = 500  # records a transaction, at most
CHUNK_CHARS = 4_000_000  # characters a transaction, about


class Chunk(NamedTuple):
    """What is written in one transaction."""

    records: list[Prepared]
    rejects: list[Rejection]
    read: int = 0  # bytes of the source that were read for it and those before

    @property
    def last_record(self) -> int:
        """Ordinal in the source of the last record of the chunk."""
        numbers = [one.record for one in self.records] + [item.place.record for item in self.rejects]
        return max(numbers, default=0)


def chunks(
    parsed: Iterable[ParsedTranscript | Rejection], read: Callable[[], int] = lambda: 0
) -> Iterator[Chunk]:
    """The records with their rows ready and their ordinals among equal ones.

    Args:
        read: how many bytes of the source have been read.

    Memory: one chunk, and 16 bytes of digest for each record.
    """
    seen: Counter[bytes] = Counter()
    records: list[Prepared] = []
    rejects: list[Rejection] = []
    size = 0
    for item in parsed:
        if isinstance(item, Rejection):
            rejects.append(item)
        else:
            key = bytes.fromhex(item.digest)[:16]
            records.append(one := prepare(item, seen[key]))
            seen[key] += 1
            size += one.n_chars
        if len(records) + len(rejects) >= CHUNK or size >= CHUNK_CHARS:
            yield Chunk(records, rejects, read())
            records, rejects, size = [], [], 0
    if records or rejects:
        yield Chunk(records, rejects, read())
