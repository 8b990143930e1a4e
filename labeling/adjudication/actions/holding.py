"""Holding a case while one looks at it, so that two adjudicators never decide the same one."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from auditor.accounts.models import User
from auditor.ledger.actions import record
from labeling.adjudication.actions.refusals import Occupied
from labeling.adjudication.models import Case, CaseLease

TIME_TO_LIVE = timedelta(minutes=3)  # after the last sign of life; the page gives one every half minute


def hold(*, case: Case, adjudicator: User) -> CaseLease:
    """The case is this adjudicator's until they leave it or fall silent; safe to repeat.

    Raises:
        Occupied: a colleague has it.
    """
    with transaction.atomic():
        lease = CaseLease.objects.select_for_update().get(case=case)
        return _take(lease, case, adjudicator)


def let_go(*, case: Case, adjudicator: User) -> None:
    """Leave the case to others; somebody else's hold on it is left alone."""
    with transaction.atomic():
        lease = CaseLease.objects.select_for_update().get(case=case)
        if lease.holder_id != adjudicator.pk:
            return
        lease.holder = lease.expires_at = None
        lease.save(update_fields=["holder", "expires_at"])
        record(
            verb="case.left", subject=case, actor=adjudicator, project_id=case.item.round.project_id,
            item=case.item_id,
        )  # fmt: skip


def take_next(*, queue: QuerySet[Case], adjudicator: User, after: Case | None = None) -> Case | None:
    """The next case of `queue` that nobody holds, now held; None if there is none.

    Cases that a colleague takes at this moment are stepped over. `after` goes on behind a case and
    comes round to the beginning; that case itself is left, and not offered again.
    """
    now = timezone.now()
    free = Q(holder__isnull=True) | Q(expires_at__lte=now) | Q(holder=adjudicator)
    rows = CaseLease.objects.filter(free, case__in=queue.order_by().values("pk"))
    stretches = [rows]
    if after is not None:
        let_go(case=after, adjudicator=adjudicator)
        behind = Q(case__place__gt=after.place) | Q(case__place=after.place, case__gt=after.pk)
        stretches = [rows.filter(behind), rows.exclude(case=after)]
    with transaction.atomic():
        for stretch in stretches:
            locked = stretch.select_for_update(skip_locked=True, of=("self",)).select_related(
                "case__item__round"
            )
            if lease := locked.order_by("case__place", "case_id").first():
                _take(lease, lease.case, adjudicator)
                return lease.case
    return None


def check_holder(*, case: Case, adjudicator: User) -> None:
    """Hold the lease's row until a decision is written; it ends with it. Comes before the item's row.

    The holder may decide, and anybody while nobody holds the case.

    Raises:
        Occupied: a colleague has it.
    """
    lease = CaseLease.objects.select_for_update().get(case=case)
    if lease.is_held and lease.holder_id != adjudicator.pk:
        raise Occupied
    CaseLease.objects.filter(pk=lease.pk).update(holder=None, expires_at=None)


def _take(lease: CaseLease, case: Case, adjudicator: User) -> CaseLease:
    if lease.is_held and lease.holder_id != adjudicator.pk:
        raise Occupied
    now = timezone.now()
    renewed = lease.is_held
    lease.holder, lease.beat_at, lease.expires_at = adjudicator, now, now + TIME_TO_LIVE
    if not renewed:
        lease.taken_at = now
        record(
            verb="case.taken", subject=case, actor=adjudicator, project_id=case.item.round.project_id,
            item=case.item_id,
        )  # fmt: skip
    lease.save(update_fields=["holder", "taken_at", "beat_at", "expires_at"])
    return lease


def set_priority(*, case: Case, priority: int, actor: User) -> None:
    """Put a case before all others of a lower priority; safe to repeat."""
    with transaction.atomic():
        locked = Case.objects.select_for_update().get(pk=case.pk)
        if locked.priority == priority:
            return
        Case.objects.filter(pk=case.pk).update(priority=priority)
        record(
            verb="case.priority_changed", subject=case, actor=actor, project_id=case.item.round.project_id,
            item=case.item_id, priority=priority,
        )  # fmt: skip
