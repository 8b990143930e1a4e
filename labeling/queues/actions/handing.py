"""Handing out items: the next one, kept while somebody works on it, given on when nobody does.

A lease holds one slot of an item. Taking one is a single statement: it picks the slot, marks it as
given out, and writes the lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.evidence.actions import lift_veils
from auditor.evidence.queries import SCOPES
from auditor.ledger.actions import record, resting
from auditor.runs.tasks import ring
from auditor.web.prepared import prepared
from labeling.queues.actions.refusals import LeaseLost, Paused, RoundClosed
from labeling.queues.actions.statements import (
    AGAIN,
    DESK,
    DESK_KEPT,
    DONE,
    FREE,
    HELP,
    LEASES,
    OF_OTHERS,
    RENEW,
    SEAT,
    SEATS,
    TAKE,
    TAKE_AFTER_OTHERS,
    TRAIN,
)
from labeling.queues.models import EXPIRED, REVEAL, SKIPPED, TAKEN, WORK, Item, Lease, Round, RoundMember
from labeling.queues.skipping import OTHER, WORDS, why_escalated

SETTLE = "adjudication.settle_item"  # the task that looks at an item that is finished or escalated


def take_next(*, round: Round, reviewer: User) -> Lease | None:
    """A slot of the reviewer's next item: the one they hold, else the first of those that wait for them.

    None when nothing is left for them now; others may still give items back.

    Raises:
        RoundClosed: the round is over, or this person is not one of its reviewers.
        Paused: round or reviewer are paused, and nothing is on the desk.
    """
    leases = take_up(round=round, reviewer=reviewer, most=1)
    return leases[0] if leases else None


def take_up(*, round: Round, reviewer: User, most: int) -> Sequence[Lease]:
    """What `take_next` gives and, where `most` is 2, what `reserve_next` would give after it; as many as there are.

    Raises:
        RoundClosed, Paused: as `take_next` has it.
    """
    with transaction.atomic(savepoint=False):
        desk = _sit_down(round, reviewer, keeps=True)
        leases = list(desk.held)
        if not desk.closed:
            while len(leases) < most and not desk.paused and (another := _another(round, reviewer, desk)):
                leases.append(another)
    if desk.closed:
        raise RoundClosed(desk.closed)
    if desk.paused and not leases:
        raise Paused(desk.paused)
    return leases[:most]


def reserve_next(*, round: Round, reviewer: User) -> Lease | None:
    """The item after the one on the desk, held as well so that it can be fetched ahead; two at most.

    None when nothing is on the desk, nothing is left, or nothing is handed out now.

    Raises:
        RoundClosed: the round is over, or this person is not one of its reviewers.
    """
    with transaction.atomic(savepoint=False):
        desk = _sit_down(round, reviewer)
        lease = desk.held[1] if len(desk.held) > 1 else None
        if len(desk.held) == 1 and not (desk.paused or desk.closed):
            lease = _another(round, reviewer, desk)
    if desk.closed:
        raise RoundClosed(desk.closed)
    return lease


def hold_desk(*, round_id: int, reviewer_id: int) -> bool:
    """One tab of a reviewer at a time, until the transaction ends; False for somebody without a seat.

    Comes before every lock on leases and items, so that two tabs never hold one each. The caller
    holds the transaction.
    """
    return _seat(round_id, reviewer_id) is not None


def renew(*, lease: Lease) -> None:
    """The full time ahead of a held lease, and of whatever else lies on its desk, both of which the caller holds."""
    _renew([lease], lease.item.round)


def keep_alive(*, lease: Lease) -> Lease:
    """The lease with its full time ahead of it; one that ran out is taken anew if its slot is free.

    Whatever else lies on the desk is kept with it.

    Raises:
        LeaseLost: the slot went to somebody else, or the round was closed.
    """
    with transaction.atomic():
        hold_desk(round_id=lease.item.round_id, reviewer_id=lease.reviewer_id)
        locked = Lease.objects.select_for_update(of=("self",)).select_related("item__round").get(pk=lease.pk)
        if locked.state == "done":
            return locked
        if locked.state == "held":
            return _renew([locked], locked.item.round)[0]
        if again := retake(lease=locked):
            return again
    raise LeaseLost("This item went to another reviewer while it lay here.")


def retake(*, lease: Lease) -> Lease | None:
    """A slot of the same item for the reviewer of a released lease; None if none is free.

    The caller holds the transaction, and the reviewer's desk (`hold_desk`).
    """
    round = Round.objects.get(pk=lease.item.round_id)
    if not round.is_open:
        return None
    mine = Lease.objects.filter(item_id=lease.item_id, reviewer_id=lease.reviewer_id, state__in=TAKEN).first()
    if mine is not None:
        return _renew([mine], round)[0] if mine.state == "held" else mine
    return _take(AGAIN, round, lease.reviewer, item=lease.item_id)


def skip(*, lease: Lease, note: str, why: str = OTHER) -> None:
    """Give the item back unlabelled; it goes to others and is not offered to this reviewer again.

    Once two people have, or nobody is left who could take it, it is escalated to adjudication.

    Raises:
        LeaseLost: nothing is held any more.
    """
    with transaction.atomic():
        hold_desk(round_id=lease.item.round_id, reviewer_id=lease.reviewer_id)
        locked = Lease.objects.select_for_update(of=("self",)).select_related("item__round").get(pk=lease.pk)
        if locked.state != "held":
            raise LeaseLost("This item is no longer on your desk.")
        locked.skip_reason = why if why in WORDS else OTHER
        release(locked, reason=SKIPPED, note=note.strip()[:500])
        record(
            verb="item.skipped", subject=locked.item, actor=locked.reviewer, project_id=locked.item.round.project_id,
            lease=locked.pk, why=locked.skip_reason, note=locked.note,
        )  # fmt: skip
        if locked.item.role == WORK:
            escalate_if_stuck(locked.item)


def mark_done(*, lease: Lease) -> bool:
    """The reviewer's slot is filled; True if this was the last one of an item of work, which finishes it.

    The caller holds the transaction and the lease's row; the item's row is held from here on.
    """
    now = timezone.now()
    with prepared() as cursor:
        cursor.execute(DONE, {"lease": lease.pk, "now": now})
        last = cursor.fetchone()
    lease.state, lease.ended_at = "done", now
    if last is None:
        return False
    round_id, transcript_id, policy = last
    if policy == REVEAL:
        _let_others_see(lease.item_id, round_id, transcript_id)
    return True


def _let_others_see(item_id: int, round_id: int, transcript_id: int) -> None:
    """A finished item comes to nobody else, so members who never had it need no veil on it any more.

    Whoever held it once keeps theirs: a label of theirs may still come, late and blind.
    """
    with prepared() as cursor:
        cursor.execute("SELECT DISTINCT reviewer_id FROM queues_lease WHERE item_id = %s", [item_id])
        had_it = [row[0] for row in cursor.fetchall()]
    lift_veils(
        round_key=Round(pk=round_id).veil_key,
        scopes=SCOPES,
        transcript_id=transcript_id,
        but_not=had_it,
    )


def release_expired(*, round: Round | None = None) -> int:
    """Free the slots of leases that ran out; those that somebody works on this moment are stepped over."""
    with transaction.atomic():
        rows = Lease.objects.filter(state="held", expires_at__lt=timezone.now()).select_related("item__round")
        if round is not None:
            rows = rows.filter(item__round=round)
        over = list(rows.select_for_update(skip_locked=True, of=("self",)).order_by("item_id")[:500])
        for lease in over:
            release(lease, reason=EXPIRED)
            record(
                verb="item.lease_ran_out", subject=lease, project_id=lease.item.round.project_id, item=lease.item_id
            )  # fmt: skip
        return len(over)


def release(lease: Lease, *, reason: str, note: str = "") -> None:
    """End a held lease, whose row the caller holds, and give its slot on."""
    # Not the key: whoever takes a slot of the item holds that slot and needs the item's key for the lease.
    rows = Item.objects.select_for_update(of=("self",), no_key=True).select_related("round")
    lease.item = rows.get(pk=lease.item_id)
    lease.state, lease.reason, lease.note, lease.ended_at = "released", reason, note, timezone.now()
    lease.save(update_fields=["state", "reason", "skip_reason", "note", "ended_at"])
    with connection.cursor() as cursor:
        cursor.execute(FREE, {"item": lease.item_id, "slot": lease.slot, "reason": reason})


def escalate_if_stuck(item: Item, *, idle: bool = False) -> bool:
    """Hand an item, whose row the caller holds, to adjudication if it was given back too often to go on.

    Args:
        idle: only while nobody holds a slot of it, who could still finish it.
    """
    gone = Lease.objects.filter(item=item)
    skips = list(gone.filter(reason=SKIPPED).order_by("pk").values_list("skip_reason", "note"))
    have = gone.filter(state__in=TAKEN) | gone.filter(reason=SKIPPED)
    left = RoundMember.objects.filter(round_id=item.round_id, dropped_at__isnull=True)
    words = why_escalated(skips, left.exclude(user__in=have.values("reviewer")).count())
    if not words or item.escalated_at is not None:
        return False
    # Asked last: who took a slot before they were counted as having one is still seen here, for they need the item's row to
    # finish it.
    if idle and gone.filter(state="held").exists():
        return False
    item.escalated_at, item.escalation = timezone.now(), words
    item.save(update_fields=["escalated_at", "escalation"])
    item.assignments.filter(is_open=True).update(is_open=False)
    record(
        verb="item.escalated", subject=item, project_id=item.round.project_id, round=item.round_id, skips=len(skips)
    )  # fmt: skip
    ring(SETTLE, item.pk)
    return True


def escalate_stuck() -> int:
    """Escalate what was given back by somebody and has nobody left, since the others have labelled it."""
    given_back = Lease.objects.filter(reason=SKIPPED).values("item")
    rows = Item.objects.filter(
        pk__in=given_back,
        role=WORK,
        finished_at__isnull=True,
        escalated_at__isnull=True,
        round__closed_at__isnull=True,
    ).exclude(leases__state="held")
    with transaction.atomic():
        items = rows.select_for_update(skip_locked=True, of=("self",), no_key=True).order_by("pk")
        return sum(escalate_if_stuck(item, idle=True) for item in items.select_related("round")[:500])


def _seat(round_id: int, reviewer_id: int) -> RoundMember | None:
    with prepared() as cursor:
        cursor.execute(SEAT, {"round": round_id, "me": reviewer_id})
        found = cursor.fetchone()
    return SEATS.row(iter(found)) if found is not None else None


@dataclass(frozen=True)
class _Desk:
    """A reviewer's desk in a round, held."""

    closed: str = ""  # why nothing is done here any more
    paused: str = ""  # why nothing new is handed out
    training: bool = False  # what comes is the training
    over: bool = False  # the time of some lease has run out
    held: Sequence[Lease] = ()  # what lies there, the oldest first


def _sit_down(round: Round, reviewer: User, *, keeps: bool = False) -> _Desk:
    """The reviewer's desk; from here on no other tab of theirs does anything, until the transaction ends.

    Args:
        keeps: what lies there has its full time ahead of it from now on.
    """
    seat = _seat(round.pk, reviewer.pk)
    if seat is None or seat.dropped_at is not None:
        return _Desk(closed=f"{reviewer} is not a reviewer of {round}.")
    with prepared() as cursor:
        now = timezone.now()
        values: dict[str, Any] = {
            "round": round.pk,
            "me": reviewer.pk,
            "now": now,
            "until": _until(round, now),
        }
        cursor.execute(DESK_KEPT if keeps else DESK, values)
        rows = cursor.fetchall()
    closed, paused, over = rows[0][:3]
    held = [lease for row in rows if (lease := LEASES.row_or_none(iter(row[3:])))]
    waits = f"{round} is paused." if paused is not None else ""
    if seat.paused_at is not None:
        waits = waits or seat.paused_reason or "You are paused."
    return _Desk(
        f"{round} is closed." if closed is not None else "", waits, seat.qualified_at is None, over, held
    )


def _another(round: Round, reviewer: User, desk: _Desk) -> Lease | None:
    if desk.over:
        release_expired(round=round)
    if desk.training:
        return _take(TRAIN, round, reviewer)
    if lease := _take(TAKE, round, reviewer):
        return lease
    if round.helping:
        while among := _of_others(round, reviewer):
            if lease := _take(HELP, round, reviewer, among=among):
                return lease
    return _take(TAKE_AFTER_OTHERS, round, reviewer)  # before saying that nothing is left


def _of_others(round: Round, reviewer: User) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(OF_OTHERS, {"round": round.pk, "me": reviewer.pk})
        return [row[0] for row in cursor.fetchall()]


def _take(sql: str, round: Round, reviewer: User, **which: Any) -> Lease | None:
    now = timezone.now()
    values = {
        "round": round.pk, "project": round.project_id, "me": reviewer.pk, "name": str(reviewer), "now": now,
        "until": _until(round, now), **which,
    }  # fmt: skip
    with resting(), prepared() as cursor:
        cursor.execute(sql, values)
        found = cursor.fetchone()
    if found is None:
        return None
    lease = LEASES.row(iter(found))
    lease.reviewer = reviewer
    return lease


def _renew(held: Sequence[Lease], round: Round) -> Sequence[Lease]:
    """Their full time ahead of them, for these and whatever else lies on the same desk."""
    until = _until(round, timezone.now())
    with prepared() as cursor:
        cursor.execute(RENEW, {"round": round.pk, "me": held[0].reviewer_id, "until": until})
    for lease in held:
        lease.expires_at = until
    return held


def _until(round: Round, now: datetime) -> datetime:
    return now + timedelta(minutes=round.lease_minutes)
