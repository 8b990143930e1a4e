"""What a channel does at a threshold: how much it finds, how often it raises false alarms, and what that is worth.

A threshold is chosen on one set of negatives, its control set, and its rates are reported on other
units. Shares of independent units that count alike have exact intervals (Clopper and Pearson 1934);
others have them on the effective number of units (Korn and Graubard 1998), which comes from the
linearised variance between transcripts. No Django here.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from auditor.interp.rates import beta_quantile, rate_of, threshold_at
from labeling.agreement.ratings import Floats
from labeling.validity.ranking import LEVEL, Z
from labeling.validity.scored import LEAST, Mask, Scored

RATES = (0.01, 0.05, 0.10)  # false-positive rates that thresholds are chosen for
NO_EVIDENCE = "its interval holds 1: at this threshold the channel says nothing that an interval can tell"


@dataclass(frozen=True)
class Share:
    """A share of units with an exact interval; all None where there is nothing to count."""

    count: int  # units
    n: int
    value: float | None  # weighted
    low: float | None
    high: float | None
    effective: float  # units that would tell as much if each counted alike and stood alone


@dataclass(frozen=True)
class Ratio:
    """A likelihood ratio with its 95% interval."""

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""

    @property
    def tells(self) -> bool:
        """Whether its interval leaves out 1."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


@dataclass(frozen=True)
class Operating:
    """A threshold with its control set, and what it does on units that had no part in choosing it."""

    threshold: float
    control: str  # the control set's name
    n_control: int
    wanted: float | None  # the false-positive rate aimed at; None: the threshold was given
    on_control: Share
    tpr: Share
    fpr: Share
    lr_plus: Ratio
    lr_minus: Ratio


def halves(keys: Iterable[object], seed: int) -> Mask:
    """A stored split: which of the clusters are in the first half. It follows from the seed and each key alone."""
    found = [hashlib.sha256(f"{seed}\0{key}".encode()).digest()[0] < 128 for key in keys]
    return np.array(found, dtype=np.bool_)


def choose(control: Scored, wanted: float) -> float | None:
    """The least threshold at which at most the wanted share of the control's negatives fires, by their weights.

    None where there are fewer than 20 negatives. Where all count alike this is `rates.threshold_at`.
    """
    no = ~control.positive
    if int(no.sum()) < LEAST:
        return None
    scores, w = control.scores[no], control.weights[no]
    if not control.is_weighted:
        return threshold_at([float(one) for one in scores], wanted)
    order = np.argsort(-scores, kind="stable")
    scores, share = scores[order], np.cumsum(w[order]) / w.sum()
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of equal ones, which fire together
    may = [float(scores[at]) for at in last if share[at] <= wanted + 1e-12]
    return may[-1] if may else math.nextafter(float(scores[0]), math.inf)


def operate(
    on: Scored, threshold: float, *, control: str, on_control: Share, wanted: float | None
) -> Operating:
    """What the threshold does on these units."""
    fires = on.scores >= threshold
    tpr, fpr = share_of(on, fires, on.positive), share_of(on, fires, ~on.positive)
    return Operating(
        threshold, control, on_control.n, wanted, on_control, tpr, fpr, ratio(tpr, fpr), ratio(_rest(tpr), _rest(fpr))
    )  # fmt: skip


def share_of(scored: Scored, which: Mask, among: Mask, *, exact: bool = True) -> Share:
    """The weighted share of those among which the mask holds; without an interval where `exact` is not asked for."""
    some = scored.only(among)
    hits = which[among]
    n, count = len(some), int(hits.sum())
    if n == 0:
        return Share(0, 0, None, None, None, 0.0)
    value = count / n if some.is_plain else float((some.weights * hits).sum() / some.weights.sum())
    effective = float(n) if some.is_plain else _effective(some, hits, value)
    if not exact:
        return Share(count, n, value, None, None, effective)
    if some.is_plain:
        rate = rate_of(count, n)
        return Share(count, n, rate.value, rate.low, rate.high, effective)
    return Share(count, n, value, *_korn_graubard(value, effective), effective)


def ratio(up: Share, down: Share) -> Ratio:
    """up / down with an interval on the log scale (Katz et al. 1978); half a unit is added to each cell where one is 0.

    Effective numbers of units stand for the numbers.
    """
    if up.value is None or down.value is None:
        return Ratio(None, None, None, "one kind is missing")
    a, m, b, n = up.value * up.effective, up.effective, down.value * down.effective, down.effective
    if min(a, b) <= 0 or (a >= m and b >= n):
        a, m, b, n = a + 0.5, m + 1, b + 0.5, n + 1
    middle = math.log(a / m) - math.log(b / n)
    half = Z * math.sqrt(max(0.0, 1 / a - 1 / m + 1 / b - 1 / n))
    found = Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half))
    return found if found.tells else Ratio(found.value, found.low, found.high, NO_EVIDENCE)


def _rest(share: Share) -> Share:
    """Those that did not fire."""
    if share.value is None or share.low is None or share.high is None:
        return share
    return Share(
        share.n - share.count, share.n, 1 - share.value, 1 - share.high, 1 - share.low, share.effective
    )


def _effective(some: Scored, hits: Mask, value: float) -> float:
    """The number of independent units alike that would give the same variance; at a share of 0 or 1 Kish's, of clusters."""
    w = some.weights / some.weights.sum()
    _, at = np.unique(some.clusters, return_inverse=True)
    of_cluster = np.bincount(at, w)
    kish = 1 / float((of_cluster**2).sum())
    moves: Floats = np.bincount(at, w * (hits - value)).astype(np.float64)
    n = len(moves)
    variance = float((moves**2).sum()) * n / (n - 1) if n > 1 else 0.0
    if variance <= 1e-15 or not 0 < value < 1:
        return kish
    return min(float(len(some)), value * (1 - value) / variance)


def _korn_graubard(value: float, n: float) -> tuple[float, float]:
    tail, x = (1 - LEVEL) / 2, value * n
    low = 0.0 if x <= 1e-12 else beta_quantile(tail, x, n - x + 1)
    high = 1.0 if x >= n - 1e-12 else beta_quantile(1 - tail, x + 1, n - x)
    return low, high
