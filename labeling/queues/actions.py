"""Opening and closing rounds, and handing out their items: exact overlap, no double hold, nothing stuck.

A lease holds one slot of an item. Whoever takes a slot holds the item's row while doing so, and the
database keeps two unique constraints besides: a slot is taken once, and a reviewer has one slot of
an item. Locks are always taken in the order desk (`hold_desk`), lease, item, and rows that others hold
are stepped over instead of waited for wherever more than one is wanted.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from auditor.accounts.models import Membership, Project, Role, User
from auditor.evidence.actions import lay_veils, lift_veils
from auditor.evidence.queries import SCOPES
from auditor.ledger.actions import record
from auditor.sampling.models import Sample
from labeling.codebooks.models import CodebookVersion
from labeling.queues.models import OPEN, POLICIES, REVEAL, TAKEN, Item, Lease, Round, RoundMember

LEASE_MINUTES = (1, 24 * 60)


class CannotOpen(ValueError):
    """The round cannot be opened like this; the message says why."""


class RoundClosed(Exception):
    """The round is over, or the person is not one of its reviewers."""


class LeaseLost(Exception):
    """The slot was given to somebody else in the meantime."""


def open_round(
    *,
    project: Project,
    name: str,
    sample: Sample,
    codebook_version: CodebookVersion,
    members: Iterable[User],
    overlap: int,
    actor: User,
    policy: str = REVEAL,
    lease_minutes: int = 30,
    only: Collection[int] | None = None,
) -> Round:
    """A round over every item of a sample; evidence on them is veiled from its reviewers at once.

    Args:
        only: the transcripts of the sample to take, for a round that labels some of them again.

    Raises:
        CannotOpen: sample or codebook of another project, too few reviewers for the overlap, a member
            who may not review, an unknown policy, or no items.
        IntegrityError: the project has a round of this name.
    """
    people = list({user.pk: user for user in members}.values())
    if sample.project_id != project.pk or codebook_version.codebook.project_id != project.pk:
        raise CannotOpen("Sample and codebook must belong to this project.")
    if policy not in POLICIES:
        raise CannotOpen(f"There is no blind policy '{policy}'.")
    if not LEASE_MINUTES[0] <= lease_minutes <= LEASE_MINUTES[1]:
        raise CannotOpen("An item can be held for 1 minute up to a day.")
    if not 1 <= overlap <= len(people):
        raise CannotOpen(
            f"{overlap} labels an item need at least {overlap} reviewers; {len(people)} were chosen."
        )
    _check_reviewers(project, people)
    drawn = list(sample.items.order_by("order"))
    if only is not None:
        wanted = set(only)
        drawn = [one for one in drawn if one.transcript_id in wanted]
    if not drawn:
        raise CannotOpen("The sample has no items." if only is None else "None of these are in the sample.")
    with transaction.atomic():
        round = Round.objects.create(
            project=project, name=name.strip(), sample=sample, codebook_version=codebook_version, overlap=overlap,
            policy=policy, lease_minutes=lease_minutes, created_by=actor,
        )  # fmt: skip
        Item.objects.bulk_create(
            [
                Item(
                    round=round, transcript_id=one.transcript_id, sample_item=one, order=place, wanted=overlap
                )
                for place, one in enumerate(drawn)
            ],
            batch_size=5000,
        )
        RoundMember.objects.bulk_create([RoundMember(round=round, user=user) for user in people])
        _veil(round, people)
        record(
            verb="round.opened", subject=round, actor=actor, project_id=project.pk, name=round.name, sample=sample.pk,
            codebook_version=codebook_version.pk, members=[user.pk for user in people], overlap=overlap,
            policy=policy, items=len(drawn),
        )  # fmt: skip
    return round


def add_member(*, round: Round, user: User, actor: User) -> RoundMember:
    """One more reviewer of an open round, veiled like the others; safe to repeat.

    Raises:
        RoundClosed: the round is over.
        CannotOpen: the person may not review in this project.
    """
    _check_reviewers(round.project, [user])
    with transaction.atomic():
        _hold_open(round)
        member, created = RoundMember.objects.get_or_create(round=round, user=user)
        if created:
            _veil(round, [user])
            record(
                verb="round.member_added",
                subject=round,
                actor=actor,
                project_id=round.project_id,
                user=user.pk,
            )
    return member


def close_round(*, round: Round, actor: User) -> None:
    """End the round: items on desks go back, every veil it laid is lifted; safe to repeat."""
    with transaction.atomic():
        locked = Round.objects.select_for_update().get(pk=round.pk)
        if locked.closed_at is not None:
            return
        locked.closed_at = round.closed_at = timezone.now()
        locked.save(update_fields=["closed_at"])
        held = Lease.objects.filter(item__round=locked, state="held")
        released = held.update(state="released", reason="closed", ended_at=locked.closed_at)
        lifted = lift_veils(round_key=locked.veil_key, scopes=SCOPES)
        record(
            verb="round.closed", subject=locked, actor=actor, project_id=locked.project_id,
            released=released, veils_lifted=lifted,
        )  # fmt: skip


# The next item for a reviewer. Each meets the items in a shuffle of their own, which tells nothing
# about them; what they began and lost to the clock comes first. An unfinished item can be full only
# while somebody holds it, so slots are counted for the few held items alone; the sets are hashed once.
NEXT_ITEM = """
    SELECT item.id FROM queues_item item
    WHERE item.round_id = %(round)s AND item.finished_at IS NULL AND item.id <> ALL(%(full)s)
      AND (item.id NOT IN (SELECT held.item_id FROM queues_lease held WHERE held.state = 'held')
           OR (SELECT count(*) FROM queues_lease taken
               WHERE taken.item_id = item.id AND taken.state IN ('held', 'done')) < item.wanted)
      AND item.escalated_at IS NULL AND item.id NOT IN (SELECT own.item_id FROM queues_lease own
           WHERE own.reviewer_id = %(reviewer)s AND (own.state IN ('held', 'done') OR own.reason = 'skipped'))
    ORDER BY item.id NOT IN (SELECT begun.item_id FROM queues_lease begun
               WHERE begun.reviewer_id = %(reviewer)s AND begun.state = 'released' AND begun.reason = 'expired'),
             hashint8extended(item.id, %(seed)s), item.id
    LIMIT 1 FOR UPDATE OF item
"""


def take_next(*, round: Round, reviewer: User) -> Lease | None:
    """A slot of the reviewer's next item: the one they hold, else the first free one in their own order.

    None when nothing is left for them now; others may still give items back.

    Raises:
        RoundClosed: the round is over, or this person is not one of its reviewers.
    """
    with transaction.atomic():
        _hold_open(round)
        if not hold_desk(round_id=round.pk, reviewer_id=reviewer.pk):
            raise RoundClosed(f"{reviewer} is not a reviewer of {round}.")
        held = _held(round, reviewer)
        if held:
            return _renew(held[0], round)
        return _another(round, reviewer)


def reserve_next(*, round: Round, reviewer: User) -> Lease | None:
    """The item after the one on the desk, held as well so that it can be fetched ahead; two at most.

    None when nothing is on the desk, or nothing is left.

    Raises:
        RoundClosed: as for `take_next`.
    """
    with transaction.atomic():
        _hold_open(round)
        if not hold_desk(round_id=round.pk, reviewer_id=reviewer.pk):
            raise RoundClosed(f"{reviewer} is not a reviewer of {round}.")
        held = _held(round, reviewer)
        if len(held) != 1:
            return held[1] if held else None
        return _another(round, reviewer)


def _held(round: Round, reviewer: User) -> list[Lease]:
    """What lies on the reviewer's desk, the oldest first."""
    rows = Lease.objects.select_for_update(of=("self",)).filter(item__round=round, state="held")
    return list(rows.filter(reviewer=reviewer).order_by("pk"))


def _another(round: Round, reviewer: User) -> Lease | None:
    release_expired(round=round)
    full: list[int] = []  # filled by others between our look and our lock
    # Before saying that nothing is left, wait for the rows that others hold.
    return _take_first(round, reviewer, full, True) or _take_first(round, reviewer, full, False)


def _take_first(round: Round, reviewer: User, full: list[int], stepping_over: bool) -> Lease | None:
    """A slot of the first item that still has one; rows of full items are let go before the next is tried."""
    while True:
        with transaction.atomic():
            item_id = _next_item(round, reviewer, full, stepping_over)
            if item_id is None:
                return None
            if lease := _take(round, item_id, reviewer):
                return lease
            transaction.set_rollback(True)
        full.append(item_id)


def hold_desk(*, round_id: int, reviewer_id: int) -> bool:
    """One tab of a reviewer at a time, until the transaction ends; False for somebody without a seat.

    Comes before every lock on leases and items, so that two tabs never hold one each. The caller
    holds the transaction.
    """
    seats = RoundMember.objects.select_for_update().filter(round_id=round_id, user_id=reviewer_id)
    return bool(seats.values_list("pk", flat=True))


def keep_alive(*, lease: Lease) -> Lease:
    """The lease with its full time ahead of it; one that ran out is taken anew if its slot is free.

    Raises:
        LeaseLost: the slot went to somebody else, or the round was closed.
    """
    with transaction.atomic():
        hold_desk(round_id=lease.item.round_id, reviewer_id=lease.reviewer_id)
        locked = Lease.objects.select_for_update(of=("self",)).select_related("item__round").get(pk=lease.pk)
        if locked.state == "done":
            return locked
        if locked.state == "held":
            return _renew(locked, locked.item.round)
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
    Item.objects.select_for_update().get(pk=lease.item_id)
    return _take(round, lease.item_id, lease.reviewer)


def skip(*, lease: Lease, note: str) -> None:
    """Give the item back unlabelled; it goes to others and is not offered to this reviewer again.

    Raises:
        LeaseLost: nothing is held any more.
    """
    with transaction.atomic():
        hold_desk(round_id=lease.item.round_id, reviewer_id=lease.reviewer_id)
        locked = Lease.objects.select_for_update(of=("self",)).select_related("item__round").get(pk=lease.pk)
        if locked.state != "held":
            raise LeaseLost("This item is no longer on your desk.")
        _end(locked, "released", reason="skipped", note=note.strip()[:500])
        record(
            verb="item.skipped", subject=locked.item, actor=locked.reviewer,
            project_id=locked.item.round.project_id, lease=locked.pk, note=locked.note,
        )  # fmt: skip


def mark_done(*, lease: Lease) -> bool:
    """The reviewer's slot is filled; True if this was the item's last one, which finishes it.

    The caller holds the transaction and the lease's row; the item's row is held from here on.
    """
    item = Item.objects.select_for_update(of=("self",)).select_related("round").get(pk=lease.item_id)
    _end(lease, "done")
    if item.finished_at is not None:
        return False
    if item.leases.filter(state="done").count() < item.wanted:
        return False
    item.finished_at = timezone.now()
    item.save(update_fields=["finished_at"])
    _let_others_see(item)
    return True


def _let_others_see(item: Item) -> None:
    """A finished item comes to nobody else, so members who never had it need no veil on it any more.

    Whoever held it once keeps theirs: a label of theirs may still come, late and blind.
    """
    if item.round.policy != REVEAL:
        return
    had_it = item.leases.values("reviewer")
    idle = RoundMember.objects.filter(round=item.round).exclude(user__in=had_it)
    for person_id in idle.values_list("user_id", flat=True):
        lift_veils(
            round_key=item.round.veil_key,
            scopes=SCOPES,
            person_id=person_id,
            transcript_id=item.transcript_id,
        )


def release_expired(*, round: Round) -> int:
    """Free the slots of leases that ran out; those that somebody works on this moment are stepped over."""
    with transaction.atomic():
        over = list(
            Lease.objects.select_for_update(skip_locked=True, of=("self",)).filter(
                item__round=round, state="held", expires_at__lt=timezone.now()
            )
        )
        for lease in over:
            _end(lease, "released", reason="expired")
            record(verb="item.lease_ran_out", subject=lease, project_id=round.project_id, item=lease.item_id)
        return len(over)


def _hold_open(round: Round) -> None:
    """Keep the round from being closed until this transaction ends; many may hold it so at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT closed_at FROM queues_round WHERE id = %s FOR SHARE", [round.pk])
        row = cursor.fetchone()
    if row is None or row[0] is not None:
        raise RoundClosed(f"{round} is closed.")


def _next_item(round: Round, reviewer: User, full: Sequence[int], stepping_over: bool) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            NEXT_ITEM + (" SKIP LOCKED" if stepping_over else ""),
            {
                "round": round.pk, "reviewer": reviewer.pk, "full": list(full),
                "seed": (round.pk << 32) ^ reviewer.pk,
            },
        )  # fmt: skip
        row = cursor.fetchone()
    return row[0] if row else None


def _take(round: Round, item_id: int, reviewer: User) -> Lease | None:
    """The reviewer's slot of an item whose row the caller holds: the one they have, else the lowest free one."""
    taken = {lease.slot: lease for lease in Lease.objects.filter(item_id=item_id, state__in=TAKEN)}
    if mine := next((lease for lease in taken.values() if lease.reviewer_id == reviewer.pk), None):
        return _renew(mine, round) if mine.state == "held" else mine
    wanted = Item.objects.values_list("wanted", flat=True).get(pk=item_id)
    free = next((slot for slot in range(wanted) if slot not in taken), None)
    if free is None:
        return None
    now = timezone.now()
    expires_at = now + timedelta(minutes=round.lease_minutes)
    lease = Lease.objects.create(
        item_id=item_id, slot=free, reviewer=reviewer, taken_at=now, expires_at=expires_at
    )
    record(
        verb="item.taken", subject=lease, actor=reviewer, project_id=round.project_id, item=item_id, slot=free
    )
    return lease


def _renew(lease: Lease, round: Round) -> Lease:
    lease.expires_at = timezone.now() + timedelta(minutes=round.lease_minutes)
    lease.save(update_fields=["expires_at"])
    return lease


def _end(lease: Lease, state: str, *, reason: str = "", note: str = "") -> None:
    lease.state, lease.reason, lease.note, lease.ended_at = state, reason, note, timezone.now()
    lease.save(update_fields=["state", "reason", "note", "ended_at"])


def _check_reviewers(project: Project, people: Sequence[User]) -> None:
    rows = Membership.objects.of_active().filter(project=project, user__in=people, role__gte=Role.REVIEWER)
    able = set(rows.values_list("user_id", flat=True))
    unable = [str(user) for user in people if user.pk not in able]
    if unable:
        raise CannotOpen(f"{', '.join(unable)} may not review in this project; give them the role first.")


def _veil(round: Round, people: Sequence[User]) -> None:
    if round.policy == OPEN:
        return
    lay_veils(
        person_ids=[user.pk for user in people],
        transcript_ids=list(round.items.values_list("transcript_id", flat=True)),
        round_key=round.veil_key,
        scopes=SCOPES,
    )
