"""Every figure of prevalence for one code, one judge and one draw; no Django here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from auditor.sampling.designs.arrays import Floats, Mask, Whole
from labeling.validity.prevalence import ppi
from labeling.validity.prevalence.estimators import (
    Domain,
    Estimate,
    NotEnough,
    assisted,
    halving,
    horvitz_thompson,
    labels_alone,
    power,
    steadiness_of,
    worth,
)
from labeling.validity.prevalence.inclusion import FIXED, Inclusion, Labelled
from labeling.validity.prevalence.intervals import LEVEL, Interval, difference
from labeling.validity.prevalence.report import (
    ALL,
    CORRECTED,
    JUDGE,
    LABELS,
    POWERED,
    RULINGS,
    SUPPLY,
    TOTAL,
    UNDETERMINED,
    VERDICTS,
    Bound,
    Difference,
    Line,
    Report,
)
from labeling.validity.prevalence.rogan_gladen import ONE_KIND, Corrected, corrected

EDITION = 1  # of the formulas; a report of another edition is out of date
FEW, FEW_POWERED, OWN_POWER = (
    10,
    20,
    30,
)  # labels: of a part, for a judge's weight, for a weight of a part's own
MOST_PARTS = 12  # of a cut, the commonest
EXACT = 1e12  # labels; where nothing was left to chance
SILENT = "the judge has said nothing of this frame"
NO_JUDGE = "no judge was chosen"
CONSTANT = "the judge says the same of all, so it helps nothing"
TOO_FEW = "too few labels: {}"
UNTUNED = "fewer than 20 labels: the judge's weight cannot be tuned"


@dataclass(frozen=True)
class Cut:
    """The frame by something known of every member, as models are."""

    key: str
    title: str
    codes: Whole  # (N,) index into `names`, -1 where it has none
    names: tuple[str, ...]


@dataclass(frozen=True)
class Given:
    """What figures are made from; arrays over the n drawn are parallel to the design's `drawn`."""

    size: int  # N, of the frame
    design: Inclusion | None  # None where rates cannot be carried back
    label: Floats  # (n,) 1 or 0, NaN where no ruling holds yet
    undetermined: Mask  # (n,) ruled to be left open
    judged: Floats | None = None  # (N,) 1 or 0, NaN where the judge gave no verdict
    cuts: Sequence[Cut] = ()
    why_not: str = ""  # why nothing can be carried back
    not_random: str = ""  # why those with a label are no random part of the drawn


def prevalence(given: Given, tick: Callable[[], None] = lambda: None) -> Report:
    """All of it; `tick` is called on the way."""
    known = ~np.isnan(given.label)
    judged = 0 if given.judged is None else int((~np.isnan(given.judged)).sum())
    made = Report(given.size, len(given.label), int(known.sum()), judged)
    reason = given.why_not or given.not_random
    if given.design is None or reason:
        refused = [
            _refused(one, ALL, "", given.size, int(known.sum()), reason)
            for one in (POWERED, LABELS, CORRECTED)
        ]
        bounds = () if given.design is None else _bounds(given, known)
        return replace(made, lines=(*refused, _by_judge(given, None, "")), bounds=tuple(bounds))
    labelled, y = given.design.labelled(known), given.label[known]
    filled = _filled(given.judged)
    whole, lam = _estimates(labelled, y, filled, None)
    rates = _corrected(labelled, y, given.judged)
    lines = [_line(one, ALL, "", whole[one], given.size, len(y)) for one in (POWERED, LABELS)]
    lines += [_corrected_line(rates, given.size, len(y)), _by_judge(given, None, "")]
    lines += _beside(labelled, y, filled, given.size)
    differences: list[Difference] = []
    compared, left_out = {}, {}
    for cut in given.cuts:
        parts, left = _parts_of(cut)
        found: dict[str, dict[str, Estimate | str]] = {}
        for name, code in parts:
            tick()
            frame = cut.codes == code
            domain = Domain(frame[labelled.place], frame)
            found[name] = _estimates(labelled, y, filled, domain, lam)[0]
            n, of = int(domain.inside.sum()), int(frame.sum())
            lines += [_line(one, cut.key, name, found[name][one], of, n) for one in (POWERED, LABELS)]
            lines.append(_by_judge(given, frame, name, cut.key))
        made_here, pairs = _differences(labelled, cut.key, found)
        differences += made_here
        compared[cut.key], left_out[cut.key] = pairs, left
    more = {key: halving(labelled, one) for key, one in whole.items() if isinstance(one, Estimate)}
    return replace(
        made, lines=tuple(lines), differences=tuple(differences), bounds=tuple(_bounds(given, known)), more=more,
        lam=lam, sensitivity=rates.sensitivity, specificity=rates.specificity, compared=compared, left_out=left_out,
    )  # fmt: skip


def _estimates(
    labelled: Labelled,
    y: Floats,
    filled: Floats | str,
    domain: Domain | None,
    lam_of_all: float | None = None,
) -> tuple[dict[str, Estimate | str], float | None]:
    """By labels alone and with the judge; a reason where there is none. The judge's weight is the second."""
    n = len(y) if domain is None else int(domain.inside.sum())
    if domain is not None and n < FEW:
        few = TOO_FEW.format(n)
        return {POWERED: few, LABELS: few}, None
    try:
        alone = labels_alone(labelled, y, domain)
    except NotEnough as problem:
        return {POWERED: str(problem), LABELS: str(problem)}, None
    if isinstance(filled, str):
        return {POWERED: filled, LABELS: alone}, None
    if domain is None and n < FEW_POWERED:
        return {POWERED: UNTUNED, LABELS: alone}, None
    judged = filled[labelled.place]
    if domain is not None and n < OWN_POWER:
        if lam_of_all is None:
            return {POWERED: UNTUNED, LABELS: alone}, None
        lam = lam_of_all
    else:
        lam = power(labelled, y, judged, filled, domain)
    return {POWERED: assisted(labelled, y, judged, filled, lam, domain), LABELS: alone}, lam


def _filled(judged: Floats | None) -> Floats | str:
    """The judge over the frame, its mean where it gave no verdict; any prediction serves. Else why it is no use."""
    if judged is None:
        return NO_JUDGE
    missing = np.isnan(judged)
    if missing.all():
        return SILENT
    if np.ptp(judged[~missing]) == 0:
        return CONSTANT
    return np.where(missing, judged[~missing].mean(), judged)


def _corrected(labelled: Labelled, y: Floats, judged: Floats | None, over: float | None = None) -> Corrected:
    """The judge's share over the frame, corrected by how often it is right about the labelled."""
    if judged is None or np.isnan(judged).all():
        return Corrected(None, None, None, None, NO_JUDGE if judged is None else SILENT)
    if labelled.gaps:
        return Corrected(None, None, None, None, f"no label yet in {', '.join(labelled.gaps[:3])}")
    said = judged[labelled.place]
    spoken = ~np.isnan(said)
    right: list[float] = []
    many: list[float] = []
    for kind in (1.0, 0.0):
        here = spoken & (y == kind)
        weight = np.where(here, labelled.weight, 0.0)
        total = float(weight.sum())
        if not total:
            kind_words = "no" if kind else "yes"
            return Corrected(None, None, None, None, ONE_KIND.format(kind_words))
        agrees = np.where(here, (np.nan_to_num(said) == kind).astype(float), 0.0)
        rate = float((weight * agrees).sum()) / total
        residual = np.where(here, agrees - rate, 0.0) / total
        by_weight = float(((1 - labelled.odds) * weight**2).sum())
        kish = total**2 / by_weight if by_weight > 0 else EXACT
        steady = min(steadiness_of(labelled, residual), float(labelled.freedom))
        right.append(rate)
        many.append(worth(rate, labelled.form(residual, residual), kish, steady))
    share = float(np.nanmean(judged)) if over is None else over
    return corrected(share, None, right[0], many[0], right[1], many[1])


def _beside(labelled: Labelled, y: Floats, filled: Floats | str, size: int) -> list[Line]:
    """Horvitz and Thompson's estimate, and for equal odds what ppi-python gives."""
    if labelled.gaps:
        return []
    value, variance = horvitz_thompson(labelled, y)
    lines = [Line(TOTAL, ALL, "", value, None, None, len(y), size, variance**0.5)]
    rest = np.ones(size, dtype=bool)
    rest[labelled.place] = False
    parts = [one for one in labelled.design.parts if one.size]
    alike = len(parts) == 1 and parts[0].kind == FIXED and float(np.ptp(labelled.odds)) < 1e-12
    if alike and not isinstance(filled, str) and rest.any():
        found = ppi.mean(y, filled[labelled.place], filled[rest])
        ends = found.interval
        lines.append(Line(SUPPLY, ALL, "", found.value, ends.low, ends.high, len(y), size))
    return lines


def _differences(
    labelled: Labelled, cut: str, found: Mapping[str, Mapping[str, Estimate | str]]
) -> tuple[list[Difference], int]:
    """Every pair of parts by the figure that is to be cited, and how many pairs those are."""
    made = []
    pairs: list[tuple[str, str, str, Estimate, Estimate]] = []
    for a, b in combinations(found, 2):
        for key in (POWERED, LABELS):
            first, second = found[a][key], found[b][key]
            if isinstance(first, Estimate) and isinstance(second, Estimate):
                pairs.append((key, a, b, first, second))
                break
    together = 1 - (1 - LEVEL) / max(1, len(pairs))
    pieces = {
        id(one): labelled.pieces(one.residual) for _, _, _, first, second in pairs for one in (first, second)
    }
    scaled = labelled.scale * (1 - labelled.odds)
    for key, a, b, first, second in pairs:
        scale = (first.variance * second.variance) ** 0.5
        tied = float((scaled * pieces[id(first)] * pieces[id(second)]).sum()) / scale if scale > 0 else 0.0
        found_here = _apart(first, second, tied, LEVEL)
        strict = _apart(first, second, tied, together)
        sure = strict.low > 0 or strict.high < 0
        value = first.value - second.value
        made.append(Difference(key, cut, a, b, value, found_here.low, found_here.high, sure))
    return made, len(pairs)


def _apart(first: Estimate, second: Estimate, tied: float, level: float) -> Interval:
    return difference(
        first.value, first.interval(level), second.value, second.interval(level), min(1.0, max(-1.0, tied))
    )


def _bounds(given: Given, known: Mask) -> list[Bound]:
    """What is missing taken for no, and for yes."""
    design = given.design
    assert design is not None
    made: list[Bound] = []
    all_drawn = design.labelled(np.ones(len(known), dtype=bool))
    filled = _filled(given.judged)
    open_ = given.undetermined & known
    for what, missing in ((RULINGS, ~known), (UNDETERMINED, open_)):
        n = int(missing.sum())
        if not n:
            continue
        here, drawn = (
            (all_drawn, np.ones(len(known), dtype=bool))
            if what == RULINGS
            else (design.labelled(known), known)
        )
        if what == UNDETERMINED and given.not_random:
            continue
        ends = [
            _estimates(here, np.where(missing, one, given.label)[drawn], filled, None)[0]
            for one in (0.0, 1.0)
        ]
        made += _span(what, n, ends[0], ends[1])
    if given.judged is None or given.not_random:
        return made
    silent = np.isnan(given.judged)
    n = int(silent.sum())
    if n and not silent.all():
        labelled, y = design.labelled(known), given.label[known]
        ways = [np.where(silent, one, given.judged) for one in (0.0, 1.0)]
        shares = sorted(float(one.mean()) for one in ways)
        made.append(Bound(VERDICTS, JUDGE, n, shares[0], shares[1], shares[0], shares[1]))
        both = [_corrected(labelled, y, one) for one in ways]
        values = [one.value for one in both if one.value is not None]
        spans = [one.interval for one in both if one.interval is not None]
        if len(values) == len(spans) == 2:
            outer = (min(one.low for one in spans), max(one.high for one in spans))
            made.append(Bound(VERDICTS, CORRECTED, n, min(values), max(values), *outer))
        ends = [_estimates(labelled, y, _filled(one), None)[0] for one in ways]
        made += [one for one in _span(VERDICTS, n, ends[0], ends[1]) if one.estimator == POWERED]
    return made


def _span(
    what: str, missing: int, no: Mapping[str, Estimate | str], yes: Mapping[str, Estimate | str]
) -> list[Bound]:
    made = []
    for key in (POWERED, LABELS):
        first, second = no[key], yes[key]
        if isinstance(first, Estimate) and isinstance(second, Estimate):
            values = sorted([first.value, second.value])
            ends = (first.interval(), second.interval())
            outer = (min(one.low for one in ends), max(one.high for one in ends))
            made.append(Bound(what, key, missing, values[0], values[1], *outer))
    return made


def _parts_of(cut: Cut) -> tuple[list[tuple[str, int]], int]:
    """The commonest parts, and how many more there are."""
    counts = np.bincount(cut.codes[cut.codes >= 0], minlength=len(cut.names))
    order = sorted(range(len(cut.names)), key=lambda index: (-counts[index], cut.names[index]))
    there = [index for index in order if counts[index]]
    return [(cut.names[index], index) for index in there[:MOST_PARTS]], max(0, len(there) - MOST_PARTS)


def _line(estimator: str, cut: str, part: str, found: Estimate | str, of: int, n: int) -> Line:
    if isinstance(found, str):
        return _refused(estimator, cut, part, of, n, found)
    ends = found.interval()
    effective = found.effective if np.isfinite(found.effective) else None
    return Line(
        estimator, cut, part, found.value, ends.low, ends.high, found.n, found.of, found.deviation, effective
    )


def _corrected_line(rates: Corrected, size: int, n: int) -> Line:
    ends = rates.interval
    low, high = (None, None) if ends is None else (ends.low, ends.high)
    return Line(CORRECTED, ALL, "", rates.value, low, high, n, size, reason=rates.reason)


def _by_judge(given: Given, frame: Mask | None, part: str, cut: str = ALL) -> Line:
    """The judge's own share: no estimate of anything but what the judge says, so without an interval."""
    if given.judged is None:
        return _refused(JUDGE, cut, part, given.size, 0, NO_JUDGE)
    here = given.judged if frame is None else given.judged[frame]
    if np.isnan(here).all():
        return _refused(JUDGE, cut, part, len(here), 0, SILENT)
    return Line(JUDGE, cut, part, float(np.nanmean(here)), None, None, 0, len(here))


def _refused(estimator: str, cut: str, part: str, of: int, n: int, reason: str) -> Line:
    return Line(estimator, cut, part, None, None, None, n, of, reason=reason)
