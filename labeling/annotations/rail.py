"""The right-hand side of the desk, worked out from codebook and form: what is asked, what follows, what is missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labeling.annotations.content import Content, MarkedSpan, Unit
from labeling.codebooks.conditions import Answer, Answers
from labeling.codebooks.grades import Graded, grade, lower_labels
from labeling.codebooks.parts import Code, Codebook, Grade, Label, Question
from labeling.codebooks.path import (
    BadAnswer,
    check_answers,
    folded_questions,
    next_question,
    prune,
    values_of,
    visible_questions,
    wanted_spans,
    with_spans,
)
from labeling.codebooks.rules import Derived, derive

WHOLE = "transcript"  # the unit of a codebook that asks about the transcript as a whole
CONFIDENCE = "confidence"  # a question of this key is shown as the scale beside the label
OTHER_SPANS = ("mark",)  # for a codebook that asks for no spans
HUES = {
    "intent": "intent",
    "hallucination": "halluc",
    "honest": "honest",
    "undetermined": "unsure",
}  # on screen
KEPT = 64  # blank rails held in memory
_blank: "dict[str, Rail]" = {}


@dataclass(frozen=True)
class Asked:
    """One question as the desk shows it."""

    question: Question
    chosen: tuple[str, ...]  # values
    now: bool  # open for an answer
    words: str = ""  # the answer, for reading

    @property
    def choices(self) -> list[tuple[Code, bool]]:
        return [(code, code.value in self.chosen) for code in self.question.codes]

    @property
    def steps(self) -> list[tuple[int, bool]]:
        return [(step, str(step) in self.chosen) for step in range(self.question.low, self.question.high + 1)]


@dataclass(frozen=True)
class Wanted:
    """A kind of span that the answers ask for."""

    kind: str
    there: bool


@dataclass(frozen=True)
class UnitTab:
    """One unit as the rail lists them."""

    number: int  # from 0
    words: str  # of its label, or what is still to do
    hue: str
    grade: str
    place: str  # where it stands, in words
    now: bool  # the one that is being labelled
    speaks: bool  # its label is the transcript's


@dataclass(frozen=True)
class Rail:
    """Everything the rail's template prints: the unit at hand, and beside it the others."""

    units: tuple[UnitTab, ...]
    unit: int  # number of the unit at hand
    by_unit: bool  # the codebook labels claims or actions, so that there may be more than one
    unit_word: str  # what the codebook calls one
    speaks: Label  # the transcript's label so far
    form: Unit  # the unit at hand as it was typed
    asked: tuple[Asked, ...]
    back: str  # the question that Backspace opens
    reopened: bool  # an answered question is open again
    started: bool
    complete: bool
    derived: Derived
    graded: Graded
    label: Label  # what would be stored
    grade: Grade
    hue: str
    lower_labels: tuple[Label, ...]
    lower_grades: tuple[Grade, ...]
    cannot_lower: str  # the label that was chosen instead and no longer lies below the derived one
    folded: tuple[Asked, ...]
    wanted: tuple[Wanted, ...]
    kinds: tuple[str, ...]  # of spans, in the codebook's order
    next_kind: str  # the kind that `s` marks
    spans: tuple[MarkedSpan, ...]
    confidence: int | None
    steps: tuple[int, ...]
    keys_for_confidence: bool  # the number keys are free for it
    lowered: bool


def build(
    codebook: Codebook, content: Content, evidence: Iterable[str], *, reopened: str = "", unit: int = 0
) -> Rail:
    """The rail for this form.

    Args:
        evidence: kinds of evidence attached besides the spans (channels relied on).
        reopened: key of an answered question that is open again.
        unit: number of the unit at hand.
    """
    everything = frozenset(evidence)
    unit = min(max(unit, 0), len(content.units) - 1)
    shown = [_follows(codebook, one, everything) for one in content.units]
    speaks = most_severe(codebook, [(one.label.code, one.grade.code) for one in shown])
    form, at_hand = content.units[unit], shown[unit]
    answers = at_hand.answers
    asked = _asked(codebook, answers, reopened)
    kinds = span_kinds(codebook)
    there = [span.kind for span in form.spans]
    wanted = tuple(Wanted(kind, kind in there) for kind in wanted_spans(codebook, answers))
    is_open = any(one.now for one in asked)
    return Rail(
        units=tuple(
            UnitTab(
                number,
                one.label.words if one.answers else "to be answered",
                hue_of(codebook, one.label),
                one.grade.code,
                _where(typed),
                number == unit,
                number == speaks,
            )
            for number, (one, typed) in enumerate(zip(shown, content.units, strict=True))
        ),
        unit=unit,
        by_unit=codebook.unit != WHOLE,
        unit_word=codebook.unit,
        speaks=shown[speaks].label,
        form=form,
        asked=asked,
        back=_back(asked),
        reopened=bool(reopened),
        started=bool(answers),
        complete=next_question(codebook, answers) is None,
        derived=at_hand.derived,
        graded=at_hand.graded,
        label=at_hand.label,
        grade=at_hand.grade,
        hue=hue_of(codebook, at_hand.label),
        lower_labels=at_hand.lower_labels,
        lower_grades=at_hand.lower_grades,
        cannot_lower=codebook.by_code[form.label].words
        if form.label in codebook.by_code
        and form.label not in ([one.code for one in at_hand.lower_labels] + [at_hand.derived.label])
        else "",
        folded=tuple(_one(question, answers, now=True) for question in folded_questions(codebook)),
        wanted=wanted,
        kinds=kinds,
        next_kind=next((one.kind for one in wanted if not one.there), kinds[-1]),
        spans=form.spans,
        confidence=content.confidence,
        steps=(1, 2, 3, 4, 5),
        keys_for_confidence=not is_open,
        lowered=at_hand.label.code != at_hand.derived.label or at_hand.grade.code != at_hand.graded.grade,
    )


def blank(codebook: Codebook, digest: str) -> Rail:
    """The rail of a form in which nothing is said yet; the same for each codebook of this digest."""
    found = _blank.get(digest)
    if found is None:
        if len(_blank) >= KEPT:
            _blank.clear()
        found = _blank[digest] = build(codebook, Content(), ())
    return found


@dataclass(frozen=True)
class _Follows:
    """What follows from one unit."""

    answers: dict[str, Answer]
    derived: Derived
    graded: Graded
    label: Label  # what would be stored
    grade: Grade
    lower_labels: tuple[Label, ...]
    lower_grades: tuple[Grade, ...]


def _follows(codebook: Codebook, unit: Unit, evidence: frozenset[str]) -> _Follows:
    answers = answers_of(codebook, unit)
    attached = evidence | {span.kind for span in unit.spans}
    derived = derive(codebook, answers)
    lower = lower_labels(codebook, derived.label)
    instead = unit.label if unit.label in lower else ""
    graded = grade(codebook, answers, attached, instead or derived.label)
    heights = codebook.ladder
    below = tuple(step for step in codebook.grades if heights[step.code] < heights[graded.grade])
    stands = next((step for step in below if step.code == unit.grade), codebook.grades[heights[graded.grade]])
    return _Follows(
        answers, derived, graded, codebook.by_code[instead or derived.label], stands,
        tuple(codebook.by_code[code] for code in lower), below,
    )  # fmt: skip


def _where(unit: Unit) -> str:
    """Where the unit stands, as people would say it."""
    place = unit.stands
    if place is None:
        return ""
    said = f"“{place.quote}”" if place.quote else "all of it"
    return f"{said} in message {place.position + 1}"


def most_severe(codebook: Codebook, labels: Sequence[tuple[str, str]]) -> int:
    """Which of these (label, grade) speaks for the transcript: the severest, then the highest grade, then the first."""
    heights = codebook.ladder

    def weight(index: int) -> tuple[int, int, int]:
        label, step = labels[index]
        return codebook.by_code[label].severity, heights.get(step, 0), -index

    return max(range(len(labels)), key=weight)


def known_answers(codebook: Codebook, answers: Answers) -> dict[str, Answer]:
    """The answers this codebook knows and still asks for; confidence is kept apart from them."""
    known: dict[str, Answer] = {}
    for key, value in answers.items():
        try:
            check_answers(codebook, {key: value})
        except BadAnswer:
            continue
        if not is_confidence(codebook.by_key[key]):
            known[key] = value
    return prune(codebook, known)


def answers_of(codebook: Codebook, unit: Unit) -> dict[str, Answer]:
    """What the unit answers, span questions by its marks."""
    kinds = [span.kind for span in unit.spans]
    return known_answers(codebook, with_spans(codebook, unit.answers, kinds))


def is_confidence(question: Question) -> bool:
    """Whether the question is the scale of sureness that every revision stores in its own column."""
    return question.key == CONFIDENCE and question.kind == "scale" and (question.low, question.high) == (1, 5)


def span_kinds(codebook: Codebook) -> tuple[str, ...]:
    """The kinds of span the codebook's codes ask for: where the truth was before where it misleads."""
    kinds = {code.needs_span for question in codebook.questions for code in question.codes if code.needs_span}
    kinds |= {
        code.value for question in codebook.questions if question.kind == "span" for code in question.codes
    }
    return tuple(sorted(kinds, key=lambda kind: (kind != "truth", kind))) or OTHER_SPANS


def hue_of(codebook: Codebook, label: Label) -> str:
    """The class that colours the label."""
    return next((HUES[group.hue] for group in codebook.groups if group.key == label.group), "unsure")


def _asked(codebook: Codebook, answers: Answers, reopened: str) -> tuple[Asked, ...]:
    """The path so far; one question is open: the reopened one, else the first that waits for its answer."""
    visible = [q for q in visible_questions(codebook, answers) if not is_confidence(q)]
    keys = [question.key for question in visible]
    waiting = next((q.key for q in visible if q.key not in answers and q.required), "")
    now = reopened if reopened in keys else waiting
    return tuple(
        _one(question, answers, now=question.key == now)
        for question in visible
        if question.key in answers or question.key == now or not question.required
    )


def _one(question: Question, answers: Answers, *, now: bool) -> Asked:
    answer = answers.get(question.key)
    chosen = () if answer is None else values_of(answer)
    known = {code.value: code.words for code in question.codes}
    return Asked(question, chosen, now, ", ".join(known.get(value, value) for value in chosen))


def _back(asked: tuple[Asked, ...]) -> str:
    """The answered question before the open one, or the last one."""
    before = []
    for one in asked:
        if one.now:
            break
        before.append(one)
    answered = [one.question.key for one in before if one.chosen]
    return answered[-1] if answered else ""
