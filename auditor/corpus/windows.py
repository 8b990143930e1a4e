"""A transcript by windows: which messages fit on one page, without reading those that do not.

    window(transcript, at=811) -> Window(first, end)      messages_between(transcript, first, end)

A window holds at most `MESSAGES` messages and about `SHOWN` bytes of what is shown of them (a long text counts
for its first `LONGEST` code points only), always at least one message. Sizes come from the headers of
stored values: no text is read to find them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from auditor.corpus.models import Transcript
from auditor.corpus.queries import own_messages

MESSAGES = 100  # of one window
BEFORE, FROM = 10, 24  # of the window that a jump lands in: messages before the place, and from it on
SHOWN = 300_000  # bytes of text that a window shows
LONGEST = 20_000  # code points of one text that are shown at first
STORED = 16_000_000  # bytes of text that are read for one window

SIZES = """
    SELECT position,
           octet_length(text) + octet_length(reasoning) + greatest(pg_column_size(parts) - 16, 0),
           least(octet_length(text), %(longest)s) + least(octet_length(reasoning), %(longest)s)
               + least(greatest(pg_column_size(parts) - 16, 0), %(longest)s)
    FROM corpus_message WHERE transcript_id = %(owner)s AND position >= %(first)s AND position < %(end)s
    ORDER BY position
"""
DIGESTS = """
    SELECT position, md5(concat_ws(chr(31), role, text, reasoning, parts::text))
    FROM corpus_message WHERE transcript_id = %(owner)s AND position >= %(first)s AND position < %(end)s
    ORDER BY position
"""
ROLES = """
    SELECT (position - %(origin)s) / %(size)s, role, count(*)
    FROM corpus_message WHERE transcript_id = %(owner)s AND position >= %(first)s AND position < %(end)s
    GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Window:
    """Positions `first` to `end` (exclusive) of a transcript."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Size:
    """What one message weighs, in bytes."""

    position: int
    stored: int
    shown: int


def around(sizes: Sequence[Size], at: int) -> Window:
    """The window that holds the message `at` among messages in order: what fits of those before it within a
    third of the room, then as many after it as fit."""
    here = next(index for index, size in enumerate(sizes) if size.position == at)
    first = here - _fitting(sizes[:here][::-1], SHOWN // 3, STORED // 3)
    used, stored = sum(s.shown for s in sizes[first:here]), sum(s.stored for s in sizes[first:here])
    more = _fitting(sizes[here:], SHOWN - used, STORED - stored)
    return Window(sizes[first].position, sizes[here + max(1, more) - 1].position + 1)


def _fitting(sizes: Sequence[Size], shown: int, stored: int) -> int:
    """How many of the messages, from the first, fit."""
    for index, size in enumerate(sizes):
        shown -= size.shown
        stored -= size.stored
        if shown < 0 or stored < 0:
            return index
    return len(sizes)


def window(transcript: Transcript, *, at: int) -> Window:
    """The window around a message; with short messages windows begin at multiples of `MESSAGES`."""
    if not transcript.n_messages:
        return Window(0, 0)
    at = max(0, min(at, transcript.n_messages - 1))
    first = at // MESSAGES * MESSAGES
    return around(_sizes(transcript, first, min(first + MESSAGES, transcript.n_messages)), at)


def window_around(transcript: Transcript, *, at: int) -> Window:
    """A few messages around a place: what a jump shows first, since the rest comes as one scrolls."""
    if not transcript.n_messages:
        return Window(0, 0)
    at = max(0, min(at, transcript.n_messages - 1))
    return around(_sizes(transcript, max(0, at - BEFORE), min(at + FROM, transcript.n_messages)), at)


def window_after(transcript: Transcript, first: int) -> Window:
    """The window that begins at `first`."""
    first = max(0, min(first, transcript.n_messages))
    sizes = _sizes(transcript, first, min(first + MESSAGES, transcript.n_messages))
    return Window(first, first + (max(1, _fitting(sizes, SHOWN, STORED)) if sizes else 0))


def window_before(transcript: Transcript, end: int) -> Window:
    """The window that ends before `end`."""
    end = max(0, min(end, transcript.n_messages))
    sizes = _sizes(transcript, max(0, end - MESSAGES), end)
    return Window(end - (max(1, _fitting(sizes[::-1], SHOWN, STORED)) if sizes else 0), end)


def stretches_between(transcript: Transcript, first: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(owner, first, end) of each stretch of the transcript within these positions."""
    for owner, low, high in own_messages(transcript):
        if low < end and high > first:
            yield owner, max(low, first), min(high, end)


def digests_between(transcript: Transcript, first: int, end: int) -> list[str]:
    """A digest of what each message holds, by position; equal messages have equal ones."""
    return [
        str(digest)
        for owner, low, high in stretches_between(transcript, first, end)
        for _, digest in _rows(DIGESTS, owner=owner, first=low, end=high)
    ]


def roles_by_bucket(transcript: Transcript, size: int) -> dict[int, dict[str, int]]:
    """How many messages of each role stand in each run of `size` positions."""
    found: dict[int, dict[str, int]] = {}
    for owner, low, high in own_messages(transcript):
        for bucket, role, n in _rows(ROLES, owner=owner, first=low, end=high, origin=0, size=size):
            counts = found.setdefault(int(bucket), {})
            counts[str(role)] = counts.get(str(role), 0) + int(n)
    return found


def _sizes(transcript: Transcript, first: int, end: int) -> list[Size]:
    return [
        Size(int(position), int(stored), int(shown))
        for owner, low, high in stretches_between(transcript, first, end)
        for position, stored, shown in _rows(SIZES, owner=owner, first=low, end=high, longest=LONGEST)
    ]


def _rows(sql: str, **values: int) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
