"""Managing a round for programs: pause it, extend it, move work, take people in and out."""

from datetime import date

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.sampling.queries import access_sample
from auditor.web.problems import Problem
from auditor.web.shapes import Id
from labeling.queues import actions, queries
from labeling.queues.api import MemberIn, RoundOut, people_of
from labeling.queues.models import Round

router = Router(tags=["Rounds"])


class MovedOut(Schema):
    """How many items or places were moved."""

    moved: int


class ExtendIn(Schema):
    """More labels for every item, or the items of a larger draw that holds the round's sample."""

    overlap: int | None = Field(None, ge=1, le=20)
    sample: Id | None = None


class ReassignIn(Schema):
    """What one reviewer has not begun goes to another."""

    giver: Id
    taker: Id
    count: int | None = Field(None, ge=1, le=10_000_000, description="At most so many; left out: all")


class DueIn(Schema):
    """By when it should be done; null for no date."""

    due_on: date | None


@router.post("/rounds/{int:pk}/pause", response=RoundOut, summary="Hand nothing out")
def pause(request: HttpRequest, pk: int) -> RoundOut:
    """What lies on desks may be finished; safe to repeat."""
    membership, round = _managed(request, pk)
    try:
        actions.pause_round(round=round, actor=membership.user)
    except actions.RoundClosed as problem:
        raise _refusal(problem, "round") from problem
    return RoundOut.of(queries.access_round(membership, pk))


@router.post("/rounds/{int:pk}/resume", response=RoundOut, summary="Hand items out again")
def resume(request: HttpRequest, pk: int) -> RoundOut:
    membership, round = _managed(request, pk)
    try:
        actions.resume_round(round=round, actor=membership.user)
    except actions.RoundClosed as problem:
        raise _refusal(problem, "round") from problem
    return RoundOut.of(queries.access_round(membership, pk))


@router.put("/rounds/{int:pk}/due", response=RoundOut, summary="By when it should be done")
def set_due(request: HttpRequest, pk: int, body: DueIn) -> RoundOut:
    membership, round = _managed(request, pk)
    actions.set_due(round=round, due_on=body.due_on, actor=membership.user)
    return RoundOut.of(queries.access_round(membership, pk))


@router.post("/rounds/{int:pk}/extend", response=MovedOut, summary="More labels, or more items")
def extend(request: HttpRequest, pk: int, body: ExtendIn) -> MovedOut:
    """Sent twice, more labels are refused the second time, and more items are none."""
    membership, round = _managed(request, pk)
    if (body.overlap is None) == (body.sample is None):
        raise Problem(
            422, "Say either the labels that each item gets, or the larger sample.", field="overlap"
        )
    try:
        if body.overlap is not None:
            n = actions.extend_overlap(round=round, overlap=body.overlap, actor=membership.user)
        else:
            assert body.sample is not None
            larger = access_sample(membership, body.sample)
            n = actions.extend_items(round=round, sample=larger, actor=membership.user)
    except (actions.RoundClosed, actions.CannotChange) as problem:
        raise _refusal(problem, "overlap" if body.overlap is not None else "sample") from problem
    return MovedOut(moved=n)


@router.post("/rounds/{int:pk}/reassign", response=MovedOut, summary="Give work to another reviewer")
def reassign(request: HttpRequest, pk: int, body: ReassignIn) -> MovedOut:
    membership, round = _managed(request, pk)
    giver, taker = (people_of(membership, [one])[0] for one in (body.giver, body.taker))
    try:
        n = actions.reassign(round=round, giver=giver, taker=taker, count=body.count, actor=membership.user)
    except (actions.RoundClosed, actions.CannotChange) as problem:
        raise _refusal(problem, "taker") from problem
    return MovedOut(moved=n)


@router.post("/rounds/{int:pk}/share-out", response=MovedOut, summary="Level what nobody has begun")
def share_out(request: HttpRequest, pk: int) -> MovedOut:
    membership, round = _managed(request, pk)
    try:
        return MovedOut(moved=actions.share_out(round=round, actor=membership.user))
    except actions.RoundClosed as problem:
        raise _refusal(problem, "round") from problem


@router.post("/rounds/{int:pk}/members/drop", response=MovedOut, summary="Somebody reviews no longer")
def drop(request: HttpRequest, pk: int, body: MemberIn) -> MovedOut:
    """Their labels stay; what they have not labelled goes to others, and stays hidden from them."""
    membership, round = _managed(request, pk)
    (user,) = people_of(membership, [body.user])
    try:
        return MovedOut(moved=actions.drop_member(round=round, user=user, actor=membership.user))
    except actions.RoundClosed as problem:
        raise _refusal(problem, "user") from problem


@router.post(
    "/rounds/{int:pk}/members/resume", response=RoundOut, summary="Let a reviewer go on who was paused"
)
def resume_member(request: HttpRequest, pk: int, body: MemberIn) -> RoundOut:
    membership, round = _managed(request, pk)
    (user,) = people_of(membership, [body.user])
    try:
        actions.resume_member(round=round, user=user, actor=membership.user)
    except actions.RoundClosed as problem:
        raise _refusal(problem, "user") from problem
    return RoundOut.of(queries.access_round(membership, pk))


def _managed(request: HttpRequest, pk: int) -> tuple[Membership, Round]:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    return membership, queries.access_round(membership, pk)


def _refusal(problem: Exception, field: str) -> Problem:
    if isinstance(problem, actions.RoundClosed):
        return Problem(409, str(problem))
    return Problem(422, str(problem), field=field)
