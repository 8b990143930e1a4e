"""Datasets for programs: which there are, a new one, how far it is, what stands, its files, and how two differ."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from ninja import Query, Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.runs.models import Run
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.web.shapes import Id
from labeling.datasets import actions, queries
from labeling.datasets.differing import changes, counts
from labeling.datasets.exporters import ALWAYS, FORMATS
from labeling.datasets.models import Release
from labeling.datasets.serving import sent
from labeling.datasets.tasks import queue_build, queue_check

router = Router(tags=["Datasets"])
NAMES = 200  # of one setting
Name = Annotated[str, Field(max_length=200)]
Start = Annotated[int, Query(description="How many changes to leave out", ge=0, le=10**9)]
Changes = Annotated[int, Query(description="Changes of one answer", ge=1, le=10_000)]


class SplitIn(Schema):
    """One split, by its share of the records."""

    name: str = Field(min_length=1, max_length=31)
    share: float = Field(gt=0, le=1)


class PatternIn(Schema):
    """What is blacked out."""

    text: str = Field(min_length=1, max_length=500)
    regex: bool = False
    name: str = Field("", max_length=60)


class ReleaseIn(Schema):
    """What a dataset shall be; what is left out is as usual."""

    name: str = Field(min_length=1, max_length=150)
    rounds: list[Id] = Field(min_length=1, max_length=100, description="By one codebook")
    source: str = Field("adjudicated", max_length=30, description="adjudicated, majority, dawid_skene or all")
    least_labels: int = Field(1, ge=1, le=50)
    filter: dict[str, Any] = Field({}, description="As a saved filter; {} for everything")
    splits: list[SplitIn] = Field([], max_length=20)
    split_seed: int = Field(0, ge=0, le=2**31)
    messages: bool = True
    reasoning: bool = True
    tools: bool = True
    rationales: bool = True
    attachments: bool = Field(
        False, description="The bytes of what messages carry, as files under their sha256"
    )
    metadata: list[Name] = Field(["*"], max_length=NAMES)
    evidence: str = Field("readings", max_length=20, description="none, rollups or readings")
    channels: list[Name] = Field(["*"], max_length=NAMES)
    tracks: list[Name] = Field([], max_length=NAMES)
    pseudonyms: bool = True
    seed: int = Field(0, ge=0, le=2**31)
    redactions: list[PatternIn] = Field([], max_length=NAMES)
    licence: str = Field("unlicensed", max_length=60)
    authors: str = Field("", max_length=1000)
    formats: list[Name] = Field([], max_length=50, description="See /release-formats")
    as_of: str = Field("", max_length=40, description="ISO moment; empty: when it is built")


class FileOut(Schema):
    """One file of a dataset."""

    name: str
    size: int = Field(description="Bytes")
    sha256: str


class KeepIn(Schema):
    """Whether it must be kept."""

    kept: bool


class CheckOut(Schema):
    """The newest run that built it once more to compare every byte."""

    run: int = Field(description="See /runs/ID")
    status: str = Field(description="queued, running, paused, done (all is the same), failed or cancelled")
    note: str = Field(description="What it is doing, or which files differ")
    done: int
    total: int | None
    finished_at: datetime | None


class ReleaseOut(Schema):
    """One dataset."""

    id: int
    name: str
    created_by: str
    created_at: datetime
    built_at: datetime | None
    as_of: datetime | None = Field(description="The moment whose labels it holds")
    rounds: list[int]
    state: str = Field(
        description="ready, or how its run is: queued, running, paused, done, failed or cancelled"
    )
    note: str = Field(description="What the run is doing, or why it failed")
    run: int | None = Field(description="The run that builds it; see /runs/ID")
    done: int
    total: int | None
    check: CheckOut | None
    frozen_at: datetime | None = Field(description="From then on no file of it changes")
    kept_at: datetime | None = Field(description="Since when it must be kept")
    hidden: int = Field(
        description="Transcripts in it that are hidden from the token's person, who may not have it yet"
    )
    records: int | None
    files: list[FileOut]


class DifferenceOut(Schema):
    """How two datasets differ, transcript by transcript."""

    counts: dict[str, int] = Field(description="added, removed, relabelled, moved")
    changes: list[dict[str, Any]] = Field(description="With the reason of the newer one's ruling")
    next: int | None = Field(description="Ask again with `start` set to this; null at the end")


class FormatOut(Schema):
    """A format that a dataset can be written in."""

    key: str
    name: str
    words: str
    always: bool
    needs_text: bool


@router.get("/release-formats", response=list[FormatOut], summary="The formats of a dataset")
def formats(request: HttpRequest) -> list[FormatOut]:
    access_caller(request)
    return [
        FormatOut(key=key, name=one.name, words=one.words, always=key in ALWAYS, needs_text=one.needs_text)
        for key, one in FORMATS.items()
    ]


@router.get("/releases", response=Listed[ReleaseOut], summary="The project's datasets, newest first")
def releases(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[ReleaseOut]:
    """Files are told by the dataset itself."""
    membership = access_caller(request)
    rows = queries.releases_of(membership.project_id).prefetch_related("scope")
    return listed(rows, lambda row: _told(row, []), after=after, limit=limit)


@router.post("/releases", response={201: ReleaseOut}, summary="Make a dataset")
def make(request: HttpRequest, body: ReleaseIn) -> ReleaseOut:
    """A worker builds it; ask for it until `state` is ready."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    given = body.dict()
    name, wanted = given.pop("name"), set(given.pop("rounds"))
    rounds = list(queries.rounds_to_release(membership.project_id).filter(pk__in=wanted))
    if len(rounds) != len(wanted):
        raise Problem(422, "One of these rounds is not in the project.", field="rounds")
    there = Release.objects.filter(project=membership.project_id, name=name.strip()).first()
    if there is not None:
        raise Problem(409, "This project has a dataset of that name.", field="name", existing=there.pk)
    try:
        made = actions.open_release(
            project=membership.project, name=name, rounds=rounds, parameters=given, actor=membership.user
        )
    except actions.CannotRelease as problem:
        raise Problem(422, str(problem), field=problem.field or "name") from problem
    queue_build(made)
    return _shown(membership, made.pk)


@router.get("/releases/{int:pk}", response=ReleaseOut, summary="One dataset, and how far it is")
def release(request: HttpRequest, pk: int) -> ReleaseOut:
    return _shown(access_caller(request), pk)


@router.post("/releases/{int:pk}/build", response={202: ReleaseOut}, summary="Build one again that failed")
def build(request: HttpRequest, pk: int) -> ReleaseOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_release(membership, pk)
    try:
        queue_build(actions.build_again(release=found, actor=membership.user))
    except actions.CannotRelease as problem:
        raise Problem(409, str(problem)) from problem
    return _shown(membership, pk)


@router.post("/releases/{int:pk}/freeze", response=ReleaseOut, summary="From now on no file of it changes")
def freeze(request: HttpRequest, pk: int) -> ReleaseOut:
    """Safe to repeat."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_release(membership, pk)
    try:
        if found.frozen_at is None:
            actions.freeze(release=found, actor=membership.user)
    except actions.CannotRelease as problem:
        raise Problem(409, str(problem)) from problem
    return _shown(membership, pk)


@router.put("/releases/{int:pk}/keep", response=ReleaseOut, summary="It must be kept, or no longer must")
def keep(request: HttpRequest, pk: int, body: KeepIn) -> ReleaseOut:
    """For owners; while one must be kept its project cannot be deleted. Safe to repeat."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.OWNER)
    found = queries.access_release(membership, pk)
    actions.keep(release=found, kept=body.kept, actor=membership.user)
    return _shown(membership, pk)


@router.post(
    "/releases/{int:pk}/check",
    response={202: ReleaseOut},
    summary="Build it once more and compare every byte",
)
def check(request: HttpRequest, pk: int) -> ReleaseOut:
    """A worker does; ask for the dataset until its `check` is over."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_release(membership, pk)
    try:
        queue_check(actions.open_check(release=found, actor=membership.user))
    except actions.CannotRelease as problem:
        raise Problem(409, str(problem)) from problem
    return _shown(membership, pk)


@router.get(
    "/releases/{int:pk}/files/{path:name}",
    summary="A file of a dataset, whole or a range of bytes",
    openapi_extra={"responses": {200: {"description": "Its bytes", "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary", "description": "The bytes"}}}}}},
)  # fmt: skip
def file(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """`Range: bytes=START-` goes on where a download broke off; the ETag is the file's sha256."""
    return sent(request, queries.access_file(access_caller(request), pk, name))


@router.get("/releases/{int:pk}/diff/{int:other}", response=DifferenceOut, summary="How a newer one differs")
def difference(
    request: HttpRequest, pk: int, other: int, start: Start = 0, limit: Changes = 1000
) -> DifferenceOut:
    """What changed from the first to the other."""
    membership = access_caller(request)
    before, after = (_ready(membership, one) for one in (pk, other))
    some = [one.plain() for one in islice(changes(before, after), start, start + limit + 1)]
    return DifferenceOut(
        counts=counts(changes(before, after)),
        changes=some[:limit],
        next=start + limit if len(some) > limit else None,
    )


def _ready(membership: Membership, pk: int) -> Release:
    """A dataset whose labels the member may see.

    Raises:
        Http404: none, not built, or something in it is hidden from them.
    """
    found = queries.access_release(membership, pk)
    if found.built_at is None or queries.hidden_from(found, membership.user):
        raise Http404("no such dataset for you")
    return found


def _shown(membership: Membership, pk: int) -> ReleaseOut:
    found = queries.access_release(membership, pk)
    hidden = queries.hidden_from(found, membership.user)
    files = (
        []
        if hidden
        else [FileOut(name=one.name, size=one.size, sha256=one.digest) for one in found.files.all()]
    )
    return _told(found, files, hidden=hidden)


def _told(row: Release, files: Sequence[FileOut], *, hidden: int = 0) -> ReleaseOut:
    run = row.run
    return ReleaseOut(
        id=row.pk, name=row.name, created_by=row.created_by.name, created_at=row.created_at, built_at=row.built_at,
        as_of=row.as_of, rounds=[one.round_id for one in row.scope.all()],
        state="ready" if row.built_at else run.status if run else "failed", note=run.note if run else "",
        run=run.pk if run else None, done=run.done if run else 0, total=run.total if run else None,
        check=_checked(row.check_run), frozen_at=row.frozen_at, kept_at=row.kept_at, hidden=hidden,
        records=row.manifest["counts"]["included"] if row.built_at and not hidden else None, files=list(files),
    )  # fmt: skip


def _checked(run: Run | None) -> CheckOut | None:
    if run is None:
        return None
    return CheckOut(
        run=run.pk,
        status=run.status,
        note=run.note,
        done=run.done,
        total=run.total,
        finished_at=run.finished_at,
    )
