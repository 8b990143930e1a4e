"""Geometry of a contrast's drawing: one dot for each pair's difference, stacked, with the mean and its interval; no Django here."""

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.evidence.bins import edges

WIDTH, EDGE = 640, 14  # in the drawing's own units
DOT = 7  # distance of stacked dots
MOST_HIGH = 22  # dots in one stack; beyond, one dot stands for several
FOOT = 44  # below the dots: the interval and the axis


@dataclass(frozen=True)
class Strip:
    """The drawing: dots at (x, y), the zero line, the interval, the axis."""

    dots: list[tuple[float, float]]
    each: int  # pairs that one dot stands for
    height: float
    zero: float
    mean: float | None
    left: float | None
    right: float | None
    ticks: list[tuple[float, float]]  # place and number

    @property
    def base(self) -> float:
        """Where the dots stand."""
        return self.height - FOOT

    @property
    def line(self) -> float:
        """Where the interval stands."""
        return self.height - FOOT + 12

    @property
    def words(self) -> float:
        """Where the numbers stand."""
        return self.height - 8


def strip(differences: Sequence[float], mean: float | None, low: float | None, high: float | None) -> Strip:
    """The dots of these differences on an axis around zero that holds them all."""
    reach = max((abs(d) for d in differences), default=0.0) or 1.0

    def at(value: float) -> float:
        return round(WIDTH / 2 + value / reach * (WIDTH / 2 - EDGE), 2)

    columns: dict[int, list[float]] = {}
    for one in sorted(differences):
        columns.setdefault(round(at(one) / DOT), []).append(one)
    tallest = max((len(some) for some in columns.values()), default=1)
    each = -(-tallest // MOST_HIGH)
    height = DOT * -(-tallest // each) + FOOT + 6
    dots: list[tuple[float, float]] = [
        (column * DOT, round(height - FOOT - DOT * (index + 0.5), 2))
        for column, some in sorted(columns.items())
        for index in range(-(-len(some) // each))
    ]
    marks = [value for value in edges(-reach, reach, most=6) if abs(value) <= reach]
    return Strip(
        dots, each, height, at(0), None if mean is None else at(mean), None if low is None else at(low),
        None if high is None else at(high), [(at(value), value) for value in marks],
    )  # fmt: skip
