"""Who may see what: each function returns the row or raises 404, so that strangers learn nothing."""

from typing import Any, cast

from django.http import Http404, HttpRequest

from auditor.accounts.models import Membership, OneTimeLink, Role, Scope, Token, User
from auditor.accounts.queries import tokens_for
from auditor.accounts.signed_in import membership_in
from auditor.ledger.actions import ProjectRests
from auditor.web.problems import Problem

SAFE = ("GET", "HEAD", "OPTIONS")


def person(request: HttpRequest) -> User:
    """The signed-in person; the middleware lets nobody else this far."""
    return cast(User, request.user)


def access_project(
    request: HttpRequest, slug: str, *, role: int = Role.VIEWER, resting: bool = False
) -> Membership:
    """The person's membership of the project, which `base.html` uses too.

    Args:
        resting: this page writes in archived projects too.

    Raises:
        Http404: no such project, a stranger, or a member whose role is too low.
        ProjectRests: a write in a project that is archived.
    """
    membership = membership_in(request, slug) or (
        Membership.objects.select_related("project", "user")
        .filter(project__slug=slug, user=person(request), user__is_active=True)
        .first()
    )
    if membership is None or not membership.at_least(role):
        raise Http404("no such page for you")
    cast(Any, request).membership = membership
    if request.method not in SAFE and membership.project.archived_at is not None and not resting:
        raise ProjectRests
    return membership


def access_caller(request: HttpRequest, *, scope: int = Scope.READ, role: int = Role.VIEWER) -> Membership:
    """The membership that a call of the API acts under; its token was checked before.

    Raises:
        Problem: the token's scope does not reach so far (403).
        Http404: the person's role is too low, as on the pages.
        ProjectRests: a write in a project that is archived.
    """
    token: Token = cast(Any, request).auth
    if token.scope < scope:
        needed, given = Scope(scope).label, Scope(token.scope).label
        raise Problem(403, f"This needs a token of the scope {needed}; this one may {given}.", field="token")
    membership = (
        Membership.objects.of_active()
        .select_related("project", "user")
        .filter(project=token.project_id, user=token.user_id)
        .first()
    )
    if membership is None or not membership.at_least(role):
        raise Http404("no such thing for you")
    if request.method not in SAFE and membership.project.archived_at is not None:
        raise ProjectRests
    return membership


def access_token(membership: Membership, pk: int) -> Token:
    """A usable token of the same project: one's own, or for an owner anybody's.

    Raises:
        Http404: not in this project, somebody else's, or no longer usable.
    """
    found = tokens_for(membership).filter(pk=pk).first()
    if found is None:
        raise Http404("no such token")
    return found


def access_member(membership: Membership, pk: int) -> Membership:
    """Another member of the same project.

    Raises:
        Http404: not in this project.
    """
    found = (
        Membership.objects.select_related("user", "project").filter(pk=pk, project=membership.project).first()
    )
    if found is None:
        raise Http404("no such member")
    return found


def access_invitation(membership: Membership, pk: int) -> OneTimeLink:
    """An open invitation of the same project.

    Raises:
        Http404: not in this project, or no longer open.
    """
    found = (
        OneTimeLink.objects.usable().filter(pk=pk, project=membership.project, purpose="invitation").first()
    )
    if found is None:
        raise Http404("no such invitation")
    return found
