"""Questions about rounds: how far they are, who did what, and how long it may take."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection
from django.db.models import (
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce, Extract
from django.http import Http404

from auditor.accounts.models import Membership, Role, User
from auditor.sampling.models import Sample
from auditor.sampling.queries import samples_of
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared
from labeling.queues.models import (
    EXPIRED,
    GOLD,
    SKIPPED,
    TAKEN,
    WORK,
    Assignment,
    GoldResult,
    Item,
    Lease,
    Round,
    RoundMember,
)
from labeling.queues.quality import Accuracy

BASIS = 30  # the newest labels that an estimate of time rests on
LARGE = ("sample__frame_ids", "codebook_version__definition")  # columns that no page of a round shows
LOOKED_AT, MOST_KEYS = 500, 40  # transcripts whose keys are looked at, and keys that can be chosen
LONGEST = 3600.0  # seconds; a longer hold was a break, and counts as this much
SEAT = Columns(RoundMember)
# A seat, what waits for it (the training alone where that comes first), items that are free for everybody and may
# come to it, what it holds, and its pace over the newest labels.
DESK = f"""
    SELECT {SEAT.of("seat")},
        (SELECT count(*) FROM queues_assignment mine WHERE mine.round_id = asked.round AND mine.reviewer_id = asked.me
            AND mine.is_open AND (seat.qualified_at IS NOT NULL OR mine.place < 0)),
        (SELECT count(DISTINCT free.item_id) FROM queues_assignment free
            WHERE free.round_id = asked.round AND free.reviewer_id IS NULL AND free.is_open
            AND NOT EXISTS (SELECT FROM queues_lease had WHERE had.item_id = free.item_id
                AND had.reviewer_id = asked.me AND (had.state IN ('held', 'done') OR had.reason = 'skipped'))
            AND NOT EXISTS (SELECT FROM queues_assignment own WHERE own.item_id = free.item_id
                AND own.reviewer_id = asked.me)),
        ARRAY(SELECT lease.item_id FROM queues_lease lease JOIN queues_item item ON item.id = lease.item_id
            WHERE lease.reviewer_id = asked.me AND lease.state = 'held' AND item.round_id = asked.round
            ORDER BY lease.id),
        pace.seconds, pace.basis, asked.round
    FROM (SELECT %(round)s::bigint AS round, %(me)s::bigint AS me) asked
    LEFT JOIN queues_roundmember seat ON seat.round_id = asked.round AND seat.user_id = asked.me
    CROSS JOIN LATERAL (
        SELECT avg(least(extract(epoch FROM ended_at - taken_at), {LONGEST}))::float8 AS seconds, count(*) AS basis
        FROM (SELECT done.ended_at, done.taken_at FROM queues_lease done JOIN queues_item item ON item.id = done.item_id
              WHERE done.reviewer_id = asked.me AND done.state = 'done' AND done.ended_at IS NOT NULL
              AND item.round_id = asked.round ORDER BY done.ended_at DESC LIMIT {BASIS}) newest) pace
"""  # noqa: S608 - made of constants
DESKS = DESK.replace("%(round)s::bigint", "unnest(%(rounds)s::bigint[])")  # the same of several rounds


@dataclass(frozen=True)
class ReviewerProgress:
    """One reviewer in a round."""

    seat: RoundMember
    done: int
    held: int
    skipped: int
    expired: int
    waiting: int  # planned for them and not begun
    gold: Accuracy  # on items that check, as far as this member may know

    @property
    def user(self) -> User:
        return self.seat.user

    @property
    def left(self) -> int:
        """Items that wait for them, on the desk or in their plan."""
        return self.held + self.waiting


@dataclass(frozen=True)
class Progress:
    """How far a round is."""

    items: int
    finished: int
    labels: int  # slots done
    labels_wanted: int
    held: int
    given_back: int = 0  # places free for everybody
    escalated: int = 0  # items that were handed to adjudication unfinished
    reviewers: tuple[ReviewerProgress, ...] = ()
    planned: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # items planned for both; (a, a): planned for a
    pairs: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # items that both have done; (a, a): done by a
    seconds_each: float | None = None  # average of the newest labels
    basis: int = 0  # how many labels the estimate rests on

    @property
    def seconds_left(self) -> float | None:
        """Working time until every slot is filled, over all reviewers; None without a basis."""
        return None if self.seconds_each is None else self.seconds_each * (self.labels_wanted - self.labels)

    @property
    def matrix(self) -> list[tuple[ReviewerProgress, list[tuple[int, int]]]]:
        """For each reviewer, the items labelled and planned together with each reviewer, in the same order."""
        return [
            (
                row,
                [
                    (self.pairs.get(pair, 0), self.planned.get(pair, 0))
                    for column in self.reviewers
                    for pair in [(row.user.pk, column.user.pk)]
                ],
            )
            for row in self.reviewers
        ]


@dataclass(frozen=True)
class Desk:
    """One round as one of its reviewers sees it."""

    round: Round
    done: int
    held: int | None  # id of the item on the desk
    open: int  # items that could still come to this reviewer, the held one included
    seconds_each: float | None
    basis: int
    training: bool = False  # what comes is the training
    waits_for: str = ""  # why nothing new is handed out; empty if it is
    others: int = 0  # where nothing else could come: items of others that this reviewer may take over

    @property
    def total(self) -> int:
        return self.done + self.open

    @property
    def seconds_left(self) -> float | None:
        return None if self.seconds_each is None else self.seconds_each * self.open


def rounds_of(project_id: int) -> QuerySet[Round]:
    """The rounds of a project, newest first, with `n_items`, `n_finished` and `n_members`."""
    work = Item.objects.filter(role=WORK)
    return (
        Round.objects.filter(project_id=project_id)
        .select_related("sample", "codebook_version__codebook", "created_by")
        .defer(*LARGE)
        .annotate(
            n_items=Coalesce(_counted(work), 0),
            n_finished=Coalesce(_counted(work.filter(finished_at__isnull=False)), 0),
            n_members=Coalesce(_counted(RoundMember.objects.filter(dropped_at__isnull=True)), 0),
        )
        .order_by("-pk")
    )


def _counted(rows: QuerySet[Any]) -> Subquery:
    """How many of the rows each round has; counted on their own, since joins would multiply them."""
    mine = rows.filter(round=OuterRef("pk")).order_by().values("round")
    return Subquery(mine.annotate(n=Count("pk")).values("n"))


def progress(round: Round, asker: User | None = None) -> Progress:
    """How far the round is, by reviewer and by pair; a fixed number of queries.

    How somebody does on gold is left out for an asker who reviews in the round: it would tell them
    which of their items are gold.
    """
    items = Item.objects.filter(round=round, role=WORK).aggregate(
        all=Count("pk"), finished=Count("pk", filter=Q(finished_at__isnull=False)), wanted=Sum("wanted"),
        escalated=Count("pk", filter=Q(escalated_at__isnull=False, finished_at__isnull=True)),
    )  # fmt: skip
    leases = Lease.objects.filter(item__round=round, item__role=WORK)
    by_person: dict[int, dict[tuple[str, str], int]] = {}
    for person, state, reason, n in leases.values_list("reviewer", "state", "reason").annotate(n=Count("pk")):
        by_person.setdefault(person, {})[state, reason] = n
    waiting = Assignment.objects.filter(round=round, is_open=True, item__role=WORK)
    open_places = dict(waiting.order_by().values_list("reviewer").annotate(n=Count("pk")))
    seats = list(round.members.select_related("user").order_by("user__name", "user_id"))
    blind = asker is None or any(seat.user_id == asker.pk for seat in seats)
    gold = {} if blind else gold_accuracy(round)
    reviewers = tuple(
        ReviewerProgress(
            seat=seat,
            done=_count(by_person.get(seat.user_id, {}), "done"),
            held=_count(by_person.get(seat.user_id, {}), "held"),
            skipped=_count(by_person.get(seat.user_id, {}), "released", SKIPPED),
            expired=_count(by_person.get(seat.user_id, {}), "released", EXPIRED),
            waiting=open_places.get(seat.user_id, 0),
            gold=gold.get(seat.user_id, Accuracy(0, 0)),
        )
        for seat in seats
    )
    both = leases.filter(state="done", item__leases__state="done").values_list(
        "reviewer", "item__leases__reviewer"
    )
    plans = Assignment.objects.filter(round=round, item__role=WORK, planned_for__isnull=False)
    planned = plans.filter(item__assignments__planned_for__isnull=False).values_list(
        "planned_for", "item__assignments__planned_for"
    )
    seconds, basis = _pace(leases)
    return Progress(
        items=items["all"],
        finished=items["finished"],
        labels=sum(one.done for one in reviewers),
        labels_wanted=items["wanted"] or 0,
        held=sum(one.held for one in reviewers),
        given_back=open_places.get(None, 0),
        escalated=items["escalated"],
        reviewers=reviewers,
        pairs={(a, b): n for a, b, n in both.annotate(n=Count("pk"))},
        planned={(a, b): n for a, b, n in planned.order_by().annotate(n=Count("pk"))},
        seconds_each=seconds,
        basis=basis,
    )


def gold_accuracy(round: Round, role: str = GOLD) -> dict[int, Accuracy]:
    """How each reviewer does on the round's items of this role."""
    rows = GoldResult.objects.filter(item__round=round, item__role=role).order_by().values_list("reviewer")
    counts = rows.annotate(right_ones=Count("pk", filter=Q(right=True)), all=Count("pk"))
    return {person: Accuracy(right, of) for person, right, of in counts}


def desks_of(project_id: int, reviewer: User) -> list[Desk]:
    """The rounds that this person reviews, open ones first, with what is left for them (200 at most).

    Two queries, whatever the number of rounds; one more where all that is left in any is to help others.
    """
    rows = Round.objects.filter(project_id=project_id, members__user=reviewer)
    rows = rows.select_related("codebook_version__codebook").defer("codebook_version__definition")
    rounds = list(rows.order_by(F("closed_at").desc(nulls_first=True), "-pk")[:200])
    return _desks(rounds, reviewer, DESKS, {"rounds": [round.pk for round in rounds]}) if rounds else []


def desk_of(round: Round, reviewer: User) -> Desk:
    """One round as this reviewer sees it, in one query; in one more where all that is left is to help others."""
    (desk,) = _desks([round], reviewer, DESK, {"round": round.pk})
    return desk


def _desks(rounds: Sequence[Round], reviewer: User, sql: str, asked: dict[str, Any]) -> list[Desk]:
    with prepared() as cursor:
        cursor.execute(sql, {**asked, "me": reviewer.pk})
        found = {row[-1]: row for row in cursor.fetchall()}
    desks = [_desk(round, found[round.pk]) for round in rounds]
    alone = [desk.round.pk for desk, may_help in desks if may_help]
    others = _of_others(alone, reviewer) if alone else {}
    return [replace(desk, others=others.get(desk.round.pk, 0)) for desk, _ in desks]


def _desk(round: Round, row: Sequence[Any]) -> tuple[Desk, bool]:
    """What a row of DESK says, and whether the reviewer may look for items of others."""
    values = iter(row)
    seat = SEAT.row_or_none(values)
    waiting, free, held, seconds, basis, _ = values
    gets = seat is not None and seat.dropped_at is None and round.is_open
    training = gets and seat is not None and seat.qualified_at is None
    left = waiting + len(held) + (0 if training else free) if gets else 0
    desk = Desk(
        round=round,
        done=seat.n_done if seat is not None else 0,
        held=held[0] if held and round.is_open else None,
        open=left,
        seconds_each=seconds,
        basis=basis,
        training=training,
        waits_for=_waits_for(round, seat),
    )
    return desk, gets and round.helping and not left and not training


def _of_others(round_ids: Sequence[int], reviewer: User) -> dict[int, int]:
    """By round, items of work that others have not begun and this reviewer may get, as `actions.take_next` hands them out."""
    rows = Assignment.objects.filter(
        round__in=round_ids, is_open=True, item__role=WORK, reviewer__isnull=False
    )
    had = Lease.objects.filter(
        Q(state__in=TAKEN) | Q(reason=SKIPPED), item=OuterRef("item"), reviewer=reviewer
    )
    own = Assignment.objects.filter(item=OuterRef("item"), reviewer=reviewer)
    free = rows.filter(~Exists(had), ~Exists(own)).order_by().values_list("round")
    return dict(free.annotate(n=Count("item", distinct=True)))


def _waits_for(round: Round, seat: RoundMember | None) -> str:
    """Why nothing new is handed out to a reviewer, in words; empty if it is."""
    if seat is None or not round.is_open:
        return ""
    if seat.dropped_at is not None:
        return "You review no longer in this round. Your labels stay."
    if seat.paused_at is not None:
        return seat.paused_reason or "A manager has paused you in this round."
    return "The round is paused. What is on your desk can be finished." if round.paused_at is not None else ""


def seats_of(reviewer: User, rounds: Sequence[Round]) -> set[int]:
    """The ids of those rounds that this person reviews."""
    return set(RoundMember.objects.filter(user=reviewer, round__in=rounds).values_list("round_id", flat=True))


def reviewers_to_add(round: Round) -> QuerySet[User]:
    """People of the project who may review and are not in the round yet."""
    able = Membership.objects.of_active().filter(project_id=round.project_id, role__gte=Role.REVIEWER)
    seated = round.members.values("user_id")
    return User.objects.filter(pk__in=able.values("user_id")).exclude(pk__in=seated).order_by("name", "pk")


def metadata_keys(project_id: int) -> list[str]:
    """Keys of metadata and conditions that the newest transcripts of the project have, most frequent first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, count(*) FROM (SELECT metadata, conditions FROM corpus_transcript WHERE project_id = %s"
            " ORDER BY id DESC LIMIT %s) t CROSS JOIN LATERAL (SELECT jsonb_object_keys(conditions) UNION"
            " SELECT jsonb_object_keys(CASE jsonb_typeof(metadata) WHEN 'object' THEN metadata ELSE '{}' END)) k (key)"
            " WHERE length(key) <= 100 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s",
            [project_id, LOOKED_AT, MOST_KEYS],
        )
        return [row[0] for row in cursor.fetchall()]


def extensions_of(round: Round) -> QuerySet[Sample]:
    """Larger draws that directly hold the round's sample."""
    return samples_of(round.project_id).filter(extends=round.sample_id)


def access_round(membership: Membership, pk: int) -> Round:
    """A round of the member's project.

    Raises:
        Http404: not in this project.
    """
    rows = Round.objects.select_related("project", "sample", "codebook_version__codebook", "created_by")
    rows = rows.defer(*LARGE)
    found = rows.filter(pk=pk, project=membership.project).first()
    if found is None:
        raise Http404("no such round")
    return found


def access_desk(membership: Membership, pk: int) -> Round:
    """A round that this person reviews.

    Raises:
        Http404: not in this project, or the person is not one of its reviewers.
    """
    found = access_round(membership, pk)
    if not found.members.filter(user=membership.user).exists():
        raise Http404("not your round")
    return found


def lease_of(item_id: int, reviewer: User) -> Lease | None:
    """The reviewer's lease on an item: the held or done one, else the newest that was released."""
    rows = Lease.objects.filter(item_id=item_id, reviewer=reviewer).select_related("item__round")
    return rows.order_by("state", "-pk").first()  # done, held, released


def _count(counts: dict[tuple[str, str], int], state: str, reason: str | None = None) -> int:
    return sum(n for (s, r), n in counts.items() if s == state and reason in (None, r))


def _pace(leases: QuerySet[Lease]) -> tuple[float | None, int]:
    """Average seconds from taking an item to its label over the newest ones, breaks cut, and how many."""
    took = ExpressionWrapper(F("ended_at") - F("taken_at"), output_field=DurationField())
    rows = (
        leases.filter(state="done", ended_at__isnull=False)
        .annotate(seconds=Extract(took, "epoch"))
        .order_by("-ended_at")
    )
    newest: Sequence[float] = [min(float(s), LONGEST) for s in rows.values_list("seconds", flat=True)[:BASIS]]
    return (sum(newest) / len(newest), len(newest)) if newest else (None, 0)
