"""Geometry of agreement over time: a figure for each week or tenth of the work, with its interval; no Django here."""

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.agreement.figures import Line
from labeling.agreement.plots import MINUS, Axis, axis_of, written

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, FOOT = 44, 16, 10, 40
MOST_WORDS = 9  # under the axis


@dataclass(frozen=True)
class Moment:
    """One week or tenth."""

    x: float
    y: float | None  # of the figure; None where it is undefined
    low: float | None
    high: float | None
    words: str
    said: str  # its figure, interval and number of items, for whoever points at it
    n: int
    named: bool  # whether its words fit under the axis


@dataclass(frozen=True)
class Timeline:
    """The drawing."""

    moments: tuple[Moment, ...]
    lines: tuple[str, ...]  # points of each stretch without a gap
    ticks: tuple[tuple[float, str], ...]
    n: int  # items
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    foot: int = HEIGHT - FOOT


def timeline(parts: Sequence[tuple[str, Line]]) -> Timeline | None:
    """The figures in their order; None where fewer than two are defined: there is no course to draw.

    Args:
        parts: (words, figure) of each week or tenth, in the order of time.
    """
    if sum(line.value is not None for _, line in parts) < 2:
        return None
    axis = axis_of([line for _, line in parts])
    step = (WIDTH - LEFT - RIGHT) / max(1, len(parts) - 1)
    every = -(-len(parts) // MOST_WORDS)
    moments = [
        Moment(
            round(LEFT + index * step, 2), _at(line.value, axis), _at(line.low, axis), _at(line.high, axis), words,
            f"{words}: {_said(line)}", line.n, index % every == 0,
        )
        for index, (words, line) in enumerate(parts)
    ]  # fmt: skip
    half = 0.5 if axis.high - axis.low > 0.5 else 0.25
    values = [axis.low + half * k for k in range(round((axis.high - axis.low) / half) + 1)]
    ticks = tuple((_height(value, axis), f"{value:.1f}".replace("-", MINUS)) for value in values)
    return Timeline(tuple(moments), tuple(_stretches(moments)), ticks, sum(line.n for _, line in parts))


def _height(value: float, axis: Axis) -> float:
    share = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return round(HEIGHT - FOOT - share * (HEIGHT - FOOT - TOP), 2)


def _at(value: float | None, axis: Axis) -> float | None:
    return None if value is None else _height(value, axis)


def _said(line: Line) -> str:
    if line.value is None:
        return line.reason
    interval = f" [{line.low:.2f}, {line.high:.2f}]" if line.low is not None and line.high is not None else ""
    return f"{written(line)}{interval} of {line.n} items".replace("-", MINUS)


def _stretches(moments: Sequence[Moment]) -> list[str]:
    """A line is not drawn across a time of which nothing is known."""
    found: list[list[str]] = [[]]
    for one in moments:
        if one.y is None:
            found.append([])
        else:
            found[-1].append(f"{one.x},{one.y}")
    return [" ".join(points) for points in found if len(points) > 1]
