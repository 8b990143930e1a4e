"""How far the evidence lets anyone speak of intent, and the gate no stored label passes above it.

A grade is a step of the codebook's ladder (I0 ... I4). A step is reached when its own needs and
those of every step below it hold, and never above the label's own ceiling. What counts as evidence
for a step is fixed here and not by the codebook:

- spans (`truth`, `misleads`) and tests (`belief_check`, `resample`, `counterfactual`,
  `alternatives`, `positive_control`) count at every step;
- `self_report` counts up to the third step (I2): a confession is no proof of a motive;
- judges, probes, SAE features and every kind not named count up to the second (I1): they
  say where to look, and cannot say why it was done.

Needs never ask for the absence of evidence (the reader refuses that), so attaching evidence can
never lower a grade and removing it can never raise one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from labeling.codebooks.conditions import Answer, Answers
from labeling.codebooks.parts import Codebook
from labeling.codebooks.path import BadAnswer, check_answers, next_question, prune
from labeling.codebooks.rules import Derived, derive

# Height of the highest step at which a kind of evidence still counts; a kind not named: APPEARANCE.
COUNTS_UP_TO: Mapping[str, int] = {
    "truth": 9,
    "misleads": 9,
    "belief_check": 9,
    "resample": 9,
    "counterfactual": 9,
    "alternatives": 9,
    "positive_control": 9,
    "self_report": 2,
}
APPEARANCE = 1


class NotAllowed(Exception):
    """A label or grade that the answers and the evidence do not carry; the message says why."""


@dataclass(frozen=True)
class Graded:
    """The highest grade that answers and evidence carry together."""

    grade: str
    claimed: str  # what the answers alone would carry, were all the evidence attached
    why: str
    next_step: str  # what the next grade takes; empty at the label's ceiling

    @property
    def cap(self) -> str:
        """Nothing above this may be stored; a person may go below it with a reason."""
        return self.grade


@dataclass(frozen=True)
class Submission:
    """What may be stored: checked, with answers to questions no longer asked left out."""

    answers: dict[str, Answer]
    derived: Derived
    graded: Graded
    label: str
    grade: str
    lowered_reason: str


def grade(
    codebook: Codebook, answers: Answers, evidence_kinds: frozenset[str], label: str | None = None
) -> Graded:
    """The grade of these answers with this evidence, for the derived label or for a lower one."""
    code = label if label is not None else derive(codebook, answers).label
    ceiling = codebook.ladder[codebook.by_code[code].max_grade]
    reached, next_step = _climb(codebook, answers, evidence_kinds, ceiling)
    everything = evidence_kinds | COUNTS_UP_TO.keys()
    claimed, _ = _climb(codebook, answers, everything, ceiling)
    step = codebook.grades[reached]
    if ceiling == 0:
        why = f"{codebook.by_code[code].words} carries no intent grade."
    elif reached < claimed:
        top = codebook.grades[claimed]
        why = f"{step.definition} The answers speak for {top.code}; the evidence attached does not yet."
    else:
        why = step.definition
    return Graded(step.code, codebook.grades[claimed].code, why, next_step)


def lower_labels(codebook: Codebook, derived: str) -> tuple[str, ...]:
    """The labels a person may put in place of the derived one, most severe first.

    These are the open label and every label of strictly lower severity. In place of the open label
    none: who knows more than "undetermined" answers the questions so that the label follows.
    """
    label = codebook.by_code[derived]
    if label.open:
        return ()
    lower = [other for other in codebook.labels if other.open or other.severity < label.severity]
    return tuple(
        other.code for other in sorted(lower, key=lambda other: -other.severity) if other is not label
    )


def check_submission(
    codebook: Codebook,
    answers: Answers,
    label: str,
    grade: str,
    evidence_kinds: frozenset[str],
    lowered_reason: str = "",
) -> Submission:
    """The one gate before a label is stored, for forms and API alike.

    Raises:
        NotAllowed: an answer is unknown or missing; the label is neither the derived one nor one
            below it (`lower_labels`); the grade is above what answers and evidence carry; or
            something was lowered without a reason.
    """
    try:
        check_answers(codebook, answers)
    except BadAnswer as error:
        raise NotAllowed(str(error)) from error
    kept = prune(codebook, answers)
    unanswered = next_question(codebook, kept)
    if unanswered is not None:
        raise NotAllowed(f"Still to answer: {unanswered.text}")
    derived = derive(codebook, kept)
    _check_label(codebook, derived, label)
    if grade not in codebook.ladder:
        raise NotAllowed(f"There is no grade '{grade}'.")
    graded = _grade(codebook, kept, evidence_kinds, label)
    if codebook.ladder[grade] > codebook.ladder[graded.grade]:
        needed = f" {graded.next_step}" if graded.next_step else ""
        raise NotAllowed(f"{grade} is above {graded.grade}, the most that the evidence carries.{needed}")
    reason = lowered_reason.strip()
    if not reason and (label != derived.label or grade != graded.grade):
        raise NotAllowed("A label or grade below the derived one needs a reason.")
    return Submission(kept, derived, graded, label, grade, reason)


def _check_label(codebook: Codebook, derived: Derived, label: str) -> None:
    if label not in codebook.by_code:
        raise NotAllowed(f"There is no label '{label}'.")
    if label != derived.label and label not in lower_labels(codebook, derived.label):
        given, follows = codebook.by_code[label], codebook.by_code[derived.label]
        raise NotAllowed(
            f"The answers lead to {follows.words} ({derived.why}); {given.words} is not below it. "
            "Change an answer so that the label follows."
        )


def _climb(codebook: Codebook, answers: Answers, evidence: frozenset[str], ceiling: int) -> tuple[int, str]:
    """The height reached, and what stops it; every step asks anew with the evidence that counts there."""
    for height in range(1, ceiling + 1):
        counting = frozenset(kind for kind in evidence if COUNTS_UP_TO.get(kind, APPEARANCE) >= height)
        facts = codebook.facts(answers, counting)
        for step in codebook.grades[1 : height + 1]:
            for need in step.needs:
                if not need.when.holds(facts):
                    return height - 1, need.otherwise
    return ceiling, ""


_grade = grade  # `check_submission` takes a grade of that name
