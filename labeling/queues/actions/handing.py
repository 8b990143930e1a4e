"""Handing out items: the next one, kept while somebody works on it, given on when nobody does.

A lease holds one slot of an item. Taking one is a single statement: it picks the slot, marks it as
given out, and writes the lease.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.evidence.actions import lift_veils
from auditor.evidence.queries import SCOPES
from auditor.ledger.actions import record
from auditor.runs.tasks import ring
from labeling.queues.actions.refusals import LeaseLost, Paused, RoundClosed
from labeling.queues.actions.statements import AGAIN, DONE, FREE, HELP, OF_OTHERS, TAKE
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
    with transaction.atomic():
        seat, paused = _sit_down(round, reviewer)
        if held := _on_desk(round, reviewer):
            return _renew(held, round)[0]
        if paused:
            raise Paused(paused)
        return _another(round, reviewer, seat)


def reserve_next(*, round: Round, reviewer: User) -> Lease | None:
    """The item after the one on the desk, held as well so that it can be fetched ahead; two at most.

    None when nothing is on the desk, nothing is left, or nothing is handed out now.

    Raises:
        RoundClosed: the round is over, or this person is not one of its reviewers.
    """
    with transaction.atomic():
        seat, paused = _sit_down(round, reviewer)
        held = _on_desk(round, reviewer)
        if len(held) != 1 or paused:
            return held[1] if len(held) > 1 else None
        return _another(round, reviewer, seat)


def hold_desk(*, round_id: int, reviewer_id: int) -> bool:
    """One tab of a reviewer at a time, until the transaction ends; False for somebody without a seat.

    Comes before every lock on leases and items, so that two tabs never hold one each. The caller
    holds the transaction.
    """
    return _seat(round_id, reviewer_id) is not None


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
    with connection.cursor() as cursor:
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
    had_it = Lease.objects.filter(item_id=item_id).values_list("reviewer_id", flat=True)
    lift_veils(
        round_key=Round(pk=round_id).veil_key,
        scopes=SCOPES,
        transcript_id=transcript_id,
        but_not=list(had_it),
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


def escalate_if_stuck(item: Item) -> bool:
    """Hand an item, whose row the caller holds, to adjudication if it was given back too often to go on."""
    gone = Lease.objects.filter(item=item)
    skips = list(gone.filter(reason=SKIPPED).order_by("pk").values_list("skip_reason", "note"))
    have = gone.filter(state__in=TAKEN) | gone.filter(reason=SKIPPED)
    left = RoundMember.objects.filter(round_id=item.round_id, dropped_at__isnull=True)
    words = why_escalated(skips, left.exclude(user__in=have.values("reviewer")).count())
    if not words or item.escalated_at is not None:
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
        items = items.select_related("round")
        # Asked again once the rows are held: somebody may have taken one while the lock was waited for.
        return sum(
            escalate_if_stuck(item) for item in items[:500] if not item.leases.filter(state="held").exists()
        )


def _seat(round_id: int, reviewer_id: int) -> RoundMember | None:
    rows = RoundMember.objects.select_for_update().filter(round_id=round_id, user_id=reviewer_id)
    return rows.order_by().first()


def _sit_down(round: Round, reviewer: User) -> tuple[RoundMember, str]:
    """The reviewer's seat, held, and why nothing new is handed out to it now (empty: it is).

    The round is read after the seat is held: whoever closes it holds all seats first.
    """
    seat = _seat(round.pk, reviewer.pk)
    if seat is None or seat.dropped_at is not None:
        raise RoundClosed(f"{reviewer} is not a reviewer of {round}.")
    closed, paused = Round.objects.values_list("closed_at", "paused_at").get(pk=round.pk)
    if closed is not None:
        raise RoundClosed(f"{round} is closed.")
    if paused is not None:
        return seat, f"{round} is paused."
    return seat, seat.paused_reason or "You are paused." if seat.paused_at is not None else ""


def _on_desk(round: Round, reviewer: User) -> list[Lease]:
    """What the reviewer holds, the oldest first."""
    rows = Lease.objects.select_for_update(of=("self",)).filter(reviewer=reviewer, state="held")
    return list(rows.filter(item__round=round).order_by("pk"))


def _another(round: Round, reviewer: User, seat: RoundMember) -> Lease | None:
    if Lease.objects.filter(state="held", expires_at__lt=timezone.now()).exists():
        release_expired(round=round)
    training = seat.qualified_at is None
    if lease := _take(TAKE, round, reviewer, training=training):
        return lease
    if not training and round.helping:
        while among := _of_others(round, reviewer):
            if lease := _take(HELP, round, reviewer, among=among):
                return lease
    # Before saying that nothing is left, wait for the rows that others hold.
    return _take(TAKE.replace("SKIP LOCKED", ""), round, reviewer, training=training)


def _of_others(round: Round, reviewer: User) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(OF_OTHERS, {"round": round.pk, "me": reviewer.pk})
        return [row[0] for row in cursor.fetchall()]


def _take(sql: str, round: Round, reviewer: User, **which: Any) -> Lease | None:
    now = timezone.now()
    values = {"round": round.pk, "me": reviewer.pk, "now": now, "until": _until(round, now), **which}
    for lease in Lease.objects.raw(sql, values):
        record(
            verb="item.taken", subject=lease, actor=reviewer, project_id=round.project_id, item=lease.item_id,
            slot=lease.slot,
        )  # fmt: skip
        return lease
    return None


def _renew(held: list[Lease], round: Round) -> list[Lease]:
    """Their full time ahead of them, for these and whatever else lies on the same desk."""
    until = _until(round, timezone.now())
    desk = Lease.objects.filter(reviewer_id=held[0].reviewer_id, state="held", item__round_id=round.pk)
    desk.update(expires_at=until)
    for lease in held:
        lease.expires_at = until
    return held


def _until(round: Round, now: datetime) -> datetime:
    return now + timedelta(minutes=round.lease_minutes)
