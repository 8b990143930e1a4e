"""Units that are known to be something, and where a channel spoke of them; no Django here.

    rows      every unit that stands somewhere, and every transcript as a whole with its most severe label
    readings  laid on the units that their anchors overlap; where they meet none of a transcript's units,
              the transcript's own value stands for it

So a channel enters a transcript either by its units or as a whole, and never as both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from labeling.agreement.ratings import Floats, Whole
from labeling.validity.contrasts import Contrast, Known, is_untrue
from labeling.validity.scored import Mask


class Anchor(NamedTuple):
    """A place in a transcript; without ends the whole part, without a part the whole message."""

    position: int
    part: str = ""
    start: int | None = None  # code points
    end: int | None = None

    def meets(self, other: "Anchor") -> bool:
        """Whether the two share a place."""
        if self.position != other.position or (self.part and other.part and self.part != other.part):
            return False
        if self.start is None or other.start is None or self.end is None or other.end is None:
            return True
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Row:
    """One unit, or one transcript as a whole."""

    transcript: int
    known: Known
    weight: float = 1.0
    stratum: str = ""
    model: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)
    anchor: Anchor | None = None  # None: the whole transcript
    plan: int = 0  # stratum within its sample, over all samples: what resamples keep to

    @property
    def is_whole(self) -> bool:
        return self.anchor is None


class Said(NamedTuple):
    """A reading: where, how much, and in which word."""

    transcript: int
    anchor: Anchor | None
    value: float | None
    label: str


@dataclass(frozen=True)
class Spoken:
    """What one channel says of each row.

    Attributes:
        values: (n,) NaN where it gives no number.
        labels: of each row, empty where it gives no word.
        heard: (n,) whether it speaks of the row at all.
    """

    values: Floats
    labels: tuple[str, ...]
    heard: Mask


@dataclass(frozen=True)
class Units:
    """All rows as arrays."""

    rows: tuple[Row, ...]

    @cached_property
    def weights(self) -> Floats:
        return np.array([row.weight for row in self.rows], dtype=np.float64)

    @cached_property
    def clusters(self) -> Whole:
        return np.array([row.transcript for row in self.rows], dtype=np.int64)

    @cached_property
    def plans(self) -> Whole:
        return np.array([row.plan for row in self.rows], dtype=np.int64)

    @cached_property
    def wholes(self) -> Mask:
        return np.array([row.is_whole for row in self.rows], dtype=np.bool_)

    def signs(self, contrast: Contrast) -> Whole:
        """(n,) 1, 0 or -1."""
        return np.array([contrast.sign(row.known) for row in self.rows], dtype=np.int64)

    def untrue(self) -> Mask:
        """(n,) which rows are known to be false statements."""
        return np.array([is_untrue(row.known) is True for row in self.rows], dtype=np.bool_)


class Listener:
    """Lays readings on rows; made once for all channels."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.n = len(rows)
        self.wholes: dict[int, int] = {}
        self.units: dict[int, list[tuple[int, Anchor]]] = {}
        for at, row in enumerate(rows):
            if row.anchor is None:
                self.wholes[row.transcript] = at
            else:
                self.units.setdefault(row.transcript, []).append((at, row.anchor))

    def hear(
        self, readings: Iterable[Said], wholes: Mapping[int, tuple[float | None, str]], rollup: str
    ) -> Spoken:
        """What a channel says of each row.

        Args:
            readings: those with an anchor.
            wholes: of each transcript the channel's roll-up, as lists show it.
            rollup: how several readings of one unit become one: max, min, mean or last.
        """
        met: dict[int, list[tuple[float | None, str]]] = {}
        by_units: set[int] = set()
        for one in readings:
            if one.anchor is None:
                continue
            for at, anchor in self.units.get(one.transcript, ()):
                if anchor.meets(one.anchor):
                    met.setdefault(at, []).append((one.value, one.label))
                    by_units.add(one.transcript)
        values, labels = np.full(self.n, np.nan), [""] * self.n
        heard = np.zeros(self.n, dtype=np.bool_)
        for at, said in met.items():
            values[at], labels[at] = _rolled(said, rollup)
            heard[at] = True
        for transcript, (value, label) in wholes.items():
            if transcript in self.wholes and transcript not in by_units:
                at = self.wholes[transcript]
                values[at], labels[at] = np.nan if value is None else value, label
                heard[at] = value is not None or bool(label)
        return Spoken(values, tuple(labels), heard)


def _rolled(said: Sequence[tuple[float | None, str]], rollup: str) -> tuple[float, str]:
    numbers = [(value, label) for value, label in said if value is not None]
    if not numbers:
        return float("nan"), said[-1][1]
    if rollup == "mean":
        return sum(value for value, _ in numbers) / len(numbers), numbers[-1][1]
    if rollup == "last":
        return numbers[-1]
    return (min if rollup == "min" else max)(numbers, key=lambda one: one[0])
