"""The cluster bootstrap: transcripts are drawn again with replacement, with all their units.

Draws are made within the strata of the sample, as the sample itself was (Efron and Tibshirani 1993,
section 8.4; Davison and Hinkley 1997, section 3.7); a stratum with one transcript joins the others
of its kind. No Django here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from labeling.agreement.ratings import Floats, Whole
from labeling.validity.ranking import LEVEL, Interval

TIMES = 1000
AT_ONCE = 2_000_000  # weights held at a time
MOST_UNDEFINED = 0.1  # share of resamples without a figure above which there is no interval
RARELY_DEFINED = "not enough variation: too many resamples lack one kind"
SAME_AGAIN = "every resample gives the same figure"


@dataclass(frozen=True)
class Redraws:
    """How often each unit is drawn in each of many resamples.

    Attributes:
        clusters: (n,) the transcript of each unit.
        strata: (n,) the stratum that it was drawn in.
    """

    clusters: Whole
    strata: Whole
    seed: int
    times: int = 0  # 0: as often as is usual

    def __iter__(self) -> Iterator[Floats]:
        """Yields (b, n) counts, some resamples at a time; the same seed gives the same ones."""
        if not len(self.clusters):
            return
        _, first, at = np.unique(self.clusters, return_index=True, return_inverse=True)
        groups = _groups(self.strata[first])
        rng = np.random.default_rng(self.seed)
        n_clusters = len(first)
        times = self.times or TIMES
        rows = max(1, AT_ONCE // max(len(self.clusters), 1))
        for begin in range(0, times, rows):
            size = min(rows, times - begin)
            counts = np.zeros((size, n_clusters))
            for members in groups:
                drawn = members[rng.integers(0, len(members), size=(size, len(members)))]
                drawn += n_clusters * np.arange(size)[:, None]
                counts += np.bincount(drawn.ravel(), minlength=size * n_clusters).reshape(size, n_clusters)
            yield counts[:, at]


def percentile(drawn: Floats) -> Interval:
    """The middle 95% of resampled figures; those that are NaN were undefined."""
    known = drawn[~np.isnan(drawn)]
    if len(known) == 0 or len(drawn) - len(known) > MOST_UNDEFINED * len(drawn):
        return Interval(None, None, RARELY_DEFINED)
    if known.max() - known.min() < 1e-12:
        return Interval(None, None, SAME_AGAIN)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def _groups(strata: Whole) -> list[Whole]:
    """The clusters of each stratum; strata of one cluster together."""
    names, counts = np.unique(strata, return_counts=True)
    alone = np.isin(strata, names[counts < 2])
    found = [np.flatnonzero(strata == name) for name in names[counts >= 2]]
    return [*found, np.flatnonzero(alone)] if alone.any() else found
