"""The API's door: a token and nothing else; and who one is here."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.security import HttpBearer

from auditor.accounts import queries, tokens
from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Project, Role, Scope, Token
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem

router = Router(tags=["People"])


class Bearer(HttpBearer):
    """`Authorization: Bearer auditor_…`; cookies are not looked at, so no other site can make use of them."""

    def authenticate(self, request: HttpRequest, token: str) -> Token | None:
        try:
            return tokens.token_of(token)
        except tokens.TriedTooOften as problem:
            reason = "Too many wrong tokens with this beginning. Wait a quarter of an hour."
            raise Problem(429, reason, field="Authorization") from problem


class ProjectOut(Schema):
    """The project that the token is for."""

    slug: str
    name: str
    description: str
    created_at: datetime

    @classmethod
    def of(cls, project: Project) -> "ProjectOut":
        return cls(
            slug=project.slug,
            name=project.name,
            description=project.description,
            created_at=project.created_at,
        )


class TokenOut(Schema):
    """A token, without its words."""

    name: str
    scope: str
    expires_at: datetime | None


class MeOut(Schema):
    """Whom the token acts as, where, and how far it reaches."""

    id: int
    name: str
    email: str
    role: str
    token: TokenOut
    project: ProjectOut


class MemberOut(Schema):
    """Somebody in the project."""

    id: int
    name: str
    role: str
    active: bool

    @classmethod
    def of(cls, member: Membership) -> "MemberOut":
        role = Role(member.role).label
        return cls(id=member.user_id, name=str(member.user), role=role, active=member.user.is_active)


@router.get("/me", response=MeOut, summary="Whom the token acts as")
def me(request: HttpRequest) -> MeOut:
    membership = access_caller(request)
    token: Token = request.auth  # type: ignore[attr-defined]  # set by Bearer
    return MeOut(
        id=membership.user_id,
        name=str(membership.user),
        email=membership.user.email,
        role=Role(membership.role).label,
        token=TokenOut(name=token.name, scope=Scope(token.scope).label, expires_at=token.expires_at),
        project=ProjectOut.of(membership.project),
    )


@router.get("/project", response=ProjectOut, summary="The project that the token is for")
def project(request: HttpRequest) -> ProjectOut:
    return ProjectOut.of(access_caller(request).project)


@router.get("/members", response=Listed[MemberOut], summary="Who is in the project")
def members(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[MemberOut]:
    rows = queries.members_of(access_caller(request).project)
    return listed(rows, MemberOut.of, after=after, limit=limit, descending=False)
