"""Every figure of one channel on one contrast, each with its interval, its counts and its seed; no Django here.

Areas of independent units that count alike have DeLong's interval on the scale of log odds; all others,
and all other figures, have the cluster bootstrap's. A figure's seed follows from the seed of the whole and
the figure's own name.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from auditor.interp.rates import rate_of
from labeling.agreement.ratings import Floats, Whole
from labeling.agreement.resampling import seed_of
from labeling.validity import calibration as calibrating
from labeling.validity import crossing, operating, ranking
from labeling.validity.operating import Operating, Share
from labeling.validity.ranking import Interval
from labeling.validity.redrawing import Redraws, percentile
from labeling.validity.scored import LEAST, Mask, Scored

DELONG, BOOTSTRAP, INVERTED = "DeLong", "cluster bootstrap", "cluster bootstrap, inverted"
EXACT = "Clopper-Pearson"
AUROC, AP, BRIER, ECE, KAPPA = "AUROC", "average precision", "Brier score", "ECE", "kappa"
TPR, FPR, LR_PLUS, LR_MINUS = "TPR", "FPR", "LR+", "LR-"
ALL, STRATUM, MODEL, CONDITION = "all", "stratum", "model", "condition"
GIVEN, CONTROL, SPLIT, HELD_OUT = "given", "control", "split", "held out"  # where a threshold comes from
POINTS = 120  # of a ROC curve that is kept
NO_VARIATION = "not enough variation: the channel always says the same"


@dataclass(frozen=True)
class Figure:
    """One number with its interval, or why there is none."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n_positive: int
    n_negative: int
    method: str = ""
    seed: int | None = None
    weighted: bool = False
    reason: str = ""  # why the figure, or else its interval, is not there
    cut: str = ALL
    part: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class At:
    """A threshold, where it comes from, and what it does; `reason` says why it does not stand."""

    kind: str  # given, control, split, held out
    control: str
    wanted: float | None
    found: Operating | None
    reason: str = ""
    part: str = ""  # the model or condition held out
    kappa: Figure | None = None  # of firing with what is, on the units reported on

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Given:
    """A threshold that came with the channel, and the control set that it was chosen on."""

    control: str
    value: float
    fired: int = 0  # of the control set
    n: int = 0  # 0 where it was not chosen on any
    wanted: float | None = None


@dataclass(frozen=True)
class Cut:
    """Rows that share a stratum, a model or a condition's value."""

    cut: str
    part: str
    rows: Mask


@dataclass(frozen=True)
class Detail:
    """All that is known of one channel on one contrast."""

    figures: tuple[Figure, ...]
    thresholds: tuple[At, ...] = ()
    curve: tuple[tuple[float, float, float], ...] = ()  # false-positive rate, true-positive rate, score
    bins: tuple[Any, ...] = ()
    is_probability: bool = False
    sides: tuple[tuple[str, str, int], ...] = ()  # what the channel's word names, what was, how often

    def plain(self) -> dict[str, Any]:
        return {
            "figures": [one.plain() for one in self.figures],
            "thresholds": [one.plain() for one in self.thresholds],
            "curve": [[round(x, 5), round(y, 5), t if math.isfinite(t) else None] for x, y, t in self.curve],
            "bins": [asdict(one) for one in self.bins],
            "is_probability": self.is_probability,
            "sides": [list(one) for one in self.sides],
        }


def area_figure(
    scored: Scored, *, strata: Whole, seed: int, cut: str = ALL, part: str = "", draws: Redraws | None = None
) -> Figure:
    """AUROC with its interval, or why it is not there."""
    counts = (scored.n_positive, scored.n_negative)
    if scored.too_few:
        return Figure(AUROC, None, None, None, *counts, reason=scored.too_few, cut=cut, part=part)
    found = ranking.area(scored)
    if scored.is_plain:
        ends = ranking.logit_interval(found.value, found.variance)
        return _figure(AUROC, found.value, ends, scored, DELONG, None, cut, part)
    redraws = draws or Redraws(scored.clusters, strata, seed)
    ends = percentile(np.concatenate([ranking.areas(scored, scored.weights * some) for some in redraws]))
    return _figure(AUROC, found.value, ends, scored, BOOTSTRAP, seed, cut, part)


def detail(
    scored: Scored, *, strata: Whole, cuts: Iterable[Cut], seed: int, split_seed: int,
    scale: tuple[float | None, float | None], thresholds: Sequence[Given] = (),
    controls: Sequence[tuple[str, Floats]] = (), named: Whole | None = None,
) -> Detail:  # fmt: skip
    """Everything of a channel on a contrast.

    Args:
        strata: (n,) what resamples keep to.
        split_seed: of the halves on which thresholds are chosen and reported.
        scale: the channel's declared ends.
        thresholds: those that came with the channel.
        controls: control packs by name, with the channel's scores on them.
        named: (n,) which side the channel's own word names, 1, 0 or -1.
    """
    own = seed_of(seed, "all")
    draws = Redraws(scored.clusters, strata, own)
    figures = [area_figure(scored, strata=strata, seed=own, draws=draws)]
    if scored.too_few:
        return Detail(tuple(figures + _cut_figures(scored, strata, cuts, seed)))
    figures += _drawn_figures(scored, draws, own, scale, named)
    figures += _cut_figures(scored, strata, cuts, seed)
    points = ranking.curve(scored)
    keep = _thinned(points.fpr, points.tpr)
    likely = calibrating.as_probability(scored.scores, *scale)
    of_bins = (
        Scored(likely, scored.positive, scored.weights, scored.clusters) if likely is not None else scored
    )
    return Detail(
        tuple(figures),
        tuple(_thresholds(scored, strata, split_seed, thresholds, controls, cuts, own)),
        tuple((float(points.fpr[i]), float(points.tpr[i]), float(points.thresholds[i])) for i in keep),
        calibrating.bins_of(of_bins),
        likely is not None,
        _sides(scored, named),
    )


def _drawn_figures(
    scored: Scored, draws: Redraws, seed: int, scale: tuple[float | None, float | None], named: Whole | None
) -> list[Figure]:
    """Average precision, calibration and kappa, all from the same resamples."""
    likely = calibrating.as_probability(scored.scores, *scale)
    sides = named is not None and int((named >= 0).sum()) > 0
    drawn: dict[str, list[Floats]] = {AP: [], BRIER: [], ECE: [], KAPPA: []}
    misses = None if likely is None else (likely - scored.positive) ** 2
    said = None if likely is None else Scored(likely, scored.positive, scored.weights, scored.clusters)
    for some in draws:
        w = scored.weights * some
        drawn[AP].append(ranking.precision(scored, w))
        if misses is not None and said is not None:
            drawn[BRIER].append((w * misses).sum(axis=1) / w.sum(axis=1))
            drawn[ECE].append(calibrating.gaps(said, w))
        if sides and named is not None:
            drawn[KAPPA].append(_kappas(scored, named, w))
    found = [
        _figure(AP, float(ranking.precision(scored)[0]), percentile(np.concatenate(drawn[AP])), scored, BOOTSTRAP, seed)
    ]  # fmt: skip
    if said is not None and (made := calibrating.calibration(said)) is not None:
        ends = percentile(np.concatenate(drawn[BRIER]))
        found.append(_figure(BRIER, made.brier, ends, scored, BOOTSTRAP, seed))
        own = calibrating.gaps(said, scored.weights[None, :])[0]
        ends = calibrating.error_interval(own, np.concatenate(drawn[ECE]))
        found.append(_figure(ECE, made.ece, ends, scored, INVERTED, seed))
    if sides and named is not None:
        value = float(_kappas(scored, named, scored.weights[None, :])[0])
        some_named = scored.only(named >= 0)
        if some_named.too_few:
            found.append(_figure(KAPPA, None, Interval(None, None, some_named.too_few), some_named, "", None))
        elif math.isnan(value):
            why = Interval(None, None, NO_VARIATION)
            found.append(_figure(KAPPA, None, why, some_named, "", None))
        else:
            ends = percentile(np.concatenate(drawn[KAPPA]))
            found.append(_figure(KAPPA, value, ends, some_named, BOOTSTRAP, seed))
    return found


def _kappas(scored: Scored, named: Whole, weights: Floats) -> Floats:
    some = named >= 0
    return crossing.kappas(
        crossing.tables_of(named[some], scored.positive[some].astype(np.int64), weights[:, some], 2)
    )


def _cut_figures(scored: Scored, strata: Whole, cuts: Iterable[Cut], seed: int) -> list[Figure]:
    return [
        area_figure(
            scored.only(one.rows), strata=strata[one.rows], seed=seed_of(seed, one.cut, one.part), cut=one.cut,
            part=one.part,
        )
        for one in cuts
    ]  # fmt: skip


def _thresholds(
    scored: Scored, strata: Whole, split_seed: int, given: Iterable[Given],
    controls: Iterable[tuple[str, Floats]], cuts: Iterable[Cut], seed: int,
) -> list[At]:  # fmt: skip
    """Thresholds of each provenance: what came with the channel, control packs, the other half, other models."""
    everything = np.ones(len(scored), dtype=np.bool_)
    found = []
    for one in given:
        rate = rate_of(one.fired, one.n)
        seen = Share(rate.fired, rate.n, rate.value, rate.low, rate.high, float(rate.n))
        made = operating.operate(scored, one.value, control=one.control, on_control=seen, wanted=one.wanted)
        kappa = _kappa_at(scored, one.value, strata, seed_of(seed, one.control, one.value))
        found.append(At(GIVEN, one.control, one.wanted, made, kappa=kappa))
    first = operating.halves(scored.clusters, split_seed)
    tries: list[tuple[Scored, Mask, float, str, str, str]] = []
    for name, scores in controls:
        honest = Scored.of(scores, np.zeros(len(scores)))
        tries += [
            (honest, everything, rate, CONTROL, f"control pack: {name}", "") for rate in operating.RATES
        ]
    tries += [
        (scored.only(first), ~first, rate, SPLIT, "the other half of the split", "")
        for rate in operating.RATES
    ]
    for cut in cuts:
        if cut.cut in (MODEL, CONDITION):
            tries.append((scored.only(~cut.rows), cut.rows, 0.05, HELD_OUT, f"all but {cut.part}", cut.part))
    for control, on, wanted, kind, name, part in tries:
        found.append(_chosen(control, scored.only(on), strata[on], wanted, kind, name, part, seed))
    return found


def _chosen(
    control: Scored, on: Scored, strata: Whole, wanted: float, kind: str, name: str, part: str, seed: int
) -> At:
    """A threshold chosen on one set and reported on the other."""
    threshold = operating.choose(control, wanted)
    if threshold is None:
        why = f"too few: {control.n_negative} negatives to choose on, at least {LEAST} are needed"
        return At(kind, name, wanted, None, why, part)
    if on.too_few:
        return At(kind, name, wanted, None, f"to report on there are {on.too_few}", part)
    seen = operating.share_of(control, control.scores >= threshold, ~control.positive)
    made = operating.operate(on, threshold, control=name, on_control=seen, wanted=wanted)
    kappa = _kappa_at(on, threshold, strata, seed_of(seed, kind, name, wanted))
    return At(kind, name, wanted, made, "", part, kappa)


def _kappa_at(on: Scored, threshold: float, strata: Whole, seed: int) -> Figure:
    """Cohen's kappa of firing with what is."""
    fires = (on.scores >= threshold).astype(np.int64)

    def figure(weights: Floats) -> Floats:
        return crossing.kappas(crossing.tables_of(fires, on.positive.astype(np.int64), weights, 2))

    value = float(figure(on.weights[None, :])[0])
    if math.isnan(value):
        return _figure(KAPPA, None, Interval(None, None, NO_VARIATION), on, "", None)
    draws = Redraws(on.clusters, strata, seed)
    ends = percentile(np.concatenate([figure(on.weights * some) for some in draws]))
    return _figure(KAPPA, value, ends, on, BOOTSTRAP, seed)


def _sides(scored: Scored, named: Whole | None) -> tuple[tuple[str, str, int], ...]:
    if named is None or not (named >= 0).any():
        return ()
    words = {1: "positive", 0: "negative", -1: "neither"}
    said = [words[int(one)] for one in named]
    was = [words[int(one)] for one in scored.positive]
    return tuple((str(a), str(b), n) for a, b, n in crossing.counted(said, was))


def _thinned(fpr: Floats, tpr: Floats) -> list[int]:
    """Points of the curve spread evenly along its length, with both ends."""
    if len(fpr) <= POINTS:
        return list(range(len(fpr)))
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(fpr)) + np.abs(np.diff(tpr)))])
    wanted = np.linspace(0, along[-1], POINTS)
    return sorted({0, len(fpr) - 1, *np.searchsorted(along, wanted).clip(0, len(fpr) - 1).tolist()})


def _figure(
    name: str, value: float | None, ends: Interval, scored: Scored, method: str, seed: int | None, cut: str = ALL,
    part: str = "",
) -> Figure:  # fmt: skip
    return Figure(
        name, value, ends.low, ends.high, scored.n_positive, scored.n_negative, method, seed, scored.is_weighted,
        ends.reason, cut, part,
    )  # fmt: skip
