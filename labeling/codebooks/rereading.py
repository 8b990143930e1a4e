"""What becomes of a committed label when its answers are read by another version of the codebook."""

from dataclasses import dataclass

from labeling.codebooks.conditions import Answer, Answers
from labeling.codebooks.grades import grade, lower_labels
from labeling.codebooks.parts import Codebook
from labeling.codebooks.path import BadAnswer, check_answers, next_question, prune, values_of
from labeling.codebooks.rules import derive

GONE = "gone"  # an answer no longer exists
ASKS = "asks"  # a question is asked now that was not answered then
MOVES = "moves"  # another label follows
GRADE = "grade"  # the same label, and evidence carries another grade
UNCHANGED = "unchanged"
KINDS = (GONE, ASKS, MOVES, GRADE, UNCHANGED)  # the first that holds says what a label of several units is


@dataclass(frozen=True)
class Said:
    """A label as it was committed, or one unit of it."""

    answers: Answers
    label: str
    derived: str
    grade: str
    cap: str
    evidence: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for what reads alike, so that many labels need reading once."""
        answers = tuple(sorted((name, values_of(answer)) for name, answer in self.answers.items()))
        return (answers, self.label, self.derived, self.grade, self.cap, self.evidence)


@dataclass(frozen=True)
class Reread:
    """What the answers lead to now."""

    kind: str
    label: str = ""  # what would stand; empty where answers are gone or missing
    grade: str = ""
    why: str = ""  # the answer that is gone, or the question that is new


def reread(codebook: Codebook, said: Said) -> Reread:
    """The label that would stand, were these answers committed under this codebook with the same evidence.

    A label that was lowered stays lowered while it lies below the one that follows, and so does a grade.
    """
    for key, answer in said.answers.items():
        if lost := _lost(codebook, key, answer):
            return Reread(GONE, why=lost)
    answers = prune(codebook, said.answers)
    waiting = next_question(codebook, answers)
    if waiting is not None:
        return Reread(ASKS, why=waiting.text)
    derived = derive(codebook, answers).label
    lowered = said.label != said.derived and said.label in lower_labels(codebook, derived)
    label = said.label if lowered else derived
    cap = grade(codebook, answers, said.evidence, label).grade
    step = said.grade if said.grade != said.cap and _below(codebook, said.grade, cap) else cap
    if label != said.label:
        return Reread(MOVES, label, step)
    return Reread(UNCHANGED if step == said.grade else GRADE, label, step)


def _lost(codebook: Codebook, key: str, answer: Answer) -> str:
    """The answer in words if the codebook no longer takes it; empty if it does."""
    try:
        check_answers(codebook, {key: answer})
    except BadAnswer:
        return f"{key}: {', '.join(values_of(answer))[:80]}"
    return ""


def _below(codebook: Codebook, step: str, cap: str) -> bool:
    return step in codebook.ladder and codebook.ladder[step] < codebook.ladder[cap]
