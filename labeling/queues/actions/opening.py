"""Opening and closing rounds, and who reviews in them."""

import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import date

import numpy as np
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from auditor.accounts.models import Membership, Project, Role, User
from auditor.corpus.copying import copy_rows, next_ids
from auditor.corpus.copytext import row
from auditor.evidence.actions import lay_veils, lift_veils
from auditor.evidence.models import Channel
from auditor.evidence.queries import SCOPES, scope_of, visible_to
from auditor.ledger.actions import record
from auditor.sampling.models import Sample
from labeling.codebooks.models import CodebookVersion
from labeling.queues.actions.refusals import CannotOpen, RoundClosed
from labeling.queues.models import (
    ASCENDING,
    CLOSED,
    GOLD,
    OPEN,
    ORDERS,
    POLICIES,
    RANDOM,
    REVEAL,
    TRAINING,
    WORK,
    GoldSet,
    Lease,
    Round,
    RoundMember,
)
from labeling.queues.plan import Whole, plan, strewn

LEASE_MINUTES = (1, 24 * 60)
ITEM = (
    "id",
    "round_id",
    "transcript_id",
    "role",
    "sample_item_id",
    '"order"',
    "wanted",
    "n_done",
    "escalation",
)
ASSIGNMENT = (
    "round_id", "item_id", "slot", "planned_for_id", "reviewer_id", "place", "is_open"
)  # fmt: skip
HINTS = "Items can come in the order of a channel only where nothing is hidden: the order tells what the channel says."


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
    visible_metadata: Iterable[str] = (),
    order: str = RANDOM,
    order_channel: Channel | None = None,
    due_on: date | None = None,
    helping: bool = False,
    training_set: GoldSet | None = None,
    pass_mark: int = 80,
    gold_set: GoldSet | None = None,
    gold_rate: int = 0,
    gold_bar: int = 0,
    seed: int | None = None,
) -> Round:
    """A round over every item of a sample; evidence on them is veiled from its reviewers at once.

    Each item is planned for `overlap` of the reviewers, loads and pairs level; see `plan`.

    Args:
        only: the transcripts of the sample to take, for a round that labels some of them again.
        visible_metadata: keys of metadata and conditions that are shown while blind.
        helping: who has finished their plan goes on with what others have not begun.
        training_set: labelled by everybody before any work; `pass_mark` percent of it must be right.
        gold_set: strewn among the work; who is surely right in less than `gold_bar` percent is paused.
        seed: of the plan and of everybody's order; by chance if not given.

    Raises:
        CannotOpen: sample or codebook of another project, too few reviewers for the overlap, a member
            who may not review, an unknown policy, an order that would be a hint, or no items.
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
    _check_order(project, policy, order, order_channel)
    if order_channel is not None:
        _check_nobody_is_blind(people, sample, order_channel)
    for known in (training_set, gold_set):
        if known is not None and known.codebook_id != codebook_version.codebook_id:
            raise CannotOpen(f"{known} answers another codebook.")
    if gold_set is not None and not 1 <= gold_rate <= 50:
        raise CannotOpen("Between 1 and 50 percent of what a reviewer meets can be gold.")
    check_reviewers(project, people)
    with transaction.atomic():
        round = Round.objects.create(
            project=project, name=name.strip(), sample=sample, codebook_version=codebook_version, overlap=overlap,
            policy=policy, lease_minutes=lease_minutes, visible_metadata=sorted(set(visible_metadata)), order=order,
            order_channel=order_channel, due_on=due_on, helping=helping, training_set=training_set,
            pass_mark=pass_mark, gold_set=gold_set, gold_rate=gold_rate if gold_set else 0, gold_bar=gold_bar,
            seed=secrets.randbits(31) if seed is None else seed, created_by=actor,
        )  # fmt: skip
        items = _fill(round, people, only, actor)
        RoundMember.objects.bulk_create(
            RoundMember(round=round, user=user, qualified_at=None if training_set else timezone.now())
            for user in people
        )
        veil(round, people)
        record(
            verb="round.opened", subject=round, actor=actor, project_id=project.pk, name=round.name, sample=sample.pk,
            codebook_version=codebook_version.pk, members=[user.pk for user in people], overlap=overlap,
            policy=policy, items=items, seed=round.seed,
        )  # fmt: skip
    return round


def _check_order(project: Project, policy: str, order: str, channel: Channel | None) -> None:
    if order not in ORDERS:
        raise CannotOpen(f"There is no order '{order}'.")
    if order != RANDOM and policy != OPEN:
        raise CannotOpen(HINTS)
    if (order == RANDOM) != (channel is None) or (channel is not None and channel.project_id != project.pk):
        raise CannotOpen("Choose the channel of this project that gives the order, or a random order.")


def _check_nobody_is_blind(people: Sequence[User], sample: Sample, channel: Channel) -> None:
    drawn = list(sample.items.values_list("transcript_id", flat=True))
    blind = [str(user) for user in people if visible_to(user).veiled_ids(drawn, scope_of(channel))]
    if blind:
        raise CannotOpen(f"{', '.join(blind)} still labels some of these blind in another round. {HINTS}")


def _fill(round: Round, people: Sequence[User], only: Collection[int] | None, actor: User) -> int:
    """Items and whom they are planned for; returns how many were drawn.

    What teaches and checks is created among the work, so that nothing tells them apart, ids included.
    """
    drawn = list(round.sample.items.order_by("order").values_list("pk", "transcript_id"))
    if only is not None:
        wanted = set(only)
        drawn = [one for one in drawn if one[1] in wanted]
    if not drawn:
        raise CannotOpen("The sample has no items." if only is None else "None of these are in the sample.")
    known = {transcript_id for _, transcript_id in drawn}
    training = _answers(round.training_set, known)
    if round.training_set is not None and not training:
        raise CannotOpen("The training set has no transcript that is not in the sample.")
    rng = np.random.default_rng(round.seed)
    most = len(drawn) * round.overlap / len(people) * round.gold_rate / (100 - round.gold_rate)
    gold = _answers(round.gold_set, known | set(training))
    gold = [gold[at] for at in sorted(rng.permutation(len(gold))[: max(1, int(np.ceil(most)))])]
    if round.gold_set is not None and not gold:
        raise CannotOpen("The gold set has no transcript that is not in the sample or the training.")

    rows: list[tuple[str, int, int | None, int]] = [
        (WORK, transcript_id, pk, round.overlap) for pk, transcript_id in drawn
    ]
    rows += [(GOLD, transcript_id, None, len(people)) for transcript_id in gold]
    rows += [(TRAINING, transcript_id, None, len(people)) for transcript_id in training]
    ids = np.array(next_ids("queues_item", len(rows)))[np.argsort(rng.permutation(len(rows)))]
    copy_rows(
        "queues_item",
        ITEM,
        (
            row(pk, round.pk, transcript_id, role, drawn_as, place, wanted, 0, "")
            for place, (pk, (role, transcript_id, drawn_as, wanted)) in enumerate(
                zip(ids.tolist(), rows, strict=True)
            )
        ),
    )
    work, checks, teaching = np.split(ids, [len(drawn), len(drawn) + len(gold)])
    blocks = plan(len(drawn), len(people), round.overlap, round.seed)
    ranks = _ranks(round, [transcript_id for _, transcript_id in drawn], actor)
    _assign(round, people, work, blocks, checks, teaching, ranks)
    return len(drawn)


def _assign(
    round: Round,
    people: Sequence[User],
    work: Whole,
    blocks: Whole,
    gold: Whole,
    training: Whole,
    ranks: Whole | None,
) -> None:
    """A row for each slot, with its place in its reviewer's own order: training, then work and gold."""

    def rows() -> Iterable[bytes]:
        for at, user in enumerate(people):
            rng = np.random.default_rng([round.seed, user.pk])
            mine, slots = np.nonzero(blocks == at)
            order = rng.permutation(len(mine)) if ranks is None else np.argsort(ranks[mine], kind="stable")
            places = strewn(len(mine), len(gold), rng)
            for place, one in zip(places[0].tolist(), order.tolist(), strict=True):
                yield row(round.pk, work[mine[one]], slots[one], user.pk, user.pk, place, "t")
            for place, one in zip(places[1].tolist(), rng.permutation(gold).tolist(), strict=True):
                yield row(round.pk, one, at, user.pk, user.pk, place, "t")
            for place, one in enumerate(rng.permutation(training).tolist()):
                yield row(round.pk, one, at, user.pk, user.pk, place - len(training), "t")

    copy_rows("queues_assignment", ASSIGNMENT, rows())


def _ranks(round: Round, transcript_ids: Sequence[int], actor: User) -> Whole | None:
    """Where each transcript stands by the round's channel, those without a value last; None: by chance."""
    if round.order_channel is None:
        return None
    rows = visible_to(actor).rollups_of(round.order_channel).filter(value__isnull=False)
    found = dict(rows.values_list("transcript_id", "value"))
    values = np.array([found.get(pk) for pk in transcript_ids], dtype=np.float64)
    if round.order != ASCENDING:
        values = -values
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")  # nan sorts last


def _answers(known: GoldSet | None, but_not: Collection[int]) -> list[int]:
    """The transcripts of a set that are not among these, in the order in which they were added."""
    if known is None:
        return []
    ids = known.items.order_by("pk").values_list("transcript_id", flat=True)
    return [pk for pk in ids if pk not in but_not]


def add_member(*, round: Round, user: User, actor: User) -> RoundMember:
    """One more reviewer of an open round, veiled like the others; safe to repeat.

    They are offered what is given back, and what is shared out to them; see `share_out`.

    Raises:
        RoundClosed: the round is over.
        CannotOpen: the person may not review in this project.
    """
    check_reviewers(round.project, [user])
    with transaction.atomic():
        hold_seats(round)
        member, created = RoundMember.objects.get_or_create(
            round=round,
            user=user,
            defaults={"qualified_at": None if round.training_set_id else timezone.now()},
        )
        if created or member.dropped_at is not None:
            RoundMember.objects.filter(pk=member.pk).update(dropped_at=None)
            veil(round, [user])
            _check_too(round, user)
            record(
                verb="round.member_added", subject=round, actor=actor, project_id=round.project_id, user=user.pk
            )  # fmt: skip
    return member


def _check_too(round: Round, user: User) -> None:
    """Training and gold of the round for a reviewer who came later."""
    rng = np.random.default_rng([round.seed, user.pk])
    items = round.items.exclude(role=WORK).exclude(assignments__reviewer=user).order_by("pk")
    shuffled = [items[int(at)] for at in rng.permutation(len(items))]
    place = {GOLD: 0, TRAINING: -len(shuffled)}
    rows = []
    for item in shuffled:
        rows.append(row(round.pk, item.pk, item.wanted, user.pk, user.pk, place[item.role], "t"))
        place[item.role] += 1 if item.role == TRAINING else max(1, 100 // max(1, round.gold_rate))
    copy_rows("queues_assignment", ASSIGNMENT, rows)
    round.items.filter(pk__in=[item.pk for item in shuffled]).update(wanted=F("wanted") + 1)


def close_round(*, round: Round, actor: User) -> None:
    """End the round: items on desks go back, every veil it laid is lifted; safe to repeat."""
    with transaction.atomic():
        try:
            hold_seats(round)
        except RoundClosed:
            return
        locked = Round.objects.select_for_update().get(pk=round.pk)
        locked.closed_at = round.closed_at = timezone.now()
        locked.save(update_fields=["closed_at"])
        held = Lease.objects.filter(item__round=locked, state="held")
        released = held.update(state="released", reason=CLOSED, ended_at=locked.closed_at)
        lifted = lift_veils(round_key=locked.veil_key, scopes=SCOPES)
        record(
            verb="round.closed", subject=locked, actor=actor, project_id=locked.project_id,
            released=released, veils_lifted=lifted,
        )  # fmt: skip


def hold_seats(round: Round) -> list[RoundMember]:
    """Everybody's desk, until the transaction ends: nothing is handed out, taken back or committed meanwhile.

    Raises:
        RoundClosed: the round is over.
    """
    seats = list(
        RoundMember.objects.select_for_update(of=("self",))
        .filter(round=round)
        .select_related("user")
        .order_by("pk")
    )
    if Round.objects.filter(pk=round.pk, closed_at__isnull=False).exists():
        raise RoundClosed(f"{round} is closed.")
    return seats


def check_reviewers(project: Project, people: Sequence[User]) -> None:
    """All of these may review in the project.

    Raises:
        CannotOpen: some may not; the message names them.
    """
    rows = Membership.objects.of_active().filter(project=project, user__in=people, role__gte=Role.REVIEWER)
    able = set(rows.values_list("user_id", flat=True))
    unable = [str(user) for user in people if user.pk not in able]
    if unable:
        raise CannotOpen(f"{', '.join(unable)} may not review in this project; give them the role first.")


def veil(round: Round, people: Sequence[User]) -> None:
    """Hide what is said about the round's transcripts from these people, unless nothing is hidden in it."""
    if round.policy == OPEN:
        return
    lay_veils(
        person_ids=[user.pk for user in people],
        transcript_ids=list(round.items.values_list("transcript_id", flat=True)),
        round_key=round.veil_key,
        scopes=SCOPES,
    )
