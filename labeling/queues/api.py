"""Rounds for programs: the list, a new one, how far each is and who met whom, members."""

from datetime import date, datetime
from typing import Annotated, Literal

from django.db import IntegrityError
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope, User
from auditor.evidence.models import Channel
from auditor.evidence.queries import channels_of
from auditor.sampling.queries import access_sample
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.web.shapes import Id
from labeling.codebooks.queries import access_version
from labeling.queues import actions, queries
from labeling.queues.gold_queries import access_gold_set
from labeling.queues.models import GoldSet, Round
from labeling.queues.queries import ReviewerProgress

router = Router(tags=["Rounds"])


class RoundOut(Schema):
    """A sample under review by a codebook."""

    id: int
    name: str
    sample: int
    codebook_version: int
    policy: str = Field(description="reveal, blind_only or open")
    overlap: int
    lease_minutes: int
    visible_metadata: list[str] = Field(description="Keys that are shown while blind")
    order: str = Field(description="random, channel_up or channel_down")
    due_on: date | None
    created_at: datetime
    paused_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, row: Round) -> "RoundOut":
        return cls(
            id=row.pk, name=row.name, sample=row.sample_id, codebook_version=row.codebook_version_id,
            policy=row.policy, overlap=row.overlap, lease_minutes=row.lease_minutes, created_at=row.created_at,
            visible_metadata=row.visible_metadata, order=row.order, due_on=row.due_on,
            paused_at=row.paused_at, closed_at=row.closed_at,
        )  # fmt: skip


class ReviewerOut(Schema):
    """One reviewer in a round."""

    id: int
    name: str
    done: int
    held: int
    skipped: int
    expired: int

    @classmethod
    def of(cls, one: ReviewerProgress) -> "ReviewerOut":
        return cls(
            id=one.user.pk, name=str(one.user), done=one.done, held=one.held, skipped=one.skipped,
            expired=one.expired,
        )  # fmt: skip


class ProgressOut(Schema):
    """How far a round is, by reviewer and by pair."""

    items: int
    finished: int
    labels: int
    labels_wanted: int
    held: int
    reviewers: list[ReviewerOut]
    matrix: list[list[int]] = Field(
        description="Items that two have both done, in the order of reviewers; on the diagonal, by one"
    )
    planned: list[list[int]] = Field(
        description="Items planned for two, in the same order; on the diagonal, for one"
    )
    seconds_left: float | None = Field(description="Working time over all; null without a basis")
    basis: int = Field(description="How many of the newest labels the time rests on")


class RoundIn(Schema):
    """A new round over every item of a sample."""

    name: str = Field(min_length=1, max_length=150)
    sample: Id
    codebook_version: Id
    members: list[Id] = Field(min_length=1, max_length=200, description="Ids of people")
    overlap: int = Field(2, ge=1, le=20)
    policy: str = Field("reveal", max_length=20, description="reveal, blind_only or open")
    lease_minutes: int = Field(30, ge=1, le=1440)
    visible_metadata: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=50)
    order: Literal["random", "channel_up", "channel_down"] = Field(
        "random", description="By a channel only where nothing is hidden: order is a hint"
    )
    order_channel: str | None = Field(None, max_length=200, description="Key of the channel")
    due_on: date | None = None
    helping: bool = Field(
        False, description="Who has finished their plan goes on with what others have not begun"
    )
    training_set: Id | None = Field(None, description="Labelled by everybody before any work")
    pass_mark: int = Field(80, ge=0, le=100, description="Percent of the training that must be right")
    gold_set: Id | None = Field(None, description="Known answers that check silently")
    gold_rate: int = Field(0, ge=0, le=50, description="Percent of what comes that is gold")
    gold_bar: int = Field(0, ge=0, le=100, description="Pause below this percent; 0: never")


class MemberIn(Schema):
    """A reviewer to take in."""

    user: Id


@router.get("/rounds", response=Listed[RoundOut], summary="The project's rounds, newest first")
def rounds(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[RoundOut]:
    rows = queries.rounds_of(access_caller(request).project_id)
    return listed(rows, RoundOut.of, after=after, limit=limit)


@router.post("/rounds", response={201: RoundOut}, summary="Open a round")
def open_round(request: HttpRequest, body: RoundIn) -> RoundOut:
    """Evidence on its items is hidden from its reviewers at once."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        made = actions.open_round(
            project=membership.project, name=body.name, sample=access_sample(membership, body.sample),
            codebook_version=access_version(membership, body.codebook_version),
            members=people_of(membership, body.members), overlap=body.overlap, policy=body.policy,
            lease_minutes=body.lease_minutes, actor=membership.user, visible_metadata=body.visible_metadata,
            order=body.order, order_channel=_channel(membership, body.order_channel), due_on=body.due_on,
            helping=body.helping, pass_mark=body.pass_mark, gold_rate=body.gold_rate, gold_bar=body.gold_bar,
            training_set=_gold_set(membership, body.training_set), gold_set=_gold_set(membership, body.gold_set),
        )  # fmt: skip
    except actions.CannotOpen as problem:
        raise Problem(422, str(problem)) from problem
    except IntegrityError as problem:
        there = Round.objects.filter(project=membership.project, name=body.name.strip()).first()
        raise Problem(
            409, "This project has a round of that name.", field="name", existing=there.pk if there else None
        ) from problem
    return RoundOut.of(made)


@router.get("/rounds/{int:pk}", response=RoundOut, summary="One round")
def round(request: HttpRequest, pk: int) -> RoundOut:
    return RoundOut.of(queries.access_round(access_caller(request), pk))


@router.get("/rounds/{int:pk}/progress", response=ProgressOut, summary="How far it is, and who met whom")
def progress(request: HttpRequest, pk: int) -> ProgressOut:
    found = queries.progress(queries.access_round(access_caller(request), pk))
    return ProgressOut(
        items=found.items, finished=found.finished, labels=found.labels, labels_wanted=found.labels_wanted,
        held=found.held, reviewers=[ReviewerOut.of(one) for one in found.reviewers],
        matrix=[[n for n, _ in counts] for _, counts in found.matrix],
        planned=[[n for _, n in counts] for _, counts in found.matrix], seconds_left=found.seconds_left, basis=found.basis,
    )  # fmt: skip


@router.post("/rounds/{int:pk}/members", response=ProgressOut, summary="Take a reviewer in")
def add_member(request: HttpRequest, pk: int, body: MemberIn) -> ProgressOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_round(membership, pk)
    (user,) = people_of(membership, [body.user])
    try:
        actions.add_member(round=found, user=user, actor=membership.user)
    except actions.RoundClosed as problem:
        raise Problem(409, str(problem)) from problem
    except actions.CannotOpen as problem:
        raise Problem(422, str(problem), field="user") from problem
    return progress(request, pk)


@router.post("/rounds/{int:pk}/close", response=RoundOut, summary="Close it")
def close(request: HttpRequest, pk: int) -> RoundOut:
    """Safe to repeat: items on desks go back, and everything the round hid is shown again."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_round(membership, pk)
    actions.close_round(round=found, actor=membership.user)
    return RoundOut.of(queries.access_round(membership, pk))


def people_of(membership: Membership, ids: list[int]) -> list[User]:
    """Members of the project by their ids, in the order given.

    Raises:
        Problem: somebody is no member.
    """
    there = Membership.objects.of_active().filter(project=membership.project, user_id__in=ids)
    found = {one.user_id: one.user for one in there.select_related("user")}
    if missing := [pk for pk in ids if pk not in found]:
        raise Problem(422, f"There is no member {missing[0]}.", field="members")
    return [found[pk] for pk in dict.fromkeys(ids)]


def _channel(membership: Membership, key: str | None) -> Channel | None:
    if key is None:
        return None
    found = channels_of(membership.project_id).filter(key=key).first()
    if found is None:
        raise Problem(422, f"There is no channel {key}.", field="order_channel")
    return found


def _gold_set(membership: Membership, pk: int | None) -> GoldSet | None:
    return access_gold_set(membership, pk) if pk is not None else None
