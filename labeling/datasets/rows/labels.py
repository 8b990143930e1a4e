"""Labels and rulings as parts of a record."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from auditor.evidence.models import Reading
from labeling.adjudication.models import Ruling
from labeling.adjudication.queries import stages_of
from labeling.adjudication.standing import standing
from labeling.annotations.models import BLIND, LabelRevision, LabelUnit
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.parts import Codebook
from labeling.codebooks.rules import derive
from labeling.datasets.rows.people import People
from labeling.datasets.rows.texts import Texts
from labeling.queues.models import Round


def sorted_labels(labels: Iterable[LabelRevision], people: People) -> list[LabelRevision]:
    """By reviewer, as the release calls them, blind before final."""
    return sorted(labels, key=lambda one: (people.name(one.reviewer_id), one.stage != BLIND, one.number))


def standing_of(labels: Iterable[LabelRevision], round: Round) -> list[LabelRevision]:
    """Each reviewer's label that counts."""
    return standing(sorted(labels, key=lambda one: one.number), stages_of(round))


def label_record(
    label: LabelRevision,
    *,
    stands: bool,
    version: CodebookVersion,
    people: People,
    texts: Texts,
    keys: Mapping[int, str],
    relied: Mapping[int, Reading],
) -> dict[str, Any]:
    """One revision.

    Args:
        keys: the channel of each reading that had been seen.
        relied: the readings that reviewers point at, by id.
    """
    name = people.name(label.reviewer_id)
    people.met.add(str(name))
    units = list(label.units.all())
    numbers = {unit.pk: unit.number for unit in units}
    return {
        "reviewer": name,
        "stage": label.stage,
        "number": label.number,
        "stands": stands,
        "label": label.label,
        "derived_label": label.derived_label,
        "group": label.group,
        "grade": label.grade,
        "grade_cap": label.grade_cap,
        "answers": texts.redactor.everywhere(label.answers) if texts.redactor else label.answers,
        "confidence": label.confidence,
        "rationale": texts.written(label.rationale),
        "lowered_reason": texts.written(label.lowered_reason),
        "missing_tests": words_of(label.missing_tests),
        "spans": [
            {
                "kind": span.kind,
                "position": span.position,
                "part": span.part,
                "start": span.start,
                "end": span.end,
                "quote": texts.quote(span.quote, vars(span)),
                "unit": numbers[span.unit_id],
            }
            for span in label.spans.all()
        ],
        "units": [_unit(unit, texts) for unit in units],
        "flag": texts.written(label.flag),
        "evidence_seen": sorted({keys[reading] for reading in label.evidence_seen if reading in keys}),
        "relied_on": [_relied(one, relied, texts) for one in label.relied_on if one.get("reading") in relied],
        "active_seconds": label.active_seconds,
        "late": label.late,
        "at": moment_of(label.committed_at),
        "codebook": version.number,
        "codebook_digest": version.digest,
    }


def ruling_record(
    ruling: Ruling,
    *,
    codebook: Codebook,
    version: CodebookVersion,
    people: People,
    texts: Texts,
    labels: Mapping[int, LabelRevision],
) -> dict[str, Any]:
    """One ruling; `labels` are the item's revisions by id."""
    entry = codebook.by_code.get(ruling.label)
    return {
        "label": ruling.label,
        "words": entry.words if entry else ruling.label,
        "group": ruling.group,
        "grade": ruling.grade,
        "rule": ruling.rule,
        "number": ruling.number,
        "rule_number": ruling.rule_number,
        "reason_code": ruling.reason_code,
        "reason": texts.written(ruling.reason),
        "answers": texts.redactor.everywhere(ruling.answers) if texts.redactor else ruling.answers,
        "units": [texts.quoted(unit) for unit in ruling.units],
        "spans": [texts.quoted(span) for span in ruling.spans],
        "adjudicator": people.name(ruling.adjudicator_id),
        "took": people.reference(ruling.took),
        "mixed": {
            key: people.reference(labels[pk]) for key, pk in sorted(ruling.mixed.items()) if pk in labels
        },
        "cites": [people.reference(one) for one in sorted_labels(ruling.cites.all(), people)],
        "codebook": version.number,
        "codebook_digest": version.digest,
        "missing_tests": _missing(ruling, codebook),
        "at": moment_of(ruling.created_at),
    }


def moment_of(at: datetime) -> str:
    """A moment as the records have it."""
    return at.astimezone(UTC).isoformat()


def words_of(tests: Iterable[Any]) -> list[str]:
    """Missing tests by key, however the label kept them."""
    return [str(test.get("key", "")) if isinstance(test, dict) else str(test) for test in tests]


def _missing(ruling: Ruling, codebook: Codebook) -> Sequence[str]:
    if ruling.took is not None:
        return words_of(ruling.took.missing_tests)
    if ruling.adjudicator_id is None:
        agreeing = [one for one in ruling.cites.all() if one.label == ruling.label]
        return sorted({test for one in agreeing for test in words_of(one.missing_tests)})
    return [test.key for test in derive(codebook, ruling.answers).missing_tests]


def _unit(unit: LabelUnit, texts: Texts) -> dict[str, Any]:
    return {
        "number": unit.number,
        "position": unit.position,
        "part": unit.part,
        "start": unit.start,
        "end": unit.end,
        "quote": texts.quote(unit.quote, vars(unit)),
        "label": unit.label,
        "derived_label": unit.derived_label,
        "group": unit.group,
        "grade": unit.grade,
        "grade_cap": unit.grade_cap,
        "answers": texts.redactor.everywhere(unit.answers) if texts.redactor else unit.answers,
        "lowered_reason": texts.written(unit.lowered_reason),
        "missing_tests": words_of(unit.missing_tests),
    }


def _relied(cited: Mapping[str, Any], relied: Mapping[int, Reading], texts: Texts) -> dict[str, Any]:
    reading = relied[cited["reading"]]
    place = cited.get("place")
    return {
        "channel": reading.channel.key,
        "position": reading.position,
        "part": reading.part,
        "start": reading.start,
        "end": reading.end,
        "value": reading.value,
        "label": reading.label,
        "pointed": None
        if not place
        else {
            **{name: place.get(name) for name in ("position", "part", "start", "end")},
            "quote": texts.quote(place.get("quote"), place),
            "value": cited.get("value"),
        },
    }
