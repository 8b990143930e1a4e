"""Judges for programs: their versions, rubrics, and checks against planted instructions."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.judging import actions, queries, tasks
from auditor.judging.definition import DefinitionProblem
from auditor.judging.models import (
    InjectionCheck,
    Judge,
    JudgeVersion,
)
from auditor.llm.models import Endpoint
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.web.shapes import Id

router = Router(tags=["Judges"])


class JudgeOut(Schema):
    """A judge by name."""

    slug: str
    name: str
    archived: bool
    newest: int | None = Field(description="Number of its newest version")
    runs: int

    @classmethod
    def of(cls, row: Judge) -> "JudgeOut":
        found: Any = row
        return cls(
            slug=row.slug,
            name=row.name,
            archived=row.archived_at is not None,
            newest=found.newest,
            runs=found.n_runs,
        )


class JudgeIn(Schema):
    """A new judge, without versions yet."""

    name: str = Field(min_length=1, max_length=150)
    slug: str = Field("", max_length=60, pattern=r"^[a-z0-9-]*$")


class VersionIn(Schema):
    """The judge's next version; left out are the newest version's or the defaults."""

    endpoint: Id
    model: str = Field(max_length=200)
    rubric: str = Field(max_length=200_000, description="Markdown with front matter")
    template: str | None = Field(None, max_length=50_000)
    parameters: dict[str, Any] = {}
    renderer: dict[str, Any] = {}
    votes: int = Field(1, ge=1, le=50)
    note: str = Field("", max_length=300)


class VersionOut(Schema):
    """Everything that bears on a version's verdicts."""

    id: int
    judge: str
    number: int
    digest: str
    channel: str
    imported: bool
    endpoint: int | None
    base_url: str
    model: str
    rubric: str
    template: str
    parameters: dict[str, Any]
    renderer: dict[str, Any]
    votes: int
    examples: list[dict[str, Any]]
    examples_from: dict[str, Any]
    note: str
    created_at: datetime

    @classmethod
    def of(cls, row: JudgeVersion) -> "VersionOut":
        return cls(
            id=row.pk, judge=row.judge.slug, number=row.number, digest=row.digest, channel=row.key,
            imported=row.imported, endpoint=row.endpoint_id, base_url=row.base_url, model=row.model,
            rubric=row.rubric, template=row.template, parameters=row.parameters, renderer=row.renderer,
            votes=row.votes, examples=row.examples, examples_from=row.examples_from, note=row.note,
            created_at=row.created_at,
        )  # fmt: skip


class CheckOut(Schema):
    """How often planted instructions moved a version's verdicts."""

    id: int
    run: int
    status: str
    version: int
    set_digest: str
    tried: int
    moved: int
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, row: InjectionCheck) -> "CheckOut":
        return cls(
            id=row.pk, run=row.run_id, status=row.run.status, version=row.version_id, set_digest=row.set_digest,
            tried=row.tried, moved=row.moved, rows=row.rows,
        )  # fmt: skip


@router.get("/judges", response=Listed[JudgeOut], summary="The project's judges, newest first")
def judges(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[JudgeOut]:
    rows = queries.judges_of(access_caller(request).project_id).order_by("-pk")
    return listed(rows, JudgeOut.of, after=after, limit=limit)


@router.post("/judges", response={201: JudgeOut}, summary="A new judge")
def create(request: HttpRequest, said: JudgeIn) -> JudgeOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        made = actions.create_judge(
            project=membership.project, name=said.name, slug=said.slug, actor=membership.user
        )
    except DefinitionProblem as problem:
        raise Problem(422, str(problem), field=problem.field) from problem
    return JudgeOut.of(queries.judges_of(membership.project_id).get(pk=made.pk))


@router.get(
    "/judges/{slug:slug}/versions", response=Listed[VersionOut], summary="A judge's versions, newest first"
)
def versions(request: HttpRequest, slug: str, after: After = "", limit: Limit = 50) -> Listed[VersionOut]:
    membership = access_caller(request)
    judge = queries.access_judge(membership, slug)
    rows = queries.versions_of(membership.project_id).filter(judge=judge).order_by("-pk")
    return listed(rows, VersionOut.of, after=after, limit=limit)


@router.post("/judges/{slug:slug}/versions", response={201: VersionOut}, summary="The judge's next version")
def write(request: HttpRequest, slug: str, said: VersionIn) -> VersionOut:
    """An equal version that is there already is answered with 409, naming its number."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    judge = queries.access_judge(membership, slug)
    endpoint = Endpoint.objects.standing().filter(pk=said.endpoint, project=membership.project_id).first()
    if endpoint is None:
        raise Problem(422, "The project has no such endpoint.", field="endpoint")
    try:
        made = actions.write_version(
            judge=judge, endpoint=endpoint, model=said.model, rubric=said.rubric, template=said.template,
            parameters=said.parameters, renderer=said.renderer, votes=said.votes, note=said.note,
            actor=membership.user,
        )  # fmt: skip
    except DefinitionProblem as problem:
        raise Problem(422, str(problem), field=problem.field) from problem
    except actions.SameVersion as problem:
        raise Problem(409, str(problem)) from problem
    return VersionOut.of(made)


@router.get("/judge-versions/{int:pk}", response=VersionOut, summary="One version")
def version(request: HttpRequest, pk: int) -> VersionOut:
    return VersionOut.of(queries.access_version(access_caller(request), pk))


@router.get("/judge-versions/{int:pk}/rubric", response=str, summary="Its rubric as a file")
def rubric(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.access_version(access_caller(request), pk)
    return HttpResponse(found.rubric, content_type="text/markdown; charset=utf-8")


@router.post(
    "/judge-versions/{int:pk}/injection-checks",
    response={202: CheckOut},
    summary="Try planted instructions on it",
)
def check(request: HttpRequest, pk: int) -> CheckOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_version(membership, pk)
    try:
        return CheckOut.of(tasks.queue_injection_check(version=found, actor=membership.user))
    except actions.CannotJudge as problem:
        raise Problem(422, str(problem), field="version") from problem


@router.get("/injection-checks/{int:pk}", response=CheckOut, summary="What planted instructions did")
def checked(request: HttpRequest, pk: int) -> CheckOut:
    return CheckOut.of(queries.access_injection_check(access_caller(request), pk))
