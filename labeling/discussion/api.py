"""Discussion for programs: threads, replies, and what is addressed to one; blindness holds as on the pages."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Scope, User
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.web.shapes import Id
from labeling.discussion import actions, queries
from labeling.discussion.actions import Anchor, BadComment, BadPlace, MayNot
from labeling.discussion.models import UNNAMED, Comment, Mention, Thread

router = Router(tags=["Discussion"])
SHOWN = 500  # comments of a thread, which holds no more


class PlaceOut(Schema):
    """Where a thread stands in its transcript."""

    position: int
    part: str
    start: int | None
    end: int | None
    quote: str


class ThreadOut(Schema):
    """One conversation."""

    id: int
    kind: str
    transcript: int | None
    codebook: int | None
    place: PlaceOut | None
    opened_by: int | None  # null where nobody is named
    opened_at: datetime
    resolved_at: datetime | None

    @classmethod
    def of(cls, row: Thread) -> "ThreadOut":
        place = None
        if row.position is not None:
            place = PlaceOut(
                position=row.position, part=row.part, start=row.start, end=row.end, quote=row.quote
            )
        return cls(
            id=row.pk, kind=row.kind, transcript=row.transcript_id, codebook=row.codebook_id, place=place,
            opened_by=None if row.kind == UNNAMED else row.opened_by_id, opened_at=row.opened_at,
            resolved_at=row.known_resolved_at,  # type: ignore[attr-defined]  # annotated by visible_threads
        )  # fmt: skip


class CommentOut(Schema):
    """One contribution; a removed one keeps its place and has no text. Numbers count what one may see."""

    id: int
    number: int
    author: int | None  # null where nobody is named
    text: str
    written_at: datetime
    removed: bool

    @classmethod
    def of(cls, row: Comment, number: int, *, named: bool) -> "CommentOut":
        gone = row.removed_at is not None
        text: str = row.text  # type: ignore[attr-defined]  # annotated by visible_comments
        return cls(
            id=row.pk, number=number, author=row.author_id if named else None, text="" if gone else text,
            written_at=row.written_at, removed=gone,
        )  # fmt: skip


class WholeThreadOut(ThreadOut):
    """One conversation with its comments."""

    comments: list[CommentOut]


class InboxOut(Schema):
    """Something that was written for the token's person."""

    id: int
    thread: int
    comment: int
    why: str
    written_at: datetime
    read: bool

    @classmethod
    def of(cls, row: Mention) -> "InboxOut":
        return cls(
            id=row.pk, thread=row.comment.thread_id, comment=row.comment_id, why=row.why,
            written_at=row.comment.written_at, read=row.read_at is not None,
        )  # fmt: skip


class PlaceIn(Schema):
    """A message, or code points of one part of it with the words that stand there."""

    position: int = Field(ge=0, lt=1 << 31)
    part: str = Field("", max_length=20)
    start: int | None = Field(None, ge=0, lt=1 << 31)
    end: int | None = Field(None, ge=0, lt=1 << 31)
    quote: str = Field("", max_length=20_000)


class ThreadIn(Schema):
    """A new conversation about a transcript, a place in it, or a codebook."""

    text: str = Field(max_length=20_000)
    transcript: Id | None = None
    codebook: Id | None = None
    place: PlaceIn | None = None
    kind: Literal["comment", "question"] = "comment"
    addressed: list[Id] = Field(default=[], max_length=50, description="Ids of members")
    key: str = Field(
        "", max_length=64, description="Your own; the same one sent again opens no second thread"
    )


class ReplyIn(Schema):
    """One more comment."""

    text: str = Field(max_length=20_000)
    key: str = Field(
        "", max_length=64, description="Your own; the same one sent again writes no second comment"
    )


class ResolvedIn(Schema):
    """Whether nothing is left to be said."""

    resolved: bool


@router.get("/threads", response=Listed[ThreadOut], summary="Threads that the token's person may see")
def threads(
    request: HttpRequest,
    transcript: Id | None = None,
    codebook: Id | None = None,
    after: After = "",
    limit: Limit = 50,
) -> Listed[ThreadOut]:
    membership = access_caller(request)
    rows = queries.visible_threads(membership.user, membership.project_id)
    if transcript is not None:
        rows = rows.filter(transcript=transcript)
    if codebook is not None:
        rows = rows.filter(codebook=codebook)
    return listed(rows, ThreadOut.of, after=after, limit=limit)


@router.post("/threads", response={201: WholeThreadOut}, summary="Open a thread")
def open_thread(request: HttpRequest, body: ThreadIn) -> WholeThreadOut:
    membership = access_caller(request, scope=Scope.REVIEW)
    people = User.objects.filter(pk__in=body.addressed, memberships__project=membership.project)
    addressed = list(people.distinct())
    if len(addressed) != len(set(body.addressed)):
        raise Problem(422, "Only members of the project can be addressed.", field="addressed")
    anchor = Anchor(**body.place.dict()) if body.place is not None else None
    try:
        made = actions.open_thread(
            project=membership.project, author=membership.user, text=body.text, transcript_id=body.transcript,
            anchor=anchor, codebook_id=body.codebook, addressed=addressed, kind=body.kind, key=body.key,
        )  # fmt: skip
    except (BadComment, BadPlace, MayNot) as problem:
        raise _refusal(problem) from problem
    return whole(membership, made.pk)


@router.get("/threads/{int:pk}", response=WholeThreadOut, summary="One thread with its comments")
def thread(request: HttpRequest, pk: int) -> WholeThreadOut:
    return whole(access_caller(request), pk)


@router.post("/threads/{int:pk}/comments", response={201: WholeThreadOut}, summary="Reply")
def reply(request: HttpRequest, pk: int, body: ReplyIn) -> WholeThreadOut:
    membership = access_caller(request, scope=Scope.REVIEW)
    found = queries.access_thread(membership, pk)
    try:
        actions.reply(thread=found, author=membership.user, text=body.text, key=body.key)
    except (BadComment, MayNot) as problem:
        raise _refusal(problem) from problem
    return whole(membership, pk)


@router.post("/threads/{int:pk}/resolved", response=ThreadOut, summary="Resolve it, or open it again")
def resolve(request: HttpRequest, pk: int, body: ResolvedIn) -> ThreadOut:
    membership = access_caller(request, scope=Scope.REVIEW)
    found = queries.access_thread(membership, pk)
    try:
        verb = actions.resolve if body.resolved else actions.reopen
        verb(thread=found, actor=membership.user)
    except MayNot as problem:
        raise _refusal(problem) from problem
    return ThreadOut.of(queries.access_thread(membership, pk))


@router.get("/inbox", response=Listed[InboxOut], summary="What was written for the token's person")
def inbox(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[InboxOut]:
    """Reading it here marks nothing as read."""
    membership = access_caller(request)
    rows = queries.inbox_of(membership.user, membership.project_id)
    return listed(rows, InboxOut.of, after=after, limit=limit)


def whole(membership: Membership, pk: int) -> WholeThreadOut:
    """A thread of the member's project with the comments that they may see."""
    found = queries.access_thread(membership, pk)
    comments = queries.visible_comments(membership.user, [found])[:SHOWN]
    shown = [
        CommentOut.of(one, number, named=found.kind != UNNAMED) for number, one in enumerate(comments, 1)
    ]
    return WholeThreadOut(**ThreadOut.of(found).dict(), comments=shown)


def _refusal(problem: Exception) -> Problem:
    if isinstance(problem, MayNot):
        return Problem(403, str(problem))
    return Problem(422, str(problem), field="place" if isinstance(problem, BadPlace) else "text")
