"""Moving work between people: from one to another, levelled between all, or on from somebody who leaves.

Everybody's desk is held meanwhile, so nothing is handed out; what lies on desks stays there.
"""

from collections import Counter

import numpy as np
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from auditor.accounts.models import User
from auditor.ledger.actions import record
from labeling.queues.actions.crew import Slots, crew_of, give, waiting
from labeling.queues.actions.handing import release
from labeling.queues.actions.opening import hold_seats
from labeling.queues.actions.refusals import CannotChange
from labeling.queues.models import DROPPED, WORK, Assignment, Item, Lease, Round, RoundMember
from labeling.queues.plan import even, fill


def reassign(*, round: Round, giver: User, taker: User, count: int | None = None, actor: User) -> int:
    """Move what one reviewer has not begun to another, the last of it first; returns how much was moved.

    Args:
        count: at most so many; all if None. Items that the taker has, had or gave back stay.

    Raises:
        RoundClosed: the round is over.
        CannotChange: the taker does not review in the round, or is the giver.
    """
    with transaction.atomic():
        crew = crew_of(round)
        if taker.pk == giver.pk or taker.pk not in crew.places:
            raise CannotChange("Choose another reviewer of this round to give the items to.")
        rows = waiting(round).filter(reviewer=giver).order_by("-place")
        slots = Slots(round, list(rows), crew)
        free = ~slots.barred[slots.items, crew.places[taker.pk]]
        moved = [one for one, fits in zip(slots.rows, free.tolist(), strict=True) if fits][:count]
        give(round, [(one, taker.pk) for one in moved])
        if moved:
            record(
                verb="round.reassigned", subject=round, actor=actor, project_id=round.project_id, giver=giver.pk,
                taker=taker.pk, items=len(moved),
            )  # fmt: skip
    return len(moved)


def share_out(*, round: Round, actor: User) -> int:
    """Level what nobody has begun between all who review now; returns how many places were moved.

    Raises:
        RoundClosed: the round is over.
    """
    with transaction.atomic():
        crew = crew_of(round)
        rows = list(waiting(round).filter(reviewer__in=crew.places).order_by("-place"))
        slots = Slots(round, rows, crew)
        holders = np.array([crew.places[one.reviewer_id or 0] for one in rows], dtype=np.int64)
        levelled = even(slots.items, holders, slots.barred, crew.met)
        moves = [
            (one, crew.people[at])
            for one, at in zip(rows, levelled.tolist(), strict=True)
            if crew.people[at] != one.reviewer_id
        ]
        give(round, moves)
        if moves:
            record(
                verb="round.shared_out", subject=round, actor=actor, project_id=round.project_id, items=len(moves)
            )  # fmt: skip
    return len(moves)


def drop_member(*, round: Round, user: User, actor: User) -> int:
    """Somebody reviews no longer: what lies on their desk and in their plan goes to the others.

    Labels stay, and so do the veils: what they never labelled stays hidden from them until it is
    finished by others or the round is closed. Returns how many places went to others.

    Raises:
        RoundClosed: the round is over.
    """
    with transaction.atomic():
        hold_seats(round)
        seat = RoundMember.objects.filter(round=round, user=user, dropped_at__isnull=True)
        if not seat.update(dropped_at=timezone.now()):
            return 0
        held = Lease.objects.select_for_update(of=("self",)).filter(
            item__round=round, reviewer=user, state="held"
        )
        for lease in held.order_by("pk"):
            release(lease, reason=DROPPED)
        crew = crew_of(round)
        rest = Assignment.objects.filter(round=round, reviewer=user, is_open=True)
        checks = rest.exclude(item__role=WORK)
        Item.objects.filter(pk__in=checks.values("item")).update(wanted=F("wanted") - 1)
        checks.delete()
        rows = list(rest.order_by("place"))
        slots = Slots(round, rows, crew)
        loads = Counter(waiting(round).values_list("reviewer_id", flat=True))
        given = fill(
            slots.items, slots.barred, np.array([loads[pk] for pk in crew.places]), crew.met, round.seed
        )
        moves = [(one, crew.people[at]) for one, at in zip(rows, given.tolist(), strict=True) if at >= 0]
        give(round, moves)
        rest.update(planned_for=None, reviewer=None)  # nobody can take these now; a new reviewer may
        record(
            verb="round.member_dropped", subject=round, actor=actor, project_id=round.project_id, user=user.pk,
            items=len(moves),
        )  # fmt: skip
    return len(moves)
