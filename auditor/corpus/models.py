"""Transcripts as evidence: rows written once, never edited.

    SourceFile 1--* ImportBatch 1--* Transcript 1--* Message
                              1--* Reject

A judge, a probe or a reviewer points at words by `(transcript, position, part, start, end)`
and must find the same words for ever: the database refuses UPDATE on transcripts and messages.
"""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Cast, Concat, Left

from auditor.corpus.records import ROLES

SEARCHED_TEXT = 100_000  # characters of a message's text that full text covers
SEARCHED_REST = 50_000  # characters of its reasoning, and of its tool calls and results


class SourceFile(models.Model):
    """The bytes that were imported, kept once, compressed, named by their digest."""

    digest = models.CharField(max_length=64, unique=True)  # sha256 hex of the uncompressed bytes
    size = models.BigIntegerField()  # bytes, uncompressed
    path = models.CharField(max_length=200)  # in the file storage; zstd
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]


class ImportBatch(models.Model):
    """One import: which file, read how, by whom, with what result."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="batches")
    source = models.ForeignKey(SourceFile, on_delete=models.PROTECT, related_name="batches")
    file_name = models.CharField(max_length=300)
    format = models.CharField(max_length=40)  # a key of the importers' registry
    mapping = models.JSONField(default=dict)
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.SET_NULL, related_name="batch")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    transcripts_written = models.PositiveIntegerField(default=0)
    messages_written = models.PositiveIntegerField(default=0)
    already_there = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    warned = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="batches_newest_first")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.format})"


class Reject(models.Model):
    """A record of a batch that could not be stored."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rejects")
    record = models.PositiveBigIntegerField()  # ordinal in the source, from 1
    place = models.CharField(max_length=300)  # "line 12", "samples/a_epoch_1.json"
    reason = models.CharField(max_length=1000)

    class Meta:
        ordering = ["record", "id"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "record", "place"], name="one_reject_per_record")
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class TranscriptQuerySet(models.QuerySet["Transcript"]):
    def of(self, project_id: int) -> "TranscriptQuerySet":
        """The transcripts of a project."""
        return self.filter(project_id=project_id)

    def saying(self, words: str) -> "TranscriptQuerySet":
        """Those with a message that matches `words` in web-search form: "a phrase", -without, or."""
        match = SearchQuery(words, config="simple", search_type="websearch")
        hits = Message.objects.filter(transcript_id=models.OuterRef("pk"), search=match)
        return self.filter(models.Exists(hits))


class Transcript(models.Model):
    """One conversation with one model, exactly as imported."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="transcripts")
    batch = models.ForeignKey(ImportBatch, on_delete=models.PROTECT, related_name="transcripts")
    record_digest = models.CharField(max_length=64)  # sha256 hex of the source record
    ordinal = models.PositiveIntegerField(default=0)  # among equal records of one source
    fingerprint = models.CharField(max_length=64)  # sha256 of roles and texts: near-duplicates, not identity
    external_id = models.CharField(max_length=300, blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    conditions = models.JSONField(default=dict)  # facets the import declared: name -> text
    metadata = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)
    place = models.JSONField(default=dict)  # where the record stands in its source
    excerpt = models.CharField(max_length=240, blank=True)  # first words of the last assistant message
    n_messages = models.PositiveIntegerField()
    n_chars = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    objects = TranscriptQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "record_digest", "ordinal"], name="one_transcript_per_record"
            )
        ]
        indexes = [
            models.Index(fields=["project", "id"], name="transcripts_in_order"),
            models.Index(fields=["project", "external_id"], name="transcripts_by_external_id"),
            models.Index(fields=["project", "fingerprint"], name="transcripts_by_fingerprint"),
            models.Index(fields=["project", "model_name", "id"], name="transcripts_by_model"),
            models.Index(fields=["project", "n_messages", "id"], name="transcripts_by_length"),
            GinIndex(fields=["conditions"], opclasses=["jsonb_path_ops"], name="transcripts_by_condition"),
        ]

    def __str__(self) -> str:
        return self.external_id or f"transcript {self.pk}"

    @property
    def name(self) -> str:
        """How people refer to it."""
        return self.external_id or f"t-{self.pk}"


class Message(models.Model):
    """One turn. `position` counts from 0 and has no gaps."""

    # no index of its own: one_message_per_position begins with it
    transcript = models.ForeignKey(
        Transcript, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    position = models.PositiveIntegerField()
    role = models.CharField(max_length=20)
    text = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    parts = models.JSONField(default=list)  # tool calls, tool results, images: each a dict with "kind"
    source_id = models.CharField(max_length=200, blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    search = models.GeneratedField(
        expression=Func(
            Concat(
                Left("text", SEARCHED_TEXT), Value(" "), Left("reasoning", SEARCHED_REST), Value(" "),
                Left(Cast("parts", models.TextField()), SEARCHED_REST), output_field=models.TextField(),
            ),
            template="to_tsvector('simple'::regconfig, %(expressions)s)",
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )  # fmt: skip

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["transcript", "position"], name="one_message_per_position"),
            models.CheckConstraint(condition=Q(role__in=ROLES), name="known_role"),
        ]
        indexes = [GinIndex(fields=["search"], name="messages_by_words")]

    def __str__(self) -> str:
        return f"{self.role} {self.position} of {self.transcript_id}"
