"""Releases: labels, frozen as files that say where they come from.

    Release 1--* ReleaseRound *--1 Round
            1--* ReleaseItem *--1 Item       what is in it, with the label and the split that each had
            1--* ReleaseChannel *--1 Channel as its producer declared it then
            1--* ReleaseShard *--1 Shard     files of token tracks that must not go
            1--* ReleaseFile
    ReleaseImport                           a release of elsewhere, brought into a project
    ImportedPerson *--1 User                who somebody of an imported release is here

The files are named by their digests; the manifest says who, what, which versions and seeds. While a release stands the
database refuses to change or remove what it was made from (migration 0005).
"""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from labeling.queues.models import Round


class Release(models.Model):
    """A dataset as it was exported."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="releases")
    name = models.CharField(max_length=150)
    rounds: "models.ManyToManyField[Round, ReleaseRound]" = models.ManyToManyField(
        "queues.Round", through="ReleaseRound", related_name="releases"
    )
    parameters = models.JSONField(default=dict)  # a `definition.Definition`
    as_of = models.DateTimeField(null=True)  # the moment whose labels it holds; null until it is built first
    named = models.JSONField(default=dict)  # what project, people and rounds were called then
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.SET_NULL, related_name="release")
    check_run = models.OneToOneField(
        "runs.Run", null=True, on_delete=models.SET_NULL, related_name="checked_release"
    )  # the latest that built it once more to compare
    manifest = models.JSONField(default=dict)  # empty until built
    prose = models.JSONField(default=dict)  # section of the card -> what people wrote there, Markdown
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    built_at = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField(null=True)  # from then on the card's prose stands too
    kept_at = models.DateTimeField(null=True)  # must be kept: while it is, its project cannot be deleted

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_release_per_name")]

    def __str__(self) -> str:
        return self.name


class ReleaseRound(models.Model):
    """A round that a release takes labels from."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="scope", db_index=False)
    round = models.ForeignKey("queues.Round", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["round_id"]
        constraints = [models.UniqueConstraint(fields=["release", "round"], name="one_release_of_a_round")]

    def __str__(self) -> str:
        return f"round {self.round_id} in {self.release_id}"


class ReleaseFile(models.Model):
    """One file of a release, in the file storage."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=200)  # "labels.jsonl", "tracks/0000.bin"
    path = models.CharField(max_length=200)
    size = models.BigIntegerField()  # bytes
    digest = models.CharField(max_length=64)  # sha256 hex

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["release", "name"], name="one_file_per_name")]

    def __str__(self) -> str:
        return self.name


class ReleaseItem(models.Model):
    """One row of a release: the item, the label it has there, and the ruling that held when it was built."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="items", db_index=False)
    order = models.PositiveIntegerField()
    item = models.ForeignKey("queues.Item", on_delete=models.PROTECT, related_name="+")
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.PROTECT, related_name="+")
    drawn = models.ForeignKey("sampling.SampleItem", null=True, on_delete=models.PROTECT, related_name="+")
    ruling = models.ForeignKey("adjudication.Ruling", null=True, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=10, blank=True)  # by the release's source; empty: it has no winners
    group = models.CharField(max_length=30, blank=True)  # of the label
    grade = models.CharField(max_length=4, blank=True)
    how = models.CharField(max_length=40, blank=True)  # how the label came: see `sources`
    split = models.CharField(max_length=31, blank=True)
    cluster = models.CharField(max_length=16, blank=True)  # which records had to stay together with it

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["release", "item"], name="one_row_per_item"),
            models.UniqueConstraint(fields=["release", "transcript"], name="one_row_per_transcript"),
        ]

    def __str__(self) -> str:
        return f"item {self.item_id} in {self.release_id}"


class ReleaseChannel(models.Model):
    """A channel that speaks in a release, as it was declared then."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="channels", db_index=False)
    channel = models.ForeignKey("evidence.Channel", on_delete=models.PROTECT, related_name="+")
    declared = models.JSONField()

    class Meta:
        ordering = ["channel__key"]
        constraints = [
            models.UniqueConstraint(fields=["release", "channel"], name="one_release_of_a_channel")
        ]

    def __str__(self) -> str:
        return f"channel {self.channel_id} in {self.release_id}"


class ReleaseShard(models.Model):
    """A file of token tracks that a release was made from; while it is named here it stays."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="shards", db_index=False)
    shard = models.ForeignKey("evidence.Shard", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "shard"], name="one_release_of_a_shard")]

    def __str__(self) -> str:
        return f"shard {self.shard_id} in {self.release_id}"


class ReleaseImport(models.Model):
    """A release that was made elsewhere, or here, brought into a project."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="release_imports")
    file_name = models.CharField(max_length=300)
    source = models.ForeignKey(
        "corpus.SourceFile", on_delete=models.PROTECT, related_name="+"
    )  # a ZIP archive of it
    run = models.OneToOneField(
        "runs.Run", null=True, on_delete=models.SET_NULL, related_name="release_import"
    )
    name = models.CharField(max_length=150, blank=True)  # as its manifest says; known once it was opened
    digest = models.CharField(max_length=64, blank=True)  # sha256 hex of its manifest
    counts = models.JSONField(default=dict)  # what it brought; empty until it is done
    rounds: "models.ManyToManyField[models.Model, models.Model]" = models.ManyToManyField(
        "queues.Round", related_name="+"
    )
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "digest"],
                condition=models.Q(done_at__isnull=False),
                name="one_import_per_release",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.file_name


class ImportedPerson(models.Model):
    """A user who stands for somebody of an imported release, under the name that they have there."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="imported_people")
    user = models.OneToOneField("accounts.User", on_delete=models.PROTECT, related_name="imported_as")
    name = models.CharField(max_length=150)  # mostly a pseudonym

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_imported_person_per_name")
        ]

    def __str__(self) -> str:
        return self.name
