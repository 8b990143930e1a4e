"""Weighted rates of a frame or of a part of it, with the variance that the design gives them; no Django here.

A rate is made of two: that of the members which were taken for certain, which is known, and that of the others,
which is estimated. Only the second has an interval, which is then carried to the whole.
"""

from dataclasses import dataclass

import numpy as np

from auditor.sampling.designs.arrays import Floats, Mask
from labeling.validity.prevalence.inclusion import CERTAIN, POISSON, Labelled
from labeling.validity.prevalence.intervals import LEVEL, Interval, in_labels, wilson

TOWARD = 5.0  # degrees of freedom given to the spread that labels unrelated to their weights would have
NO_LABEL = "no label here yet"
UNCLEAR = "no label yet in {}"


class NotEnough(ValueError):
    """There is nothing to estimate from; the message says what is missing."""


@dataclass(frozen=True)
class Domain:
    """A part of the frame that is estimated by itself, as it looks in the frame and among the labelled."""

    inside: Mask  # (n,) of the labelled
    frame: Mask  # (N,)


@dataclass(frozen=True)
class Estimate:
    """A rate, its variance, and what its interval is made from."""

    value: float
    variance: float
    n: int  # labels it rests on
    drawn: int  # of them, drawn at random
    of: int  # members of the frame it speaks of
    known: float  # part of the value that chance had no say in
    share: float  # of the members whose rate is estimated
    own: float  # their rate by labels alone, from 0 to 1
    kish: float  # what the labels are worth by their weights, in draws with equal odds from a large frame
    freedom: int
    steadiness: float  # degrees of freedom of the variance, by how uneven what it is made of is
    residual: Floats  # (n,) so that variances and covariances follow from `Labelled.form`

    @property
    def effective(self) -> float:
        """How many labels drawn with equal odds from a large frame would tell as much; infinite if all is known.

        rate (1 - rate) over a variance between the design's own estimate and what labels unrelated to their weights
        would give, each by its degrees of freedom: a few heavy labels, a judge without a mistake among the labelled,
        or strata in which all labels are alike would else look surer than they are. Where all labels are alike
        their weights alone say what they are worth.
        """
        return _effective(self)

    def interval(self, level: float = LEVEL) -> Interval:
        """Wilson's interval on the effective number of labels, for what chance had a say in."""
        if self.share <= 0:
            return Interval(self.value, self.value)
        rate = min(1.0, max(0.0, (self.value - self.known) / self.share))
        found = wilson(rate, in_labels(_effective(self), self.freedom, level), level)
        return Interval(self.known + self.share * found.low, self.known + self.share * found.high)

    @property
    def deviation(self) -> float:
        """The standard error."""
        return float(self.variance**0.5)


def labels_alone(labelled: Labelled, y: Floats, domain: Domain | None = None) -> Estimate:
    """The rate by people's labels, weighted: Hajek's ratio within each part of the frame.

    Where the number of each part's draws is set, that is the estimate of Horvitz and Thompson.

    Args:
        y: (n,) 0 or 1.

    Raises:
        NotEnough: a part of the frame has no label.
    """
    return assisted(labelled, y, None, None, 0.0, domain)


def assisted(
    labelled: Labelled,
    y: Floats,
    judged: Floats | None,
    over_frame: Floats | None,
    lam: float,
    domain: Domain | None = None,
) -> Estimate:
    """The rate by labels, with the mean of what a judge says corrected by lam times how far the sample's lies off.

    Args:
        judged: (n,) what the judge says of the labelled.
        over_frame: (N,) and of every member of the frame.
        lam: 0 leaves the judge out.

    Raises:
        NotEnough: a part of the frame, or of the domain, has no label.
    """
    design = labelled.design
    if labelled.gaps:
        raise NotEnough(UNCLEAR.format(_some(labelled.gaps)))
    inside = np.ones(len(y), dtype=bool) if domain is None else domain.inside
    of = design.size if domain is None else int(domain.frame.sum())
    random, certain = inside & labelled.at_random, inside & ~labelled.at_random
    open_ = of - int(certain.sum())
    if open_ and not random.any():
        raise NotEnough(NO_LABEL)
    known, share = float(y[certain].sum()) / max(of, 1), open_ / max(of, 1)
    zero = np.zeros(len(y))
    if not open_:
        return Estimate(known, 0.0, int(inside.sum()), 0, of, known, 0.0, 0.0, float("inf"), 1, 1.0, zero)
    weight = labelled.weight[random]
    total = float(weight.sum())
    own = float((weight * y[random]).sum()) / total
    residual = _scattered(zero, random, (y[random] - own) * share / total)
    value = own
    if lam and judged is not None and over_frame is not None:
        said = float((weight * judged[random]).sum()) / total
        value = own + lam * (_mean_of_open(labelled, over_frame, domain) - said)
        corrected = y[random] - lam * judged[random]
        residual = _scattered(zero, random, (corrected - (own - lam * said)) * share / total)
    spread = labelled.form(residual, residual)
    kish = total**2 / float(((1 - labelled.odds[random]) * weight**2).sum())
    return Estimate(
        known + share * value, spread, int(inside.sum()), int(random.sum()), of, known, share, own, kish,
        labelled.freedom if domain is None else max(1, min(labelled.freedom, int(random.sum()) - 1)), steadiness_of(labelled, residual), residual,
    )  # fmt: skip


def power(labelled: Labelled, y: Floats, judged: Floats, over_frame: Floats, domain: Domain | None) -> float:
    """The lam that makes the variance least: the covariance of labels and judge over the judge's variance.

    The judge's variance is known from the frame. With equal odds over a frame of N this is what PPI++ takes for
    the N - n unlabelled, times N / (N - n), and gives the same estimate. Between 0 and that bound.
    Source: Angelopoulos, Duchi and Zrnic (2023), "PPI++", section 6, for the weights of a design.
    """
    design = labelled.design
    inside = np.ones(len(y), dtype=bool) if domain is None else domain.inside
    random = inside & labelled.at_random
    zero = np.zeros(len(y))
    weight = labelled.weight[random]
    total = float(weight.sum())
    if not total:
        return 0.0
    centred = [
        _scattered(zero, random, (one[random] - float((weight * one[random]).sum()) / total) / total)
        for one in (y, judged)
    ]
    together = labelled.form(centred[0], centred[1], unbiased=False)
    open_ = _open(labelled, domain)
    n_open = int(open_.sum())
    over = np.zeros(design.size)
    over[open_] = (over_frame[open_] - over_frame[open_].mean()) / n_open
    spread = labelled.spread_over(over)
    n_random = int(labelled.at_random.sum())
    most = design.size / (design.size - n_random) if design.size > n_random else 1.0
    return min(most, max(0.0, together / spread)) if spread > 0 else 0.0


def horvitz_thompson(labelled: Labelled, y: Floats) -> tuple[float, float]:
    """The sum of y / odds over N, and an estimate of its variance; for a Poisson draw the size of the sample counts too.

    Source: Horvitz and Thompson (1952); Sarndal, Swensson and Wretman (1992), result 2.8.1 and section 3.5.
    """
    size = labelled.design.size
    value = float((y / labelled.odds).sum()) / size
    variance = 0.0
    for index in np.unique(labelled.group[labelled.at_random]).tolist():
        here = labelled.group == index
        slack, expanded, n = 1 - labelled.odds[here], y[here] / labelled.odds[here], int(here.sum())
        if labelled.design.parts[int(labelled.part[here][0])].kind == POISSON:
            variance += float((slack * expanded**2).sum())
            continue
        middle = (slack * expanded).sum() / slack.sum()
        variance += float((slack * (expanded - middle) ** 2).sum()) * (n / (n - 1) if n > 1 else 1.0)
    return value, variance / size**2


def halving(labelled: Labelled, estimate: Estimate) -> int | None:
    """How many more labels by the same design would halve the interval; None where all is known already.

    With k times the labels left to chance the variance is A / k - B, where A is the sum of squared weighted
    deviations and B what the frame's being finite takes off. k is sought for which Wilson's interval is half as wide.
    """
    if estimate.share <= 0:
        return None
    here = labelled.at_random
    pieces = labelled.pieces(estimate.residual) * labelled.scale**0.5
    if not (pieces**2).sum() > 0:  # all labels are alike: by their weights alone
        pieces = np.where(here, labelled.weight, 0.0)
    all_of_it, spared = float((pieces**2).sum()), float((labelled.odds * pieces**2).sum())
    now = estimate.interval()
    rate = min(1.0, max(0.0, (estimate.value - estimate.known) / estimate.share))
    have = in_labels(_effective(estimate), estimate.freedom)
    low, high = have, have * 1e6
    for _ in range(80):
        middle = (low * high) ** 0.5
        wide = wilson(rate, middle).width * estimate.share > now.width / 2
        low, high = (middle, high) if wide else (low, middle)
    wanted = (all_of_it - spared) * have / high
    times = all_of_it / (wanted + spared)
    return int(np.ceil((times - 1) * int(here.sum())))


def worth(rate: float, variance: float, kish: float, steady: float) -> float:
    """How many labels with equal odds a rate's labels are worth: by its variance, drawn toward what their weights say.

    Args:
        variance: of the rate, as the design has it, with `steady` degrees of freedom.
        kish: what the weights alone say.
    """
    unit = rate * (1 - rate)
    if unit <= 0:
        return kish
    return unit * (steady + TOWARD) / (steady * variance + TOWARD * unit / kish)


def _effective(estimate: Estimate) -> float:
    if estimate.share <= 0:
        return float("inf")
    steady = min(estimate.steadiness, float(estimate.freedom))
    return worth(estimate.own, estimate.variance / estimate.share**2, estimate.kish, steady)


def steadiness_of(labelled: Labelled, residual: Floats) -> float:
    """Twice the squared variance over the variance of its own estimate (Satterthwaite 1946); infinite if all is even."""
    made = labelled.scale * (1 - labelled.odds) * labelled.pieces(residual) ** 2
    uneven = 0.0
    for index in np.unique(labelled.group[labelled.at_random]).tolist():
        some = made[labelled.group == index]
        uneven += len(some) * float(some.var(ddof=1)) if len(some) > 1 else float(some[0] ** 2)
    return 2 * float(made.sum()) ** 2 / uneven if uneven > 0 else float("inf")


def _open(labelled: Labelled, domain: Domain | None) -> Mask:
    """Members of the frame whose part was not taken and labelled whole. Shape (N,)."""
    design = labelled.design
    odds = design.odds * labelled.answered[design.part]
    open_: Mask = odds < CERTAIN
    return open_ if domain is None else open_ & domain.frame


def _mean_of_open(labelled: Labelled, over_frame: Floats, domain: Domain | None) -> float:
    return float(over_frame[_open(labelled, domain)].mean())


def _scattered(zero: Floats, where: Mask, values: Floats) -> Floats:
    made = zero.copy()
    made[where] = values
    return made


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
