"""Reports of what channels are worth, computed by a run and kept; those of prevalence stand beside their figures.

    ValidityReport 1--* ChannelFigures *--1 Channel     details of a channel on one question

A report says of which labels and readings it is (`digest`); when others have come since, it is out of date
and stays what it was. Of each reference the newest computed report counts for whoever may see its rounds.
"""

from django.db import models

from labeling.validity.prevalence.models import PrevalenceReport

__all__ = ["ChannelFigures", "PrevalenceReport", "ValidityReport"]


class ValidityReport(models.Model):
    """Every channel against one reference, at one moment."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="validity_reports")
    reference = models.CharField(max_length=300)  # "codebook:3", "meta:original_did_lie", "channel:7"
    contrasts = models.JSONField(default=list)  # keys of those asked for besides the reference's own
    rounds = models.JSONField(default=list)  # ids of those whose rulings it rests on
    basis = models.JSONField(default=dict)  # what it rests on in words and numbers, see `gathering.Gathered`
    digest = models.CharField(max_length=64, blank=True)  # sha256 hex; empty until computed
    seed = models.BigIntegerField(null=True)  # follows from the digest; every figure's own seed from it
    figures = models.JSONField(default=dict)  # see `report.Report`
    newest_reading = models.BigIntegerField(default=0)  # id of the newest reading it may rest on
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.SET_NULL, related_name="validity")
    asked_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    computed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["project", "reference", "-id"], name="validity_by_reference")]

    def __str__(self) -> str:
        return f"validity against {self.reference}"


class ChannelFigures(models.Model):
    """All figures of a listed channel on one question of a report."""

    report = models.ForeignKey(ValidityReport, on_delete=models.CASCADE, related_name="details")
    channel = models.ForeignKey("evidence.Channel", on_delete=models.CASCADE, related_name="validity_figures")
    question = models.CharField(max_length=400)  # key of a `report.Question`
    figures = models.JSONField(default=dict)  # see `figures.Detail`, and what the channel's words met

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "channel", "question"], name="one_detail_per_question")
        ]

    def __str__(self) -> str:
        return f"channel {self.channel_id} on {self.question}"
