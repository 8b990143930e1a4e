"""How well scores rank one kind above the other: the area under the ROC curve, its variance, and the curve.

The area is the chance that a positive unit scores higher than a negative one, ties counting half (Mann
and Whitney 1947, Bamber 1975). Its variance comes from how much each unit moves it: DeLong, DeLong and
Clarke-Pearson (1988) where units are independent, Obuchowski (1997) where some belong together. Weights
enter both as they enter sums. No Django here.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from labeling.agreement.ratings import Floats
from labeling.validity.scored import Mask, Scored

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
NO_SPREAD = "the two kinds are wholly apart: the variance is 0, and no interval follows from it"


class Interval(NamedTuple):
    """The ends of an interval, or why there is none."""

    low: float | None
    high: float | None
    reason: str = ""


@dataclass(frozen=True)
class Area:
    """An area with what each cluster contributes to its error.

    Attributes:
        value: in 0..1; NaN where one kind is missing.
        positive: (C,) sums of influence of each cluster's positive units; clusters in sorted order.
        negative: (C,) the same of its negative units.
        has_positive: (C,) whether the cluster has such units.
        has_negative: (C,).
    """

    value: float
    positive: Floats
    negative: Floats
    has_positive: Mask
    has_negative: Mask

    @property
    def variance(self) -> float:
        return covariance(self, self)


class Curve(NamedTuple):
    """The ROC curve from (0, 0) to (1, 1): at each distinct score, what is at or above it."""

    fpr: Floats
    tpr: Floats
    thresholds: Floats  # the first is above every score


def auroc(scored: Scored) -> float | None:
    """The weighted area under the ROC curve; None where one kind is missing."""
    value = area(scored).value
    return None if math.isnan(value) else value


def area(scored: Scored) -> Area:
    """The area with its linear parts, in O(n log n)."""
    yes, w = scored.positive, scored.weights
    total_yes, total_no = float(w[yes].sum()), float(w[~yes].sum())
    _, at = np.unique(scored.clusters, return_inverse=True)
    n_clusters = int(at.max()) + 1 if len(at) else 0
    empty, none = np.zeros(n_clusters), np.zeros(n_clusters, dtype=np.bool_)
    if total_yes == 0 or total_no == 0:
        return Area(math.nan, empty, empty, none, none)
    below = _beaten(scored.scores[yes], scored.scores[~yes], w[~yes]) / total_no  # of each positive unit
    above = 1 - _beaten(scored.scores[~yes], scored.scores[yes], w[yes]) / total_yes  # of each negative unit
    value = float((w[yes] * below).sum() / total_yes)
    return Area(
        value,
        np.bincount(at[yes], w[yes] * (below - value) / total_yes, n_clusters).astype(np.float64),
        np.bincount(at[~yes], w[~yes] * (above - value) / total_no, n_clusters).astype(np.float64),
        np.bincount(at[yes], minlength=n_clusters) > 0,
        np.bincount(at[~yes], minlength=n_clusters) > 0,
    )


def covariance(one: Area, other: Area) -> float:
    """Of two areas over the same units in the same clusters; of one with itself its variance.

    Obuchowski's (1997) estimate; with one unit in each cluster and equal weights it is DeLong's.
    NaN where a kind is in fewer than two clusters.
    """
    yes, no = float(one.has_positive.sum()), float(one.has_negative.sum())
    if yes < 2 or no < 2:
        return math.nan
    n = len(one.positive)
    mixed = float((one.positive * other.negative + one.negative * other.positive).sum())
    return (
        yes / (yes - 1) * float((one.positive * other.positive).sum())
        + no / (no - 1) * float((one.negative * other.negative).sum())
        + n / (n - 1) * mixed
    )


def plain_interval(value: float, variance: float, z: float = Z) -> Interval:
    """value plus and minus z standard errors, kept within 0..1, as MLstatkit states DeLong's interval."""
    half = z * math.sqrt(max(variance, 0.0))
    return Interval(max(0.0, value - half), min(1.0, value + half))


def logit_interval(value: float, variance: float, z: float = Z) -> Interval:
    """The interval on the scale of log odds, which never leaves 0..1 and covers better near the ends.

    Source: Pepe (2003), The Statistical Evaluation of Medical Tests, section 5.2.
    """
    if not 0 < value < 1 or not variance > 0:
        return Interval(None, None, NO_SPREAD)
    middle, half = math.log(value / (1 - value)), z * math.sqrt(variance) / (value * (1 - value))
    return Interval(_odds(middle - half), _odds(middle + half))


def p_of_half(value: float, variance: float) -> float | None:
    """Two-sided chance of an area so far from 1/2 if scores told nothing, by the normal; None without variance."""
    return two_sided((value - 0.5) / math.sqrt(variance)) if variance > 0 else None


def two_sided(z: float) -> float:
    """Both tails of the standard normal beyond |z|."""
    return math.erfc(abs(z) / math.sqrt(2))


def curve(scored: Scored) -> Curve:
    """Weighted shares of negatives and positives at or above each distinct score.

    Raises:
        ValueError: one kind is missing.
    """
    if not scored.n_positive or not scored.n_negative:
        raise ValueError("a curve needs both kinds")
    order = np.argsort(-scored.scores, kind="stable")
    scores, yes, w = scored.scores[order], scored.positive[order], scored.weights[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    tpr = np.cumsum(np.where(yes, w, 0.0))[last]
    fpr = np.cumsum(np.where(yes, 0.0, w))[last]
    return Curve(
        np.concatenate([[0.0], fpr / fpr[-1]]),
        np.concatenate([[0.0], tpr / tpr[-1]]),
        np.concatenate([[np.inf], scores[last]]),
    )


def areas(scored: Scored, weights: Floats) -> Floats:
    """The area under other weights of the same units, many at a time.

    Args:
        weights: (B, n); 0 leaves a unit out.

    Returns:
        (B,), NaN where one kind has no weight.
    """
    order = np.argsort(scored.scores, kind="stable")
    first = _firsts(scored.scores[order])
    w, yes = weights[:, order], scored.positive[order]
    up = np.add.reduceat(w * yes, first, axis=1)
    down = np.add.reduceat(w * ~yes, first, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    total = up.sum(axis=1) * down.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (up * below).sum(axis=1) / total, np.nan)


def precision(scored: Scored, weights: Floats | None = None) -> Floats:
    """Average precision: the mean precision over the steps of recall, ties taken together.

    Args:
        weights: (B, n) other weights; without them the units' own, as one row.

    Returns:
        (B,), NaN where there is no positive unit.

    Source: as scikit-learn's `average_precision_score`: sum of (R_k - R_{k-1}) P_k.
    """
    given = scored.weights[None, :] if weights is None else weights
    order = np.argsort(-scored.scores, kind="stable")
    first = _firsts(scored.scores[order])
    w, yes = given[:, order], scored.positive[order]
    up = np.add.reduceat(w * yes, first, axis=1)
    all_ = np.add.reduceat(w, first, axis=1)
    found, seen = np.cumsum(up, axis=1), np.cumsum(all_, axis=1)
    total = found[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = up * np.where(seen > 0, found / seen, 0.0)
        return np.where(total > 0, steps.sum(axis=1) / total, np.nan)


def _beaten(mine: Floats, theirs: Floats, weights: Floats) -> Floats:
    """For each of mine the weight of theirs that lies below it, equal ones counting half."""
    order = np.argsort(theirs, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weights[order])])
    sorted_ = theirs[order]
    left = sums[np.searchsorted(sorted_, mine, side="left")]
    right = sums[np.searchsorted(sorted_, mine, side="right")]
    found: Floats = (left + right) / 2
    return found


def _firsts(sorted_: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where each run of equal values begins."""
    return np.concatenate([[0], np.flatnonzero(np.diff(sorted_)) + 1]).astype(np.int64)


def _odds(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0
