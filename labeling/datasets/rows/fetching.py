"""What a release reads of its items, a few statements for a whole chunk; the database writes the parts of records itself.

A row of labels, rulings or messages has some twenty columns, and there are dozens of them to a record: as one JSON text an
item they come many times faster than as objects. Nothing is left out or covered here, which is for `texts` to do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from auditor.corpus.models import Segment
from auditor.corpus.queries import array_of, array_text, messages_of

Part = dict[str, Any]

LABELS = """
SELECT json_agg(json_build_array(
    r.item_id, r.id, r.reviewer_id, r.codebook_version_id, r.committed_at, r.evidence_seen, r.relied_on, json_build_object(
        'stage', r.stage, 'number', r.number, 'label', r.label, 'derived_label', r.derived_label, 'group', r."group",
        'grade', r.grade, 'grade_cap', r.grade_cap, 'answers', r.answers, 'confidence', r.confidence,
        'rationale', r.rationale, 'lowered_reason', r.lowered_reason, 'missing_tests', r.missing_tests, 'flag', r.flag,
        'active_seconds', r.active_seconds, 'late', r.late)) ORDER BY r.id)::text
FROM annotations_labelrevision r WHERE r.item_id = ANY(%s::bigint[]) AND r.committed_at <= %s
"""
UNITS = """
SELECT json_agg(json_build_array(u.revision_id, u.id, json_build_object(
    'number', u.number, 'position', u.position, 'part', u.part, 'start', u.start, 'end', u."end",
    'quote', u.quote, 'label', u.label, 'derived_label', u.derived_label, 'group', u."group", 'grade', u.grade,
    'grade_cap', u.grade_cap, 'answers', u.answers, 'lowered_reason', u.lowered_reason,
    'missing_tests', u.missing_tests)) ORDER BY u.number)::text
FROM annotations_labelunit u WHERE u.revision_id = ANY(%s::bigint[])
"""
SPANS = """
SELECT json_agg(json_build_array(s.revision_id, s.unit_id, json_build_object(
    'kind', s.kind, 'position', s.position, 'part', s.part, 'start', s.start, 'end', s."end", 'quote', s.quote
    )) ORDER BY s.position, s.start, s.id)::text
FROM annotations_labelspan s WHERE s.revision_id = ANY(%s::bigint[])
"""
RULINGS = """
SELECT r.item_id, json_agg(json_build_array(
    r.id, r.adjudicator_id, r.took_id, r.codebook_version_id, r.created_at, r.mixed,
    coalesce((SELECT json_agg(c.labelrevision_id) FROM adjudication_ruling_cites c WHERE c.ruling_id = r.id), '[]'),
    json_build_object(
        'label', r.label, 'group', r."group", 'grade', r.grade, 'rule', r.rule, 'number', r.number,
        'rule_number', r.rule_number, 'reason_code', r.reason_code, 'reason', r.reason, 'answers', r.answers,
        'units', r.units, 'spans', r.spans)) ORDER BY r.number)::text
FROM adjudication_ruling r WHERE r.item_id = ANY(%s::bigint[]) AND r.created_at <= %s GROUP BY r.item_id
"""
TRANSCRIPTS = """
SELECT t.id, t.external_id, t.record_digest, t.ordinal, t.fingerprint, t.prompt_digest, t.model_name,
    t.conditions::text, t.metadata::text, t.warnings::text, p.record_digest, p.ordinal, t.shared,
    f.name, f.digest, f.size, f.format, b.format, t.place::text
FROM corpus_transcript t LEFT JOIN corpus_transcript p ON p.id = t.parent_id
LEFT JOIN corpus_importfile f ON f.id = t.file_id JOIN corpus_importbatch b ON b.id = t.batch_id
WHERE t.id = ANY(%s::bigint[])
"""
MESSAGES = """
SELECT transcript_id, json_agg(json_build_object('position', position, 'role', role, 'text', text, 'reasoning', reasoning,
    'parts', parts, 'source_id', source_id, 'model', model_name) ORDER BY position)::text
FROM corpus_message WHERE transcript_id = ANY(%s::bigint[]) GROUP BY transcript_id
"""
ITEMS = """
SELECT i.id, i.escalated_at, i.escalation, d.stratum, d."order", d.probability, d.overall
FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(item, drawn)
JOIN queues_item i ON i.id = wanted.item JOIN sampling_sampleitem d ON d.id = wanted.drawn
"""


class LabelRow:
    """A label revision: what is asked of it, and the part of the record that it becomes."""

    __slots__ = (
        "answers", "at", "evidence_seen", "grade", "label", "late", "number", "pk", "relied_on", "reviewer_id", "said", "stage",
        "version_id",
    )  # fmt: skip

    def __init__(
        self, pk: int, reviewer_id: int, version_id: int, at: str, evidence_seen: list[int], relied_on: list[Part],
        said: Part,
    ) -> None:  # fmt: skip
        self.pk, self.reviewer_id, self.version_id, self.at = pk, reviewer_id, version_id, at
        self.evidence_seen, self.relied_on, self.said = evidence_seen, relied_on, said
        self.stage: str = said["stage"]
        self.number: int = said["number"]
        self.late: bool = said["late"]
        self.label: str = said["label"]
        self.grade: str = said["grade"]
        self.answers: Any = said["answers"]


@dataclass(slots=True)
class RulingRow:
    """A ruling: what it refers to by id, and the part of the record that it becomes."""

    pk: int
    adjudicator_id: int | None
    took_id: int | None
    version_id: int
    at: str
    mixed: dict[str, int]
    cites: list[int]
    said: Part


@dataclass(slots=True)
class ItemRow:
    """An item and how it was drawn."""

    pk: int
    escalated_at: datetime | None
    escalation: str
    stratum: int
    order: int
    probability: float
    overall: float | None


@dataclass(slots=True)
class TranscriptRow:
    """The part of the record that a transcript becomes, without its messages; and its file's digest and size."""

    said: Part
    file: tuple[str, int] | None


def labels_of(item_ids: Collection[int], moment: datetime) -> dict[int, list[LabelRow]]:
    """The revisions that were committed by the moment, oldest first, by item."""
    found: dict[int, list[LabelRow]] = {pk: [] for pk in item_ids}
    said: dict[int, Part] = {}  # by revision
    for item, *facts in _json(LABELS, [array_text(item_ids), moment]):
        found[item].append(row := LabelRow(*facts))
        row.said["units"], row.said["spans"] = [], []
        said[row.pk] = row.said
    numbers: dict[int, int] = {}  # of units, by id
    for revision, pk, unit in _json(UNITS, [array_text(said)]):
        said[revision]["units"].append(unit)
        numbers[pk] = unit["number"]
    for revision, pk, span in _json(SPANS, [array_text(said)]):
        span["unit"] = numbers[pk]
        said[revision]["spans"].append(span)
    return found


def rulings_of(item_ids: Collection[int], moment: datetime) -> dict[int, list[RulingRow]]:
    """The rulings that were given by the moment, by number, by item."""
    found: dict[int, list[RulingRow]] = {pk: [] for pk in item_ids}
    for pk, text in _rows(RULINGS, [array_text(item_ids), moment]):
        found[pk] = [RulingRow(*one) for one in orjson.loads(text)]
    return found


def items_of(pairs: Sequence[tuple[int, int]]) -> dict[int, ItemRow]:
    """Items, each with the sample's item that it was drawn as, by id."""
    rows = _rows(ITEMS, [array_text(item for item, _ in pairs), array_text(drawn for _, drawn in pairs)])
    return {row[0]: ItemRow(*row) for row in rows}


def transcripts_of(ids: Collection[int]) -> dict[int, TranscriptRow]:
    """Transcripts without their messages, by id."""
    found = {}
    for (
        pk, name, digest, ordinal, fingerprint, prompt, model, conditions, metadata, warnings, parent, parent_ordinal, shared,
        file, file_digest, file_size, file_format, batch_format, place,
    ) in _rows(TRANSCRIPTS, [array_text(ids)]):  # fmt: skip
        said = {
            "external_id": name, "record_digest": digest, "ordinal": ordinal, "fingerprint": fingerprint,
            "prompt_digest": prompt, "model": model, "conditions": orjson.loads(conditions),
            "metadata": orjson.loads(metadata), "warnings": orjson.loads(warnings),
            "parent": None if parent is None else {"record_digest": parent, "ordinal": parent_ordinal}, "shared": shared,
            "source": {
                "file": file, "sha256": file_digest, "format": batch_format if file is None else file_format,
                "place": orjson.loads(place),
            },
        }  # fmt: skip
        found[pk] = TranscriptRow(said, None if file is None else (file_digest, file_size))
    return found


def talk_of(ids: Collection[int]) -> dict[int, list[Part]]:
    """The messages of each transcript in order; a branch has those it shares with its parents too."""
    found: dict[int, list[Part]] = {pk: [] for pk in ids}
    branches = set(
        Segment.objects.filter(transcript_id__in=array_of(ids)).values_list("transcript_id", flat=True)
    )
    for pk, text in _rows(MESSAGES, [array_text(pk for pk in ids if pk not in branches)]):
        found[pk] = orjson.loads(text)
    for pk, messages in (messages_of(branches) if branches else {}).items():
        found[pk] = [
            {
                "position": one.position, "role": one.role, "text": one.text, "reasoning": one.reasoning,
                "parts": one.parts, "source_id": one.source_id, "model": one.model_name,
            }
            for one in messages
        ]  # fmt: skip
    return found


def _json(sql: str, parameters: list[Any]) -> list[Any]:
    """The list that a statement gives as one JSON text; empty where it gives nothing."""
    ((text,),) = _rows(sql, parameters)
    found: list[Any] = [] if text is None else orjson.loads(text)
    return found


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
