"""Draws that know their probabilities.

    Sample 1--* SampleItem *--1 Transcript

A sample stores its frame (the filter, the moment, and every transcript that matched), its design
and its seed: the same frame, design and seed give the same items with the same probabilities.
"""

from django.db import models
from django.db.models import Q


class Sample(models.Model):
    """One draw."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="samples")
    name = models.CharField(max_length=150)
    design = models.CharField(max_length=40)  # "uniform", "stratified"
    parameters = models.JSONField(default=dict)  # n, bins, allocation, channels
    seed = models.BigIntegerField()
    filter = models.JSONField(default=dict)  # what the frame was filtered by, see `evidence.filters`
    frame_at = models.DateTimeField()  # the moment the frame was taken
    frame_size = models.PositiveIntegerField()
    frame_ids = models.BinaryField()  # zlib of the sorted transcript ids as little-endian int64
    frame_digest = models.CharField(max_length=64)  # sha256 hex of the sorted records' digests and ordinals
    left_out = models.PositiveIntegerField(default=0)  # matched, but veiled to the person who drew
    strata = models.JSONField(default=list)  # [{name, lo, hi, size, drawn}]
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_sample_per_name")]

    def __str__(self) -> str:
        return self.name


class SampleItem(models.Model):
    """A drawn transcript, with the probability it had of being drawn."""

    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="items")
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.PROTECT, related_name="sample_items")
    order = models.PositiveIntegerField()  # seeded shuffle, from 0
    stratum = models.PositiveSmallIntegerField(default=0)  # index into the sample's strata
    probability = models.FloatField()  # of inclusion, in (0, 1]

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "transcript"], name="drawn_once_per_sample"),
            models.UniqueConstraint(fields=["sample", "order"], name="one_item_per_place"),
            models.CheckConstraint(
                condition=Q(probability__gt=0) & Q(probability__lte=1), name="probability_of_inclusion"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transcript_id} in sample {self.sample_id}"
