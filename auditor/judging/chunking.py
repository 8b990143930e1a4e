"""Stretches of a transcript that fit a model's window, with every message's number kept.

    chunks(pieces, budget_tokens, per_token) -> list[Chunk]        unread(pieces, chunks) -> list[Unread]

A message stays whole where it can. One that is longer than the window is cut between words, and its
markers say which characters they hold. Whatever no stretch holds is said by `unread`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from auditor.judging.rendering import Piece, Run, Unread

PER_TOKEN = (
    3.0  # bytes of UTF-8; English has more, code and digits about as many, so this errs on the safe side
)
TOO_FEW = 64  # bytes of text that the smallest stretch must have room for
SHARE = 4  # the opening is repeated if it takes at most one of so many parts of the window
BEYOND = "beyond the stretches that this judge reads"


class WindowTooSmall(ValueError):
    """Not even a few words fit beside the markers."""


@dataclass(frozen=True, slots=True)
class Held:
    """A stretch of one part of a message that a chunk holds."""

    position: int
    part: str
    start: int  # code points
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one call shows of a transcript."""

    index: int  # from 0
    of: int  # how many there are
    text: str  # with markers
    nonce: str
    first: int  # number of its first message, from 1; 0 where the transcript has none
    last: int
    held: tuple[Held, ...]
    repeated: int = 0  # messages from the beginning that stand before it again
    tokens: int = 0  # estimate

    @property
    def is_all(self) -> bool:
        """Whether there is nothing else."""
        return self.of == 1


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def tokens(text: str, per_token: float = PER_TOKEN) -> int:
    """About how many tokens a text takes."""
    return math.ceil(size(text) / per_token)


def chunks(
    pieces: Sequence[Piece],
    budget_tokens: int,
    per_token: float = PER_TOKEN,
    *,
    repeat_opening: bool = True,
    most: int = 0,
) -> list[Chunk]:
    """The transcript in stretches of at most `budget_tokens`, in order.

    Args:
        per_token: bytes of UTF-8 that a token stands for.
        repeat_opening: later stretches begin with the messages before the first answer, if these are short.
        most: stretches that are made at most; 0: as many as it takes.

    Raises:
        WindowTooSmall: no text fits beside the markers.
    """
    laid = _Layout(pieces, int(budget_tokens * per_token), repeat_opening)
    made = laid.out()
    if most:
        made = made[:most]
    nonce = pieces[0].nonce if pieces else ""
    return [
        Chunk(
            index, len(made), (text := "\n".join(one.lines)), nonce, one.first, one.last, tuple(one.held),
            one.repeated, tokens(text, per_token),
        )
        for index, one in enumerate(made)
    ]  # fmt: skip


def unread(pieces: Sequence[Piece], made: Sequence[Chunk]) -> list[Unread]:
    """Every stretch of the transcript that no chunk holds, in order, and why."""
    held: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for chunk in made:
        for one in chunk.held:
            held.setdefault((one.position, one.part), []).append((one.start, one.end))
    found: list[Unread] = []
    for piece in pieces:
        found += piece.unread
        for run in piece.runs:
            if run.part and run.text:
                stretches = held.get((piece.position, run.part), [])
                found += [
                    Unread(piece.position, run.part, start, end, BEYOND)
                    for start, end in _gaps(run.start, run.end, stretches)
                ]
    return found


def stretches_of(found: Sequence[Unread]) -> list[tuple[int, int, str]]:
    """(first position, last position, why): neighbouring messages that miss something for one reason."""
    merged: list[tuple[int, int, str]] = []
    for why in dict.fromkeys(one.why for one in found):
        for position in sorted({one.position for one in found if one.why == why}):
            if merged and merged[-1][2] == why and position <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], position, why)
            else:
                merged.append((position, position, why))
    return sorted(merged)


def _gaps(start: int, end: int, stretches: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    at = start
    for first, after in sorted(stretches):
        if first > at and at < end:
            yield at, min(first, end)
        at = max(at, after)
    if at < end:
        yield at, end


class _Open:
    """A chunk that is being filled."""

    def __init__(self, opening: Sequence[str] = (), repeated: int = 0) -> None:
        self.lines = list(opening)
        self.size = sum(size(line) + 1 for line in self.lines)
        self.repeated = repeated
        self.first = self.last = 0
        self.held: list[Held] = []

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.size += size(line) + 1

    def hold(self, piece: Piece, runs: Sequence[Run]) -> None:
        self.first, self.last = self.first or piece.number, piece.number
        self.held += [Held(piece.position, run.part, run.start, run.end) for run in runs if run.part]


class _Layout:
    """Filling chunks one after the other."""

    def __init__(self, pieces: Sequence[Piece], budget: int, repeat_opening: bool) -> None:
        self.pieces = pieces
        self.budget = budget
        self.done: list[_Open] = []
        self.at = _Open()
        self.opening: list[str] = []
        self.n_opening = 0
        if repeat_opening:
            self._take_opening()

    def out(self) -> list[_Open]:
        for piece in self.pieces:
            text = piece.text
            if size(text) < self.room:
                self._put(piece, text)
            elif size(text) < self.fresh:
                self._close()
                self._put(piece, text)
            else:
                self._cut(piece)
        return [*self.done, self.at] if self.at.last or not self.done else self.done

    @property
    def room(self) -> int:
        """Bytes left in this chunk."""
        return self.budget - self.at.size

    @property
    def fresh(self) -> int:
        """Bytes that a new chunk has."""
        return self.budget - sum(size(line) + 1 for line in self.opening)

    def _take_opening(self) -> None:
        head = []
        for piece in self.pieces:
            if piece.role == "assistant":
                break
            head.append(piece)
        lines = [piece.text for piece in head]
        if head and len(head) < len(self.pieces):
            nonce = head[0].nonce
            lines = [f"⟦the beginning again {nonce}⟧", *lines, f"⟦/the beginning again {nonce}⟧"]
            if sum(size(line) + 1 for line in lines) * SHARE <= self.budget:
                self.opening, self.n_opening = lines, len(head)

    def _close(self) -> None:
        if self.at.last:
            self.done.append(self.at)
            repeats = self.done[0].last >= self.n_opening
            self.at = _Open(self.opening, self.n_opening) if repeats else _Open()

    def _put(self, piece: Piece, text: str) -> None:
        self.at.add(text)
        self.at.hold(piece, piece.runs)

    def _cut(self, piece: Piece) -> None:
        """Lay a message out over as many chunks as it takes."""
        if self.room * SHARE < self.budget:
            self._close()
        runs = list(piece.runs)
        begun = False
        while runs:
            opening = piece.opening(", continued" if begun else "")
            frame = size(opening) + size(piece.closing(", to be continued")) + 2
            now, runs = self._fill(runs, piece.nonce, self.room - frame)
            if not now and self.at.last:
                self._close()
                continue
            if not now:
                raise WindowTooSmall("The model's window has no room for the text beside the rubric.")
            self.at.add(opening)
            for run in now:
                self.at.add(run.drawn(piece.nonce))
            self.at.add(piece.closing(", to be continued" if runs else ""))
            self.at.hold(piece, now)
            begun = True
            if runs:
                self._close()

    def _fill(self, runs: list[Run], nonce: str, room: int) -> tuple[list[Run], list[Run]]:
        """The runs that fit into `room` bytes, the last one cut if need be; and those that are left."""
        now: list[Run] = []
        for at, run in enumerate(runs):
            needed = size(run.drawn(nonce)) + 1
            if needed <= room:
                now.append(run)
                room -= needed
                continue
            bare = size(replace(run, end=run.start).drawn(nonce)) + 2 * len(str(len(run.text))) + 2
            if room - bare >= TOO_FEW and run.part:
                end = run.start + _fitting(run.text[run.start : run.end], room - bare)
                now.append(replace(run, end=end))
                return now, [replace(run, start=end, head=""), *runs[at + 1 :]]
            return now, runs[at:]
        return now, []


def _fitting(text: str, room: int) -> int:
    """How many code points of a text go into so many bytes, back to the last space if one is near."""
    head = text[:room]  # a code point takes a byte or more
    if not head.isascii():
        head = head.encode("utf-8", "surrogatepass")[:room].decode("utf-8", "ignore")
    if len(head) >= len(text):
        return len(text)
    near = max(head.rfind("\n"), head.rfind(" ")) + 1
    return near if near > len(head) * 3 // 4 else len(head)
