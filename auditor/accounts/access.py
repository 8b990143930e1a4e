"""Who may see what: each function returns the row or raises 404, so that strangers learn nothing."""

from typing import Any, cast

from django.http import Http404, HttpRequest

from auditor.accounts.models import Membership, OneTimeLink, Role, User


def person(request: HttpRequest) -> User:
    """The signed-in person; the middleware lets nobody else this far."""
    return cast(User, request.user)


def access_project(request: HttpRequest, slug: str, *, role: int = Role.VIEWER) -> Membership:
    """The person's membership of the project, which `base.html` uses too.

    Raises:
        Http404: no such project, a stranger, or a member whose role is too low.
    """
    membership = (
        Membership.objects.select_related("project", "user")
        .filter(project__slug=slug, user=person(request), user__is_active=True)
        .first()
    )
    if membership is None or not membership.at_least(role):
        raise Http404("no such page for you")
    cast(Any, request).membership = membership
    return membership


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
