"""Geometry of rates with their bounds on one axis; nothing of Django here."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from auditor.judging.panels import Rate

WIDTH = 240  # of a drawing, in its own units
EDGE = 6  # left free at both ends


@dataclass(frozen=True)
class Drawn:
    """One rate as it is drawn."""

    x: float | None  # of the rate
    left: float | None  # of its bounds
    width: float | None


@dataclass(frozen=True)
class RateAxis:
    """From 0 to the tenth above the highest bound, or to 1."""

    high: float

    def at(self, value: float) -> float:
        """Where a rate stands."""
        return round(EDGE + min(max(value / self.high, 0.0), 1.0) * (WIDTH - 2 * EDGE), 2)

    @property
    def ticks(self) -> list[tuple[float, str, str]]:
        """Place, rate and how it stands there: both ends and the middle."""
        values = (0.0, self.high / 2, self.high)
        return [
            (self.at(value), f"{100 * value:.0f}%", anchor)
            for value, anchor in zip(values, ("start", "middle", "end"), strict=True)
        ]

    def drawn(self, rate: Rate) -> Drawn:
        """The rate with what it could be if the missing were known."""
        if rate.low is None or rate.high is None:
            return Drawn(None, None, None)
        left, right = self.at(rate.low), self.at(rate.high)
        return Drawn(
            None if rate.value is None else self.at(rate.value), left, round(max(right - left, 1.0), 2)
        )


def rate_axis(rates: Iterable[Rate]) -> RateAxis:
    """One axis for all of them."""
    most = max((rate.high for rate in rates if rate.high is not None), default=1.0)
    return RateAxis(min(1.0, max(0.1, math.ceil(most * 10 - 1e-9) / 10)))
