"""Questions about people and projects."""

from django.db.models import QuerySet

from auditor.accounts.models import Membership, OneTimeLink, Project, Role, Token, User
from auditor.ledger.models import Event


def memberships_of(user: User, *, archived: bool = False) -> QuerySet[Membership]:
    """The projects a person is in that are in use (or those that are archived), with their role in each."""
    return (
        Membership.objects.filter(user=user, project__archived_at__isnull=not archived)
        .select_related("project")
        .order_by("project__is_sample", "-project_id")
    )


def members_of(project: Project) -> QuerySet[Membership]:
    """The people of a project, the most trusted first."""
    return (
        Membership.objects.filter(project=project)
        .select_related("user")
        .order_by("-role", "user__name", "pk")
    )


def reviewers_of(project: Project) -> QuerySet[Membership]:
    """Those who may review now."""
    return members_of(project).filter(user__is_active=True, role__gte=Role.REVIEWER)


def open_invitations(project: Project) -> QuerySet[OneTimeLink]:
    """Invitations that still work, newest first."""
    return OneTimeLink.objects.usable().filter(project=project, purpose="invitation").order_by("-pk")


def events_of(project: Project) -> QuerySet[Event]:
    """The audit trail of a project."""
    return Event.objects.filter(project_id=project.pk)


def first_owner() -> User | None:
    """The person who set this installation up."""
    return User.objects.filter(is_active=True, may_create_projects=True).order_by("pk").first()


def tokens_of(user: User) -> QuerySet[Token]:
    """A person's own usable tokens over all projects, newest first."""
    return Token.objects.usable().filter(user=user).select_related("project", "user").order_by("-pk")


def tokens_for(membership: Membership) -> QuerySet[Token]:
    """The project's usable tokens that this member may see: their own, and for an owner everybody's."""
    rows = Token.objects.usable().filter(project=membership.project).select_related("project", "user")
    return (rows if membership.is_owner else rows.filter(user=membership.user)).order_by("-pk")
