"""Two texts line by line beside each other, with long stretches that are the same folded away."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

AROUND = 3  # lines that are the same, shown on each side of a difference
MOST = 4_000  # lines of one text; beyond, finding the best pairing takes too long for a page


@dataclass(frozen=True, slots=True)
class Row:
    """A line of each text; a side that has none there has number 0."""

    kind: str  # "same", "changed", "added", "removed", "folded"
    old_number: int = 0
    old: str = ""
    new_number: int = 0
    new: str = ""
    n: int = 0  # lines folded away


@dataclass(frozen=True)
class Difference:
    """What differs between two texts."""

    rows: tuple[Row, ...]
    added: int
    removed: int
    too_long: bool = False

    @property
    def same(self) -> bool:
        """Whether there is nothing to see."""
        return not (self.added or self.removed or self.too_long)


def difference(old: str, new: str) -> Difference:
    """The lines of both, paired; equal stretches are cut to `AROUND` lines beside what differs."""
    before, after = old.splitlines(), new.splitlines()
    if max(len(before), len(after)) > MOST:
        return Difference((), 0, 0, too_long=old != new)
    rows: list[Row] = []
    added = removed = 0
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            rows += _folded(before, a, b, c, d, first=a == 0, last=b == len(before) and d == len(after))
            continue
        removed, added = removed + b - a, added + d - c
        rows += _paired(before, after, (a, b), (c, d))
    return Difference(tuple(rows), added, removed)


def _paired(
    before: Sequence[str], after: Sequence[str], left: tuple[int, int], right: tuple[int, int]
) -> list[Row]:
    made = []
    for step in range(max(left[1] - left[0], right[1] - right[0])):
        a, c = left[0] + step, right[0] + step
        old, new = a < left[1], c < right[1]
        kind = "changed" if old and new else "removed" if old else "added"
        made.append(
            Row(
                kind,
                a + 1 if old else 0,
                before[a] if old else "",
                c + 1 if new else 0,
                after[c] if new else "",
            )
        )
    return made


def _folded(lines: Sequence[str], a: int, b: int, c: int, d: int, *, first: bool, last: bool) -> list[Row]:
    """A stretch that is the same; its middle is one row, and nothing is shown beyond the last difference."""
    rows = [
        Row("same", a + step + 1, lines[a + step], c + step + 1, lines[a + step]) for step in range(b - a)
    ]
    head, tail = 0 if first else AROUND, 0 if last else AROUND
    hidden = len(rows) - head - tail
    if hidden < 2:
        return rows
    return [*rows[:head], Row("folded", n=hidden), *rows[len(rows) - tail :]]
