"""The desk for programs: take an item, label it blind, be shown the evidence, label it finally.

Everything goes through the actions of the desk, so a label passes the same gate and is stored once however
often it is sent.
"""

from datetime import datetime
from typing import Annotated, Any

from django.db import transaction
from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.corpus.queries import messages_between
from auditor.corpus.windows import window_after
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from labeling.annotations import actions, queries
from labeling.annotations.content import MAX_BYTES, BadContent, Content, read
from labeling.annotations.differences import differences
from labeling.annotations.models import LabelRevision
from labeling.annotations.payload import evidence_of, message_of
from labeling.annotations.queries import Standing, content_of
from labeling.codebooks.queries import definition_of
from labeling.queues import actions as queues
from labeling.queues.models import Lease, Round
from labeling.queues.queries import access_desk, desk_of

router = Router(tags=["Desk"])


class DeskOut(Schema):
    """What a round has for the token's person."""

    round: int
    done: int
    open: int = Field(description="Items that could still come to them")
    item: int | None = Field(description="On their desk now")


class AboutOut(Schema):
    """What the import knew: all of it once evidence is shown, before that the keys that the round shows."""

    name: str
    model: str
    conditions: dict[str, Any]
    metadata: dict[str, Any]


class ItemOut(Schema):
    """An item on the desk. Before the blind label it says nothing of what anybody or anything found."""

    id: int
    round: int
    codebook_version: int
    stage: str = Field(description="blind or final: what is to be committed next")
    base: int = Field(description="Send it with the final label")
    saves: int = Field(description="Saves of the draft so far; the next one has a higher number")
    state: str = Field(description="of the lease: held, done or released")
    until: datetime = Field(description="A held item that shows no life goes to others then")
    may_commit: bool
    n_messages: int
    content: dict[str, Any] = Field(description="The form as it was left: draft, newest label, or nothing")
    about: AboutOut | None


class LabelOut(Schema):
    """One committed label of the token's own person."""

    id: int
    item: int
    stage: str
    number: int
    label: str
    derived_label: str
    grade: str
    grade_cap: str
    late: bool
    committed_at: datetime
    content: dict[str, Any]

    @classmethod
    def of(cls, row: LabelRevision) -> "LabelOut":
        return cls(
            id=row.pk, item=row.item_id, stage=row.stage, number=row.number, label=row.label,
            derived_label=row.derived_label, grade=row.grade, grade_cap=row.grade_cap, late=row.late,
            committed_at=row.committed_at, content=content_of(row).plain(),
        )  # fmt: skip


class CommittedOut(Schema):
    """What a commit did."""

    label: LabelOut
    again: bool = Field(description="The same label had been committed before; nothing was written")


class DeskMessageOut(Schema):
    """One turn, as the desk shows it."""

    position: int
    role: str
    text: str
    reasoning: str = ""
    parts: list[dict[str, Any]] = []
    model: str = ""


class RevealOut(Schema):
    """The evidence that was revealed with the item."""

    about: AboutOut | None
    evidence: list[dict[str, Any]] = Field(description="Each channel with readings and the words they cite")


class DraftIn(Schema):
    """The unfinished form."""

    stage: str = Field(max_length=10)
    base: int = Field(0, ge=0, lt=1 << 31)
    saves: int = Field(ge=0, lt=1 << 31, description="Grows with each save; an older copy changes nothing")
    active: int = Field(0, ge=0, lt=1 << 31, description="Seconds of work so far")
    content: dict[str, Any]


class BlindIn(Schema):
    """The label made without evidence."""

    content: dict[str, Any] = Field(description="units (answers, spans), confidence, rationale, flag")
    active: int = Field(0, ge=0, lt=1 << 31)


class FinalIn(BlindIn):
    """The label that counts, and the newest one that was known when it was made."""

    base: int = Field(0, ge=0, lt=1 << 31)


class SkipIn(Schema):
    """Why the item goes to others."""

    note: str = Field(min_length=1, max_length=500)
    why: str = Field("", max_length=20, description="language, known, broken, codebook, distressing or other")


class SavesOut(Schema):
    """How often the draft has been saved."""

    saves: int


@router.get("/rounds/{int:pk}/desk", response=DeskOut, summary="What is on one's desk, and how much is left")
def desk(request: HttpRequest, pk: int) -> DeskOut:
    membership, round = _round(request, pk)
    found = desk_of(round, membership.user)
    return DeskOut(round=round.pk, done=found.done, open=found.open, item=found.held)


@router.post("/rounds/{int:pk}/next", response=ItemOut | None, summary="Take the next item")
def take_next(request: HttpRequest, pk: int) -> ItemOut | None:
    """The one on the desk, else the next of one's own order; null when nothing is left now."""
    membership, round = _round(request, pk, scope=Scope.REVIEW)
    return _taken(membership, round, queues.take_next)


@router.post(
    "/rounds/{int:pk}/reserve", response=ItemOut | None, summary="Hold the item after the present one"
)
def reserve_next(request: HttpRequest, pk: int) -> ItemOut | None:
    """So that it can be fetched ahead; null when nothing is on the desk, or nothing is left."""
    membership, round = _round(request, pk, scope=Scope.REVIEW)
    return _taken(membership, round, queues.reserve_next)


@router.get("/items/{int:pk}", response=ItemOut, summary="An item that was handed to one")
def item(request: HttpRequest, pk: int) -> ItemOut:
    return _shown(_standing(request, pk)[1])


@router.get("/items/{int:pk}/messages", response=Listed[DeskMessageOut], summary="Its messages, in order")
def messages(
    request: HttpRequest, pk: int, after: Annotated[int, Query(ge=0, lt=1 << 31)] = 0
) -> Listed[DeskMessageOut]:
    """At most 100 at once. Before evidence is shown: roles and words only."""
    _, standing = _standing(request, pk)
    transcript = standing.item.transcript
    window = window_after(transcript, after)
    rows = messages_between(transcript, window.first, window.end)
    shown = [DeskMessageOut(**message_of(row, blind=not standing.shows_evidence)) for row in rows]
    return Listed(items=shown, next=str(window.end) if window.end < transcript.n_messages else "")


@router.get("/items/{int:pk}/reveal", response=RevealOut, summary="The evidence that was revealed")
def reveal(request: HttpRequest, pk: int) -> RevealOut:
    """404 until the blind label is committed."""
    membership, standing = _standing(request, pk)
    if not standing.shows_evidence:
        raise Http404("nothing was revealed yet")
    said = queries.opinions_of(standing, membership.user)
    return RevealOut(about=_about(standing), evidence=evidence_of(said))


@router.put("/items/{int:pk}/draft", response=SavesOut, summary="Save the unfinished form")
def save_draft(request: HttpRequest, pk: int, body: DraftIn) -> SavesOut:
    membership, standing = _standing(request, pk, scope=Scope.REVIEW)
    try:
        saves = actions.save_draft(
            item=standing.item, reviewer=membership.user, stage=body.stage, base=body.base,
            content=_content(request, body.content), saves=body.saves, active_seconds=body.active,
        )  # fmt: skip
    except (actions.OldCopy, actions.NotOnDesk) as problem:
        newest = standing.draft.saves if standing.draft is not None else 0
        raise Problem(409, str(problem), field="saves", saves=newest) from problem
    return SavesOut(saves=saves)


@router.post("/items/{int:pk}/blind", response=CommittedOut, summary="Commit the blind label")
def commit_blind(request: HttpRequest, pk: int, body: BlindIn) -> CommittedOut:
    """Sent twice it is stored once; a different one is refused with what stands."""
    membership = access_caller(request, scope=Scope.REVIEW, role=Role.REVIEWER)
    found = queries.access_item(membership, pk)
    content = _content(request, body.content)
    try:
        done = actions.commit_blind(
            item=found, reviewer=membership.user, content=content, active_seconds=body.active
        )
    except (
        BadContent,
        actions.NotAllowed,
        actions.NotOnDesk,
        actions.StaleCommit,
        actions.Decided,
    ) as problem:
        raise _refusal(problem, content) from problem
    return CommittedOut(label=LabelOut.of(done.revision), again=done.again)


@router.post("/items/{int:pk}/final", response=CommittedOut, summary="Commit the final label")
def commit_final(request: HttpRequest, pk: int, body: FinalIn) -> CommittedOut:
    """Sent twice it is stored once; one made over an older label is refused with what stands."""
    membership = access_caller(request, scope=Scope.REVIEW, role=Role.REVIEWER)
    found = queries.access_item(membership, pk)
    content = _content(request, body.content)
    try:
        done = actions.commit_final(
            item=found, reviewer=membership.user, content=content, base=body.base,
            active_seconds=body.active,
        )  # fmt: skip
    except (
        BadContent,
        actions.NotAllowed,
        actions.NotOnDesk,
        actions.StaleCommit,
        actions.Decided,
    ) as problem:
        raise _refusal(problem, content) from problem
    return CommittedOut(label=LabelOut.of(done.revision), again=done.again)


@router.post("/items/{int:pk}/skip", response=DeskOut, summary="Give it to others")
def skip(request: HttpRequest, pk: int, body: SkipIn) -> DeskOut:
    _, standing = _standing(request, pk, scope=Scope.REVIEW)
    try:
        queues.skip(lease=standing.lease, note=body.note, why=body.why)
    except queues.LeaseLost as problem:
        raise Problem(409, str(problem)) from problem
    return desk(request, standing.round.pk)


@router.post("/items/{int:pk}/alive", response=ItemOut, summary="Somebody works on it: hold it on")
def alive(request: HttpRequest, pk: int) -> ItemOut:
    _, standing = _standing(request, pk, scope=Scope.REVIEW)
    try:
        queues.keep_alive(lease=standing.lease)
    except queues.LeaseLost as problem:
        raise Problem(409, str(problem)) from problem
    return _shown(_standing(request, pk)[1])


@router.get(
    "/rounds/{int:pk}/labels", response=Listed[LabelOut], summary="One's own final labels, newest first"
)
def own_labels(request: HttpRequest, pk: int, after: After = "", limit: Limit = 50) -> Listed[LabelOut]:
    membership, round = _round(request, pk)
    rows = queries.own_labels(round, membership.user).prefetch_related("units", "spans")
    return listed(rows, LabelOut.of, after=after, limit=limit)


def _round(request: HttpRequest, pk: int, *, scope: int = Scope.READ) -> tuple[Membership, Round]:
    """A round that the token's person reviews."""
    membership = access_caller(request, scope=scope, role=Role.REVIEWER)
    return membership, access_desk(membership, pk)


def _standing(request: HttpRequest, pk: int, *, scope: int = Scope.READ) -> tuple[Membership, Standing]:
    """Where the token's person stands with an item that was handed to them."""
    membership = access_caller(request, scope=scope, role=Role.REVIEWER)
    return membership, queries.access_standing(membership, pk)


def _taken(membership: Membership, round: Round, take: Any) -> ItemOut | None:
    try:
        with transaction.atomic():
            lease: Lease | None = take(round=round, reviewer=membership.user)
            if lease is not None:
                actions.open_up(lease=lease, round=round)
    except queues.RoundClosed as problem:
        raise Problem(409, str(problem)) from problem
    if lease is None:
        return None
    return _shown(queries.access_standing(membership, lease.item_id))


def _shown(standing: Standing) -> ItemOut:
    return ItemOut(
        id=standing.item.pk, round=standing.round.pk, codebook_version=standing.round.codebook_version_id,
        stage=standing.stage, base=standing.base, saves=standing.draft.saves if standing.draft else 0,
        state=standing.lease.state, until=standing.lease.expires_at, may_commit=standing.may_commit,
        n_messages=standing.item.transcript.n_messages, content=standing.content.plain(), about=_about(standing),
    )  # fmt: skip


def _about(standing: Standing) -> AboutOut | None:
    known = queries.about(standing)
    if known is None:
        return None
    return AboutOut(name=known.name, model=known.model, conditions=known.conditions, metadata=known.metadata)


def _content(request: HttpRequest, sent: dict[str, Any]) -> Content:
    """The form in a body.

    Raises:
        Problem: it is not of the form's shape, or too much.
    """
    if len(request.body) > MAX_BYTES:
        raise Problem(413, "This is more than a form can hold.", field="content")
    try:
        return read(sent)
    except BadContent as problem:
        raise Problem(422, str(problem), field="content") from problem


def _refusal(problem: Exception, content: Content) -> Problem:
    if isinstance(problem, actions.StaleCommit):
        codebook = definition_of(problem.standing.codebook_version)
        return Problem(
            409, str(problem), field="base", standing=LabelOut.of(problem.standing).model_dump(mode="json"),
            difference=differences(codebook, content_of(problem.standing), content),
        )  # fmt: skip
    if isinstance(problem, actions.Decided):
        return Problem(409, str(problem))
    return Problem(422, str(problem), field="content")
