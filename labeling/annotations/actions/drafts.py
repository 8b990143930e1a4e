"""Drafts: the unfinished form, kept as it is typed."""

import json
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from auditor.accounts.models import User
from labeling.annotations.actions.refusals import NotOnDesk, OldCopy
from labeling.annotations.content import Content
from labeling.annotations.models import BLIND, FINAL, seconds
from labeling.queues.models import OPEN, Item

# Where the reviewer stands, with their seat held so that a commit in progress is waited for; other saves are not.
STANDING = """
    SELECT round.policy,
        (SELECT max(number) FROM annotations_labelrevision blind
         WHERE blind.item_id = item.id AND blind.reviewer_id = seat.user_id AND blind.stage = 'blind'),
        (SELECT max(number) FROM annotations_labelrevision final
         WHERE final.item_id = item.id AND final.reviewer_id = seat.user_id AND final.stage = 'final')
    FROM queues_item item JOIN queues_round round ON round.id = item.round_id
    JOIN queues_roundmember seat ON seat.round_id = item.round_id AND seat.user_id = %(reviewer)s
    WHERE item.id = %(item)s
      AND EXISTS (SELECT 1 FROM queues_lease own WHERE own.item_id = item.id AND own.reviewer_id = seat.user_id)
    FOR SHARE OF seat
"""
KEEP = """
    INSERT INTO annotations_draft (item_id, reviewer_id, stage, content, saves, active_seconds, updated_at)
    VALUES (%(item)s, %(reviewer)s, %(stage)s, %(content)s, %(saves)s, %(active)s, %(now)s)
    ON CONFLICT (item_id, reviewer_id, stage) DO UPDATE SET
        content = EXCLUDED.content, saves = EXCLUDED.saves, updated_at = EXCLUDED.updated_at,
        active_seconds = GREATEST(annotations_draft.active_seconds, EXCLUDED.active_seconds)
    WHERE annotations_draft.saves < EXCLUDED.saves
    RETURNING saves
"""


def save_draft(
    *,
    item: Item,
    reviewer: User,
    stage: str,
    base: int,
    content: Content,
    saves: int,
    active_seconds: int = 0,
) -> int:
    """Keep the unfinished form; the number of saves tells copies apart, and only a newer one is stored.

    Drafts are typed every second and are no record, so they leave no event.

    Raises:
        NotOnDesk: no lease of this person on the item.
        OldCopy: a copy with at least as many saves is stored, or the stage was committed meanwhile.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        values: dict[str, Any] = {
            "item": item.pk, "reviewer": reviewer.pk, "stage": stage, "content": json.dumps(content.plain()),
            "saves": max(1, saves), "active": seconds(active_seconds), "now": timezone.now(),
        }  # fmt: skip
        cursor.execute(STANDING, values)
        row = cursor.fetchone()
        if row is None:
            raise NotOnDesk("This item is not on your desk.")
        policy, blind, final = row
        there = (FINAL, final or 0) if blind is not None or policy == OPEN else (BLIND, 0)
        if there != (stage, base):
            raise OldCopy("This label was committed in another tab.")
        cursor.execute(KEEP, values)
        if cursor.fetchone() is None:
            raise OldCopy("A newer copy of this form was saved from another tab.")
    return max(1, saves)
