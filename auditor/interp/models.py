"""Subject models, what looks inside them, and what was seen.

    SubjectModel 1--* Capture 1--* Instrument *--1 Probe | Dictionary
                         1--* CapturedTranscript (capture, transcript)
    Dictionary 1--* Feature 1--* Explanation
    Channel 1--* Threshold, ControlScore            how often it fires on honest look-alikes

A subject model, a dictionary and a probe never change once they are checked: their digests cover every byte that
bears on a value. What a capture sees becomes token blocks and readings on channels; only `torchlab` knows torch.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

UNCHECKED, READY, REFUSED = "unchecked", "ready", "refused"  # of a subject model
WAITING, DONE, NOT_FIT, FAILED = "waiting", "done", "not_fit", "failed"  # of a transcript in a capture
WATCH, FULL = "watch", "full"  # of a dictionary in a capture


class SubjectModel(models.Model):
    """A language model whose activations are read: where it lies, and everything that bears on them."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="subject_models")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=150)
    source = models.CharField(max_length=10)  # "hub" or "folder"
    reference = models.CharField(max_length=300)  # its id on the hub, or its folder below those allowed
    revision = models.CharField(max_length=100, blank=True)  # commit, as asked and then as found
    adapter = models.CharField(max_length=300, blank=True)  # LoRA, by the same kind of reference
    dtype = models.CharField(max_length=10, default="float32")  # float32, bfloat16, float16
    device = models.CharField(max_length=10, default="auto")  # auto, cpu, cuda
    chat_template = models.TextField(blank=True)  # the one used, once it is checked
    template_from = models.CharField(max_length=10, blank=True)  # model, given, plain
    state = models.CharField(max_length=20, default=UNCHECKED)
    words = models.CharField(max_length=1000, blank=True)  # why it was refused
    digest = models.CharField(
        max_length=64, blank=True
    )  # of weights, configuration, tokenizer, adapter, template
    tokenizer_digest = models.CharField(max_length=64, blank=True)
    architecture = models.CharField(max_length=100, blank=True)
    n_layers = models.PositiveIntegerField(null=True)
    d_model = models.PositiveIntegerField(null=True)
    context = models.PositiveIntegerField(null=True)  # tokens
    detail = models.JSONField(default=dict)  # parameters, vocabulary, files with digests, an example rendered
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.SET_NULL, related_name="subject_check")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "slug"], name="one_subject_model_per_slug"),
            models.CheckConstraint(
                condition=Q(state__in=[UNCHECKED, READY, REFUSED]), name="known_subject_state"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Dictionary(models.Model):
    """A sparse autoencoder or transcoder: its encoder, and the place in the model that it reads."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="dictionaries")
    slug = models.SlugField(max_length=60)  # in its channels' keys: sae.SLUG.3391
    name = models.CharField(max_length=150)
    kind = models.CharField(max_length=30)  # standard, jumprelu, topk, batchtopk, gated, transcoder, ...
    model_name = models.CharField(max_length=200, blank=True)  # as its configuration names it
    hook = models.CharField(max_length=200)  # "blocks.12.hook_resid_post"
    layer = models.PositiveIntegerField(null=True)
    d_in = models.PositiveIntegerField()
    d_sae = models.PositiveIntegerField()
    normalization = models.CharField(max_length=40)
    scaling = models.FloatField(null=True)  # the factor of expected_average_only_in; no cfg.json has it
    configuration = models.JSONField(default=dict)  # cfg.json as it came
    weights = models.CharField(max_length=200)  # in the file storage
    digest = models.CharField(max_length=64)  # sha256 hex of the weights' file
    size = models.BigIntegerField()  # bytes
    neuronpedia_id = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "slug"], name="one_dictionary_per_slug"),
        ]

    def __str__(self) -> str:
        return self.name


class Feature(models.Model):
    """One direction of a dictionary that somebody cares about: explained, pinned, or with a known density."""

    dictionary = models.ForeignKey(Dictionary, on_delete=models.CASCADE, related_name="features")
    index = models.PositiveIntegerField()
    density = models.FloatField(null=True)  # share of tokens on which it is active
    density_from = models.CharField(max_length=200, blank=True)  # whose count that is
    channel = models.OneToOneField(
        "evidence.Channel", null=True, on_delete=models.PROTECT, related_name="feature"
    )  # once it is on a watch-list

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dictionary", "index"], name="one_feature_per_index")]

    def __str__(self) -> str:
        return f"{self.dictionary.slug}/{self.index}"


class Explanation(models.Model):
    """What somebody or some model believes that a feature stands for, and on how much it rests."""

    feature = models.ForeignKey(Feature, on_delete=models.CASCADE, related_name="explanations")
    text = models.CharField(max_length=2000)
    source = models.CharField(max_length=200)  # the file it came from, or a person
    explainer = models.CharField(max_length=200, blank=True)  # model and method
    context_tokens = models.PositiveIntegerField(null=True)  # length of the snippets it was made from
    n_examples = models.PositiveIntegerField(null=True)
    score = models.FloatField(null=True)
    score_kind = models.CharField(max_length=60, blank=True)  # fuzzing, detection, ...
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["feature", "text", "source", "explainer"], name="one_explanation_per_source"
            )
        ]

    def __str__(self) -> str:
        return self.text[:60]


class ExplanationFile(models.Model):
    """A file of explanations and densities that was handed in for a dictionary, and what came of it."""

    dictionary = models.ForeignKey(Dictionary, on_delete=models.CASCADE, related_name="explanation_files")
    source_file = models.ForeignKey("corpus.SourceFile", on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=200)
    source = models.CharField(max_length=200, blank=True)  # empty: the file's name
    context_tokens = models.PositiveIntegerField(null=True)  # where the file does not say
    n_examples = models.PositiveIntegerField(null=True)
    run = models.OneToOneField("runs.Run", on_delete=models.CASCADE, related_name="explanation_file")
    brought = models.JSONField(default=dict)  # a `features.Brought`; empty until it has been read
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.file_name


class Probe(models.Model):
    """A direction in a model's activations with the rule that makes it a score; see `card.Card`."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="probes")
    slug = models.SlugField(max_length=60)  # in its channels' keys: probe.SLUG.v1
    number = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=150)
    kind = models.CharField(max_length=40)  # logistic, mean_difference, lat, token_hallucination
    card = models.JSONField()  # everything that a card must say, as checked
    weights = models.CharField(max_length=200)  # safetensors in the file storage
    digest = models.CharField(max_length=64)  # sha256 hex of the weights' file and the card
    size = models.BigIntegerField()  # bytes
    adapter = models.CharField(max_length=200, blank=True)  # LoRA beside it, in the file storage
    subject = models.ForeignKey(
        SubjectModel, null=True, on_delete=models.PROTECT, related_name="probes"
    )  # which of the project's it was trained on, where that is known
    channel = models.OneToOneField("evidence.Channel", on_delete=models.PROTECT, related_name="probe")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "slug", "number"], name="one_probe_per_number"),
            models.UniqueConstraint(fields=["project", "slug", "digest"], name="one_probe_per_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class Capture(models.Model):
    """One subject model read by some instruments over chosen transcripts."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="captures")
    subject = models.ForeignKey(SubjectModel, on_delete=models.PROTECT, related_name="captures")
    run = models.OneToOneField("runs.Run", on_delete=models.CASCADE, related_name="capture")
    chosen = models.JSONField()  # {"sample": id} or {"filter": {...}}; {"controls": [packs]} for packs
    in_words = models.CharField(max_length=500)
    laid = models.BooleanField(default=False)  # whether its rows are there
    n_transcripts = models.PositiveIntegerField(default=0)
    left_out = models.JSONField(default=dict)  # why -> how many transcripts
    n_tokens = models.BigIntegerField(default=0)  # read so far
    seconds = models.FloatField(default=0.0)  # spent in the model so far
    n_bytes = models.BigIntegerField(default=0)  # of frames written so far
    n_counted = models.BigIntegerField(default=0)  # of the tokens read, those of the assistant's words
    seconds_left = models.FloatField(null=True)  # as its carrier last reckoned; null: not known
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="captures_newest_first")]

    def __str__(self) -> str:
        return f"{self.subject} on {self.in_words}"


class Instrument(models.Model):
    """What a capture looks with: a probe, or a dictionary by watch-list or in full."""

    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="instruments")
    probe = models.ForeignKey(Probe, null=True, on_delete=models.PROTECT, related_name="instruments")
    dictionary = models.ForeignKey(
        Dictionary, null=True, on_delete=models.PROTECT, related_name="instruments"
    )
    mode = models.CharField(max_length=10, blank=True)  # of a dictionary: watch or full
    features = ArrayField(models.PositiveIntegerField(), default=list)  # those that get a track each
    top = models.PositiveIntegerField(default=0)  # strongest features kept for each token; full only
    active: Any = models.JSONField(default=dict)  # feature -> counted tokens on which it was active

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(probe__isnull=False, dictionary__isnull=True, mode="")
                | Q(probe__isnull=True, dictionary__isnull=False, mode__in=[WATCH, FULL]),
                name="a_probe_or_a_dictionary",
            )
        ]

    def __str__(self) -> str:
        return f"{self.probe or self.dictionary} in capture {self.capture_id}"


class CapturedTranscript(models.Model):
    """How far a capture is with one transcript."""

    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="rows", db_index=False)
    transcript = models.ForeignKey("corpus.Transcript", on_delete=models.CASCADE, related_name="captures")
    state = models.CharField(max_length=20, default=WAITING)
    words = models.CharField(max_length=500, blank=True)  # the first token that does not fit, or what failed
    n_tokens = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)  # code points that the template does not show the model
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["capture", "transcript"], name="one_row_per_captured_transcript"),
            models.CheckConstraint(
                condition=Q(state__in=[WAITING, DONE, NOT_FIT, FAILED]), name="known_capture_state"
            ),
        ]
        indexes = [
            models.Index(fields=["capture", "id"], condition=Q(state=WAITING), name="captures_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.state}: {self.transcript_id}"


class ControlScore(models.Model):
    """What a channel said of one control pack: honest texts that look like deception."""

    channel = models.ForeignKey("evidence.Channel", on_delete=models.CASCADE, related_name="control_scores")
    subject = models.ForeignKey(SubjectModel, on_delete=models.PROTECT, related_name="control_scores")
    run = models.ForeignKey("runs.Run", null=True, on_delete=models.SET_NULL, related_name="control_scores")
    pack = models.CharField(max_length=60)  # a key of `packs.PACKS`
    pack_digest = models.CharField(max_length=64)
    scores: Any = models.JSONField(default=list)  # [{"id": …, "value": …}], in the pack's order
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "subject", "pack"], condition=Q(superseded_at__isnull=True),
                name="one_current_control_score",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.channel_id} on {self.pack}"


class Threshold(models.Model):
    """From where on a channel counts as firing: never without the control set it was chosen on."""

    channel = models.ForeignKey("evidence.Channel", on_delete=models.CASCADE, related_name="thresholds")
    value = models.FloatField()
    control = models.CharField(max_length=200)  # the control set's name
    n = models.PositiveIntegerField()  # of that set
    fired = models.PositiveIntegerField()  # of those, at or above the value
    wanted = models.FloatField(null=True)  # the rate aimed at; null: the value was given
    source = models.CharField(max_length=200, blank=True)  # computed here, or as its card says
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel"], condition=Q(superseded_at__isnull=True), name="one_current_threshold"
            ),
            models.CheckConstraint(
                condition=Q(n__gt=0) & Q(fired__lte=models.F("n")) & ~Q(control=""),
                name="a_threshold_names_its_controls",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value:g} on {self.control}"


class ProbeTraining(models.Model):
    """Probes trained from labels: which transcripts, which split, what came out."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="probe_trainings")
    subject = models.ForeignKey(SubjectModel, on_delete=models.PROTECT, related_name="trainings")
    run = models.OneToOneField("runs.Run", on_delete=models.CASCADE, related_name="probe_training")
    name = models.CharField(max_length=150)
    slug = models.SlugField(max_length=60)  # of the probe it makes
    examples: Any = models.JSONField()  # [{transcript, label, group, split, condition}], see `training`
    examples_from = models.JSONField(default=dict)  # the release: name, digest, contrast
    settings = models.JSONField(default=dict)  # kinds, layers, token rule, seed
    result: Any = models.JSONField(default=dict)  # see `training`
    probe = models.ForeignKey(Probe, null=True, on_delete=models.SET_NULL, related_name="trainings")
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
