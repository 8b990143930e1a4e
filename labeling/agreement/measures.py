"""What of a label can be compared: the label itself, its group and grade, and each question of the codebook."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from labeling.agreement.spans import Span
from labeling.codebooks.parts import Codebook, Question

NOMINAL, ORDINAL, SETS, SPANS = "nominal", "ordinal", "sets", "spans"
ASKED = "q."  # how measures that are questions begin
MARKED = "span."  # how measures that are kinds of marked words begin
SEVERAL = ("multiple", "span")  # kinds of question whose answer is a set of codes
OF_COLUMNS = ("label", "group", "grade", "confidence")


class Said(Protocol):
    """A standing label, as far as it is compared."""

    @property
    def item(self) -> int: ...
    @property
    def reviewer(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def grade(self) -> str: ...
    @property
    def confidence(self) -> int | None: ...
    @property
    def answers(self) -> Mapping[str, Any]: ...
    @property
    def spans(self) -> Sequence[Span]: ...


@dataclass(frozen=True)
class Measure:
    """One thing that labels may agree on."""

    key: str
    name: str
    scale: str  # nominal, ordinal, sets, spans
    values: tuple[Hashable, ...] = ()  # what it can be; of a ladder in its order
    words: tuple[str, ...] = ()  # the same for people

    def value_of(self, said: Said) -> Hashable | None:
        """What a label says; None where nothing was said, as for a question that was not asked."""
        if self.key in OF_COLUMNS:
            found: Hashable | None = getattr(said, self.key)
            return found
        answer = said.answers.get(self.key.removeprefix(ASKED))
        if answer is None or self.scale == SPANS:
            return None
        return frozenset(answer) if isinstance(answer, list | tuple) else answer

    def word(self, value: object) -> str:
        """A value for people."""
        if isinstance(value, frozenset):
            return " + ".join(sorted(self.word(one) for one in value)) or "none"
        known = dict(zip(self.values, self.words, strict=True))
        return known.get(value, str(value)) if isinstance(value, Hashable) else str(value)


def measures_of(codebook: Codebook) -> tuple[Measure, ...]:
    """Everything that labels by this codebook can be compared on, the label first."""
    labels, groups, grades = codebook.labels, codebook.groups, codebook.grades
    return (
        Measure("label", "Label", NOMINAL, tuple(one.code for one in labels), tuple(one.words for one in labels)),
        Measure("group", "Group", NOMINAL, tuple(one.key for one in groups), tuple(one.words for one in groups)),
        Measure(
            "grade", "Grade", ORDINAL, tuple(one.code for one in grades),
            tuple(f"{one.code} {one.words}" for one in grades),
        ),
        Measure("confidence", "Confidence", ORDINAL, (1, 2, 3, 4, 5), ("1", "2", "3", "4", "5")),
        *(_asked(question) for question in codebook.questions if _is_compared(question)),
    )  # fmt: skip


def span_measures(kinds: Sequence[str]) -> tuple[Measure, ...]:
    """A measure for each kind of words that the codebook lets people mark."""
    return tuple(Measure(f"{MARKED}{kind}", f"Words marked as {kind}", SPANS) for kind in kinds)


def _is_compared(question: Question) -> bool:
    """Free text is not; confidence has a column of its own."""
    return question.kind != "text" and question.key != "confidence"


def _asked(question: Question) -> Measure:
    name = question.key.replace("_", " ").capitalize()
    if question.kind == "scale":
        steps = tuple(range(question.low, question.high + 1))
        return Measure(ASKED + question.key, name, ORDINAL, steps, tuple(map(str, steps)))
    scale = SETS if question.kind in SEVERAL else NOMINAL
    codes = question.codes
    return Measure(
        ASKED + question.key, name, scale, tuple(c.value for c in codes), tuple(c.words for c in codes)
    )
