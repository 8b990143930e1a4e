"""Bars of a histogram: edges that people can read, and bars that link to exactly what they count."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST = 16  # bars
HEIGHTS = 31  # the tallest bar's class; 0 is nothing at all


@dataclass(frozen=True)
class Tally:
    """What fell between two edges."""

    n: int
    least: float
    most: float


@dataclass(frozen=True)
class Bar:
    """One bar: its ends as a filter that matches what it counts, and its height as a class."""

    lo: float
    hi: float
    n: int
    height: int  # 0..31; at least 1 where anything is counted
    inside: bool = False  # within the ends that were chosen


def edges(lo: float, hi: float, *, most: int = MOST) -> list[float]:
    """The lower edges of 1 to `most` bars of one readable width (1, 2, 2.5 or 5 times a power of ten).

    The last bar also holds `hi`. Ends that are equal, or too close to divide, give one bar.
    """
    span = hi - lo
    if not math.isfinite(span) or span <= abs(lo) * 1e-12 or span <= 1e-300:
        return [lo]
    width = _readable(span / most)
    start = math.floor(lo / width + 1e-9) * width
    count = max(1, math.ceil((hi - start) / width - 1e-9))
    if count > most:  # rounding the start down cost a bar
        width = _readable(width * 1.01)
        start = math.floor(lo / width + 1e-9) * width
        count = max(1, math.ceil((hi - start) / width - 1e-9))
    digits = 2 - math.floor(math.log10(width))
    return [round(start + i * width, digits) for i in range(count)]


def bars(
    lower: Sequence[float],
    end: float,
    tallies: Mapping[int, Tally],
    *,
    chosen: tuple[float | None, float | None] | None = None,
) -> list[Bar]:
    """One bar per lower edge; `tallies` counts from 0, the last bar ends at `end`.

    A bar's own ends are its edges, except where a value stands on the edge to its neighbour: then
    they are the outermost values it counts, so that its link finds as many as it shows.
    """
    tallest = max((tally.n for tally in tallies.values()), default=0)
    made = []
    for index, lo in enumerate(lower):
        hi = lower[index + 1] if index + 1 < len(lower) else max(end, lo)
        tally = tallies.get(index)
        if tally is None:
            made.append(Bar(lo, hi, 0, 0))
            continue
        after = tallies.get(index + 1)
        meets = after is not None and after.least <= hi
        lo, hi = min(lo, tally.least), tally.most if meets else max(hi, tally.most)
        inside = chosen is not None and _overlaps(tally, chosen)
        height = max(1, round(HEIGHTS * tally.n / tallest))
        made.append(Bar(lo, hi, tally.n, height, inside))
    return made


def _overlaps(tally: Tally, chosen: tuple[float | None, float | None]) -> bool:
    lo, hi = chosen
    return (lo is None or tally.most >= lo) and (hi is None or tally.least <= hi)


def _readable(width: float) -> float:
    """The least of 1, 2, 2.5, 5, 10 times a power of ten that is not below `width`."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(
        step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0) if step * power >= width * (1 - 1e-9)
    )
