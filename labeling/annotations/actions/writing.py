"""The rows of a committed label: revision, units and spans in one statement, and the event."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from django.db import connection
from django.utils import timezone

from auditor.evidence.models import Reading
from auditor.ledger.actions import record
from labeling.annotations.content import Content
from labeling.annotations.heat import values_at
from labeling.annotations.models import FINAL, LabelRevision, seconds
from labeling.annotations.queries import Standing
from labeling.annotations.rail import most_severe
from labeling.annotations.units import Judged
from labeling.codebooks.parts import Codebook
from labeling.queues.models import Lease

# One statement, since a label is committed by every reviewer on every item, twice.
WRITE = """
    WITH revision AS (
        INSERT INTO annotations_labelrevision (item_id, lease_id, reviewer_id, codebook_version_id, stage, number,
            answers, derived_label, label, "group", grade, grade_cap, lowered_reason, missing_tests, confidence,
            rationale, flag, relied_on, evidence_seen, active_seconds, late, committed_at)
        VALUES (%(item)s, %(lease)s, %(reviewer)s, %(version)s, %(stage)s, %(number)s, %(answers)s, %(derived_label)s,
            %(label)s, %(group)s, %(grade)s, %(grade_cap)s, %(lowered_reason)s, %(missing_tests)s, %(confidence)s,
            %(rationale)s, %(flag)s, %(relied_on)s, %(seen)s, %(active)s, %(late)s, %(now)s)
        RETURNING id
    ), unit AS (
        INSERT INTO annotations_labelunit (revision_id, number, position, part, start, "end", quote, answers,
            derived_label, label, "group", grade, grade_cap, lowered_reason, missing_tests)
        SELECT revision.id, one.number, one.position, coalesce(one.part, ''), one.start, one."end",
            coalesce(one.quote, ''), one.answers, one.derived_label, one.label, one."group", one.grade, one.grade_cap,
            one.lowered_reason, one.missing_tests
        FROM revision, jsonb_to_recordset(%(units)s) AS one (number smallint, position int, part text, start int,
            "end" int, quote text, answers jsonb, derived_label text, label text, "group" text, grade text,
            grade_cap text, lowered_reason text, missing_tests jsonb)
        RETURNING id, number
    ), span AS (
        INSERT INTO annotations_labelspan (revision_id, unit_id, kind, position, part, start, "end", quote)
        SELECT revision.id, unit.id, one.kind, one.position, one.part, one.start, one."end", one.quote
        FROM revision, unit JOIN jsonb_to_recordset(%(spans)s) AS one (unit smallint, nth int, kind text,
            position int, part text, start int, "end" int, quote text) ON one.unit = unit.number
        ORDER BY one.nth
    )
    SELECT id FROM revision
"""


def write(
    standing: Standing,
    lease: Lease,
    late: bool,
    stage: str,
    content: Content,
    judged: Sequence[Judged],
    relied_on: Iterable[Reading],
    seen: list[int],
    active_seconds: int,
) -> LabelRevision:
    """The revision with its units and their spans, and the event; the caller holds the transaction.

    Which label it was stays behind the veils: the trail is read by managers who may review.
    """
    codebook = standing.codebook
    before = standing.final if stage == FINAL else standing.blind
    speaks = judged[most_severe(codebook, [(one.passed.label, one.passed.grade) for one in judged])]
    said = _stored(codebook, speaks)
    revision = LabelRevision(
        item=standing.item, lease=lease, reviewer=lease.reviewer,
        codebook_version_id=standing.round.codebook_version_id, stage=stage,
        number=before.number + 1 if before is not None else 1, **said, confidence=content.confidence,
        rationale=content.rationale.strip(), flag=content.flag.strip(), relied_on=_pointed(standing, content, relied_on),
        evidence_seen=seen, active_seconds=seconds(active_seconds), late=late, committed_at=timezone.now(),
    )  # fmt: skip
    units = [
        {"number": number, **_placed(one), **_stored(codebook, one)} for number, one in enumerate(judged)
    ]
    marked = [(number, span) for number, one in enumerate(judged) for span in one.unit.spans]
    spans = [{"unit": number, "nth": nth, **asdict(span)} for nth, (number, span) in enumerate(marked)]
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            {
                **{name: json.dumps(v) if isinstance(v, dict | list) else v for name, v in said.items()},
                "item": standing.item.pk, "lease": lease.pk, "reviewer": lease.reviewer_id,
                "version": revision.codebook_version_id, "stage": stage, "number": revision.number,
                "confidence": revision.confidence, "rationale": revision.rationale, "flag": revision.flag,
                "relied_on": json.dumps(revision.relied_on), "seen": json.dumps(seen),
                "active": revision.active_seconds, "late": late, "now": revision.committed_at,
                "units": json.dumps(units), "spans": json.dumps(spans),
            },
        )  # fmt: skip
        ((revision.pk,),) = cursor.fetchall()
    revision._state.adding, revision._state.db = False, "default"
    record(
        verb="label.committed", subject=revision, actor=lease.reviewer, project_id=standing.round.project_id,
        item=standing.item.pk, stage=stage, number=revision.number, late=late,
    )  # fmt: skip
    return revision


def _stored(codebook: Codebook, judged: Judged) -> dict[str, Any]:
    """What a unit and, for the one that speaks for the transcript, the revision say alike."""
    passed = judged.passed
    return {
        "answers": {key: v if isinstance(v, str | int) else list(v) for key, v in passed.answers.items()},
        "derived_label": passed.derived.label,
        "label": passed.label,
        "group": codebook.by_code[passed.label].group,
        "grade": passed.grade,
        "grade_cap": passed.graded.cap,
        "lowered_reason": passed.lowered_reason,
        "missing_tests": [test.key for test in passed.derived.missing_tests],
    }


def _placed(judged: Judged) -> dict[str, Any]:
    place = judged.unit.stands
    return asdict(place) if place is not None else {}


def _pointed(standing: Standing, content: Content, readings: Iterable[Reading]) -> list[dict[str, Any]]:
    """The evidence relied on, each piece with its channel, the words the reviewer pointed at and the value there."""
    some = list(readings)
    keys = {one.pk: one.channel.key for one in some}
    values = values_at(standing, content, some)
    return [
        {**one.plain(), "channel": keys[one.reading]} | ({"value": values[one]} if one in values else {})
        for one in content.relied_on
        if one.reading in keys
    ]
