"""Rounds and leases: who reviews what, so that overlap is exact and nobody collides.

    Round 1--* Item *--1 Transcript
          1--* RoundMember
    Item  1--* Lease *--1 reviewer         a slot each; at most `wanted` held or done

An item is done when its `wanted` slots are. A lease that runs out frees its slot for others. Only items
of the role `work` are measured, settled and released; the others are there to teach and to check.
"""

from django.db import models
from django.db.models import Q
from django.utils import timezone

REVEAL = "reveal"  # blind label first, then evidence, then the final label
BLIND_ONLY = "blind_only"  # evidence stays hidden until the round is closed
OPEN = "open"  # nothing is hidden, and the first label is final
POLICIES = (REVEAL, BLIND_ONLY, OPEN)
WORK, GOLD, TRAINING = "work", "gold", "training"  # roles of items
ROLES = (WORK, GOLD, TRAINING)
RANDOM, ASCENDING, DESCENDING = "random", "channel_up", "channel_down"
ORDERS = (RANDOM, ASCENDING, DESCENDING)
TAKEN = ("held", "done")
EXPIRED, SKIPPED, CLOSED, REASSIGNED, DROPPED = "expired", "skipped", "closed", "reassigned", "dropped"


class Round(models.Model):
    """A sample under review by a codebook."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="rounds")
    name = models.CharField(max_length=150)
    sample = models.ForeignKey("sampling.Sample", on_delete=models.PROTECT, related_name="rounds")
    codebook_version = models.ForeignKey(
        "codebooks.CodebookVersion", on_delete=models.PROTECT, related_name="rounds"
    )
    overlap = models.PositiveSmallIntegerField(default=2)  # labels an item needs
    policy = models.CharField(max_length=20, default=REVEAL)
    visible_metadata = models.JSONField(
        default=list
    )  # metadata and condition keys that are shown while blind
    order = models.CharField(max_length=20, default=RANDOM)  # by a channel only where nothing is hidden
    order_channel = models.ForeignKey(
        "evidence.Channel", null=True, on_delete=models.PROTECT, related_name="+"
    )
    due_on = models.DateField(null=True)
    lease_minutes = models.PositiveSmallIntegerField(
        default=30
    )  # an item not worked on for so long goes to others
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    paused_at = models.DateTimeField(null=True)  # nothing is handed out; what is on desks may be finished
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_round_per_name"),
            models.CheckConstraint(condition=Q(overlap__gte=1), name="overlap_of_at_least_one"),
            models.CheckConstraint(condition=Q(policy__in=POLICIES), name="known_blind_policy"),
            models.CheckConstraint(
                condition=Q(order=RANDOM, order_channel__isnull=True)
                | Q(order__in=(ASCENDING, DESCENDING), policy=OPEN, order_channel__isnull=False),
                name="order_is_no_hint",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def veil_key(self) -> str:
        """Names this round on the veils it lays."""
        return f"round:{self.pk}"


class RoundMember(models.Model):
    """A reviewer of a round."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["round", "user"], name="one_seat_per_reviewer")]

    def __str__(self) -> str:
        return f"{self.user} in {self.round}"


class Item(models.Model):
    """A transcript in a round; each reviewer meets items in an order of their own."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="items")
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.PROTECT, related_name="review_items")
    role = models.CharField(max_length=10, default=WORK)
    sample_item = models.ForeignKey(
        "sampling.SampleItem", null=True, on_delete=models.PROTECT, related_name="+"
    )  # only work was drawn
    order = models.PositiveIntegerField()
    wanted = models.PositiveSmallIntegerField()  # labels it needs
    finished_at = models.DateTimeField(null=True)  # when its last slot was done
    escalated_at = models.DateTimeField(null=True)  # from then on it is offered to nobody
    escalation = models.CharField(max_length=300, blank=True)  # why an adjudicator should look

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["round", "transcript"], name="one_item_per_transcript"),
            models.CheckConstraint(
                condition=Q(role=WORK, sample_item__isnull=False)
                | Q(role__in=(GOLD, TRAINING), sample_item__isnull=True),
                name="only_work_was_drawn",
            ),
            models.CheckConstraint(condition=Q(wanted__gte=1), name="one_label_at_least"),
        ]
        indexes = [models.Index(fields=["round", "finished_at"], name="items_by_finish")]

    def __str__(self) -> str:
        return f"{self.transcript_id} in {self.round_id}"


class Lease(models.Model):
    """A reviewer's hold on one slot of an item."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="leases")
    slot = models.PositiveSmallIntegerField()  # 0 .. wanted-1
    reviewer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="leases")
    state = models.CharField(max_length=10, default="held")  # held, done, released
    reason = models.CharField(max_length=20, blank=True)  # why released
    note = models.CharField(max_length=500, blank=True)  # what the reviewer said when skipping
    taken_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "slot"], condition=Q(state__in=TAKEN), name="one_lease_per_slot"
            ),
            models.UniqueConstraint(
                fields=["item", "reviewer"], condition=Q(state__in=TAKEN), name="one_slot_per_reviewer"
            ),
            models.CheckConstraint(condition=Q(state__in=[*TAKEN, "released"]), name="known_lease_state"),
        ]
        indexes = [
            models.Index(fields=["reviewer", "state"], name="leases_of_a_reviewer"),
            models.Index(fields=["item"], condition=Q(state="held"), name="leases_held_now"),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot} of item {self.item_id}, {self.state} by {self.reviewer_id}"
