"""Releases: adjudicated labels, frozen as files.

    Release 1--* ReleaseFile
            1--* ReleaseItem *--1 Ruling

The files are named by their digests; the manifest says who, what, which versions and seeds.
"""

from django.db import models


class Release(models.Model):
    """A dataset as it was exported."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="releases")
    name = models.CharField(max_length=150)
    round = models.ForeignKey("queues.Round", on_delete=models.PROTECT, related_name="releases")
    parameters = models.JSONField(default=dict)  # pseudonyms, evidence, licence: as chosen
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.SET_NULL, related_name="release")
    manifest = models.JSONField(default=dict)  # empty until built
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    built_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_release_per_name")]

    def __str__(self) -> str:
        return self.name


class ReleaseFile(models.Model):
    """One file of a release, in the file storage."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=100)  # "labels.jsonl"
    path = models.CharField(max_length=200)
    size = models.BigIntegerField()  # bytes
    digest = models.CharField(max_length=64)  # sha256 hex

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["release", "name"], name="one_file_per_name")]

    def __str__(self) -> str:
        return self.name


class ReleaseItem(models.Model):
    """One row of a release: the item, and the ruling that held when it was built."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="items", db_index=False)
    order = models.PositiveIntegerField()
    item = models.ForeignKey("queues.Item", on_delete=models.PROTECT, related_name="+")
    ruling = models.ForeignKey("adjudication.Ruling", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["release", "item"], name="one_row_per_item")]

    def __str__(self) -> str:
        return f"item {self.item_id} in {self.release_id}"
