"""Geometry of rates with their intervals, drawn from 0 to 1; no Django here."""

from dataclasses import dataclass

from auditor.interp.rates import Rate

WIDTH = 240  # of a drawing, in its own units
EDGE = 6  # left free at both ends


@dataclass(frozen=True)
class Drawn:
    """A rate as it is drawn; all None where there is none."""

    x: float | None  # of the rate
    left: float | None  # of its interval
    width: float | None


def at(value: float) -> float:
    """Where a rate stands."""
    return round(EDGE + min(max(value, 0.0), 1.0) * (WIDTH - 2 * EDGE), 2)


def drawn(rate: Rate) -> Drawn:
    """The rate and its interval."""
    if rate.value is None or rate.low is None or rate.high is None:
        return Drawn(None, None, None)
    left = at(rate.low)
    return Drawn(at(rate.value), left, round(max(at(rate.high) - left, 1.0), 2))
