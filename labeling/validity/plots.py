"""Geometry of the drawings: intervals on one axis, ROC and calibration curves, and what was said of what; no Django here.

Each drawing is in its own units and carries every number that its template writes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STRIP, EDGE = 260, 8  # of an interval's drawing in a table
SQUARE, LEFT, TOP, FOOT = 300, 46, 12, 42  # of a curve's drawing: its square, and room around it
ROW, NAME, NUMBERS = 26, 250, 190  # of a forest as a file
CELL_W, CELL_H, TINTS = 64, 34, 8
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def across(value: float, width: float = STRIP, edge: float = EDGE) -> float:
    """Where a share stands on an axis from 0 to 1."""
    return round(edge + min(max(value, 0.0), 1.0) * (width - 2 * edge), 2)


@dataclass(frozen=True)
class Strip:
    """One figure with its interval; nothing is drawn where there is no figure."""

    x: float | None
    left: float | None
    width: float | None


@dataclass(frozen=True)
class ForestRow:
    """A line of a forest as a file."""

    name: str
    hue: str
    strip: Strip
    words: str  # the figure and its interval, or why it is not there
    n: str
    y: float

    @property
    def middle(self) -> float:
        return self.y + ROW / 2


@dataclass(frozen=True)
class Forest:
    """Intervals under each other, with names and numbers."""

    rows: tuple[ForestRow, ...]
    title: str
    kind: str = "forest"
    axis: float = NAME
    numbers: float = NAME + STRIP + 16

    @property
    def width(self) -> float:
        return NAME + STRIP + NUMBERS

    @property
    def height(self) -> float:
        return 34 + ROW * len(self.rows) + 26

    @property
    def foot(self) -> float:
        return 34 + ROW * len(self.rows)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        return [(NAME + across(value), f"{value:.2f}") for value in TICKS]


@dataclass(frozen=True)
class Dot:
    """A point with its intervals both ways."""

    x: float
    y: float
    left: float
    right: float
    top: float
    bottom: float
    name: str


@dataclass(frozen=True)
class Chart:
    """A square with both axes from 0 to 1: a curve, points, and the diagonal."""

    kind: str
    title: str
    across: str
    up: str
    path: str
    dots: tuple[Dot, ...]
    width: float = LEFT + SQUARE + 14
    height: float = TOP + SQUARE + FOOT
    left: float = LEFT
    top: float = TOP
    right: float = LEFT + SQUARE
    bottom: float = TOP + SQUARE

    @property
    def ticks(self) -> list[tuple[float, float, str]]:
        """Place along the foot, place up the side, number."""
        return [(_x(value), _y(value), f"{value:g}") for value in TICKS]

    @property
    def middle(self) -> tuple[float, float]:
        return _x(0.5), _y(0.5)


@dataclass(frozen=True)
class Cell:
    x: float
    y: float
    n: int
    tint: int
    row: str
    column: str


@dataclass(frozen=True)
class Heat:
    """How often what was said met what was."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    n: int
    kind: str = "confusion"
    zeros: bool = False  # whether an empty cell says so
    cell_width: int = CELL_W
    cell_height: int = CELL_H
    left: int = 150
    top: int = 64

    @property
    def width(self) -> float:
        return self.left + CELL_W * len(self.columns) + 44  # the last name leans over the edge

    @property
    def height(self) -> float:
        return self.top + CELL_H * len(self.rows) + 8

    @property
    def row_marks(self) -> list[tuple[str, float]]:
        return [(_cut(name, 20), self.top + CELL_H * (at + 0.5)) for at, name in enumerate(self.rows)]

    @property
    def column_marks(self) -> list[tuple[str, float]]:
        return [(_cut(name, 9), self.left + CELL_W * (at + 0.5)) for at, name in enumerate(self.columns)]

    @property
    def table(self) -> list[tuple[str, list[int]]]:
        """The same as rows of numbers."""
        k = len(self.columns)
        return [
            (name, [cell.n for cell in self.cells[at * k : (at + 1) * k]])
            for at, name in enumerate(self.rows)
        ]


def strip(figure: Mapping[str, Any] | None) -> Strip:
    """A stored figure on the axis of a table."""
    if figure is None or figure["value"] is None:
        return Strip(None, None, None)
    if figure["low"] is None or figure["high"] is None:
        return Strip(across(figure["value"]), None, None)
    left = across(figure["low"])
    return Strip(across(figure["value"]), left, round(max(across(figure["high"]) - left, 1.5), 2))


def written(figure: Mapping[str, Any] | None) -> str:
    """0.83 [0.77, 0.88], or why it is not there."""
    if figure is None:
        return ""
    if figure["value"] is None:
        return str(figure["reason"])
    if figure["low"] is None:
        return f"{figure['value']:.2f}, no interval"
    return f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def forest(lines: Iterable[tuple[str, str, Mapping[str, Any]]], title: str) -> Forest:
    """Named figures with a hue each."""
    rows = []
    for at, (name, hue, figure) in enumerate(lines):
        one = strip(figure)
        moved = Strip(
            None if one.x is None else round(NAME + one.x, 2),
            None if one.left is None else round(NAME + one.left, 2),
            one.width,
        )
        n = f"{figure['n_positive']:,} / {figure['n_negative']:,}"
        words = (
            written(figure)
            if figure["value"] is not None
            else _cut(written(figure).partition(":")[0], 26) or "–"
        )
        rows.append(ForestRow(_cut(name, 38), hue, moved, words, n, 34 + ROW * at))
    return Forest(tuple(rows), title)


def roc(curve: Sequence[Sequence[float | None]], marks: Iterable[tuple[str, Any]], title: str) -> Chart:
    """The curve, and thresholds on it with the exact intervals of both their rates.

    Args:
        curve: false-positive rate, true-positive rate, score.
        marks: name and stored `operating.Operating`.
    """
    points = [(_x(float(one[0] or 0)), _y(float(one[1] or 0))) for one in curve]
    path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points) if points else ""
    dots = []
    for name, found in marks:
        up, down = found["tpr"], found["fpr"]
        if up["value"] is not None and down["value"] is not None:
            dots.append(
                Dot(
                    _x(down["value"]), _y(up["value"]), _x(down["low"]), _x(down["high"]), _y(up["high"]),
                    _y(up["low"]), name,
                )
            )  # fmt: skip
    return Chart("roc", title, "False-positive rate", "True-positive rate", path, tuple(dots))


def calibration(bins: Sequence[Mapping[str, Any]], title: str) -> Chart:
    """What was said against what was, in bins of equal counts with exact intervals."""
    dots = [
        Dot(
            _x(one["mean"]), _y(one["positive"]["value"]), _x(one["low"]), _x(one["high"]),
            _y(one["positive"]["high"]), _y(one["positive"]["low"]), str(at + 1),
        )
        for at, one in enumerate(bins)
        if one["positive"]["value"] is not None
    ]  # fmt: skip
    path = "M" + " L".join(f"{dot.x:g} {dot.y:g}" for dot in dots) if dots else ""
    return Chart("calibration", title, "Said", "Was", path, tuple(dots))


def heat(met: Iterable[Sequence[Any]], title: str, words: Mapping[str, str], most: int = 12) -> Heat | None:
    """What a channel's words met; the commonest words and labels, the rest together.

    Args:
        met: said, was, how often.
        words: labels for people.
    """
    counts: dict[tuple[str, str], int] = {}
    for said, was, n in met:
        counts[str(said), str(was)] = counts.get((str(said), str(was)), 0) + int(n)
    if not counts:
        return None
    rows, columns = (_commonest(counts, side, most) for side in (0, 1))
    table: dict[tuple[str, str], int] = {}
    for (said, was), n in counts.items():
        place = said if said in rows else OTHERS, was if was in columns else OTHERS
        table[place] = table.get(place, 0) + n
    greatest = max(table.values())
    cells = [
        Cell(
            150 + CELL_W * j, 64 + CELL_H * i, table.get((row, column), 0),
            math.ceil(TINTS * table.get((row, column), 0) / greatest), row, words.get(column, column),
        )
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]  # fmt: skip
    return Heat(
        title,
        tuple(rows),
        tuple(words.get(one, one) for one in columns),
        tuple(cells),
        sum(table.values()),
    )


def crossed(at: Mapping[str, Any], score: str, words: str, title: str) -> Heat:
    """What a threshold makes of the units it is reported on: fired or not, against what was; shape 2 x 2, in units.

    Args:
        at: a stored `operating.Operating`.
        score: its threshold as pages write it.
        words: of the contrast, "this against that".
    """
    positive, _, negative = words.partition(" against ")
    up, down = at["tpr"], at["fpr"]
    counts = ((up["count"], down["count"]), (up["n"] - up["count"], down["n"] - down["count"]))
    rows = (f"from {score} on", f"below {score}")
    columns = (positive, negative or "the others")
    greatest = max(1, *counts[0], *counts[1])
    cells = [
        Cell(150 + CELL_W * j, 64 + CELL_H * i, n, math.ceil(TINTS * n / greatest), rows[i], columns[j])
        for i, line in enumerate(counts)
        for j, n in enumerate(line)
    ]
    return Heat(title, rows, columns, tuple(cells), up["n"] + down["n"], kind="confusion", zeros=True)


OTHERS = "others"


def _commonest(counts: Mapping[tuple[str, str], int], side: int, most: int) -> list[str]:
    totals: dict[str, int] = {}
    for pair, n in counts.items():
        totals[pair[side]] = totals.get(pair[side], 0) + n
    order = sorted(totals, key=lambda name: (-totals[name], name))
    return order if len(order) <= most else [*order[: most - 1], OTHERS]


def _x(value: float) -> float:
    return round(LEFT + min(max(value, 0.0), 1.0) * SQUARE, 2)


def _y(value: float) -> float:
    return round(TOP + (1 - min(max(value, 0.0), 1.0)) * SQUARE, 2)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
