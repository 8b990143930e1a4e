"""Geometry of the drawings: rates and differences with their intervals on one axis; no Django here."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH, EDGE = 240, 8  # of a row's drawing, in its own units
ENDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # where an axis of rates may end
MINUS = "−"


@dataclass(frozen=True)
class Axis:
    """The range that all rows of a table share; differences lie around zero."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(EDGE + share * (WIDTH - 2 * EDGE), 2)

    @property
    def ticks(self) -> list[tuple[float, str, str]]:
        """Place, number and how the number stands there: both ends and the middle."""
        middle = (self.low + self.high) / 2
        places = ((self.low, "start"), (middle, "middle"), (self.high, "end"))
        return [(self.at(value), percent(value, signed=self.low < 0), anchor) for value, anchor in places]

    @property
    def zero(self) -> float | None:
        """Where no difference stands."""
        return self.at(0.0) if self.low < 0 else None


@dataclass(frozen=True)
class Drawn:
    """One value with its interval, as it is drawn and written."""

    value: str
    interval: str
    x: float | None
    left: float | None
    width: float | None


def axis_of(values: Iterable[float | None]) -> Axis:
    """From 0 to the first round number that holds all rates."""
    most = max((value for value in values if value is not None), default=1.0)
    return Axis(0.0, next(end for end in ENDS if end >= min(most, 1.0) - 1e-12))


def around_zero(values: Iterable[float | None]) -> Axis:
    """As far to both sides as the widest of them reaches."""
    most = max((abs(value) for value in values if value is not None), default=1.0)
    reach = next(end for end in ENDS if end >= min(most, 1.0) - 1e-12)
    return Axis(-reach, reach)


def drawn(
    value: float | None, low: float | None, high: float | None, axis: Axis, *, signed: bool = False
) -> Drawn:
    """A value on an axis; nothing where it is undefined."""
    if value is None:
        return Drawn("", "", None, None, None)
    written = percent(value, signed=signed)
    if low is None or high is None:
        return Drawn(written, "", axis.at(value), None, None)
    left, right = axis.at(low), axis.at(high)
    interval = f"[{percent(low, signed=signed)}, {percent(high, signed=signed)}]"
    return Drawn(written, interval, axis.at(value), left, round(max(right - left, 1.0), 2))


def percent(value: float, *, signed: bool = False) -> str:
    """12.3%; two digits more below one in a hundred; a minus that looks like one, and no negative zero."""
    size = abs(100 * value)
    text = f"{size:.1f}" if size >= 1 or size == 0 else f"{size:.2f}"
    if math.isclose(float(text), 0.0):
        return "0%"
    sign = MINUS if value < 0 else "+" if signed else ""
    return f"{sign}{text.removesuffix('.0')}%"
