"""Which disagreements of reviewers become cases: axes, how far apart is too far, and what each weighs.

    Rules((Axis("label"), Axis("grade", beyond=2, weight=0.5), Axis("spans", of="misleads", beyond=0.5)))

An axis that is listed counts. A case opens as soon as one of them is beyond its limit; the weights
only order the cases that are open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labeling.adjudication.overlap import MEASURES
from labeling.codebooks.parts import Codebook

LABEL, GROUP, GRADE, QUESTION = "label", "group", "grade", "question"
SPANS, CONFIDENCE, FLAG, ESCALATED = "spans", "confidence", "flag", "escalated"
KINDS = (LABEL, GROUP, GRADE, QUESTION, SPANS, CONFIDENCE, FLAG, ESCALATED)
HEAVIEST = 10.0


class BadRules(ValueError):
    """The rules cannot be kept like this; the message says why."""


@dataclass(frozen=True)
class Axis:
    """One thing on which reviewers may differ."""

    kind: str  # one of KINDS
    of: str = ""  # the question's key, or the kind of span
    beyond: float = 0  # grade: steps apart; spans: overlap below; confidence: at most
    weight: float = 1
    measure: str = "spans"  # of spans: one of overlap.MEASURES

    @property
    def key(self) -> str:
        """Names the axis on cases and in addresses."""
        return f"{self.kind}:{self.of}" if self.of else self.kind


@dataclass(frozen=True)
class Rules:
    """What opens a case in a round."""

    axes: tuple[Axis, ...]
    own_rulings: bool = False  # whether somebody may rule on an item they labelled themselves

    def axis(self, kind: str, of: str = "") -> Axis | None:
        return next((axis for axis in self.axes if axis.kind == kind and axis.of == of), None)

    @property
    def looks_at_spans(self) -> bool:
        return any(axis.kind == SPANS for axis in self.axes)


DEFAULT = Rules((Axis(LABEL), Axis(GRADE, beyond=2, weight=0.5), Axis(FLAG), Axis(ESCALATED)))


def dump(axes: Iterable[Axis]) -> list[dict[str, Any]]:
    """The axes as JSON-clean data that `load` reads back to equal ones."""
    return [
        {"kind": a.kind, "of": a.of, "beyond": a.beyond, "weight": a.weight, "measure": a.measure}
        for a in axes
    ]


def load(data: Iterable[dict[str, Any]], *, own_rulings: bool = False) -> Rules:
    """The rules in plain data that `dump` made."""
    return Rules(tuple(Axis(**one) for one in data), own_rulings)


def check(rules: Rules, codebook: Codebook) -> None:
    """Refuse rules that mean nothing under this codebook.

    Raises:
        BadRules: the first thing that is wrong.
    """
    keys = [axis.key for axis in rules.axes]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise BadRules(f"{twice} is listed twice.")
    if not {LABEL, GROUP} & {axis.kind for axis in rules.axes}:
        raise BadRules("Labels or their groups have to count; without them nothing says what holds.")
    kinds = span_kinds(codebook)
    for axis in rules.axes:
        if axis.kind not in KINDS:
            raise BadRules(f"There is no axis '{axis.kind}'.")
        if not 0 <= axis.weight <= HEAVIEST:
            raise BadRules(f"{axis.key}: a weight is 0 to {HEAVIEST:g}.")
        if axis.kind == GRADE and not 1 <= axis.beyond <= max(1, len(codebook.grades) - 1):
            raise BadRules(f"Grades can be 1 to {len(codebook.grades) - 1} steps apart.")
        if axis.kind == CONFIDENCE and not 1 <= axis.beyond <= 5:
            raise BadRules("Confidence runs from 1 to 5.")
        if axis.kind == QUESTION and axis.of not in codebook.by_key:
            raise BadRules(f"The codebook has no question '{axis.of}'.")
        if axis.kind == SPANS:
            if axis.of not in kinds:
                raise BadRules(f"The codebook has no spans of kind '{axis.of}'.")
            if not 0 < axis.beyond <= 1:
                raise BadRules("An overlap is above 0 and at most 1.")
            if axis.measure not in MEASURES:
                raise BadRules(f"There is no measure '{axis.measure}'.")


def span_kinds(codebook: Codebook) -> tuple[str, ...]:
    """The kinds of span that the codebook asks for, in its order."""
    wanted = [code.needs_span for question in codebook.questions for code in question.codes]
    marked = [
        code.value for question in codebook.questions if question.kind == "span" for code in question.codes
    ]
    return tuple(dict.fromkeys(kind for kind in (*wanted, *marked) if kind))
