"""Labels and rulings as parts of a record."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from labeling.adjudication.queries import stages_of
from labeling.adjudication.standing import standing
from labeling.annotations.models import BLIND
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.parts import Codebook
from labeling.codebooks.rules import derive
from labeling.datasets.rows.fetching import LabelRow, RulingRow
from labeling.datasets.rows.people import People
from labeling.datasets.rows.texts import Texts
from labeling.queues.models import Round

FULL = len("2026-11-27 14:00:00.123456+00")


class Relied(NamedTuple):
    """A reading that a reviewer points at."""

    channel: str
    position: int | None
    part: str
    start: int | None
    end: int | None
    value: float | None
    label: str


def sorted_labels(labels: Iterable[LabelRow], people: People) -> list[LabelRow]:
    """By reviewer, as the release calls them, blind before final."""
    return sorted(labels, key=lambda one: (people.name(one.reviewer_id), one.stage != BLIND, one.number))


def standing_of(labels: Iterable[LabelRow], round: Round) -> list[LabelRow]:
    """Each reviewer's label that counts."""
    return standing(labels, stages_of(round))


def label_record(
    label: LabelRow,
    *,
    stands: bool,
    version: CodebookVersion,
    people: People,
    texts: Texts,
    keys: Mapping[int, str],
    relied: Mapping[int, Relied],
) -> dict[str, Any]:
    """One revision, made of the label's row, whose units and spans are used up.

    Args:
        keys: the channel of each reading that had been seen.
        relied: the readings that reviewers point at, by id.
    """
    name = people.name(label.reviewer_id)
    people.met.add(str(name))
    seen, cited, units, spans = label.evidence_seen, label.relied_on, label.units, label.spans
    answers = label.answers
    written: tuple[str | None, ...] = (label.rationale, label.lowered_reason, label.flag)
    if not texts.has_all:  # else they are what stands there
        for part in (*units, *spans):
            part["quote"] = texts.quote(part["quote"], part)
    if texts.covers or not texts.definition.rationales:
        written = tuple(texts.written(words) for words in (label.rationale, label.lowered_reason, label.flag))
        for unit in units:
            unit["lowered_reason"] = texts.written(unit["lowered_reason"])
    if texts.covers:
        answers = texts.redactor.everywhere(answers)
        for unit in units:
            unit["answers"] = texts.redactor.everywhere(unit["answers"])
    rationale, lowered, flag = written
    return {
        "reviewer": name, "stage": label.stage, "number": label.number, "stands": stands, "label": label.label,
        "derived_label": label.derived_label, "group": label.group, "grade": label.grade, "grade_cap": label.grade_cap,
        "answers": answers, "confidence": label.confidence, "rationale": rationale, "lowered_reason": lowered,
        "missing_tests": label.missing_tests, "units": units, "spans": spans, "flag": flag,
        "evidence_seen": sorted({keys[reading] for reading in seen if reading in keys}) if seen else [],
        "relied_on": [_relied(one, relied, texts) for one in cited if one.get("reading") in relied] if cited else [],
        "active_seconds": label.active_seconds, "late": label.late, "at": moment_of(label.at),
        "codebook": version.number, "codebook_digest": version.digest,
    }  # fmt: skip


def ruling_record(
    ruling: RulingRow,
    *,
    codebook: Codebook,
    version: CodebookVersion,
    people: People,
    texts: Texts,
    labels: Mapping[int, LabelRow],
) -> dict[str, Any]:
    """One ruling; `labels` are the item's revisions by id."""
    said = ruling.said
    entry = codebook.by_code.get(said["label"])
    took = labels.get(ruling.took_id) if ruling.took_id is not None else None
    cites = [labels[pk] for pk in ruling.cites if pk in labels]
    return {
        **said,
        "words": entry.words if entry else said["label"],
        "reason": texts.written(said["reason"]),
        "answers": texts.redactor.everywhere(said["answers"]) if texts.covers else said["answers"],
        "units": [one if texts.has_all and "quote" in one else texts.quoted(one) for one in said["units"]],
        "spans": [one if texts.has_all and "quote" in one else texts.quoted(one) for one in said["spans"]],
        "adjudicator": people.name(ruling.adjudicator_id),
        "took": people.reference(took),
        "mixed": {
            key: people.reference(labels[pk]) for key, pk in sorted(ruling.mixed.items()) if pk in labels
        },
        "cites": [people.reference(one) for one in sorted_labels(cites, people)],
        "codebook": version.number,
        "codebook_digest": version.digest,
        "missing_tests": _missing(ruling, took, cites, codebook),
        "at": moment_of(ruling.at),
    }


def moment_of(at: str) -> str:
    """A moment as the records have it, in UTC with the microseconds that it has, from how the database writes it."""
    if len(at) == FULL and at.endswith("+00"):  # as it nearly always comes
        return f"{at[:10]}T{at[11:]}:00"
    return datetime.fromisoformat(at).astimezone(UTC).isoformat()


def _missing(
    ruling: RulingRow, took: LabelRow | None, cites: Sequence[LabelRow], codebook: Codebook
) -> Sequence[str]:
    if took is not None:
        return took.missing_tests
    if ruling.adjudicator_id is None:
        agreeing = [one for one in cites if one.label == ruling.said["label"]]
        return sorted({test for one in agreeing for test in one.missing_tests})
    return [test.key for test in derive(codebook, ruling.said["answers"]).missing_tests]


def _relied(cited: Mapping[str, Any], relied: Mapping[int, Relied], texts: Texts) -> dict[str, Any]:
    place = cited.get("place")
    return {
        **relied[cited["reading"]]._asdict(),
        "pointed": None
        if not place
        else {
            **{name: place.get(name) for name in ("position", "part", "start", "end")},
            "quote": texts.quote(place.get("quote"), place),
            "value": cited.get("value"),
        },
    }
