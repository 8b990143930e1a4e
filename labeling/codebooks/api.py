"""Codebooks for programs: versions as data or YAML, the draft, publishing, import."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from labeling.codebooks import actions, queries
from labeling.codebooks.models import Codebook, CodebookVersion
from labeling.codebooks.node import CodebookError
from labeling.codebooks.queries import Sheet, definition_of, sheet_of
from labeling.codebooks.written import MAX_TEXT, write_text

router = Router(tags=["Codebooks"])


class CodebookOut(Schema):
    """A family of versions."""

    id: int
    name: str
    created_at: datetime

    @classmethod
    def of(cls, row: Codebook) -> "CodebookOut":
        return cls(id=row.pk, name=row.name, created_at=row.created_at)


class VersionOut(Schema):
    """One frozen version."""

    id: int
    codebook: int
    name: str
    number: int
    digest: str
    created_at: datetime

    @classmethod
    def of(cls, row: CodebookVersion) -> "VersionOut":
        return cls(
            id=row.pk, codebook=row.codebook_id, name=row.codebook.name, number=row.number, digest=row.digest,
            created_at=row.created_at,
        )  # fmt: skip


class DefinitionOut(VersionOut):
    """One frozen version with everything it defines."""

    definition: dict[str, Any]


class DraftOut(Schema):
    """The text to write on: the draft, or the newest version where nothing is drafted."""

    codebook: int
    base: int = Field(description="Send it back with the next text; 0 before the first draft")
    changed: bool = Field(description="The text says something that no version says yet")
    text: str
    problem: str = Field(description="Why the text defines no codebook yet; empty if it does")

    @classmethod
    def of(cls, sheet: Sheet) -> "DraftOut":
        problem = sheet.written.problem
        return cls(
            codebook=sheet.codebook.pk, base=sheet.number, changed=sheet.changed, text=sheet.text,
            problem=problem.words if problem else "",
        )  # fmt: skip


class CodebookIn(Schema):
    """A codebook as YAML."""

    name: str = Field(min_length=1, max_length=150)
    text: str = Field(max_length=MAX_TEXT)


class DraftIn(Schema):
    """A text, and the draft it was written over."""

    text: str = Field(max_length=MAX_TEXT)
    base: int = Field(ge=0, lt=1 << 31)


class BaseIn(Schema):
    """The draft that is meant."""

    base: int = Field(ge=0, lt=1 << 31)


@router.get("/codebooks", response=Listed[CodebookOut], summary="The project's codebooks")
def codebooks(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[CodebookOut]:
    rows = Codebook.objects.filter(project=access_caller(request).project)
    return listed(rows, CodebookOut.of, after=after, limit=limit)


@router.post("/codebooks", response={201: DraftOut}, summary="Import a codebook as a draft")
def import_codebook(request: HttpRequest, body: CodebookIn) -> DraftOut:
    """Its first version comes with publishing."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        made = actions.create(
            project=membership.project, name=body.name, text=body.text, actor=membership.user
        )
    except CodebookError as problem:
        raise Problem(422, str(problem), field="text") from problem
    except IntegrityError as problem:
        there = Codebook.objects.filter(project=membership.project, name=body.name.strip()).first()
        raise Problem(
            409,
            "This project has a codebook of that name.",
            field="name",
            existing=there.pk if there else None,
        ) from problem
    return DraftOut.of(sheet_of(made))


@router.get("/codebook-versions", response=Listed[VersionOut], summary="Every published version")
def versions(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[VersionOut]:
    rows = queries.versions_of(access_caller(request).project_id)
    return listed(rows, VersionOut.of, after=after, limit=limit)


@router.get("/codebook-versions/{int:pk}", response=DefinitionOut, summary="One version as data")
def version(request: HttpRequest, pk: int) -> DefinitionOut:
    found = queries.access_version(access_caller(request), pk)
    return DefinitionOut(**VersionOut.of(found).dict(), definition=found.definition)


@router.get("/codebook-versions/{int:pk}/yaml", response=str, summary="One version as YAML")
def version_yaml(request: HttpRequest, pk: int) -> HttpResponse:
    """The text that imports as an equal codebook."""
    found = queries.access_version(access_caller(request), pk)
    response = HttpResponse(write_text(definition_of(found)), content_type="application/yaml; charset=utf-8")
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.get("/codebooks/{int:pk}/draft", response=DraftOut, summary="The draft")
def draft(request: HttpRequest, pk: int) -> DraftOut:
    return DraftOut.of(sheet_of(_access_codebook(access_caller(request), pk)))


@router.put("/codebooks/{int:pk}/draft", response=DraftOut, summary="Save the draft")
def save_draft(request: HttpRequest, pk: int, body: DraftIn) -> DraftOut:
    """Kept whether it defines a codebook yet or not; 409 with the standing text if somebody saved since."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = _access_codebook(membership, pk)
    try:
        actions.save_draft(codebook=found, text=body.text, base=body.base, actor=membership.user)
    except actions.StaleDraft as problem:
        raise _stale(problem) from problem
    except CodebookError as problem:
        raise Problem(422, str(problem), field="text") from problem
    return DraftOut.of(sheet_of(found))


@router.post("/codebooks/{int:pk}/publish", response=VersionOut, summary="Publish the draft")
def publish(request: HttpRequest, pk: int, body: BaseIn) -> VersionOut:
    """Sent twice it gives the same version."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        made = actions.publish_draft(
            codebook=_access_codebook(membership, pk), base=body.base, actor=membership.user
        )
    except actions.StaleDraft as problem:
        raise _stale(problem) from problem
    except (actions.NotPublishable, CodebookError) as problem:
        raise Problem(422, str(problem), field="text") from problem
    return VersionOut.of(queries.access_version(membership, made.pk))


def _stale(problem: actions.StaleDraft) -> Problem:
    return Problem(409, str(problem), field="base", standing=DraftOut.of(problem.standing).dict())


def _access_codebook(membership: Membership, pk: int) -> Codebook:
    """A codebook of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = Codebook.objects.filter(pk=pk, project=membership.project).first()
    if found is None:
        raise Http404("no such codebook")
    return found
