"""Every channel on every contrast: all are scanned, those that are listed are looked at closely; no Django here.

Features of dictionaries come in thousands. Each is scanned, p values are corrected over all of them
(Benjamini and Hochberg), and the strongest are listed. Channels are heard some at a time, so memory does
not grow with their number.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from labeling.agreement.ratings import Floats, Whole
from labeling.agreement.resampling import seed_of
from labeling.codebooks.parts import Codebook
from labeling.validity import operating, ranking
from labeling.validity.contrasts import Contrast, has_truth, names_side
from labeling.validity.discoveries import q_values
from labeling.validity.figures import (
    ALL,
    AUROC,
    CONDITION,
    CONTROL,
    GIVEN,
    MODEL,
    SPLIT,
    STRATUM,
    At,
    Cut,
    Detail,
    Figure,
    Given,
    detail,
)
from labeling.validity.pairs import Paired, paired
from labeling.validity.scored import Mask, Scored
from labeling.validity.units import Spoken, Units

EDITION = 2  # of the formulas; a report of another edition is out of date
MANY = "sae"  # the kind whose channels come in thousands
MOST_OTHERS = 150  # channels of other kinds that are listed
STRONGEST = 10  # features listed for each question
MOST_PAIRED = 8  # channels that are compared with each other
MOST_PARTS = 12  # values of a condition, or models, by which figures are cut
AT_ONCE = 64  # channels heard together
RESTRICTED = "|untrue"  # how the key of a question of false statements alone ends


@dataclass(frozen=True)
class Voice:
    """A channel, as far as figures look at it."""

    pk: int
    key: str
    name: str
    kind: str
    low: float | None = None
    high: float | None = None
    thresholds: tuple[Given, ...] = ()
    controls: tuple[tuple[str, Floats], ...] = ()


@dataclass(frozen=True)
class Question:
    """A contrast, asked of all units or of false statements alone."""

    contrast: Contrast
    restricted: bool = False

    @property
    def key(self) -> str:
        return self.contrast.key + (RESTRICTED if self.restricted else "")

    @property
    def words(self) -> str:
        return self.contrast.words + (", among false statements" if self.restricted else "")


@dataclass(frozen=True)
class Scan:
    """A quick look at one channel on one question."""

    channel: int
    question: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None  # of 1/2
    n_positive: int
    n_negative: int
    n_units: int  # of these, units within transcripts; the rest are transcripts as a whole
    weighted: bool
    reason: str = ""
    q: float | None = None  # over all features on this question


@dataclass(frozen=True)
class Line:
    """A channel on a question as the overview shows it."""

    channel: int
    question: str
    auroc: Figure
    n_units: int
    at: At | None  # the threshold whose likelihood ratio stands for the channel
    worst: Figure | None  # the lowest area on a single model or condition
    q: float | None = None

    def plain(self) -> dict[str, Any]:
        return {
            "channel": self.channel, "question": self.question, "auroc": self.auroc.plain(), "n_units": self.n_units,
            "at": self.at.plain() if self.at else None, "worst": self.worst.plain() if self.worst else None, "q": self.q,
        }  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What was found, without the details of each channel, which are kept apart."""

    seed: int
    split_seed: int
    questions: tuple[tuple[str, str, str, int, int], ...]  # key, words, contrast, positive and negative units
    lines: tuple[Line, ...]
    scans: tuple[Scan, ...]  # of features that are not listed
    scanned: Mapping[str, int]  # question -> features looked at
    pairs: tuple[tuple[str, Paired], ...]

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it; scans are written down as worth instead."""
        return {
            "seed": self.seed, "split_seed": self.split_seed, "questions": [list(one) for one in self.questions],
            "lines": [one.plain() for one in self.lines], "scanned": dict(self.scanned),
            "pairs": [{"question": key, **one.plain()} for key, one in self.pairs],
        }  # fmt: skip


Hear = Callable[[Sequence[Voice]], Iterator[tuple[Voice, Spoken]]]
Keep = Callable[[int, Question, Detail, list[tuple[str, str, int]]], None]


@dataclass(frozen=True)
class Asked:
    """A question with which rows are on which side."""

    question: Question
    signs: Whole  # (n,) 1, 0, -1

    def scored(self, values: Floats, units: Units) -> tuple[Scored, Mask]:
        """The rows that are on a side and have a value."""
        some = (self.signs >= 0) & ~np.isnan(values)
        return Scored(values[some], self.signs[some] == 1, units.weights[some], units.clusters[some]), some


def report(
    units: Units, voices: Sequence[Voice], hear: Hear, contrasts: Sequence[Contrast], *, codebook: Codebook | None,
    values: Sequence[str] = (), seed: int, keep: Keep, tick: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Report:  # fmt: skip
    """Everything.

    Args:
        hear: what channels say of the rows, some at a time.
        values: what the reference may say, where it knows no codebook.
        keep: told each listed channel's details, and how often its words met which.
        tick: told how many of how many steps are done.
    """
    asked = questions_of(units, contrasts, codebook)
    split_seed = seed_of(seed, "split")
    total = 2 * len(voices) + len(asked)
    scans: dict[tuple[int, str], Scan] = {}
    for done, (voice, spoken) in enumerate(_heard(voices, hear)):
        tick(done, total, "Looking at every channel")
        for one in asked:
            scans[voice.pk, one.question.key] = scan(voice, spoken, one, units, codebook, values)
    scans = corrected(scans, voices)
    listed = chosen(voices, scans, asked)
    lines: list[Line] = []
    cuts = cuts_of(units)
    for done, (voice, spoken) in enumerate(_heard(listed, hear)):
        tick(len(voices) + done, total, f"Looking closely at {voice.name}")
        for one in asked:
            found = _detail(voice, spoken, one, units, cuts, codebook, values, seed, split_seed)
            keep(voice.pk, one.question, found, words_met(spoken, units, one.signs))
            lines.append(_line(scans[voice.pk, one.question.key], found))
    pairs = _pairs(listed, hear, units, asked, lines, codebook, values, seed, lambda: tick(total - 1, total, "Comparing channels"))  # fmt: skip
    shown = {voice.pk for voice in listed}
    return Report(
        seed, split_seed,
        tuple(
            (one.question.key, one.question.words, one.question.contrast.key, int((one.signs == 1).sum()), int((one.signs == 0).sum()))
            for one in asked
        ),
        tuple(lines), tuple(one for (pk, _), one in scans.items() if pk not in shown),
        {one.question.key: sum(voice.kind == MANY for voice in voices) for one in asked}, tuple(pairs),
    )  # fmt: skip


def questions_of(units: Units, contrasts: Sequence[Contrast], codebook: Codebook | None) -> list[Asked]:
    """Each contrast of all units, and of false statements alone where the codebook can tell them."""
    untrue = units.untrue() if has_truth(codebook) else None
    found = []
    for contrast in contrasts:
        signs = units.signs(contrast)
        found.append(Asked(Question(contrast), signs))
        if untrue is not None and not contrast.is_of_truth:
            found.append(Asked(Question(contrast, True), np.where(untrue, signs, -1)))
    return found


def scan(
    voice: Voice, spoken: Spoken, asked: Asked, units: Units, codebook: Codebook | None, values: Sequence[str]
) -> Scan:
    """The area with its linearised interval and p."""
    scored, some = asked.scored(scores_of(spoken, asked.question.contrast, codebook, values), units)
    n_units = int((~units.wholes[some]).sum())
    counts = (scored.n_positive, scored.n_negative, n_units, scored.is_weighted)
    if scored.too_few:
        return Scan(voice.pk, asked.question.key, None, None, None, None, *counts, scored.too_few)
    found = ranking.area(scored)
    ends = ranking.logit_interval(found.value, found.variance)
    p = ranking.p_of_half(found.value, found.variance)
    return Scan(voice.pk, asked.question.key, found.value, ends.low, ends.high, p, *counts, ends.reason)


def corrected(scans: Mapping[tuple[int, str], Scan], voices: Sequence[Voice]) -> dict[tuple[int, str], Scan]:
    """With q values over all features on each question."""
    found = dict(scans)
    many = {voice.pk for voice in voices if voice.kind == MANY}
    for question in {one.question for one in scans.values()}:
        family = [key for key in scans if key[1] == question and key[0] in many]
        for key, q in zip(family, q_values([scans[key].p for key in family]), strict=True):
            one = scans[key]
            found[key] = Scan(**{**one.__dict__, "q": q})
    return found


def chosen(
    voices: Sequence[Voice], scans: Mapping[tuple[int, str], Scan], asked: Sequence[Asked]
) -> list[Voice]:
    """The channels that are looked at closely: all but features, and of these the strongest on each question."""
    others = [voice for voice in voices if voice.kind != MANY][:MOST_OTHERS]
    features = [voice for voice in voices if voice.kind == MANY]
    strongest: set[int] = set()
    for one in asked:
        key = one.question.key
        order = sorted(features, key=lambda voice: _strength(scans[voice.pk, key]))
        strongest |= {voice.pk for voice in order[:STRONGEST]}
    return others + [voice for voice in features if voice.pk in strongest]


def cuts_of(units: Units) -> list[Cut]:
    """Rows by stratum, model and each condition; a cut into one part is none, and only the commonest parts are kept."""
    names: dict[tuple[str, str], list[str]] = {
        (STRATUM, ""): [row.stratum for row in units.rows], (MODEL, ""): [row.model for row in units.rows]
    }  # fmt: skip
    for name in sorted({name for row in units.rows for name in row.conditions}):
        names[CONDITION, name] = [row.conditions.get(name, "") for row in units.rows]
    found = []
    for (cut, name), of in names.items():
        told, counts = np.unique([one for one in of if one] or [""], return_counts=True)
        if len(told) < 2:
            continue
        if cut == CONDITION and len(told) > 5 * MOST_PARTS:  # a number or an id, and no condition to cut by
            continue
        for part in told[np.argsort(-counts, kind="stable")][:MOST_PARTS]:
            words = f"{name} = {part}" if name else str(part)
            found.append(Cut(cut, words, np.array([one == part for one in of], dtype=np.bool_)))
    return found


def scores_of(spoken: Spoken, contrast: Contrast, codebook: Codebook | None, values: Sequence[str]) -> Floats:
    """The channel's numbers; of one that gives words alone, 1 where it names the positive side and 0 the negative."""
    if not np.isnan(spoken.values).all():
        return spoken.values
    named = sides_named(spoken, contrast, codebook, values)
    return np.where(named >= 0, named.astype(np.float64), np.nan)


def sides_named(
    spoken: Spoken, contrast: Contrast, codebook: Codebook | None, values: Sequence[str]
) -> Whole:
    """(n,) which side each row's word names."""
    known = {label: names_side(label, contrast, codebook, values) for label in set(spoken.labels)}
    return np.array([known[label] for label in spoken.labels], dtype=np.int64)


def words_met(spoken: Spoken, units: Units, signs: Whole) -> list[tuple[str, str, int]]:
    """How often each of the channel's words met each label, over the rows of a question; the commonest first."""
    counts: dict[tuple[str, str], int] = {}
    for at in np.flatnonzero((signs >= 0) & spoken.heard):
        if label := spoken.labels[at]:
            pair = label, units.rows[at].known.label
            counts[pair] = counts.get(pair, 0) + 1
    return [(said, was, n) for (said, was), n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def standing(found: Detail) -> At | None:
    """The threshold that stands for the channel: one that came with it and names its controls, else the plain control pack's
    at 5% false positives, else the one of the split."""
    for kind in (GIVEN, CONTROL, SPLIT):
        for one in found.thresholds:
            if one.kind == kind and one.found is not None:
                if kind == GIVEN and one.found.n_control == 0:
                    continue
                if kind == GIVEN or one.wanted == operating.RATES[1]:
                    return one
    return None


def _detail(
    voice: Voice, spoken: Spoken, asked: Asked, units: Units, cuts: Sequence[Cut], codebook: Codebook | None,
    values: Sequence[str], seed: int, split_seed: int,
) -> Detail:  # fmt: skip
    contrast = asked.question.contrast
    scored, some = asked.scored(scores_of(spoken, contrast, codebook, values), units)
    mine = [Cut(cut.cut, cut.part, cut.rows[some]) for cut in cuts]
    return detail(
        scored, strata=units.plans[some], cuts=[cut for cut in mine if cut.rows.any()],
        seed=seed_of(seed, voice.key, asked.question.key), split_seed=split_seed, scale=(voice.low, voice.high),
        thresholds=voice.thresholds, controls=voice.controls,
        named=sides_named(spoken, contrast, codebook, values)[some],
    )  # fmt: skip


def _line(one: Scan, found: Detail) -> Line:
    parts = [
        each
        for each in found.figures
        if each.name == AUROC and each.cut in (MODEL, CONDITION) and each.value is not None
    ]
    whole = next(each for each in found.figures if each.name == AUROC and each.cut == ALL)
    worst = min(parts, key=lambda each: each.value or 0.0, default=None)
    return Line(one.channel, one.question, whole, one.n_units, standing(found), worst, one.q)


def _pairs(
    listed: Sequence[Voice], hear: Hear, units: Units, asked: Sequence[Asked], lines: Sequence[Line],
    codebook: Codebook | None, values: Sequence[str], seed: int, tick: Callable[[], None],
) -> Iterator[tuple[str, Paired]]:  # fmt: skip
    """Each two of the channels that rank best, on the units that both speak of."""
    for one in asked:
        tick()
        best = sorted(
            (line for line in lines if line.question == one.question.key and line.auroc.value is not None),
            key=lambda line: -abs((line.auroc.value or 0.5) - 0.5),
        )[:MOST_PAIRED]
        wanted = [voice for voice in listed if voice.pk in {line.channel for line in best}]
        of = {
            voice.pk: scores_of(spoken, one.question.contrast, codebook, values)
            for voice, spoken in _heard(wanted, hear)
        }
        for a, b in combinations(sorted(of), 2):
            both = (one.signs >= 0) & ~np.isnan(of[a]) & ~np.isnan(of[b])
            for first, second in ((a, b), (b, a)):
                yield one.question.key, paired(
                    first, second, of[first][both], of[second][both], one.signs[both] == 1, units.weights[both],
                    units.clusters[both], units.plans[both], seed=seed,
                )  # fmt: skip


def _heard(voices: Sequence[Voice], hear: Hear) -> Iterator[tuple[Voice, Spoken]]:
    for begin in range(0, len(voices), AT_ONCE):
        yield from hear(voices[begin : begin + AT_ONCE])


def _strength(one: Scan) -> tuple[float, float]:
    return (2.0 if one.p is None else one.p, -abs((one.value if one.value is not None else 0.5) - 0.5))
