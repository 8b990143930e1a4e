"""Codebooks for programs: versions as data or YAML, the draft, publishing, import."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.web.shapes import Id
from labeling.codebooks import actions, queries
from labeling.codebooks.differences import Change, Piece, Section, differences
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


class SaidOut(Schema):
    """One thing that is said differently; an empty side says nothing."""

    what: str
    before: str
    after: str


class ChangeOut(Schema):
    """One part that came, went or says something else."""

    section: str
    kind: str = Field(description="added, removed or changed")
    name: str
    lines: list[SaidOut]

    @classmethod
    def of(cls, section: Section, change: Change) -> "ChangeOut":
        return cls(
            section=section.title,
            kind=change.kind,
            name=change.name,
            lines=[
                SaidOut(what=one.what, before=_text(one.before), after=_text(one.after))
                for one in change.lines
            ],
        )


class DiffOut(Schema):
    """What a version says otherwise than another."""

    version: int
    against: int | None = Field(description="Null for the first version, of which everything is new")
    changes: list[ChangeOut]


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


@router.get("/codebook-versions/{int:pk}/diff", response=DiffOut, summary="What it says otherwise")
def diff(request: HttpRequest, pk: int, against: Id | None = None) -> DiffOut:
    """Than another version of its codebook; if none is named, than the one before."""
    membership = access_caller(request)
    found = queries.access_version(membership, pk)
    before = queries.version_before(found) if against is None else queries.access_version(membership, against)
    if before is not None and before.codebook_id != found.codebook_id:
        raise Problem(422, "That is a version of another codebook.", field="against")
    old = definition_of(before) if before is not None else None
    sections = differences(old, definition_of(found))
    return DiffOut(
        version=found.pk,
        against=before.pk if before is not None else None,
        changes=[ChangeOut.of(section, change) for section in sections for change in section.changes],
    )


@router.get("/codebooks/{int:pk}/draft", response=DraftOut, summary="The draft")
def draft(request: HttpRequest, pk: int) -> DraftOut:
    membership = access_caller(request, role=Role.MANAGER)
    return DraftOut.of(sheet_of(queries.access_codebook(membership, pk)))


@router.put("/codebooks/{int:pk}/draft", response=DraftOut, summary="Save the draft")
def save_draft(request: HttpRequest, pk: int, body: DraftIn) -> DraftOut:
    """Kept whether it defines a codebook yet or not; 409 with the standing text if somebody saved since."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_codebook(membership, pk)
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
            codebook=queries.access_codebook(membership, pk), base=body.base, actor=membership.user
        )
    except actions.StaleDraft as problem:
        raise _stale(problem) from problem
    except (actions.NotPublishable, CodebookError) as problem:
        raise Problem(422, str(problem), field="text") from problem
    return VersionOut.of(queries.access_version(membership, made.pk))


def _text(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in pieces)


def _stale(problem: actions.StaleDraft) -> Problem:
    return Problem(409, str(problem), field="base", standing=DraftOut.of(problem.standing).dict())
