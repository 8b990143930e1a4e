"""The reveal: the moment at which a reviewer is shown the evidence, and a record of what there was to see."""

import json

from django.utils import timezone

from auditor.accounts.models import User
from auditor.evidence.actions import lift_veils
from auditor.evidence.opinions import MOST_READINGS
from auditor.evidence.queries import MACHINE, visible_to
from auditor.ledger.actions import resting
from auditor.web.prepared import prepared
from labeling.annotations.models import Reveal
from labeling.annotations.queries import Standing
from labeling.queues.models import OPEN, Item, Lease, Round

# The record, and its event in the trail as `ledger.record` would write it.
WRITE = """
    WITH made AS (
        INSERT INTO annotations_reveal (item_id, reviewer_id, at, readings, tracks, blocks)
        VALUES (%(item)s, %(reviewer)s, %(at)s, %(readings)s, %(tracks)s, %(blocks)s) RETURNING id
    ), event AS (
        INSERT INTO ledger_event (at, actor_id, actor_name, project_id, verb, subject, subject_id, detail)
        SELECT %(at)s, %(reviewer)s, %(name)s, %(project)s, 'evidence.revealed', 'annotations.reveal', made.id::text,
            %(detail)s::jsonb FROM made
    )
    SELECT id FROM made
"""


def reveal(standing: Standing, reviewer: User) -> Reveal:
    """Lift this round's veil over the machine evidence, and write down what is there to see from now on.

    Veils that other rounds laid stay, and what they hide is not shown here either. The caller holds
    the transaction.
    """
    item = standing.item
    lift_veils(
        round_key=standing.round.veil_key,
        scopes=[MACHINE],
        person_id=reviewer.pk,
        transcript_id=item.transcript_id,
    )
    return _shown_to(item, reviewer)


def open_up(*, lease: Lease, round: Round) -> None:
    """In a round that hides nothing the evidence is shown with the item; safe to repeat.

    The caller holds the transaction in which the item is handed out.
    """
    if round.policy != OPEN or Reveal.objects.filter(item=lease.item_id, reviewer=lease.reviewer_id).exists():
        return
    lease.item.round = round
    _shown_to(lease.item, lease.reviewer)


def shown(item: Item, reviewer: User) -> list[int]:
    """Ids of the readings that are there to see."""
    return visible_to(reviewer).spoken_ids(item.transcript_id, MOST_READINGS)[0]


def _shown_to(item: Item, reviewer: User) -> Reveal:
    readings, tracks, blocks = visible_to(reviewer).spoken_ids(item.transcript_id, MOST_READINGS)
    made = Reveal(
        item=item, reviewer=reviewer, at=timezone.now(), readings=readings, tracks=tracks, blocks=blocks
    )
    detail = {"item": item.pk, "readings": len(readings), "tracks": len(tracks), "blocks": len(blocks)}
    with resting(), prepared() as cursor:
        cursor.execute(
            WRITE,
            {
                "item": item.pk, "reviewer": reviewer.pk, "name": str(reviewer), "project": item.round.project_id,
                "at": made.at, "readings": json.dumps(readings), "tracks": json.dumps(tracks),
                "blocks": json.dumps(blocks), "detail": json.dumps(detail),
            },
        )  # fmt: skip
        ((made.pk,),) = cursor.fetchall()
    made._state.adding, made._state.db = False, "default"
    return made
