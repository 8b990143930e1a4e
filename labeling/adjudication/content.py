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
    """A reviewer's label as it stands."""
    return Held(label.label, label.grade, dict(label.answers), units_of(label), spans_of(label.spans.all()))


def units_of(label: LabelRevision) -> list[dict[str, Any]]:
    """The units of a label; one for the whole transcript if it has no others."""
    return [whole(label.label, label.group, label.grade, label.answers)]


def whole(label: str, group: str, grade: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The unit that stands for the whole transcript."""
    return {
        "number": 0, "position": None, "part": "", "start": None, "end": None, "quote": "",
        "label": label, "group": group, "grade": grade, "answers": dict(answers),
    }  # fmt: skip


def spans_of(spans: Iterable[LabelSpan]) -> list[dict[str, Any]]:
    """The spans in reading order; words that several people marked alike come once."""
    found = {
        (span.position, span.part, span.start, span.end, span.kind): {
            "kind": span.kind, "position": span.position, "part": span.part, "start": span.start,
            "end": span.end, "quote": span.quote, "unit": 0,
        }
        for span in spans
    }  # fmt: skip
    return [found[key] for key in sorted(found)]
