"""Labels on whole transcripts, written one at a time by people at the desk."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone

from auditor.evidence.actions import NewReading, differs, rolled
from auditor.evidence.models import Channel, Reading, Rollup
from auditor.web.prepared import prepared

# The reading and the roll-up, unless the person's label there is this one already; an older one is superseded first.
# Several who differ come to "mixed", as `actions.rolled` has it. Says whether that is done: it is not where there is no
# channel, or where something else than labels is said on it.
WRITE = """
    WITH channel AS (
        SELECT id FROM evidence_channel WHERE project_id = %(project)s AND key = %(key)s AND kind = 'human'
    ), said AS (
        SELECT one.id, one.label, one.value IS NOT NULL AS valued,
            one.identifier = %(identifier)s AND one.position IS NULL AND one.part = '' AS mine,
            one.label = %(label)s AND one.explanation = '' AND one.detail = %(detail)s::jsonb AS same
        FROM evidence_reading one JOIN channel ON channel.id = one.channel_id
        WHERE one.transcript_id = %(transcript)s AND one.superseded_at IS NULL
    ), others AS (
        SELECT count(*) AS n, coalesce(bool_or(label <> '' AND label <> %(label)s), false) AS differ FROM said WHERE NOT mine
    ), fits AS (
        SELECT channel.id FROM channel WHERE NOT EXISTS (SELECT FROM said WHERE valued)
    ), wanted AS (
        SELECT fits.id FROM fits WHERE NOT EXISTS (SELECT FROM said WHERE mine AND same)
    ), old AS (
        UPDATE evidence_reading SET superseded_at = %(now)s
        WHERE id IN (SELECT id FROM said WHERE mine) AND EXISTS (SELECT FROM wanted) RETURNING id
    ), written AS (
        INSERT INTO evidence_reading (channel_id, transcript_id, part, identifier, label, explanation, detail, source, created_at)
        SELECT wanted.id, %(transcript)s, '', %(identifier)s, %(label)s, '', %(detail)s, %(source)s, %(now)s
        FROM wanted WHERE (SELECT count(*) FROM old) >= 0 RETURNING channel_id, transcript_id
    ), rolled AS (
        INSERT INTO evidence_rollup (channel_id, transcript_id, label, n)
        SELECT written.channel_id, written.transcript_id, CASE WHEN others.differ THEN 'mixed' ELSE %(label)s END, others.n + 1
        FROM written, others
        ON CONFLICT (transcript_id, channel_id) DO UPDATE SET value = NULL, label = EXCLUDED.label, n = EXCLUDED.n
    )
    SELECT EXISTS (SELECT FROM fits)
"""


def write_label(
    *,
    project_id: int,
    key: str,
    declare: Callable[[], Channel],
    transcript_id: int,
    label: str,
    identifier: str,
    detail: Mapping[str, Any],
    source: str,
) -> None:
    """One label on a whole transcript, as `write_readings` would write it, in one statement.

    The caller holds the transaction, and a row that everybody holds who writes labels there.

    Args:
        key: of a channel of people.
        declare: gives the channel, made if it is not there.
    """
    values: dict[str, Any] = {
        "project": project_id, "key": key, "transcript": transcript_id, "label": label[:200], "identifier": identifier,
        "detail": json.dumps(dict(detail)), "source": source, "now": timezone.now(),
    }  # fmt: skip
    with prepared() as cursor:
        cursor.execute(WRITE, values)
        ((done,),) = cursor.fetchall()
    if not done:
        new = NewReading(declare(), transcript_id, None, label, identifier=identifier, detail=detail)
        _otherwise(new, source)


def _otherwise(new: NewReading, source: str) -> None:
    """Beside what the channel says there, and in place of what stands at the same place."""
    rows = Reading.objects.filter(
        channel=new.channel, transcript_id=new.transcript_id, superseded_at__isnull=True
    )
    current = list(rows.order_by("pk"))
    place = new.place[2:]
    old = next((r for r in current if (r.position, r.part, r.start, r.end, r.identifier) == place), None)
    if old is not None:
        if not differs(old, new):
            return
        Reading.objects.filter(pk=old.pk).update(superseded_at=timezone.now())
        current.remove(old)
    written = Reading.objects.create(
        channel=new.channel, transcript_id=new.transcript_id, identifier=new.identifier, label=new.label[:200],
        detail=dict(new.detail), source=source,
    )  # fmt: skip
    everything = [*current, written]
    value, label = rolled(new.channel, everything)
    Rollup.objects.bulk_create(
        [
            Rollup(
                channel=new.channel, transcript_id=new.transcript_id, value=value, label=label, n=len(everything)
            )
        ],
        update_conflicts=True, unique_fields=["transcript", "channel"], update_fields=["value", "label", "n"],
    )  # fmt: skip
