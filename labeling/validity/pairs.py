"""Two channels on the same units: which ranks better, whether they err together, and what one adds; no Django here."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labeling.agreement.ratings import Floats, Whole
from labeling.agreement.resampling import seed_of
from labeling.validity import nesting, operating, ranking
from labeling.validity.figures import BOOTSTRAP, DELONG
from labeling.validity.ranking import Interval, Z
from labeling.validity.redrawing import Redraws, percentile
from labeling.validity.scored import Mask, Scored

TOGETHER = 0.3  # correlation of errors from which on likelihood ratios must not be multiplied
ONE_FOLD = "a fold leaves only one kind to fit on"


@dataclass(frozen=True)
class Difference:
    """A difference with its interval, or why there is none."""

    value: float | None
    low: float | None
    high: float | None
    p: float | None = None
    method: str = ""
    seed: int | None = None
    reason: str = ""

    @property
    def tells(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Paired:
    """Channel a against channel b on the units that both speak of."""

    a: int
    b: int
    n_positive: int
    n_negative: int
    auroc_a: float | None
    auroc_b: float | None
    difference: Difference  # AUROC of a less that of b
    errors: (
        float | None
    )  # correlation (phi) of their errors at 5% false positives, on the half that chose neither threshold
    added_area: Difference  # AUROC of a and b together less that of b alone, on folds not fitted on
    added_loss: Difference  # log-loss of b alone less that of both, in nats: above 0, a adds something
    reason: str = ""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


NOTHING = Difference(None, None, None)


def paired(
    a: int, b: int, scores_a: Floats, scores_b: Floats, positive: Mask, weights: Floats, clusters: Whole,
    strata: Whole, *, seed: int,
) -> Paired:  # fmt: skip
    """Both on the same units; each array is (n,) and both scores are finite."""
    one = Scored(scores_a, positive, weights, clusters)
    two = Scored(scores_b, positive, weights, clusters)
    counts = (one.n_positive, one.n_negative)
    if one.too_few:
        return Paired(a, b, *counts, None, None, NOTHING, None, NOTHING, NOTHING, one.too_few)
    own = seed_of(seed, "pair", *sorted((a, b)))  # both ways round on the same folds and resamples
    draws = Redraws(clusters, strata, own)
    made = nesting.predicted(scores_b, scores_a, positive, weights, clusters, own)
    found_a, found_b = ranking.area(one), ranking.area(two)
    gap: list[Floats] = []
    area_gain: list[Floats] = []
    loss_gain: list[Floats] = []
    if made is not None:
        alone, both = (
            Scored(made.alone, positive, weights, clusters),
            Scored(made.both, positive, weights, clusters),
        )
        saved = nesting.losses(made.alone, positive) - nesting.losses(made.both, positive)
    for some in draws:
        w = weights * some
        if not one.is_plain:  # else the formula needs no resamples
            gap.append(ranking.areas(one, w) - ranking.areas(two, w))
        if made is not None:
            area_gain.append(ranking.areas(both, w) - ranking.areas(alone, w))
            loss_gain.append((w * saved).sum(axis=1) / w.sum(axis=1))
    if made is None:
        added_area = added_loss = Difference(None, None, None, reason=ONE_FOLD)
    else:
        value = ranking.area(both).value - ranking.area(alone).value
        added_area = _difference(value, percentile(np.concatenate(area_gain)), own)
        gain = float((weights * saved).sum() / weights.sum())
        added_loss = _difference(gain, percentile(np.concatenate(loss_gain)), own)
    return Paired(
        a, b, *counts, found_a.value, found_b.value,
        _gap(found_a, found_b, percentile(np.concatenate(gap)) if gap else None, own),
        _errors(one, two, seed), added_area, added_loss,
    )  # fmt: skip


def delong(a: ranking.Area, b: ranking.Area) -> Difference:
    """The paired difference of two areas over the same units, with DeLong's interval and two-sided p."""
    value = a.value - b.value
    variance = a.variance + b.variance - 2 * ranking.covariance(a, b)
    if not variance > 1e-18:
        why = "both rank every unit alike" if abs(value) < 1e-12 else ranking.NO_SPREAD
        return Difference(value, None, None, method=DELONG, reason=why)
    half = Z * math.sqrt(variance)
    return Difference(
        value, value - half, value + half, ranking.two_sided(value / math.sqrt(variance)), DELONG
    )


def _gap(a: ranking.Area, b: ranking.Area, drawn: Interval | None, seed: int) -> Difference:
    """DeLong's where units stand alone and count alike; else the bootstrap's interval, with p from the same variance."""
    by_formula = delong(a, b)
    if drawn is None:
        return by_formula
    return Difference(by_formula.value, drawn.low, drawn.high, by_formula.p, BOOTSTRAP, seed, drawn.reason)


def _errors(one: Scored, two: Scored, seed: int) -> float | None:
    first = operating.halves(one.clusters, seed_of(seed, "split"))
    cuts = [operating.choose(each.only(first), 0.05) for each in (one, two)]
    if cuts[0] is None or cuts[1] is None or not (~first).any():
        return None
    was = one.positive[~first]
    wrong = [
        (each.scores[~first] >= cut) != was for each, cut in zip((one, two), cuts, strict=True) if cut is not None
    ]  # fmt: skip
    x, y = (each.astype(float) for each in wrong)
    if x.std() == 0 or y.std() == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _difference(value: float, ends: Interval, seed: int) -> Difference:
    return Difference(value, ends.low, ends.high, None, BOOTSTRAP, seed, ends.reason)
