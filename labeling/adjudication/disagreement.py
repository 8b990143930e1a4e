"""How far the labels of an item lie apart, on which axes, and whether that makes a case; no database.

Each axis gives an amount from 0 to 1: the mean over all pairs of reviewers of how far the two lie
apart on it. An item's disagreement is the mean of the amounts of all axes that count, by weight.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from labeling.adjudication.caserules import (
    CONFIDENCE,
    ESCALATED,
    FLAG,
    GRADE,
    GROUP,
    LABEL,
    QUESTION,
    SPANS,
    Axis,
    Rules,
)
from labeling.adjudication.overlap import MEASURES, Place
from labeling.codebooks.parts import Codebook, Question
from labeling.codebooks.path import values_of

FLAG_SHOWN = 120  # characters of what a reviewer wrote beside a flag


@dataclass(frozen=True)
class Said:
    """What one reviewer's standing label says, as far as rules look at it."""

    label: str
    group: str
    grade: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    confidence: int | None = None
    flag: str = ""
    spans: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)  # by kind


@dataclass(frozen=True)
class Reason:
    """One axis that opens the case."""

    axis: str  # `Axis.key`
    words: str


@dataclass(frozen=True)
class Measured:
    """What the rules make of an item's labels."""

    disagreement: float  # 0 .. 1
    reasons: tuple[Reason, ...]  # none: the item is settled by the rule

    @property
    def words(self) -> list[str]:
        return [reason.words for reason in self.reasons]

    @property
    def axes(self) -> list[str]:
        return [reason.axis for reason in self.reasons]


def measure(
    codebook: Codebook, said: Sequence[Said], rules: Rules, *, escalation: str | None = None
) -> Measured:
    """The disagreement of these labels under the rules.

    Args:
        escalation: why the item was put before an adjudicator, None if it was not. An item that was
            makes a case whatever the rules, since nobody else will label it.
    """
    reasons: list[Reason] = []
    amounts: list[tuple[float, float]] = []  # amount, weight
    for axis in rules.axes:
        if axis.kind == ESCALATED:
            continue
        amount, words = _apart(codebook, said, axis)
        amounts.append((amount, axis.weight))
        if words:
            reasons.append(Reason(axis.key, words))
    if escalation is not None:
        axis = rules.axis(ESCALATED) or Axis(ESCALATED)
        amounts.append((1.0, axis.weight))
        reasons.append(Reason(ESCALATED, _with("escalated", escalation)))
    total = sum(weight for _, weight in amounts)
    score = sum(amount * weight for amount, weight in amounts) / total if total else 0.0
    return Measured(min(1.0, max(0.0, score)), tuple(reasons))


def _apart(codebook: Codebook, said: Sequence[Said], axis: Axis) -> tuple[float, str]:
    """How far the labels lie apart on one axis, and in words why that is too far (empty: it is not)."""
    if axis.kind == LABEL:
        return _differ(said, lambda one: one.label, "label differs")
    if axis.kind == GROUP:
        return _differ(said, lambda one: one.group, "group differs")
    if axis.kind == GRADE:
        return _grades(codebook, said, axis)
    if axis.kind == QUESTION:
        question = codebook.by_key[axis.of]
        amount = _mean(_answers_apart(question, a, b) for a, b in _pairs(said, axis.of))
        return amount, f"{named(axis.of).lower()} differs" if amount > 0 else ""
    if axis.kind == SPANS:
        alike = [MEASURES[axis.measure](a, b) for a, b in _spans(said, axis.of)]
        worst = min(alike, default=1.0)
        return 1 - _mean(alike) if alike else 0.0, (
            f"{axis.of} spans overlap {worst:.1f}" if worst < axis.beyond else ""
        )
    if axis.kind == CONFIDENCE:
        low = [one.confidence for one in said if one.confidence is not None and one.confidence <= axis.beyond]
        return (len(low) / len(said) if said else 0.0), f"confidence {min(low)}" if low else ""
    if axis.kind == FLAG:
        flags = [one.flag for one in said if one.flag]
        return float(bool(flags)), _with("flagged", "; ".join(flags)) if flags else ""
    raise ValueError(f"no measure for the axis {axis.kind}")


def _differ(said: Sequence[Said], of: Callable[[Said], str], words: str) -> tuple[float, str]:
    amount = _mean(float(of(a) != of(b)) for a, b in combinations(said, 2))
    return amount, words if amount > 0 else ""


def _grades(codebook: Codebook, said: Sequence[Said], axis: Axis) -> tuple[float, str]:
    heights = [codebook.ladder[one.grade] for one in said]
    top = max(1, len(codebook.grades) - 1)
    widest = max(heights, default=0) - min(heights, default=0)
    amount = _mean(abs(a - b) / top for a, b in combinations(heights, 2))
    return amount, f"grades {widest} steps apart" if widest >= axis.beyond else ""


def _answers_apart(question: Question, a: Any, b: Any) -> float:
    """0 for equal answers, 1 for answers with nothing in common; no answer is an answer of its own."""
    if a == b:
        return 0.0
    if a is None or b is None:
        return 1.0
    if question.kind == "scale":
        return abs(int(a) - int(b)) / (question.high - question.low)
    if question.kind in ("multiple", "span"):
        ours, theirs = set(values_of(a)), set(values_of(b))
        return 1 - len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0
    return 1.0


def _pairs(said: Sequence[Said], key: str) -> list[tuple[Any, Any]]:
    return list(combinations([one.answers.get(key) for one in said], 2))


def _spans(said: Sequence[Said], kind: str) -> list[tuple[tuple[Place, ...], tuple[Place, ...]]]:
    return list(combinations([one.spans.get(kind, ()) for one in said], 2))


def _mean(amounts: Iterable[float]) -> float:
    found = list(amounts)
    return sum(found) / len(found) if found else 0.0


def _with(word: str, text: str) -> str:
    text = " ".join(text.split())
    if len(text) > FLAG_SHOWN:
        text = text[: FLAG_SHOWN - 1] + "…"
    return f"{word}: {text}" if text else word


def named(key: str) -> str:
    """A question's key as a person would write it."""
    return key.replace("_", " ").capitalize()
