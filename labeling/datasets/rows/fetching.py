"""What a release reads of its items, a few statements for a whole chunk, as plain rows of columns.

A record has dozens of labels' rows, units and spans. The database gives columns several times faster than the JSON that they
become, and what is made of them here is the part of the record itself. Nothing is left out or covered here, which is for
`texts` to do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from auditor.corpus.queries import array_text, messages_of

Part = dict[str, Any]
NONE = "[]"  # as the database writes an empty list of JSON, which most are

LABELS = """
SELECT r.item_id, r.id, r.reviewer_id, r.codebook_version_id, r.committed_at::text, r.evidence_seen::text, r.relied_on::text,
    r.stage, r.number, r.label, r.derived_label, r."group", r.grade, r.grade_cap, r.answers::text, r.confidence, r.rationale,
    r.lowered_reason, r.missing_tests::text, r.flag, r.active_seconds, r.late
FROM annotations_labelrevision r WHERE r.item_id = ANY(%s::bigint[]) AND r.committed_at <= %s ORDER BY r.id
"""
UNITS = """
SELECT u.revision_id, u.id, u.number, u.position, u.part, u.start, u."end", u.quote, u.label, u.derived_label, u."group",
    u.grade, u.grade_cap, u.answers::text, u.lowered_reason, u.missing_tests::text
FROM annotations_labelunit u WHERE u.revision_id = ANY(%s::bigint[]) ORDER BY u.number
"""
SPANS = """
SELECT s.revision_id, s.unit_id, s.kind, s.position, s.part, s.start, s."end", s.quote
FROM annotations_labelspan s WHERE s.revision_id = ANY(%s::bigint[]) ORDER BY s.position, s.start, s.id
"""
RULINGS = """
SELECT r.item_id, r.id, r.adjudicator_id, r.took_id, r.codebook_version_id, r.created_at::text, r.mixed::text,
    ARRAY(SELECT c.labelrevision_id FROM adjudication_ruling_cites c WHERE c.ruling_id = r.id),
    r.label, r."group", r.grade, r.rule, r.number, r.rule_number, r.reason_code, r.reason, r.answers::text, r.units::text,
    r.spans::text
FROM adjudication_ruling r WHERE r.item_id = ANY(%s::bigint[]) AND r.created_at <= %s ORDER BY r.number
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
SELECT transcript_id, position, role, text, reasoning, parts::text, source_id, model_name
FROM corpus_message WHERE transcript_id = ANY(%s::bigint[]) ORDER BY transcript_id, position
"""
BRANCHES = "SELECT DISTINCT transcript_id FROM corpus_segment WHERE transcript_id = ANY(%s::bigint[])"
ITEMS = """
SELECT i.id, i.escalated_at, i.escalation, d.stratum, d."order", d.probability, d.overall
FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(item, drawn)
JOIN queues_item i ON i.id = wanted.item JOIN sampling_sampleitem d ON d.id = wanted.drawn
"""


@dataclass(slots=True)
class LabelRow:
    """A label revision."""

    pk: int
    reviewer_id: int
    version_id: int
    at: str  # as the database writes a moment
    evidence_seen: list[int]
    relied_on: list[Part]
    stage: str
    number: int
    label: str
    derived_label: str
    group: str
    grade: str
    grade_cap: str
    answers: Any
    confidence: int | None
    rationale: str
    lowered_reason: str
    missing_tests: list[str]
    flag: str
    active_seconds: int
    late: bool
    units: list[Part]  # as the record has them
    spans: list[Part]


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
    rows: dict[int, LabelRow] = {}
    answered = _Answers()
    for (
        item, pk, reviewer, version, at, seen, cited, stage, number, label, derived, group, grade, cap, answers, confidence,
        rationale, lowered, tests, flag, seconds, late,
    ) in _rows(LABELS, [array_text(item_ids), moment]):  # fmt: skip
        rows[pk] = row = LabelRow(
            pk, reviewer, version, at, [] if seen == NONE else orjson.loads(seen), [] if cited == NONE else orjson.loads(cited),
            stage, number, label, derived, group, grade, cap, answered[answers], confidence, rationale, lowered,
            [] if tests == NONE else _words(tests), flag, seconds, late, [], [],
        )  # fmt: skip
        found[item].append(row)
    ids = [array_text(rows)]
    numbers: dict[int, int] = {}  # of units, by id
    for (
        revision, pk, number, position, part, start, end, quote, label, derived, group, grade, cap, answers, lowered, tests,
    ) in _rows(UNITS, ids):  # fmt: skip
        numbers[pk] = number
        rows[revision].units.append({
            "number": number, "position": position, "part": part, "start": start, "end": end, "quote": quote, "label": label,
            "derived_label": derived, "group": group, "grade": grade, "grade_cap": cap, "answers": answered[answers],
            "lowered_reason": lowered, "missing_tests": [] if tests == NONE else _words(tests),
        })  # fmt: skip
    for revision, unit, kind, position, part, start, end, quote in _rows(SPANS, ids):
        rows[revision].spans.append({
            "kind": kind, "position": position, "part": part, "start": start, "end": end, "quote": quote,
            "unit": numbers[unit],
        })  # fmt: skip
    return found


def rulings_of(item_ids: Collection[int], moment: datetime) -> dict[int, list[RulingRow]]:
    """The rulings that were given by the moment, by number, by item."""
    found: dict[int, list[RulingRow]] = {pk: [] for pk in item_ids}
    for (
        item, pk, adjudicator, took, version, at, mixed, cites, label, group, grade, rule, number, rule_number, reason_code,
        reason, answers, units, spans,
    ) in _rows(RULINGS, [array_text(item_ids), moment]):  # fmt: skip
        said = {
            "label": label, "group": group, "grade": grade, "rule": rule, "number": number, "rule_number": rule_number,
            "reason_code": reason_code, "reason": reason, "answers": orjson.loads(answers), "units": orjson.loads(units),
            "spans": orjson.loads(spans),
        }  # fmt: skip
        found[item].append(
            RulingRow(
                pk, adjudicator, took, version, at, {} if mixed == "{}" else orjson.loads(mixed), cites, said
            )
        )
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
    branches = {pk for (pk,) in _rows(BRANCHES, [array_text(ids)])}
    wanted = [array_text(pk for pk in ids if pk not in branches)]
    for pk, position, role, text, reasoning, parts, source, model in _rows(MESSAGES, wanted):
        found[pk].append({
            "position": position, "role": role, "text": text, "reasoning": reasoning, "parts": [] if parts == NONE else orjson.loads(parts),
            "source_id": source, "model": model,
        })  # fmt: skip
    for pk, messages in (messages_of(branches) if branches else {}).items():
        found[pk] = [
            {
                "position": one.position, "role": one.role, "text": one.text, "reasoning": one.reasoning,
                "parts": one.parts, "source_id": one.source_id, "model": one.model_name,
            }
            for one in messages
        ]  # fmt: skip
    return found


class _Answers(dict[str, Any]):
    """Answers by how the database writes them, each read once: a codebook asks few questions, and the same ones."""

    def __missing__(self, text: str) -> Any:
        self[text] = read = orjson.loads(text)
        return read


def _words(tests: str) -> list[str]:
    """Missing tests by key, however the label kept them."""
    return [str(test.get("key", "")) if isinstance(test, dict) else str(test) for test in orjson.loads(tests)]


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
