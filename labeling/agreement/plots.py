"""Geometry of the drawings: intervals on one axis, and how often two people said what; no Django here."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labeling.agreement.figures import Line

WIDTH = 240  # of an interval's drawing, in its own units
EDGE = 6  # left free at both ends
CELL = 34  # side of a cell of the grid
MARGIN_MOST = 126  # of room for codes beside it
TINTS = 8  # darkest class of a cell
MINUS = "−"


@dataclass(frozen=True)
class Axis:
    """The range that all intervals of a table share."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(EDGE + share * (WIDTH - 2 * EDGE), 2)

    @property
    def ticks(self) -> list[tuple[float, str, str]]:
        """Place, number and how the number stands there, at every half, or quarter of a share."""
        step = 0.5 if self.high - self.low > 0.5 else 0.25
        steps = round((self.high - self.low) / step)
        values = [self.low + step * index for index in range(steps + 1)]
        return [
            (self.at(v), number(v), "start" if v == values[0] else "end" if v == values[-1] else "middle")
            for v in values
        ]


@dataclass(frozen=True)
class Drawn:
    """One figure with its interval, as it is drawn and written."""

    line: Line
    x: float | None  # of the figure
    left: float | None  # of the interval
    width: float | None
    cut_left: bool  # the interval goes on beyond the axis

    @property
    def value(self) -> str:
        """0.62, or 84% where it is a share."""
        return written(self.line)

    @property
    def interval(self) -> str:
        """[0.51, 0.71], or nothing."""
        line = self.line
        if line.low is None or line.high is None:
            return ""
        if line.coefficient == "percent":
            return f"[{100 * line.low:.0f}%, {100 * line.high:.0f}%]"
        return f"[{number(line.low)}, {number(line.high)}]"


@dataclass(frozen=True)
class Cell:
    """How often the first said the row and the second the column."""

    x: int
    y: int
    n: int
    tint: int  # 0 for none, up to TINTS
    agrees: bool
    row: str
    column: str

    @property
    def middle(self) -> tuple[float, float]:
        """Where its number stands."""
        return self.x + CELL / 2, self.y + CELL / 2


@dataclass(frozen=True)
class Grid:
    """A confusion matrix over the values that either said."""

    values: tuple[object, ...]
    words: tuple[str, ...]
    cells: tuple[Cell, ...]
    n: int
    agreed: int
    cell: int = CELL

    @property
    def margin(self) -> int:
        """Room for the codes above and at the left."""
        return min(MARGIN_MOST, 14 + 7 * max((len(str(value)) for value in self.values), default=0))

    @property
    def side(self) -> int:
        """Of the whole drawing."""
        return self.margin + CELL * len(self.values)

    @property
    def turned(self) -> bool:
        """Whether the codes above stand upright, being wider than a cell."""
        return self.margin > 14 + 7 * 4

    @property
    def marks(self) -> list[tuple[str, float]]:
        """Each value's code and the middle of its row, and of its column."""
        longest = (self.margin - 14) // 7
        return [
            (str(value)[:longest], self.margin + CELL * (index + 0.5))
            for index, value in enumerate(self.values)
        ]

    @property
    def rows(self) -> list[tuple[str, list[Cell]]]:
        """The same as a table."""
        k = len(self.values)
        return [(self.words[i], list(self.cells[i * k : (i + 1) * k])) for i in range(k)]


def number(value: float) -> str:
    """Two digits, with a minus that looks like one and no negative zero."""
    text = f"{abs(value):.2f}"
    return f"{MINUS}{text}" if value < 0 and text != "0.00" else text


def written(line: Line) -> str:
    """A figure in words; empty where it is undefined."""
    if line.value is None:
        return ""
    return f"{100 * line.value:.0f}%" if line.coefficient == "percent" else number(line.value)


def axis_of(lines: Iterable[Line]) -> Axis:
    """From 0, or as far below as an interval reaches in halves, to 1."""
    least = min(
        (value for line in lines for value in (line.low, line.value) if value is not None), default=0.0
    )
    return Axis(max(-1.0, min(0.0, math.floor(2 * least) / 2)), 1.0)


def drawn(line: Line, axis: Axis) -> Drawn:
    """One figure on the axis."""
    if line.value is None:
        return Drawn(line, None, None, None, False)
    if line.low is None or line.high is None:
        return Drawn(line, axis.at(line.value), None, None, False)
    left, right = axis.at(line.low), axis.at(line.high)
    return Drawn(line, axis.at(line.value), left, round(max(right - left, 1.0), 2), line.low < axis.low)


def grid(cells: Iterable[Sequence[object]], order: Sequence[object], words: Sequence[str]) -> Grid:
    """A confusion as a square over the values that occur, in the measure's order.

    Args:
        cells: (first's value, second's value, how often), those that occur.
    """
    counts = {(a, b): int(str(n)) for a, b, n in cells}
    used = {value for pair in counts for value in pair}
    values = [value for value in order if value in used]
    values += sorted(used - set(values), key=str)
    named = dict(zip(order, words, strict=True))
    spoken = [named.get(value, str(value)) for value in values]
    most = max(counts.values(), default=1)
    found = []
    for i, row in enumerate(values):
        for j, column in enumerate(values):
            n = counts.get((row, column), 0)
            tint = math.ceil(TINTS * n / most)
            found.append(Cell(j * CELL, i * CELL, n, tint, i == j, str(row), str(column)))
    return Grid(
        tuple(values), tuple(spoken), tuple(found), sum(counts.values()),
        sum(n for (a, b), n in counts.items() if a == b),
    )  # fmt: skip
