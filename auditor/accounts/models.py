"""People and projects.

    User 1--* Membership *--1 Project          a role each
    Invitation, SignInLink                     one-time links; only digests of their tokens are stored
    Token *--1 User, *--1 Project              lets a program act as the person within the project

Sign-up is closed: a person gets in by an invitation, a one-time link, or a password they set.
"""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class Role(models.IntegerChoices):
    """What a member may do; each role may do all that the lower ones may."""

    VIEWER = 10, "viewer"
    REVIEWER = 20, "reviewer"
    ADJUDICATOR = 30, "adjudicator"
    MANAGER = 40, "manager"
    OWNER = 50, "owner"


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        """Addresses are compared without regard to case."""
        return self.get(email__iexact=username or "")


class User(AbstractBaseUser):
    """A person, known by their e-mail address."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150)
    is_active = models.BooleanField(default=True)
    may_create_projects = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_address")]

    def __str__(self) -> str:
        return self.name or self.email


class Project(models.Model):
    """One audit: its transcripts, its people, its labels."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=150)
    description = models.TextField(blank=True)
    is_sample = models.BooleanField(default=False)  # the audit that ships with the app
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True)  # from then on it is read only and leaves the lists
    removal_at = models.DateTimeField(null=True)  # its owner asked for it to go; a run takes it away

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of_active(self) -> "MembershipQuerySet":
        """Memberships of people who can sign in."""
        return self.filter(user__is_active=True)


class Membership(models.Model):
    """A person in a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.project}"

    def at_least(self, role: int) -> bool:
        """Whether this member may do what `role` may."""
        return self.role >= role

    @property
    def can_review(self) -> bool:
        return self.at_least(Role.REVIEWER)

    @property
    def can_adjudicate(self) -> bool:
        return self.at_least(Role.ADJUDICATOR)

    @property
    def can_manage(self) -> bool:
        return self.at_least(Role.MANAGER)

    @property
    def is_owner(self) -> bool:
        return self.at_least(Role.OWNER)


class LinkQuerySet(models.QuerySet["OneTimeLink"]):
    def usable(self) -> "LinkQuerySet":
        """Links that were neither used nor have run out."""
        return self.filter(used_at__isnull=True, expires_at__gt=timezone.now())


class OneTimeLink(models.Model):
    """A secret address that works once: to join a project, to sign in, or to set a new password."""

    PURPOSES = ("invitation", "sign_in", "reset")

    purpose = models.CharField(max_length=20)
    digest = models.CharField(
        max_length=64, unique=True
    )  # sha256 of the token; the token itself is shown once
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")  # sign_in, reset
    project = models.ForeignKey(
        Project, null=True, on_delete=models.CASCADE, related_name="links"
    )  # invitation
    role = models.PositiveSmallIntegerField(choices=Role.choices, null=True)  # invitation
    email = models.EmailField(blank=True)  # invitation: the address it is meant for, if any
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = LinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    purpose="invitation", project__isnull=False, role__isnull=False, user__isnull=True
                )
                | Q(purpose__in=["sign_in", "reset"], user__isnull=False),
                name="link_names_what_it_is_for",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} link {self.pk}"


class SignInFailure(models.Model):
    """A wrong password, kept for as long as it counts against the next try."""

    digest = models.CharField(max_length=64)  # sha256 hex of the address in lower case, known here or not
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["digest", "at"], name="failures_of_an_address")]

    def __str__(self) -> str:
        return f"failure at {self.at}"


class Scope(models.IntegerChoices):
    """What a token may be used for; each scope includes the lower ones."""

    READ = 10, "read"
    REVIEW = 20, "review"
    MANAGE = 30, "manage"


ROLE_OF_SCOPE = {Scope.READ: Role.VIEWER, Scope.REVIEW: Role.REVIEWER, Scope.MANAGE: Role.MANAGER}


class TokenQuerySet(models.QuerySet["Token"]):
    def usable(self) -> "TokenQuerySet":
        """Tokens that were neither revoked nor have run out."""
        lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
        return self.filter(lasting, revoked_at__isnull=True)


class Token(models.Model):
    """Lets a program act as one person within one project: never for more than that person may do there."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)  # what uses it: "nightly export"
    scope = models.PositiveSmallIntegerField(choices=Scope.choices)
    key = models.CharField(max_length=16, unique=True)  # the part of it that is no secret and finds the row
    digest = models.CharField(max_length=64)  # sha256 hex of the whole token, which is shown once
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField(null=True)  # null: lasts until it is revoked
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)  # last, to the hour

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(scope__in=Scope.values), name="known_scope")]
        indexes = [models.Index(fields=["project", "user"], name="tokens_of_a_person")]

    def __str__(self) -> str:
        return f"token {self.name}"

    @property
    def is_usable(self) -> bool:
        """Whether it still works."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
