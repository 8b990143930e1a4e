"""Reports of how common a code is in the frame of a round's draw.

A report says of which rulings it is (`digest`); when rulings or readings have come since, it is out of date and
stays what it was. What was asked never changes: another cut is another report.
"""

from django.db import models


class PrevalenceReport(models.Model):
    """One code or group of a round's codebook, and the judge that helps to count it, if any."""

    project = models.ForeignKey(
        "accounts.Project", on_delete=models.CASCADE, related_name="prevalence_reports"
    )
    round = models.ForeignKey("queues.Round", on_delete=models.CASCADE, related_name="prevalence_reports")
    together = models.BooleanField(default=False)  # with the draws that the round's sample excluded, as one
    target = models.CharField(max_length=50)  # "label:D", "group:intent"
    channel = models.ForeignKey(
        "evidence.Channel", null=True, on_delete=models.CASCADE, related_name="prevalence_reports"
    )
    cut = models.FloatField(
        null=True
    )  # a value at or above it says yes; null: labels do, or no judge was chosen
    below = models.BooleanField(default=False)  # a value at or below it says yes
    yes = models.JSONField(default=list)  # the channel's labels that say yes
    digest = models.CharField(max_length=64, blank=True)  # sha256 hex of what went in; empty until computed
    newest_reading = models.BigIntegerField(
        default=0
    )  # id of the newest reading of any channel when computed
    figures = models.JSONField(default=dict)  # see `report.Report`
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.SET_NULL, related_name="prevalence")
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    computed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["round", "-id"], name="prevalence_by_round")]

    def __str__(self) -> str:
        return f"prevalence of {self.target} in {self.round}"
