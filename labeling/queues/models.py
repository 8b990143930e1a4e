"""Rounds and leases: who reviews what, so that overlap is exact and nobody collides.

    Round 1--* Item *--1 Transcript
          1--* RoundMember
    Item  1--* Assignment                  one for each label wanted: a slot, and whom it is planned for
          1--* Lease *--1 reviewer         a hold on a slot; at most one of a slot is held or done
    GoldSet 1--* GoldItem *--1 Transcript  answers known beforehand, for training and for checks
    Item  1--* GoldResult                  how a reviewer did on one of them

An item has exactly `wanted` slots, so it cannot get more labels than that; it is done when they are.
Only items of the role `work` are measured, settled and released.
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
EXPIRED, SKIPPED, CLOSED, DROPPED = "expired", "skipped", "closed", "dropped"  # why a lease was released


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
    seed = models.BigIntegerField(default=0)  # of the plan and of everybody's order
    helping = models.BooleanField(default=False)  # who has finished their plan goes on with that of others
    training_set = models.ForeignKey(
        "queues.GoldSet", null=True, on_delete=models.PROTECT, related_name="+"
    )  # labelled before any work, with feedback
    pass_mark = models.PositiveSmallIntegerField(default=80)  # percent of the training to get right
    gold_set = models.ForeignKey("queues.GoldSet", null=True, on_delete=models.PROTECT, related_name="+")
    gold_rate = models.PositiveSmallIntegerField(default=0)  # percent of what a reviewer meets that is gold
    gold_bar = models.PositiveSmallIntegerField(default=0)  # percent; who is surely below it is paused
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
    qualified_at = models.DateTimeField(null=True, default=timezone.now)  # null: the training comes first
    paused_at = models.DateTimeField(null=True)  # nothing is handed out to them
    paused_reason = models.CharField(max_length=300, blank=True)
    dropped_at = models.DateTimeField(null=True)  # no longer reviews; labels and veils stay
    n_done = models.PositiveIntegerField(default=0)  # slots they have filled

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
    n_done = models.PositiveSmallIntegerField(default=0)  # slots filled
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


class Assignment(models.Model):
    """A slot of an item: whom it was planned for, and who has it or may have it now.

    A narrow table, since every hand-out goes through it.
    """

    round = models.ForeignKey(
        Round, on_delete=models.CASCADE, related_name="assignments", db_index=False, db_constraint=False
    )  # that of the item
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="assignments", db_index=False)
    slot = models.PositiveSmallIntegerField()  # 0 .. wanted-1
    planned_for = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )  # fmt: skip
    reviewer = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )  # null: given back, free for everybody
    place = models.IntegerField()  # in the reviewer's own order
    is_open = models.BooleanField(default=True)  # neither held nor done, and still to be given out

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "slot"], name="one_assignment_per_slot"),
            models.UniqueConstraint(fields=["item", "reviewer"], name="one_assignment_per_reviewer"),
        ]
        indexes = [
            models.Index(
                fields=["round", "reviewer", "place"], condition=Q(is_open=True), name="next_assignments"
            )
        ]

    def __str__(self) -> str:
        return f"slot {self.slot} of item {self.item_id} for {self.reviewer_id}"


class Lease(models.Model):
    """A reviewer's hold on one slot of an item."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="leases")
    slot = models.PositiveSmallIntegerField()  # 0 .. wanted-1
    reviewer = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="leases", db_index=False
    )
    state = models.CharField(max_length=10, default="held")  # held, done, released
    reason = models.CharField(max_length=20, blank=True)  # why released
    skip_reason = models.CharField(max_length=20, blank=True)  # of `skipping.REASONS`
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
            models.Index(fields=["reviewer"], condition=Q(state="held"), name="leases_on_a_desk"),
            models.Index(fields=["expires_at"], condition=Q(state="held"), name="leases_running_out"),
            models.Index(
                fields=["reviewer", "-ended_at"], condition=Q(state="done"), name="leases_done_lately"
            ),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot} of item {self.item_id}, {self.state} by {self.reviewer_id}"


class GoldSet(models.Model):
    """Transcripts whose label is known beforehand."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="gold_sets")
    name = models.CharField(max_length=150)
    codebook = models.ForeignKey("codebooks.Codebook", on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_gold_set_per_name")]

    def __str__(self) -> str:
        return self.name


class GoldItem(models.Model):
    """What a transcript is known to be, and why."""

    gold_set = models.ForeignKey(GoldSet, on_delete=models.CASCADE, related_name="items")
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.PROTECT, related_name="+")
    labels = models.JSONField()  # codes of the codebook; each of them counts as right
    explanation = models.TextField(blank=True)  # shown in training
    source = models.CharField(max_length=100, blank=True)  # the round whose ruling it is; empty: entered
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gold_set", "transcript"], name="one_answer_per_transcript")
        ]

    def __str__(self) -> str:
        return f"{self.transcript_id} in {self.gold_set_id}"


class GoldResult(models.Model):
    """How a reviewer's first label of a gold or training item compares with what it is known to be."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="gold_results")
    reviewer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=10)
    expected = models.JSONField()  # as it was known then
    explanation = models.TextField(blank=True)
    right = models.BooleanField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "reviewer"], name="one_result_per_reviewer")]

    def __str__(self) -> str:
        return f"{self.label} on item {self.item_id} by {self.reviewer_id}"
