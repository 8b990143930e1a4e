"""Transcripts as evidence: rows written once, never edited.

    SourceFile 1--* ImportFile *--1 ImportBatch 1--* Transcript 1--* Message
                                           1--* Reject                1--* Segment (of a branch)
                                           1--* Attachment            1--* SearchedMessage

A judge, a probe or a reviewer points at words by `(transcript, position, part, start, end)`
and must find the same words for ever: the database refuses UPDATE on transcripts and messages.

A branch stores its own messages only, from position `shared` on; those before belong to its parent
(or the parent's parent), and its segments say which. Messages are read through `corpus.queries`,
which knows that.
"""

from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import Q

from auditor.corpus.records import ROLES
from auditor.corpus.words import Words, parse


class SourceFile(models.Model):
    """The bytes that were imported, kept once, compressed, named by their digest."""

    digest = models.CharField(max_length=64, unique=True)  # sha256 hex of the uncompressed bytes
    size = models.BigIntegerField()  # bytes, uncompressed
    path = models.CharField(max_length=200)  # in the file storage; zstd
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]


class ImportBatch(models.Model):
    """One import: which files, by whom, with what result; its counts are the sums of its files'."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="batches")
    file_name = models.CharField(max_length=300)  # of the file, folder or archive, as people call it
    format = models.CharField(max_length=40)  # a key of the importers' registry; "mixed" for several
    mapping = models.JSONField(default=dict)
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.SET_NULL, related_name="batch")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    transcripts_written = models.PositiveIntegerField(default=0)
    messages_written = models.PositiveIntegerField(default=0)
    already_there = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    warned = models.PositiveIntegerField(default=0)
    indexed_through = models.BigIntegerField(default=0)  # the last transcript id that full text covers
    indexed = models.PositiveIntegerField(default=0)  # its transcripts that full text covers
    index_run = models.OneToOneField(
        "runs.Run", null=True, on_delete=models.SET_NULL, related_name="indexed_batch"
    )  # the latest run that makes its full text
    indexed_at = models.DateTimeField(null=True)  # when full text covered the whole of it
    undone_at = models.DateTimeField(null=True)  # its transcripts are gone; the batch says that they were

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="batches_newest_first")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.format})"


class ImportFile(models.Model):
    """One file of an import: uploaded, found in a folder, or a member of an archive.

    For a member, `source` is the archive, which is kept once for all of them.
    """

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="files", db_index=False)
    ordinal = models.PositiveIntegerField()  # from 0, in the order in which they are read
    name = models.CharField(max_length=300)  # as people call it, with its folders
    source = models.ForeignKey(SourceFile, null=True, on_delete=models.PROTECT, related_name="files")
    member = models.CharField(max_length=1000, blank=True)  # its name inside the archive
    digest = models.CharField(max_length=64)  # sha256 hex of the file (of the member); stays after an undo
    size = models.BigIntegerField()  # bytes
    format = models.CharField(max_length=40)  # a key of the importers' registry
    done = models.BooleanField(default=False)  # read to its end
    transcripts_written = models.PositiveIntegerField(default=0)
    messages_written = models.PositiveIntegerField(default=0)
    tool_calls_written = models.PositiveIntegerField(default=0)
    reasoning_written = models.PositiveIntegerField(default=0)  # messages with reasoning
    already_there = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    warned = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["batch", "ordinal"], name="one_file_per_ordinal")]

    def __str__(self) -> str:
        return self.name


class Reject(models.Model):
    """A record of a batch that could not be stored."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rejects")
    file = models.ForeignKey(ImportFile, null=True, on_delete=models.CASCADE, related_name="rejects")
    record = models.PositiveBigIntegerField()  # ordinal in the source, from 1
    place = models.CharField(max_length=300)  # "line 12", "samples/a_epoch_1.json"
    reason = models.CharField(max_length=1000)

    class Meta:
        ordering = ["record", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "file", "record", "place"],
                nulls_distinct=False,
                name="one_reject_per_record",
            )
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class TranscriptQuerySet(models.QuerySet["Transcript"]):
    def of(self, project_id: int) -> "TranscriptQuerySet":
        """The transcripts of a project."""
        return self.filter(project_id=project_id)

    def saying(
        self, words: str | Words, *, within: str = "", among: tuple[int, int] | None = None
    ) -> "TranscriptQuerySet":
        """Those with a message that holds `words`, in the language of `corpus.words`.

        A message that a branch shares counts for the branch too. A page of a search in the order of ids
        is found faster by `corpus.search.search_page`, which names markers and ids to keep to.

        Raises:
            WordsError: the words cannot be read.
        """
        hits = SearchedMessage.objects.saying(words, within=within).values("transcript_id")
        if not Segment.objects.exists():  # the usual corpus: one index scan is all
            return self.filter(pk__in=hits)
        inherited = Segment.objects.filter(
            models.Exists(
                SearchedMessage.objects.saying(words).filter(
                    transcript_id=models.OuterRef("owner_id"),
                    position__gte=models.OuterRef("start"),
                    position__lt=models.OuterRef("end"),
                )
            )
        )
        if among is not None:
            inherited = inherited.filter(transcript_id__gte=among[0], transcript_id__lt=among[1])
        return self.filter(pk__in=hits.union(inherited.order_by().values("transcript_id"), all=True))


class Transcript(models.Model):
    """One conversation with one model, exactly as imported."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="transcripts")
    # no index of its own: transcripts_by_batch begins with it
    batch = models.ForeignKey(
        ImportBatch, on_delete=models.PROTECT, related_name="transcripts", db_index=False
    )
    file = models.ForeignKey(
        ImportFile, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    parent = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="branches", db_index=False
    )
    shared = models.PositiveIntegerField(default=0)  # messages at its beginning that are its parent's
    record_digest = models.CharField(max_length=64)  # sha256 hex of the source record
    ordinal = models.PositiveIntegerField(default=0)  # among equal records of one source
    fingerprint = models.CharField(max_length=64)  # sha256 of roles and texts: near-duplicates, not identity
    prompt_digest = models.CharField(max_length=32, blank=True)  # of all before the first assistant's message
    external_id = models.CharField(max_length=300, blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    conditions = models.JSONField(default=dict)  # facets the import declared: name -> text
    metadata = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)
    place = models.JSONField(default=dict)  # where the record stands in its source
    excerpt = models.CharField(max_length=240, blank=True)  # first words of the last assistant message
    n_messages = models.PositiveIntegerField()
    n_chars = models.PositiveIntegerField()
    n_tool_calls = models.PositiveIntegerField(default=0)
    n_reasoning = models.PositiveIntegerField(default=0)  # messages with reasoning
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
            models.Index(fields=["project", "prompt_digest"], name="transcripts_by_prompt"),
            models.Index(fields=["batch", "id"], name="transcripts_by_batch"),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="branches_of_transcript"),
            GinIndex(fields=["conditions"], opclasses=["jsonb_path_ops"], name="transcripts_by_condition"),
            GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"], name="transcripts_by_metadata"),
        ]

    def __str__(self) -> str:
        return self.external_id or f"transcript {self.pk}"

    @property
    def name(self) -> str:
        """How people refer to it."""
        return self.external_id or f"t-{self.pk}"


class Message(models.Model):
    """One turn. `position` counts from 0 and has no gaps."""

    # no index of its own: one_message_per_position begins with it; and no constraint that is checked row by
    # row: triggers of the table check a whole statement at once (migration 0005)
    transcript = models.ForeignKey(
        Transcript, on_delete=models.CASCADE, related_name="messages", db_index=False, db_constraint=False
    )
    position = models.PositiveIntegerField()
    role = models.CharField(max_length=20)
    text = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    parts = models.JSONField(default=list)  # tool calls, tool results, images: each a dict with "kind"
    source_id = models.CharField(max_length=200, blank=True)
    model_name = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["transcript", "position"], name="one_message_per_position"),
            models.CheckConstraint(condition=Q(role__in=ROLES), name="known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.position} of {self.transcript_id}"


class Segment(models.Model):
    """Messages `start` to `end` (exclusive) of a branch, which `owner` stores; one row for each ancestor."""

    transcript = models.ForeignKey(
        Transcript, on_delete=models.CASCADE, related_name="segments", db_index=False
    )
    owner = models.ForeignKey(Transcript, on_delete=models.PROTECT, related_name="+")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()

    class Meta:
        ordering = ["start"]
        constraints = [
            models.UniqueConstraint(fields=["transcript", "start"], name="one_segment_per_start"),
            models.CheckConstraint(condition=Q(start__lt=models.F("end")), name="segment_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.start} to {self.end} of {self.transcript_id} stand in {self.owner_id}"


class Markers(SearchQuery):
    """A tsquery as it stands, for the markers that no text can contain; see `corpus.words.markers`."""

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **more: Any) -> Any:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return f"{sql}::tsquery", params


class SearchedQuerySet(models.QuerySet["SearchedMessage"]):
    def saying(self, words: str | Words, *, within: str = "") -> "SearchedQuerySet":
        """Messages that hold `words`, in the language of `corpus.words`; `within` keeps to some markers.

        Raises:
            WordsError: the words cannot be read.
        """
        asked = parse(words) if isinstance(words, str) else words
        match = SearchQuery(asked.tsquery, config="simple", search_type="raw")
        marked = " & ".join(f"({some})" for some in (within, asked.places) if some)
        rows = self.filter(search=match & Markers(marked) if marked else match)
        return rows.filter(role__in=asked.roles) if asked.roles else rows


class SearchedMessage(models.Model):
    """The words of one message for full text, written after the import by a run of its own.

    Weights say where a word stands: A the text, B reasoning, C tool calls, D tool results. Markers
    (see `corpus.words.markers`) stand among the words and keep a search to a stretch of transcripts.
    """

    pk = models.CompositePrimaryKey("transcript_id", "position")
    transcript = models.ForeignKey(
        Transcript, on_delete=models.CASCADE, related_name="searched", db_index=False
    )
    position = models.PositiveIntegerField()
    role = models.CharField(max_length=20)
    search = SearchVectorField()

    objects = SearchedQuerySet.as_manager()

    class Meta:
        indexes = [GinIndex(fields=["search"], name="messages_by_words")]

    def __str__(self) -> str:
        return f"words of message {self.position} of {self.transcript_id}"


class Signature(models.Model):
    """What `likeness.signature` made of a transcript's words, once: 64 numbers of four bytes, little-endian."""

    transcript = models.OneToOneField(
        Transcript, on_delete=models.CASCADE, primary_key=True, related_name="signature"
    )
    version = models.PositiveSmallIntegerField()
    value = models.BinaryField()

    def __str__(self) -> str:
        return f"signature of {self.transcript_id}"


class Attachment(models.Model):
    """An image, sound or file that a message carries; its bytes stand in the file storage by their digest."""

    batch = models.ForeignKey(
        ImportBatch, on_delete=models.CASCADE, related_name="attachments", db_index=False
    )
    digest = models.CharField(max_length=64)  # sha256 hex of the bytes; the part's "blob"
    media_type = models.CharField(max_length=100)
    size = models.BigIntegerField()  # bytes
    path = models.CharField(max_length=200)  # in the file storage, uncompressed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "digest"], name="one_attachment_per_batch")]
        indexes = [models.Index(fields=["digest"], name="attachments_by_digest")]

    def __str__(self) -> str:
        return f"{self.media_type} {self.digest[:12]}"
