"""The rows of a committed label in one statement: revisions, units, spans, and events."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from auditor.evidence.models import Reading
from auditor.ledger.actions import resting
from auditor.web.prepared import prepared
from labeling.annotations.content import Content
from labeling.annotations.heat import values_at
from labeling.annotations.models import BLIND, FINAL, LabelRevision, seconds
from labeling.annotations.queries import Standing
from labeling.annotations.rail import most_severe
from labeling.annotations.units import Judged
from labeling.codebooks.parts import Codebook
from labeling.queues.models import Lease

# One statement, since a label is committed by every reviewer on every item, twice: the revisions of these stages, which
# say the same, each with its units, their spans, and its event in the trail as `ledger.record` would write it; the
# draft goes.
WRITE = """
    WITH revision AS (
        INSERT INTO annotations_labelrevision (item_id, lease_id, reviewer_id, codebook_version_id, stage, number,
            answers, derived_label, label, "group", grade, grade_cap, lowered_reason, missing_tests, confidence,
            rationale, flag, relied_on, evidence_seen, active_seconds, late, committed_at)
        SELECT %(item)s, %(lease)s, %(reviewer)s, %(version)s, one.stage, one.number, %(answers)s, %(derived_label)s,
            %(label)s, %(group)s, %(grade)s, %(grade_cap)s, %(lowered_reason)s, %(missing_tests)s, %(confidence)s,
            %(rationale)s, %(flag)s, %(relied_on)s, %(seen)s, %(active)s, %(late)s, %(now)s
        FROM jsonb_to_recordset(%(stages)s) AS one (nth int, stage text, number int) ORDER BY one.nth
        RETURNING id, stage, number
    ), unit AS (
        INSERT INTO annotations_labelunit (revision_id, number, position, part, start, "end", quote, answers,
            derived_label, label, "group", grade, grade_cap, lowered_reason, missing_tests)
        SELECT revision.id, one.number, one.position, coalesce(one.part, ''), one.start, one."end",
            coalesce(one.quote, ''), one.answers, one.derived_label, one.label, one."group", one.grade, one.grade_cap,
            one.lowered_reason, one.missing_tests
        FROM revision, jsonb_to_recordset(%(units)s) AS one (number smallint, position int, part text, start int,
            "end" int, quote text, answers jsonb, derived_label text, label text, "group" text, grade text,
            grade_cap text, lowered_reason text, missing_tests jsonb)
        RETURNING id, number, revision_id
    ), span AS (
        INSERT INTO annotations_labelspan (revision_id, unit_id, kind, position, part, start, "end", quote)
        SELECT unit.revision_id, unit.id, one.kind, one.position, one.part, one.start, one."end", one.quote
        FROM unit JOIN jsonb_to_recordset(%(spans)s) AS one (unit smallint, nth int, kind text,
            position int, part text, start int, "end" int, quote text) ON one.unit = unit.number
        ORDER BY unit.revision_id, one.nth
    ), event AS (
        INSERT INTO ledger_event (at, actor_id, actor_name, project_id, verb, subject, subject_id, detail)
        SELECT %(now)s, %(reviewer)s, %(name)s, %(project)s, 'label.committed', 'annotations.labelrevision',
            revision.id::text, jsonb_build_object('item', %(item)s::bigint, 'stage', revision.stage,
            'number', revision.number, 'late', %(late)s::boolean)
        FROM revision ORDER BY revision.id
    ), draft AS (
        DELETE FROM annotations_draft WHERE item_id = %(item)s AND reviewer_id = %(reviewer)s
    )
    SELECT id FROM revision ORDER BY id
"""


def write(
    standing: Standing,
    lease: Lease,
    late: bool,
    stages: Sequence[str],
    content: Content,
    judged: Sequence[Judged],
    relied_on: Iterable[Reading],
    seen: list[int],
    active_seconds: int,
) -> list[LabelRevision]:
    """The revision of each stage with its units and their spans, and the event; the draft goes.

    The caller holds the transaction. Which label it was stays behind the veils: the trail is read by managers who
    may review.
    """
    codebook = standing.codebook
    before = {BLIND: standing.blind, FINAL: standing.final}
    numbers = [newest.number + 1 if (newest := before[stage]) is not None else 1 for stage in stages]
    speaks = judged[most_severe(codebook, [(one.passed.label, one.passed.grade) for one in judged])]
    said = _stored(codebook, speaks)
    now, pointed = timezone.now(), _pointed(standing, content, relied_on)
    revisions = [
        LabelRevision(
            item=standing.item, lease=lease, reviewer=lease.reviewer,
            codebook_version_id=standing.round.codebook_version_id, stage=stage, number=number, **said,
            confidence=content.confidence, rationale=content.rationale.strip(), flag=content.flag.strip(),
            relied_on=pointed, evidence_seen=seen, active_seconds=seconds(active_seconds), late=late, committed_at=now,
        )
        for stage, number in zip(stages, numbers, strict=True)
    ]  # fmt: skip
    one = revisions[0]  # what all say alike
    units = [
        {"number": number, **_placed(unit), **_stored(codebook, unit)} for number, unit in enumerate(judged)
    ]
    marked = [(number, span) for number, unit in enumerate(judged) for span in unit.unit.spans]
    spans = [{"unit": number, "nth": nth, **asdict(span)} for nth, (number, span) in enumerate(marked)]
    rows = [
        {"nth": nth, "stage": stage, "number": number}
        for nth, (stage, number) in enumerate(zip(stages, numbers, strict=True))
    ]
    with resting(), prepared() as cursor:
        cursor.execute(
            WRITE,
            {
                **{name: json.dumps(v) if isinstance(v, dict | list) else v for name, v in said.items()},
                "item": standing.item.pk, "lease": lease.pk, "reviewer": lease.reviewer_id,
                "name": str(lease.reviewer), "project": standing.round.project_id,
                "version": one.codebook_version_id, "stages": json.dumps(rows), "confidence": one.confidence,
                "rationale": one.rationale, "flag": one.flag, "relied_on": json.dumps(pointed),
                "seen": json.dumps(seen), "active": one.active_seconds, "late": late, "now": now,
                "units": json.dumps(units), "spans": json.dumps(spans),
            },
        )  # fmt: skip
        written = cursor.fetchall()
    for revision, (pk,) in zip(revisions, written, strict=True):
        revision.pk = pk
        revision._state.adding, revision._state.db = False, "default"
    return revisions


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
