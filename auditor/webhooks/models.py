"""Subscriptions and what was sent to them.

    Subscription 1--* Delivery      one for each event of the trail that it is told of
    Horizon                         up to which event the trail is known to be whole

Rows are the truth: a sweep over the trail makes the deliveries that are missing, a worker sends those that
are due, and whatever is killed in between is done again. A receiver may therefore get a message twice, and
knows it by its id.
"""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

STATES = ("waiting", "delivered", "given_up")


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def standing(self) -> "SubscriptionQuerySet":
        """Those that nobody has removed."""
        return self.filter(removed_at__isnull=True)

    def active(self) -> "SubscriptionQuerySet":
        """Those that are told of new events."""
        return self.standing().filter(disabled_at__isnull=True)


class Subscription(models.Model):
    """An address that is told of some events of a project."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="subscriptions")
    url = models.CharField(max_length=2000)
    kinds = models.JSONField()  # keys of `kinds.KINDS`
    salt = models.CharField(max_length=64)  # the secret follows from it and the installation's own
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    cursor = models.BigIntegerField()  # id of the last event that was looked at for it
    failures = models.PositiveIntegerField(default=0)  # tries in a row that failed
    failing_since = models.DateTimeField(null=True)
    held_until = models.DateTimeField(default=timezone.now)  # nothing is sent before: claimed, or failing
    disabled_at = models.DateTimeField(null=True)
    disabled_because = models.CharField(max_length=300, blank=True)  # empty: somebody switched it off
    removed_at = models.DateTimeField(null=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["project"], name="subscriptions_of_project")]

    def __str__(self) -> str:
        return f"webhook {self.pk}"

    @property
    def secret(self) -> str:
        """What messages are signed with: worked out anew each time, so that no row holds it."""
        return "whsec_" + salted_hmac("auditor.webhooks.secret", self.salt, algorithm="sha256").hexdigest()

    @property
    def is_active(self) -> bool:
        """Whether it is told of new events."""
        return self.disabled_at is None and self.removed_at is None


class Delivery(models.Model):
    """One event for one subscription, and what became of the last try."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.BigIntegerField()  # of the trail, which is never deleted from
    kind = models.CharField(max_length=100)
    state = models.CharField(max_length=20, default="waiting")
    attempts = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(default=timezone.now)
    give_up_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)  # HTTP, of the last try; null: no answer
    milliseconds = models.PositiveIntegerField(null=True)
    said = models.CharField(max_length=500, blank=True)  # the answer's first characters, or what went wrong

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "event_id"], name="one_delivery_per_event"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="known_delivery_state"),
        ]
        indexes = [
            models.Index(
                fields=["subscription", "due_at"], condition=Q(state="waiting"), name="deliveries_waiting"
            ),
            models.Index(fields=["subscription", "-id"], name="deliveries_of_a_hook"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id} to {self.subscription_id}"


class Horizon(models.Model):
    """How far the trail is whole. An event gets its number before its transaction commits, so a higher one
    may be there while a lower one is still to come; one row keeps what is waited for."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    whole = models.BigIntegerField(default=0)  # every event up to here that will ever be is there
    candidate = models.BigIntegerField(default=0)  # whole up to here once those writers are through
    writers = models.JSONField(default=list)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_horizon")]

    def __str__(self) -> str:
        return f"whole up to {self.whole}"
