"""What a ruling holds: a label with its grade and answers, its units, and the words it rests on.

Units and spans are kept as JSON with the ruling, so that a ruling stands by itself whatever becomes
of the labels it was made from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.annotations.models import LabelRevision, LabelSpan


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
    return Held(
        label.label, label.grade, dict(label.answers), units_of(label), spans_of(label.spans.all(), label)
    )


def units_of(label: LabelRevision) -> list[dict[str, Any]]:
    """The units of a label, in its own order."""
    return [
        {
            "number": unit.number, "position": unit.position, "part": unit.part, "start": unit.start,
            "end": unit.end, "quote": unit.quote, "label": unit.label, "group": unit.group, "grade": unit.grade,
            "answers": dict(unit.answers),
        }
        for unit in label.units.all()
    ]  # fmt: skip


def whole(label: str, group: str, grade: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The unit that stands for the whole transcript."""
    return {
        "number": 0, "position": None, "part": "", "start": None, "end": None, "quote": "",
        "label": label, "group": group, "grade": grade, "answers": dict(answers),
    }  # fmt: skip


def spans_of(spans: Iterable[LabelSpan], label: LabelRevision | None = None) -> list[dict[str, Any]]:
    """The spans in reading order; words that several people marked alike come once.

    Of a label each names the number of its unit; without one all belong to the only unit, 0.
    """
    numbers = {unit.pk: unit.number for unit in label.units.all()} if label is not None else {}
    found = {
        (span.position, span.part, span.start, span.end, span.kind, numbers.get(span.unit_id, 0)): {
            "kind": span.kind, "position": span.position, "part": span.part, "start": span.start,
            "end": span.end, "quote": span.quote, "unit": numbers.get(span.unit_id, 0),
        }
        for span in spans
    }  # fmt: skip
    return [found[key] for key in sorted(found)]
