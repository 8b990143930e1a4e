"""Reports of agreement that were too large to make while somebody waits.

A report says of which labels it is (`digest`); when labels have come since, it is out of date and stays
what it was. Of each scope the newest report that is computed counts.
"""

from django.db import models
from django.db.models import Q


class AgreementReport(models.Model):
    """Every figure of one round, or of all rounds by one codebook, at one moment."""

    project = models.ForeignKey(
        "accounts.Project", on_delete=models.CASCADE, related_name="agreement_reports"
    )
    round = models.ForeignKey(
        "queues.Round", null=True, on_delete=models.CASCADE, related_name="agreement_reports"
    )
    codebook = models.ForeignKey(
        "codebooks.Codebook", null=True, on_delete=models.CASCADE, related_name="agreement_reports"
    )
    digest = models.CharField(max_length=64, blank=True)  # sha256 hex over the labels; empty until computed
    seed = models.BigIntegerField(null=True)  # follows from the digest; every figure's own seed from it
    figures = models.JSONField(default=dict)  # see `report.Report`
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.SET_NULL, related_name="agreement")
    asked_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    computed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(round__isnull=True, codebook__isnull=False)
                | Q(round__isnull=False, codebook__isnull=True),
                name="agreement_of_a_round_or_a_codebook",
            )
        ]
        indexes = [
            models.Index(fields=["round", "-id"], name="agreement_by_round"),
            models.Index(fields=["codebook", "-id"], name="agreement_by_codebook"),
        ]

    def __str__(self) -> str:
        return f"agreement on {self.round or self.codebook}"
