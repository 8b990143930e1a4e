"""Judges, what they were asked, and what they said.

    Judge 1--* JudgeVersion 1--* JudgeRun 1--* Verdict (run, transcript, vote) 1--* VerdictCall *--1 llm.Reply
                            1--* Preflight
                            1--* InjectionCheck

A version never changes: its digest covers everything that bears on what it says. A verdict row is made
before anything is asked, so that what is missing can be counted; a call row is written before a call goes
out, so that after a kill one knows which may have been paid twice. Verdicts are read only through
`queries`, which keep to the veils, and become readings on the version's channels.
"""

from typing import Any

from django.db import models
from django.db.models import Q

from auditor.judging.states import ANSWERED, FAILED, TIMED_OUT, WAITING

UNANSWERED = (TIMED_OUT, FAILED)  # there is no reply; these may be tried again
STATES = (WAITING, *ANSWERED, *UNANSWERED)


class Judge(models.Model):
    """A judge by name; what it asks and of whom is its versions'."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="judges")
    slug = models.SlugField(max_length=60)  # in its channels' keys: judge.SLUG.v3
    name = models.CharField(max_length=150)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="one_judge_per_slug")]

    def __str__(self) -> str:
        return self.name


class JudgeVersion(models.Model):
    """Everything that bears on a judge's verdicts, for ever.

    One that came in with a log (`imported`) has what the log said of it, and the channel it speaks on.
    """

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)  # sha256 hex, see `definition.digest_of`
    rubric = models.TextField(blank=True)  # Markdown with front matter; empty only if imported without one
    template = models.TextField(blank=True)
    endpoint = models.ForeignKey(
        "llm.Endpoint", null=True, on_delete=models.PROTECT, related_name="judge_versions"
    )
    base_url = models.CharField(max_length=2000, blank=True)  # of the endpoint, as hashed
    model = models.CharField(max_length=200, blank=True)
    parameters = models.JSONField(default=dict)  # temperature, seed, answer_tokens, context, ...
    renderer = models.JSONField(default=dict)  # how transcripts are written out
    votes = models.PositiveSmallIntegerField(default=1)
    examples = models.JSONField(default=list)  # [{transcript, fingerprint, text, answer, why, ...}]
    examples_from = models.JSONField(default=dict)  # which release and split they were taken from
    note = models.CharField(max_length=300, blank=True)  # what is new in it
    imported = models.BooleanField(default=False)
    channel = models.OneToOneField(
        "evidence.Channel", null=True, on_delete=models.CASCADE, related_name="imported_judge"
    )
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["judge", "number"]
        constraints = [
            models.UniqueConstraint(fields=["judge", "number"], name="one_judge_version_per_number"),
            models.UniqueConstraint(fields=["judge", "digest"], name="one_judge_version_per_digest"),
            models.CheckConstraint(condition=Q(votes__gte=1), name="a_judge_votes"),
            models.CheckConstraint(
                condition=Q(imported=True, channel__isnull=False)
                | Q(imported=False, channel__isnull=True, endpoint__isnull=False),
                name="asked_or_imported",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.judge} v{self.number}"

    @property
    def key(self) -> str:
        """Of its main channel."""
        return self.channel.key if self.channel is not None else f"judge.{self.judge.slug}.v{self.number}"


class Preflight(models.Model):
    """What a run would cost and how long it would take, from three transcripts judged for real."""

    version = models.ForeignKey(JudgeVersion, on_delete=models.CASCADE, related_name="preflights")
    run = models.OneToOneField("runs.Run", on_delete=models.CASCADE, related_name="preflight")
    chosen = models.JSONField()  # {"sample": id} or {"filter": {...}}
    seed = models.BigIntegerField()  # of which transcripts were tried
    result = models.JSONField(default=dict)  # see `preflight.Estimate`
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"preflight {self.pk} of {self.version_id}"


class JudgeRun(models.Model):
    """One judge version over chosen transcripts."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="judge_runs")
    version = models.ForeignKey(JudgeVersion, on_delete=models.PROTECT, related_name="judge_runs")
    run = models.OneToOneField("runs.Run", on_delete=models.CASCADE, related_name="judging")
    chosen = models.JSONField()  # {"sample": id} or {"filter": {...}}
    in_words = models.CharField(max_length=500)
    laid = models.BooleanField(default=False)  # whether its verdict rows are there
    n_transcripts = models.PositiveIntegerField(default=0)
    left_out = models.JSONField(default=dict)  # why -> how many transcripts: "examples", "veiled"
    cap = models.BigIntegerField(null=True)  # millionths of the endpoint's currency; null: no cap
    spent = models.BigIntegerField(default=0)  # millionths, of calls that this run paid
    cached = models.PositiveIntegerField(default=0)  # calls that an earlier reply answered
    repeated = models.PositiveIntegerField(default=0)  # calls sent again because no reply was stored
    throttled = models.PositiveIntegerField(default=0)  # answers 429
    concurrency = models.PositiveSmallIntegerField(null=True)  # null: the endpoint's
    pace = models.JSONField(default=dict)  # what the engine last said: rate, in flight, ...
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="judge_runs_newest_first")]

    def __str__(self) -> str:
        return f"{self.version} on {self.in_words}"


class Verdict(models.Model):
    """What one vote of a judge said of one transcript, or why it said nothing."""

    run = models.ForeignKey(JudgeRun, on_delete=models.CASCADE, related_name="verdicts", db_index=False)
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.PROTECT, related_name="verdicts")
    vote = models.PositiveSmallIntegerField(default=0)  # from 0
    state = models.CharField(max_length=20, default=WAITING)
    words = models.CharField(max_length=500, blank=True)  # why it is not ok, for people
    label = models.CharField(max_length=200, blank=True)  # by the rubric's rule
    values = models.JSONField(default=dict)  # dimension -> number, label or null
    detail = models.JSONField(default=dict)  # rationale by dimension, distributions, chunks
    rationale = models.TextField(blank=True)
    quotes = models.JSONField(default=list)  # [{text, position, part, start, end, status, supports}]
    unsupported = models.BooleanField(default=False)  # it cites, and nothing that it cites is there
    unread = models.JSONField(default=list)  # [{position, part, start, end, why}]
    finished_at = models.DateTimeField(null=True)
    recorded = models.BooleanField(default=False)  # whether the channels know it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "transcript", "vote"], name="one_verdict_per_vote"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="known_verdict_state"),
        ]
        indexes = [
            models.Index(fields=["run", "id"], condition=Q(state=WAITING), name="verdicts_waiting"),
            models.Index(fields=["run", "state"], name="verdicts_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.state}: vote {self.vote + 1} on {self.transcript_id}"


class VerdictCall(models.Model):
    """One call that a verdict needs: one of its asks, on one stretch of the transcript."""

    verdict = models.ForeignKey(Verdict, on_delete=models.CASCADE, related_name="calls", db_index=False)
    ask = models.PositiveSmallIntegerField()  # from 0
    chunk = models.PositiveSmallIntegerField()  # from 0
    sends = models.PositiveSmallIntegerField(default=0)  # times it was about to be sent
    reply = models.ForeignKey(
        "llm.Reply", null=True, on_delete=models.PROTECT, related_name="verdict_calls", db_index=False
    )
    cached = models.BooleanField(default=False)  # the reply had been paid for before

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["verdict", "ask", "chunk"], name="one_call_per_ask_and_chunk")
        ]

    def __str__(self) -> str:
        return f"call {self.ask}/{self.chunk} of verdict {self.verdict_id}"


class InjectionCheck(models.Model):
    """How often instructions planted in a transcript moved the verdicts of a version."""

    version = models.ForeignKey(JudgeVersion, on_delete=models.CASCADE, related_name="injection_checks")
    run = models.OneToOneField("runs.Run", on_delete=models.CASCADE, related_name="injection_check")
    set_digest = models.CharField(max_length=64)  # of the planted set, sha256 hex
    tried = models.PositiveIntegerField(default=0)  # pairs of which both verdicts are ok
    moved = models.PositiveIntegerField(default=0)
    spent = models.BigIntegerField(default=0)  # millionths
    rows: Any = models.JSONField(default=list)  # one per planted text: family, where, clean, planted, moved
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"injections against version {self.version_id}: {self.moved} of {self.tried}"
