"""Channels and readings: one shape for every machine opinion.

    Channel 1--* Reading *--1 Transcript     value and label at an anchor; one current per place
            1--* Rollup  *--1 Transcript     what lists, filters and samples use
            1--* Track   *--1 Shard          a value for each token of one text, in a file, by byte range
    Block *--1 Shard                          several channels' values for each token of one transcript
    Reading 1--* Quote                       words an opinion cites, and where they stand
    Withdrawal                               readings were taken back with the import that brought them
    Veil                                     this person may not yet see evidence on this transcript
    WorthBasis 1--* ChannelWorth *--1 Channel    how far a channel can be trusted, measured against known labels

Readings are never edited: a newer one supersedes, the old one stays. They are read only through
`queries.visible_to(person)`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

HUMAN = "human"  # channels that carry people's labels; producers may not read them
ROLLUPS = ("max", "min", "mean", "last")


class Channel(models.Model):
    """One source of machine opinion about transcripts of a project."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="channels")
    key = models.CharField(max_length=200)  # "judge.gpt-5", "sae.14-3391"
    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=40)  # a key of `kinds.KINDS`
    unit = models.CharField(max_length=20, default="transcript")  # transcript, message, span, token
    rollup = models.CharField(max_length=10, default="max")  # how readings become the transcript's value
    lo = models.FloatField(null=True)  # the scale's ends, if it has any
    hi = models.FloatField(null=True)
    polarity = models.CharField(max_length=200, blank=True)  # what a high value means, in words
    notice = models.CharField(max_length=300, blank=True)  # a warning shown wherever the channel appears
    own = models.BooleanField(default=False)  # runs of this project compute it; no file may write to it
    detail = models.JSONField(
        default=dict
    )  # layer, hook, rubric, explanation: whatever the producer declares
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="one_channel_per_key"),
            models.CheckConstraint(condition=Q(rollup__in=ROLLUPS), name="known_rollup"),
        ]
        indexes = [models.Index(fields=["project", "kind", "key"], name="channels_by_kind")]

    def __str__(self) -> str:
        return self.name


class Reading(models.Model):
    """What a channel says about one place of one transcript."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="readings")
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.CASCADE, related_name="readings")
    position = models.PositiveIntegerField(null=True)  # message; null: the whole transcript
    part = models.CharField(
        max_length=20, blank=True
    )  # "text", "reasoning", "part:0"; empty: the whole message
    start = models.PositiveIntegerField(null=True)  # code points
    end = models.PositiveIntegerField(null=True)
    identifier = models.CharField(max_length=100, blank=True)  # who said it, on channels of people
    value = models.FloatField(null=True)
    label = models.CharField(max_length=200, blank=True)
    explanation = models.TextField(blank=True)
    detail = models.JSONField(default=dict)
    source = models.CharField(max_length=100, blank=True)  # "batch:12", "run:7", "annotations:31"
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "transcript", "position", "part", "start", "end", "identifier"],
                condition=Q(superseded_at__isnull=True),
                nulls_distinct=False,
                name="one_current_reading_per_place",
            )
        ]
        indexes = [
            models.Index(
                fields=["transcript", "channel"],
                condition=Q(superseded_at__isnull=True),
                name="current_readings",
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} on {self.transcript_id}: {self.value if self.value is not None else self.label}"


class Rollup(models.Model):
    """A channel's current readings on a transcript, made into one value."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="rollups")
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.CASCADE, related_name="rollups")
    value = models.FloatField(null=True)
    label = models.CharField(max_length=200, blank=True)
    n = models.PositiveIntegerField(default=1)  # readings behind it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["transcript", "channel"], name="one_rollup_per_channel")
        ]
        indexes = [
            models.Index(fields=["channel", "value", "transcript"], name="rollups_by_value"),
            models.Index(fields=["channel", "label", "transcript"], name="rollups_by_label"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} on {self.transcript_id}: {self.value}"


class Quote(models.Model):
    """Words that a reading cites, and what became of looking for them."""

    reading = models.ForeignKey(Reading, on_delete=models.CASCADE, related_name="quotes")
    text = models.TextField()
    status = models.CharField(max_length=20)  # see `quotes.locate`
    position = models.PositiveIntegerField(null=True)
    part = models.CharField(max_length=20, blank=True)
    start = models.PositiveIntegerField(null=True)  # code points
    end = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.status}: {self.text[:40]}"


class Withdrawal(models.Model):
    """Readings of a channel on a transcript were taken back: what rests on them is out of date.

    Within a project the ids rise with the moments, since imports are undone one after another.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="withdrawals")
    transcript = models.ForeignKey(
        "corpus.Transcript", null=True, on_delete=models.CASCADE, related_name="withdrawals"
    )  # null: it went with its readings
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.channel_id} on {self.transcript_id}"


class Shard(models.Model):
    """A file of token tracks in the file storage; written once, read by byte range."""

    path = models.CharField(max_length=200, unique=True)
    digest = models.CharField(max_length=64)  # sha256 hex
    size = models.BigIntegerField()  # bytes
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.path


class Track(models.Model):
    """A value for each token of one part of one message."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="tracks")
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.CASCADE, related_name="tracks")
    position = models.PositiveIntegerField()
    part = models.CharField(max_length=20, default="text")
    shard = models.ForeignKey(Shard, on_delete=models.PROTECT, related_name="tracks")
    offset = models.BigIntegerField()  # bytes into the shard
    length = models.PositiveIntegerField()  # bytes
    digest = models.CharField(max_length=64)  # sha256 hex of the decoded values
    n_tokens = models.PositiveIntegerField()
    peak = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "transcript", "position", "part"],
                condition=Q(superseded_at__isnull=True),
                name="one_current_track_per_part",
            )
        ]
        indexes = [
            models.Index(
                fields=["transcript", "channel"],
                condition=Q(superseded_at__isnull=True),
                name="current_tracks",
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} on {self.transcript_id}, message {self.position}"


class Block(models.Model):
    """Several channels' values for each token of one transcript, along one tokenisation; see `blockformat`."""

    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.CASCADE, related_name="blocks")
    shard = models.ForeignKey(Shard, on_delete=models.PROTECT, related_name="blocks")
    offset = models.BigIntegerField()  # bytes into the shard
    length = models.PositiveIntegerField()  # bytes
    digest = models.CharField(max_length=64)  # sha256 hex of the payload
    n_tokens = models.PositiveIntegerField()
    channels = ArrayField(models.BigIntegerField())  # ids, in the order of the payload's keys
    dictionaries = ArrayField(models.CharField(max_length=100), default=list)  # with strongest features
    source = models.CharField(max_length=100)  # "capture:7"
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["transcript", "source"],
                condition=Q(superseded_at__isnull=True),
                name="one_current_block_per_source",
            )
        ]

    def __str__(self) -> str:
        return f"{len(self.channels)} channels on {self.transcript_id}"


class Veil(models.Model):
    """Until it is lifted, this person may not see this kind of evidence on this transcript.

    Scope "machine" falls with the person's blind label; scope "human", which hides what colleagues
    said, stays until the round that laid it is over.
    """

    person = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="veils")
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.CASCADE, related_name="veils")
    scope = models.CharField(max_length=10)
    round_key = models.CharField(max_length=100)  # who laid it: "round:12"
    laid_at = models.DateTimeField(auto_now_add=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "transcript", "scope", "round_key"], name="one_veil_per_round"
            ),
            models.CheckConstraint(condition=Q(scope__in=["machine", "human"]), name="known_veil_scope"),
        ]
        indexes = [
            models.Index(
                fields=["person", "transcript", "scope"],
                condition=Q(lifted_at__isnull=True),
                name="veils_down",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} may not see {self.scope} evidence on {self.transcript_id}"


class WorthBasis(models.Model):
    """One measurement of channels: the labels that they were held against; of each reference the newest is current."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="worth_bases")
    reference = models.CharField(max_length=300)  # "codebook:3", "meta:original_did_lie"
    words = models.CharField(max_length=500)  # on which labels, for people
    adjudicated = models.BooleanField()  # people's rulings, and not a label that came with the data
    detail = models.JSONField(default=dict)  # rounds, versions of the codebook
    digest = models.CharField(max_length=64)  # sha256 hex over labels and readings
    seed = models.BigIntegerField()
    transcripts = ArrayField(
        models.BigIntegerField(), default=list
    )  # those under review: nobody for whom one of them is veiled is told
    computed_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "reference"], condition=Q(superseded_at__isnull=True),
                name="one_current_basis_per_reference",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.words


class ChannelWorth(models.Model):
    """One figure of what a channel is worth on one contrast; without a value it says why."""

    basis = models.ForeignKey(WorthBasis, on_delete=models.CASCADE, related_name="worths")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="worths")
    place = models.PositiveSmallIntegerField()  # of the contrast, and of the figure on it; 0 comes first
    contrast = models.CharField(max_length=400)  # its key
    words = models.CharField(max_length=400)  # the contrast for people
    figure = models.CharField(max_length=60)  # "AUROC", "LR+"
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    n_positive = models.PositiveIntegerField()
    n_negative = models.PositiveIntegerField()
    weighted = models.BooleanField(default=False)  # carried back to what the sample was drawn from
    method = models.CharField(max_length=60, blank=True)  # of the interval
    seed = models.BigIntegerField(null=True)  # of its resamples
    q = models.FloatField(null=True)  # corrected over all features that were scanned
    n_scanned = models.PositiveIntegerField(default=0)  # of these
    reason = models.CharField(max_length=300, blank=True)  # why there is no figure, or no interval
    detail = models.JSONField(default=dict)  # of a likelihood ratio: threshold and control set

    class Meta:
        ordering = ["place", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["basis", "channel", "contrast", "figure"], name="one_worth_per_figure"
            )
        ]
        indexes = [models.Index(fields=["channel", "basis"], name="worth_by_channel")]

    def __str__(self) -> str:
        return f"{self.figure} of {self.channel_id}: {self.value}"


class EvidenceBatch(models.Model):
    """One evidence file, attached: which file, by whom, with what result."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="evidence_batches")
    source = models.ForeignKey("corpus.SourceFile", on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=300)
    run = models.OneToOneField(
        "runs.Run", null=True, on_delete=models.SET_NULL, related_name="evidence_batch"
    )
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    readings_written = models.PositiveIntegerField(default=0)
    tracks_written = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.file_name


class EvidenceReject(models.Model):
    """A row of an evidence file that could not be attached."""

    batch = models.ForeignKey(EvidenceBatch, on_delete=models.CASCADE, related_name="rejects")
    record = models.PositiveBigIntegerField()
    place = models.CharField(max_length=300)
    reason = models.CharField(max_length=1000)

    class Meta:
        ordering = ["record", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "record", "place"], name="one_evidence_reject_per_record"
            )
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"
