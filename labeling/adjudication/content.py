"""What a ruling holds: a label with its grade and answers, its units, and the words it rests on.

Units and spans are kept as JSON with the ruling, so that a ruling stands by itself whatever becomes
of the labels it was made from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.annotations.models import LabelRevision, LabelSpan, LabelUnit


@dataclass(frozen=True)
class Held:
    """What an item is held to be."""

    label: str
    grade: str
    answers: dict[str, Any]
    units: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)


def taken(label: LabelRevision) -> Held:
    """A reviewer's label as it stands; its units and spans loaded or to be loaded."""
    units = list(label.units.all())
    numbers = {unit.pk: unit.number for unit in units}
    return Held(
        label.label, label.grade, dict(label.answers), [unit_of(unit, unit.number) for unit in units],
        spans_of(label.spans.all(), numbers),
    )  # fmt: skip


def unit_of(unit: LabelUnit, number: int) -> dict[str, Any]:
    """A reviewer's unit, as the unit of this number."""
    return {
        "number": number, "position": unit.position, "part": unit.part, "start": unit.start, "end": unit.end,
        "quote": unit.quote, "label": unit.label, "group": unit.group, "grade": unit.grade,
        "answers": dict(unit.answers),
    }  # fmt: skip


def whole(label: str, group: str, grade: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The unit that stands for the whole transcript."""
    return {
        "number": 0, "position": None, "part": "", "start": None, "end": None, "quote": "",
        "label": label, "group": group, "grade": grade, "answers": dict(answers),
    }  # fmt: skip


def spans_of(spans: Iterable[LabelSpan], numbers: Mapping[int, int]) -> list[dict[str, Any]]:
    """The spans in reading order; words that several people marked alike for one unit come once.

    `numbers` are those of the units by id; spans of other units belong to the first, 0.
    """
    found = {
        (span.position, span.part, span.start, span.end, span.kind, numbers.get(span.unit_id, 0)): {
            "kind": span.kind, "position": span.position, "part": span.part, "start": span.start,
            "end": span.end, "quote": span.quote, "unit": numbers.get(span.unit_id, 0),
        }
        for span in spans
    }  # fmt: skip
    return [found[key] for key in sorted(found)]
