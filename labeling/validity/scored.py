"""Units with a score, what each of them is, how much it counts, and which belong together; no Django here."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from labeling.agreement.ratings import Floats, Whole

LEAST = 20  # of each kind; fewer and there is no figure
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Scored:
    """What a channel says of units that are known to be one thing or the other.

    Attributes:
        scores: (n,) float64, finite; high should speak for the positive side.
        positive: (n,) bool.
        weights: (n,) float64 > 0, how many units of the corpus each stands for, up to a factor.
        clusters: (n,) int64, the transcript of each; units of one transcript are drawn together.
    """

    scores: Floats
    positive: Mask
    weights: Floats
    clusters: Whole

    def __post_init__(self) -> None:
        if not len(self.scores) == len(self.positive) == len(self.weights) == len(self.clusters):
            raise ValueError("scores, kinds, weights and clusters must be of one length")
        if len(self.scores) and not (np.isfinite(self.scores).all() and (self.weights > 0).all()):
            raise ValueError("scores must be finite and weights above 0")

    @classmethod
    def of(
        cls,
        scores: object,
        positive: object,
        weights: object | None = None,
        clusters: object | None = None,
    ) -> "Scored":
        """From anything that arrays are made of; without weights all count alike, without clusters each stands alone."""
        values = np.asarray(scores, dtype=np.float64)
        return cls(
            values,
            np.asarray(positive, dtype=np.bool_),
            np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64),
            np.arange(len(values)) if clusters is None else np.asarray(clusters, dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, which: Mask) -> "Scored":
        """Those of a mask."""
        return Scored(self.scores[which], self.positive[which], self.weights[which], self.clusters[which])

    @cached_property
    def n_positive(self) -> int:
        return int(self.positive.sum())

    @cached_property
    def n_negative(self) -> int:
        return len(self) - self.n_positive

    @cached_property
    def is_weighted(self) -> bool:
        """Whether some units count more than others."""
        return len(self) > 0 and float(np.ptp(self.weights)) > 1e-9 * float(self.weights.max())

    @cached_property
    def is_clustered(self) -> bool:
        """Whether some transcript has several units."""
        return len(np.unique(self.clusters)) < len(self)

    @property
    def is_plain(self) -> bool:
        """Whether textbook formulas for independent units that count alike hold."""
        return not self.is_weighted and not self.is_clustered

    @cached_property
    def too_few(self) -> str:
        """Why there are no figures; empty where there are enough of each kind."""
        if min(self.n_positive, self.n_negative) >= LEAST:
            return ""
        return f"too few: {self.n_positive} and {self.n_negative}, at least {LEAST} of each are needed"
