"""What reviewers said, and what they had seen when they said it.

Draft            the unfinished form, saved as it is typed
LabelRevision    a committed label, blind or final; never edited, only followed by another
  1--* LabelUnit the claims or actions it is made of; the most severe one names the transcript
    1--* LabelSpan the words a unit rests on
Reveal           the moment a reviewer was shown the evidence, and which
"""

from django.db import models
from django.db.models import Q

BLIND, FINAL = "blind", "final"
LONGEST_WORK = 24 * 3600  # seconds; a browser's clock is not to be trusted further


def seconds(value: int) -> int:
    """Working time as a browser states it, within reason."""
    return max(0, min(int(value), LONGEST_WORK))


class Draft(models.Model):
    """One reviewer's unfinished work on one item; overwritten as they type."""

    item = models.ForeignKey("queues.Item", on_delete=models.CASCADE, related_name="drafts")
    reviewer = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    stage = models.CharField(max_length=10)
    content = models.JSONField(default=dict)  # the form as the desk keeps it
    saves = models.PositiveIntegerField(
        default=0
    )  # grows with each save; an older copy never overwrites a newer
    active_seconds = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "reviewer", "stage"], name="one_draft_per_stage")
        ]

    def __str__(self) -> str:
        return f"{self.stage} draft on item {self.item_id}"


class LabelRevision(models.Model):
    """A committed label."""

    item = models.ForeignKey("queues.Item", on_delete=models.PROTECT, related_name="revisions")
    lease = models.ForeignKey("queues.Lease", on_delete=models.PROTECT, related_name="revisions")
    reviewer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="label_revisions")
    codebook_version = models.ForeignKey(
        "codebooks.CodebookVersion", on_delete=models.PROTECT, related_name="+"
    )
    stage = models.CharField(max_length=10)
    number = models.PositiveIntegerField()  # from 1, for this item, reviewer and stage
    answers = (
        models.JSONField()
    )  # these and the label: of the most severe unit, which speaks for the transcript
    derived_label = models.CharField(max_length=10)  # what the codebook's rules give
    label = models.CharField(max_length=10)  # what stands: the derived one, or lower with a reason
    group = models.CharField(max_length=30)  # the label's group: intent, hallucination, honest, undetermined
    grade = models.CharField(max_length=4)  # I0 .. I4
    grade_cap = models.CharField(max_length=4)  # the highest the attached evidence allows
    lowered_reason = models.TextField(blank=True)
    missing_tests = models.JSONField(default=list)
    confidence = models.PositiveSmallIntegerField(null=True)  # 1 .. 5
    rationale = models.TextField(blank=True)
    flag = models.CharField(max_length=500, blank=True)  # why an adjudicator should look at it all the same
    relied_on = models.JSONField(
        default=list
    )  # [{"reading": id, "channel": key}] that the reviewer points at, with the place where they point at words
    evidence_seen = models.JSONField(default=list)  # reading ids that had been shown when this was committed
    active_seconds = models.PositiveIntegerField(default=0)
    late = models.BooleanField(
        default=False
    )  # the lease had ended; kept, but the item's overlap does not count it
    committed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "reviewer", "stage", "number"], name="one_revision_per_number"
            ),
            models.CheckConstraint(condition=Q(stage__in=[BLIND, FINAL]), name="known_stage"),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__range=(1, 5)),
                name="confidence_of_one_to_five",
            ),
        ]
        indexes = [models.Index(fields=["item", "stage"], name="revisions_of_an_item")]

    def __str__(self) -> str:
        return f"{self.stage} {self.label} on item {self.item_id} by {self.reviewer_id}"


class LabelUnit(models.Model):
    """One claim or action of a label, or the whole transcript, with a label of its own."""

    revision = models.ForeignKey(LabelRevision, on_delete=models.PROTECT, related_name="units")
    number = models.PositiveSmallIntegerField()  # from 0, in the order in which the reviewer named them
    position = models.PositiveIntegerField(null=True)  # of the message; null for the whole transcript
    part = models.CharField(max_length=20, blank=True)  # empty for a whole message
    start = models.PositiveIntegerField(null=True)  # code points; null for a whole part
    end = models.PositiveIntegerField(null=True)
    quote = models.TextField(blank=True)
    answers = models.JSONField()
    derived_label = models.CharField(max_length=10)
    label = models.CharField(max_length=10)
    group = models.CharField(max_length=30)
    grade = models.CharField(max_length=4)
    grade_cap = models.CharField(max_length=4)
    lowered_reason = models.TextField(blank=True)
    missing_tests = models.JSONField(default=list)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "number"], name="one_unit_per_number"),
            models.CheckConstraint(
                condition=Q(start__isnull=True, end__isnull=True)
                | Q(position__isnull=False, end__gt=models.F("start")),
                name="unit_stands_in_a_message",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} as unit {self.number} of {self.revision_id}"


class LabelSpan(models.Model):
    """Words that a unit of a label rests on."""

    revision = models.ForeignKey(LabelRevision, on_delete=models.PROTECT, related_name="spans")
    unit = models.ForeignKey(LabelUnit, on_delete=models.PROTECT, related_name="spans")
    kind = models.CharField(max_length=30)  # as the codebook names them: "truth", "misleads"
    position = models.PositiveIntegerField()
    part = models.CharField(max_length=20)
    start = models.PositiveIntegerField()  # code points
    end = models.PositiveIntegerField()
    quote = models.TextField()  # the words themselves, as they stood

    class Meta:
        ordering = ["position", "start", "id"]
        constraints = [models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="span_has_words")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.quote[:40]}"


class Reveal(models.Model):
    """The evidence was shown to a reviewer, after their blind label."""

    item = models.ForeignKey("queues.Item", on_delete=models.PROTECT, related_name="reveals")
    reviewer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    readings = models.JSONField(default=list)  # ids of the readings that were there to see
    tracks = models.JSONField(default=list)
    blocks = models.JSONField(default=list)  # of tokens, with all their channels

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "reviewer"], name="one_reveal_per_reviewer")]

    def __str__(self) -> str:
        return f"item {self.item_id} revealed to {self.reviewer_id}"
