"""Cases and rulings.

Item 1--? Case       its reviewers' final labels differ
     1--* Ruling     numbered; the highest holds; each cites the revisions it settles
"""

from django.db import models
from django.db.models import Q

UNANIMOUS = "unanimous"  # all reviewers of the item gave the same label
ADJUDICATOR = "adjudicator"


class Case(models.Model):
    """A disagreement that waits for a ruling, or has one."""

    item = models.OneToOneField("queues.Item", on_delete=models.PROTECT, related_name="case")
    opened_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"case of item {self.item_id}"


class Ruling(models.Model):
    """The label that holds for an item, and why."""

    item = models.ForeignKey("queues.Item", on_delete=models.PROTECT, related_name="rulings")
    number = models.PositiveIntegerField()  # from 1; the highest holds
    rule = models.CharField(max_length=20)
    label = models.CharField(max_length=10)
    group = models.CharField(max_length=30)
    grade = models.CharField(max_length=4)
    answers = models.JSONField(default=dict)
    codebook_version = models.ForeignKey(
        "codebooks.CodebookVersion", on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(blank=True)
    adjudicator = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    took = models.ForeignKey(
        "annotations.LabelRevision", null=True, on_delete=models.PROTECT, related_name="+"
    )  # the revision the adjudicator took over, if any
    cites = models.ManyToManyField("annotations.LabelRevision", related_name="rulings")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "number"], name="one_ruling_per_number"),
            models.CheckConstraint(
                condition=Q(rule=UNANIMOUS, adjudicator__isnull=True)
                | (Q(rule=ADJUDICATOR, adjudicator__isnull=False) & ~Q(reason="")),
                name="an_adjudicator_gives_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} for item {self.item_id} by {self.rule}"
