"""What a manager does with a round that runs: pause it, let it go on, say by when it should be done."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.ledger.actions import record
from labeling.queues.actions.opening import hold_seats
from labeling.queues.models import Round, RoundMember


def pause_round(*, round: Round, actor: User) -> None:
    """Hand nothing out; drafts and labels of what lies on desks are still taken. Safe to repeat.

    Raises:
        RoundClosed: the round is over.
    """
    with transaction.atomic():
        hold_seats(round)
        if Round.objects.filter(pk=round.pk, paused_at__isnull=True).update(paused_at=timezone.now()):
            record(verb="round.paused", subject=round, actor=actor, project_id=round.project_id)


def resume_round(*, round: Round, actor: User) -> None:
    """Hand items out again; safe to repeat.

    Raises:
        RoundClosed: the round is over.
    """
    with transaction.atomic():
        hold_seats(round)
        if Round.objects.filter(pk=round.pk, paused_at__isnull=False).update(paused_at=None):
            record(verb="round.resumed", subject=round, actor=actor, project_id=round.project_id)


def set_due(*, round: Round, due_on: date | None, actor: User) -> None:
    """By when the round should be done; None for no date."""
    with transaction.atomic():
        before = Round.objects.select_for_update().get(pk=round.pk).due_on
        if before != due_on:
            Round.objects.filter(pk=round.pk).update(due_on=due_on)
            record(
                verb="round.due_changed", subject=round, actor=actor, project_id=round.project_id,
                due_on=due_on.isoformat() if due_on else None,
            )  # fmt: skip


def resume_member(*, round: Round, user: User, actor: User) -> None:
    """Let a reviewer go on who was paused; one who was still in training counts as trained from now on.

    Raises:
        RoundClosed: the round is over.
    """
    with transaction.atomic():
        hold_seats(round)
        now = timezone.now()
        waiting = RoundMember.objects.filter(round=round, user=user, paused_at__isnull=False)
        if not waiting.exists():
            return
        waiting.filter(qualified_at__isnull=True).update(qualified_at=now)
        waiting.update(paused_at=None, paused_reason="")
        record(
            verb="round.member_resumed", subject=round, actor=actor, project_id=round.project_id, user=user.pk
        )  # fmt: skip


def pause_member(*, round: Round, user: User, reason: str, actor: User | None) -> bool:
    """Hand nothing out to this reviewer until a manager resumes; False if they are paused already.

    The caller holds the transaction and the reviewer's desk.
    """
    rows = RoundMember.objects.filter(round=round, user=user, paused_at__isnull=True)
    if not rows.update(paused_at=timezone.now(), paused_reason=reason[:300]):
        return False
    record(
        verb="round.member_paused", subject=round, actor=actor, project_id=round.project_id, user=user.pk, reason=reason
    )  # fmt: skip
    return True
