"""Rounds and leases: who reviews what, so that overlap is exact and nobody collides.

    Round 1--* Item *--1 Transcript
          1--* RoundMember
    Item  1--* Lease *--1 reviewer         a slot each; at most `overlap` held or done

An item is done when its `overlap` slots are. A lease that runs out frees its slot for others.
"""

from django.db import models
from django.db.models import Q
from django.utils import timezone

REVEAL = "reveal"  # blind label first, then evidence, then the final label
BLIND_ONLY = "blind_only"  # evidence stays hidden until the round is closed
POLICIES = (REVEAL, BLIND_ONLY)
TAKEN = ("held", "done")


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
    lease_minutes = models.PositiveSmallIntegerField(
        default=30
    )  # an item not worked on for so long goes to others
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_round_per_name"),
            models.CheckConstraint(condition=Q(overlap__gte=1), name="overlap_of_at_least_one"),
            models.CheckConstraint(condition=Q(policy__in=POLICIES), name="known_blind_policy"),
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
    sample_item = models.ForeignKey("sampling.SampleItem", on_delete=models.PROTECT, related_name="+")
    order = models.PositiveIntegerField()
    finished_at = models.DateTimeField(null=True)  # when its last slot was done

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["round", "transcript"], name="one_item_per_transcript")
        ]
        indexes = [models.Index(fields=["round", "finished_at"], name="items_by_finish")]

    def __str__(self) -> str:
        return f"{self.transcript_id} in {self.round_id}"


class Lease(models.Model):
    """A reviewer's hold on one slot of an item."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="leases")
    slot = models.PositiveSmallIntegerField()  # 0 .. overlap-1
    reviewer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="leases")
    state = models.CharField(max_length=10, default="held")  # held, done, released
    reason = models.CharField(max_length=20, blank=True)  # why released: expired, skipped
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
