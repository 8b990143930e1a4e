"""Geometry of a training's two drawings: AUROC by layer for each kind, and the figures with their intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 560, 240  # of the sweep, in its own units
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34  # of its margins
BAR, EDGE = 240, 6  # an interval's drawing and what is left free at both of its ends


@dataclass(frozen=True)
class Curve:
    """One kind."""

    name: str
    style: str  # class of its line: a, b, c
    points: tuple[tuple[float, float, int, float], ...]  # x, y, layer, AUROC

    @property
    def path(self) -> str:
        """For the d of a path; breaks where a layer has no figure are closed over."""
        return " ".join(f"{'L' if i else 'M'}{x:g} {y:g}" for i, (x, y, _, _) in enumerate(self.points))


@dataclass(frozen=True)
class Sweep:
    """The whole drawing."""

    curves: tuple[Curve, ...]
    across: tuple[tuple[float, int], ...]  # x and layer of each mark
    up: tuple[tuple[float, str], ...]  # y and value of each line
    half: float  # y of 0.5: no better than chance
    chosen: tuple[float, float] | None


@dataclass(frozen=True)
class Bar:
    """One figure of a table, as it is drawn and written."""

    name: str
    help: str
    estimate: float | None
    low: float | None
    high: float | None
    n_positive: int
    n_negative: int

    @property
    def x(self) -> float | None:
        return None if self.estimate is None else _along(self.estimate)

    @property
    def left(self) -> float | None:
        return None if self.low is None else _along(self.low)

    @property
    def width(self) -> float | None:
        if self.low is None or self.high is None:
            return None
        return round(_along(self.high) - _along(self.low), 2)


def _along(value: float) -> float:
    return round(EDGE + min(max(value, 0.0), 1.0) * (BAR - 2 * EDGE), 2)


TICKS = tuple((_along(value), f"{value:g}") for value in (0.0, 0.5, 1.0))


def sweep_of(tried: Iterable[Mapping[str, Any]], *, names: Mapping[str, str], kind: str, layer: int) -> Sweep:
    """The sweep that a training kept.

    Args:
        tried: {"kind", "layer", "auroc"} of each; those without a figure are left out.
        names: of kinds, in the order in which they are drawn.
        kind, layer: the chosen.
    """
    found = [one for one in tried if one["auroc"] is not None]
    layers = sorted({one["layer"] for one in found})
    least = min([0.4, *(one["auroc"] for one in found)])
    low = int(10 * least) / 10

    def x(at: int) -> float:
        share = layers.index(at) / (len(layers) - 1) if len(layers) > 1 else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (1 - value) / (1 - low) * (HEIGHT - TOP - BOTTOM), 1)

    curves = []
    for style, (key, name) in zip("abc", names.items(), strict=False):
        points = sorted((one["layer"], one["auroc"]) for one in found if one["kind"] == key)
        if points:
            curves.append(Curve(name, style, tuple((x(at), y(value), at, value) for at, value in points)))
    best = next((one["auroc"] for one in found if (one["kind"], one["layer"]) == (kind, layer)), None)
    step = max(1, round(len(layers) / 12))
    tenths = range(round(low * 10), 11, 2 if low < 0.3 else 1)
    return Sweep(
        curves=tuple(curves),
        across=tuple((x(at), at) for at in layers[::step]),
        up=tuple((y(tenth / 10), f"{tenth / 10:.1f}") for tenth in tenths),
        half=y(0.5),
        chosen=None if best is None else (x(layer), y(best)),
    )


def bars_of(result: Mapping[str, Any]) -> list[Bar]:
    """The figures of a training, the probe's own first."""
    dealt: Sequence[float] = result.get("random_labels") or ()
    test = result["test"]
    rows = [
        _bar("Test", "groups that had no part in training or choosing", test),
        _bar("Held out", "another model or condition, which had no part at all", result.get("held")),
        _bar("Form alone, test", "a probe that sees only length, lists, digits, case and code", result["surface"]),
        _bar("Form alone, held out", "the same on what is held out", result.get("surface_held")),
    ]  # fmt: skip
    if dealt:
        rows.append(
            Bar(
                "Dealt labels", f"the same probe trained {len(dealt)} times on labels dealt out anew: mean and range",
                sum(dealt) / len(dealt), min(dealt), max(dealt), test["n_positive"], test["n_negative"],
            )
        )  # fmt: skip
    return [row for row in rows if row is not None]


def _bar(name: str, help: str, found: Mapping[str, Any] | None) -> Bar | None:
    if found is None:
        return None
    return Bar(
        name,
        help,
        found["estimate"],
        found["low"],
        found["high"],
        found["n_positive"],
        found["n_negative"],
    )
