"""Projects, members, links and passwords: one verb a function."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from auditor.accounts.models import Membership, OneTimeLink, Project, Role, SignInFailure, User
from auditor.ledger.actions import record

INVITATION_LASTS = timedelta(days=14)
RESET_LASTS = timedelta(days=2)
SIGN_IN_LASTS = timedelta(hours=12)


FAILURES_COUNT_FOR = timedelta(minutes=15)
MOST_FAILURES = 10  # wrong passwords for one address within that time


class LinkSpent(Exception):
    """The link was used before, has run out, or never was."""


class NotAllowed(Exception):
    """The change would leave a project without an owner, or a person without a way back."""


def create_user(
    *, email: str, name: str, may_create_projects: bool = False, actor: User | None = None
) -> User:
    """A person who can sign in once they follow a link that sets their password."""
    with transaction.atomic():
        user = User(email=email.strip(), name=name.strip(), may_create_projects=may_create_projects)
        user.set_unusable_password()
        user.save()
        record(verb="user.created", subject=user, actor=actor or user)
    return user


def create_project(*, name: str, owner: User, description: str = "", is_sample: bool = False) -> Project:
    """A project with its owner; the slug is made from the name and never changes."""
    stem = slugify(name)[:60] or "project"
    with transaction.atomic():
        slug, number = stem, 1
        while Project.objects.filter(slug=slug).exists():
            number += 1
            slug = f"{stem}-{number}"
        project = Project.objects.create(
            slug=slug, name=name.strip(), description=description, is_sample=is_sample
        )
        record(verb="project.created", subject=project, actor=owner, project_id=project.pk, name=project.name)
        add_member(project=project, user=owner, role=Role.OWNER, actor=owner)
    return project


def archive(*, project: Project, actor: User) -> None:
    """The project is read only from now on and leaves the lists; safe to repeat."""
    with transaction.atomic():
        locked = Project.objects.select_for_update().get(pk=project.pk)
        if locked.archived_at is None:
            locked.archived_at = timezone.now()
            locked.save(update_fields=["archived_at"])
            record(verb="project.archived", subject=locked, actor=actor, project_id=locked.pk)


def bring_back(*, project: Project, actor: User) -> None:
    """The project can be written in again; safe to repeat.

    Raises:
        NotAllowed: it is being removed.
    """
    with transaction.atomic():
        locked = Project.objects.select_for_update().get(pk=project.pk)
        if locked.removal_at is not None:
            raise NotAllowed("It is being deleted, and cannot be brought back.")
        if locked.archived_at is not None:
            locked.archived_at = None
            locked.save(update_fields=["archived_at"])
            record(verb="project.brought_back", subject=locked, actor=actor, project_id=locked.pk)


def add_member(*, project: Project, user: User, role: int, actor: User | None) -> Membership:
    """`user` in `project`; a member's role is raised to `role` but never lowered by joining again."""
    with transaction.atomic():
        membership, created = Membership.objects.get_or_create(
            project=project, user=user, defaults={"role": role}
        )
        if not created and membership.role < role:
            membership.role = role
            membership.save(update_fields=["role"])
        record(
            verb="member.added", subject=membership, actor=actor, project_id=project.pk,
            user=user.pk, role=Role(membership.role).label,
        )  # fmt: skip
    return membership


def change_role(*, membership: Membership, role: int, actor: User) -> None:
    """Another role in the project.

    Raises:
        NotAllowed: the last active owner would lose the project.
    """
    with transaction.atomic():
        _keep_an_owner(membership, losing=role < Role.OWNER)
        before = Role(membership.role).label
        membership.role = role
        membership.save(update_fields=["role"])
        record(
            verb="member.role_changed", subject=membership, actor=actor, project_id=membership.project_id,
            before=before, after=Role(role).label,
        )  # fmt: skip


def set_active(*, membership: Membership, active: bool, actor: User) -> None:
    """Let a member's person sign in or not; their labels stay, their sessions end at once.

    Raises:
        NotAllowed: the last active owner of some project would be shut out.
    """
    user = membership.user
    with transaction.atomic():
        if not active:
            for owned in Membership.objects.filter(user=user, role=Role.OWNER).select_related("project"):
                _keep_an_owner(owned, losing=True)
        user.is_active = active
        user.save(update_fields=["is_active"])
        if not active:
            _end_sessions(user)
            OneTimeLink.objects.usable().filter(user=user).update(expires_at=timezone.now())
        verb = "member.activated" if active else "member.deactivated"
        record(verb=verb, subject=membership, actor=actor, project_id=membership.project_id, user=user.pk)


def invite(*, project: Project, role: int, actor: User, email: str = "") -> str:
    """The token of a one-time invitation; it is shown once and only its digest is kept."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        link = OneTimeLink.objects.create(
            purpose="invitation", digest=_digest(token), project=project, role=role, email=email.strip(),
            created_by=actor, expires_at=timezone.now() + INVITATION_LASTS,
        )  # fmt: skip
        record(
            verb="member.invited", subject=link, actor=actor, project_id=project.pk,
            role=Role(role).label, email=link.email,
        )  # fmt: skip
    return token


def withdraw_invitation(*, link: OneTimeLink, actor: User) -> None:
    """The invitation works no more."""
    with transaction.atomic():
        OneTimeLink.objects.usable().filter(pk=link.pk).update(expires_at=timezone.now())
        record(verb="member.invitation_withdrawn", subject=link, actor=actor, project_id=link.project_id)


def issue_link(*, user: User, purpose: str, actor: User | None, project: Project | None = None) -> str:
    """The token of a one-time link to sign in, or to set a new password."""
    token = secrets.token_urlsafe(32)
    lasts = RESET_LASTS if purpose == "reset" else SIGN_IN_LASTS
    with transaction.atomic():
        link = OneTimeLink.objects.create(
            purpose=purpose,
            digest=_digest(token),
            user=user,
            created_by=actor,
            expires_at=timezone.now() + lasts,
        )
        record(
            verb=f"{purpose}.link_issued", subject=link, actor=actor, user=user.pk,
            project_id=project.pk if project else None,
        )  # fmt: skip
    return token


def find_link(*, token: str, purpose: str) -> OneTimeLink:
    """The usable link of this token, not yet spent.

    Raises:
        LinkSpent: used before, run out, or never was.
    """
    link = (
        OneTimeLink.objects.usable()
        .select_related("project", "user", "created_by")
        .filter(digest=_digest(token), purpose=purpose)
        .first()
    )
    if link is None or (link.user is not None and not link.user.is_active):
        raise LinkSpent("This link was used before or has run out. Ask for a new one.")
    return link


def accept_as_new_person(*, token: str, email: str, name: str, password: str) -> User:
    """A new account from an invitation, in the project at once.

    Raises:
        LinkSpent: see `find_link`.
        NotAllowed: the address has an account already; sign in and open the invitation again.
        ValidationError: the password is too weak.
    """
    with transaction.atomic():
        link = _spend(find_link(token=token, purpose="invitation"))
        if User.objects.filter(email__iexact=email.strip()).exists():
            raise NotAllowed("This address has an account. Sign in, then open the invitation link again.")
        user = User(email=email.strip(), name=name.strip())
        validate_password(password, user)
        user.set_password(password)
        user.save()
        record(verb="user.created", subject=user, actor=user)
        _join(link, user)
    return user


def accept_as_member(*, token: str, user: User) -> Project:
    """A signed-in person joins by invitation.

    Raises:
        LinkSpent: see `find_link`.
    """
    with transaction.atomic():
        link = _spend(find_link(token=token, purpose="invitation"))
        return _join(link, user)


def sign_in_by_link(*, token: str) -> User:
    """The person whom a one-time sign-in link names; the link is spent.

    Raises:
        LinkSpent: see `find_link`.
    """
    with transaction.atomic():
        link = _spend(find_link(token=token, purpose="sign_in"))
        user = link.user
        assert user is not None
        OneTimeLink.objects.filter(pk=link.pk).update(used_by=user)
        record(verb="user.signed_in_by_link", subject=user, actor=user)
    return user


def set_password_by_link(*, token: str, password: str) -> User:
    """A new password by a reset link; every session of the person ends.

    Raises:
        LinkSpent: see `find_link`.
        ValidationError: the password is too weak.
    """
    with transaction.atomic():
        link = _spend(find_link(token=token, purpose="reset"))
        user = link.user
        assert user is not None
        validate_password(password, user)
        user.set_password(password)
        user.save(update_fields=["password"])
        OneTimeLink.objects.filter(pk=link.pk).update(used_by=user)
        _end_sessions(user)
        record(verb="user.password_set", subject=user, actor=user)
    return user


def note_failed_sign_in(*, email: str) -> None:
    """Remember a wrong password for this address, and forget those that no longer count."""
    now = timezone.now()
    with transaction.atomic():
        SignInFailure.objects.filter(at__lt=now - FAILURES_COUNT_FOR).delete()
        failure = SignInFailure.objects.create(digest=_digest(email.strip().lower()), at=now)
        record(verb="user.sign_in_failed", subject=failure, address=failure.digest)


def must_wait(*, email: str) -> bool:
    """Whether this address, known here or not, has failed too often of late to be tried again now."""
    recent = SignInFailure.objects.filter(at__gte=timezone.now() - FAILURES_COUNT_FOR)
    return recent.filter(digest=_digest(email.strip().lower())).count() >= MOST_FAILURES


def set_own_password(*, user: User, password: str) -> None:
    """A signed-in person sets their password.

    Raises:
        ValidationError: the password is too weak.
    """
    validate_password(password, user)
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        record(verb="user.password_set", subject=user, actor=user)


def _join(link: OneTimeLink, user: User) -> Project:
    assert link.project is not None
    assert link.role is not None
    OneTimeLink.objects.filter(pk=link.pk).update(used_by=user)
    add_member(project=link.project, user=user, role=link.role, actor=user)
    return link.project


def _spend(link: OneTimeLink) -> OneTimeLink:
    """Mark the link used, so that of two people at the same moment one gets in."""
    if not OneTimeLink.objects.usable().filter(pk=link.pk).update(used_at=timezone.now()):
        raise LinkSpent("This link was used before or has run out. Ask for a new one.")
    return link


def _keep_an_owner(membership: Membership, *, losing: bool) -> None:
    if membership.role < Role.OWNER or not losing:
        return
    Project.objects.select_for_update().get(pk=membership.project_id)
    others = Membership.objects.of_active().filter(project_id=membership.project_id, role=Role.OWNER)
    if not others.filter(~Q(pk=membership.pk)).exists():
        raise NotAllowed(
            f"{membership.project} would be left without an owner. Make somebody else an owner first."
        )


def _end_sessions(user: User) -> None:
    """Sessions carry their owner inside, so each open one is read."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()):
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
