"""The units of a label: each claim or action is judged by itself, and the most severe names the transcript."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labeling.annotations.content import BadContent, Content, Unit
from labeling.annotations.rail import WHOLE, is_confidence, known_answers
from labeling.codebooks.conditions import Answer
from labeling.codebooks.grades import NotAllowed, Submission, check_submission, grade
from labeling.codebooks.parts import Codebook
from labeling.codebooks.path import with_spans
from labeling.codebooks.rules import derive


@dataclass(frozen=True)
class Judged:
    """A unit with what may be stored of it."""

    unit: Unit
    passed: Submission


def judge(codebook: Codebook, content: Content, evidence: Iterable[str]) -> list[Judged]:
    """Every unit through the one gate before a label is stored.

    Args:
        evidence: kinds of evidence attached besides the units' own spans (channels relied on).

    Raises:
        NotAllowed: codebook or evidence do not carry a unit's label or grade; see `check_submission`.
        BadContent: more units than the codebook knows, or one of several that stands nowhere.
    """
    several = len(content.units) > 1
    if several and codebook.unit == WHOLE:
        raise BadContent("This codebook asks about the whole transcript: it takes one label.")
    judged = []
    for number, unit in enumerate(content.units):
        if several and unit.stands is None:
            raise BadContent(f"{named(codebook, number)}: mark its words, or name its message; or remove it.")
        try:
            judged.append(Judged(unit, _check(codebook, unit, content.confidence, frozenset(evidence))))
        except NotAllowed as problem:
            raise NotAllowed(
                f"{named(codebook, number)}: {problem}" if several else str(problem)
            ) from problem
    return judged


def named(codebook: Codebook, number: int) -> str:
    """What people call the unit, counting from 1, such as “Claim 2”."""
    return f"{codebook.unit.capitalize()} {number + 1}"


def _check(codebook: Codebook, unit: Unit, confidence: int | None, evidence: frozenset[str]) -> Submission:
    kinds = [span.kind for span in unit.spans]
    answers: dict[str, Answer] = with_spans(codebook, unit.answers, kinds)
    if confidence is not None and any(is_confidence(question) for question in codebook.questions):
        answers["confidence"] = confidence
    attached = frozenset(span.kind for span in unit.spans) | evidence
    known: Mapping[str, Answer] = known_answers(codebook, answers)
    label = unit.label or derive(codebook, known).label
    if label not in codebook.by_code:
        raise NotAllowed(f"There is no label '{label}'.")
    step = unit.grade or grade(codebook, known, attached, label).grade
    return check_submission(codebook, answers, label, step, attached, unit.lowered_reason)
