"""One verdict as it stands beside its transcript: its words, what it cites and where, what it was read from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.corpus.document import Mark
from auditor.evidence.quotes import EXACT, NOT_FOUND
from auditor.judging.expected import Expected
from auditor.judging.models import Verdict
from auditor.judging.rubric import Dimension, Rubric

CLASSES = {
    EXACT: "exact",
    "normalised": "other spacing or punctuation",
    "elided": "in pieces",
    "in_arguments": "in tool arguments",
    "in_reasoning": "in the reasoning",
    NOT_FOUND: "not found",
}
WIDEST = 31  # steps of a bar
MOST_BARS = 30  # numbers of one distribution that are listed


@dataclass(frozen=True)
class Cited:
    """Words that the verdict cites."""

    text: str
    found: bool
    status: str  # in words
    supports: str  # the dimension's name; empty: none is named
    letter: str
    ident: str  # of its mark
    position: int | None

    @property
    def number(self) -> int | None:
        """What people call the message."""
        return None if self.position is None else self.position + 1


@dataclass(frozen=True)
class Valued:
    """One dimension and what was said on it."""

    name: str
    value: Any  # a number, or a label's name; None: nothing
    scale: str  # "0 to 100", or empty
    definition: str
    expected: Expected | None
    bars: tuple[tuple[str, float, int], ...]  # what, probability, width


@dataclass(frozen=True)
class Beside:
    """Everything of one verdict that the page shows."""

    label: str  # its name; empty where there is none
    values: tuple[Valued, ...]
    quotes: tuple[Cited, ...]
    marks: tuple[Mark, ...]
    uncited: tuple[str, ...]  # names of dimensions whose value needs words and has none


def beside(verdict: Verdict, rubric: Rubric) -> Beside:
    """The verdict in the words of its rubric."""
    names = {label.key: label.name for label in rubric.labels}
    quotes = tuple(_cited(at, one, rubric) for at, one in enumerate(verdict.quotes))
    marks = tuple(
        Mark(
            one["position"], one["part"], one["start"], one["end"], "quote", css="judge", label=cited.letter,
            ident=cited.ident, title="cited by this verdict",
        )
        for one, cited in zip(verdict.quotes, quotes, strict=True)
        if cited.found
    )  # fmt: skip
    uncited = [rubric.by_key[key].name for key in verdict.detail.get("uncited", []) if key in rubric.by_key]
    return Beside(
        names.get(verdict.label, verdict.label), _values(verdict, rubric), quotes, marks, tuple(uncited)
    )


def _cited(at: int, one: Mapping[str, Any], rubric: Rubric) -> Cited:
    found = one["status"] != NOT_FOUND and one.get("position") is not None and one.get("start") is not None
    supports = rubric.by_key.get(one.get("supports", ""))
    position = one["position"] if found else one.get("hint")
    return Cited(
        one["text"], found, CLASSES.get(one["status"], one["status"]), supports.name if supports else "",
        _letter(at) if found else "", f"v{at}" if found else "", position,
    )  # fmt: skip


def _letter(at: int) -> str:
    """a to z, then aa."""
    return chr(97 + at) if at < 26 else _letter(at // 26 - 1) + chr(97 + at % 26)


def _values(verdict: Verdict, rubric: Rubric) -> tuple[Valued, ...]:
    kept = verdict.detail.get("expected", {})
    made = []
    for key, dimension in rubric.by_key.items():
        value = named(verdict.values.get(key), dimension)
        expected = Expected.from_json(kept[key]) if key in kept else None
        scale = "" if dimension.words else f"{dimension.lo} to {dimension.hi}"
        bars = _bars(expected) if expected is not None else ()
        made.append(Valued(dimension.name, value, scale, dimension.definition, expected, bars))
    return tuple(made)


def _bars(expected: Expected) -> tuple[tuple[str, float, int], ...]:
    """The likeliest numbers and what is no number, each with a width beside the likeliest of all."""
    shares: list[tuple[str, float]] = sorted(
        ((str(number), p) for number, p in expected.distribution.items()), key=lambda one: -one[1]
    )[:MOST_BARS]
    shares.sort(key=lambda one: int(one[0]))
    others = sum(expected.others.values())
    shares += [("no number", others)] if others > 0 else []
    most = max((p for _, p in shares), default=0.0)
    return tuple((what, p, max(1, round(WIDEST * p / most)) if p > 0 else 0) for what, p in shares)


def spoken(values: Mapping[str, Any], rubric: Rubric) -> list[tuple[str, Any]]:
    """What was said on each dimension in the rubric's order: its name, and a number or a label's name."""
    return [(one.name, named(values.get(one.key), one)) for one in rubric.dimensions if one.key in values]


def named(value: Any, dimension: Dimension) -> Any:
    """A label by its name; anything else as it is."""
    if not isinstance(value, str):
        return value
    return next((label.name for label in dimension.labels if label.key == value), value)


def placed(quotes: Sequence[Cited]) -> int | None:
    """The message that a page opens at: of the first words that were found."""
    return next((one.position for one in quotes if one.found), None)
