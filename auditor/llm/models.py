"""Where models are called, how fast, and what was answered.

    Endpoint 1--* Bucket       what is left of its limits, shared by all workers
    Endpoint 1--* Reply        one paid answer each, kept for ever, found again by its key
    Endpoint 1--* Trial        a tiny call that shows what the endpoint can do

A key of an endpoint is stored sealed (see `keys`), and no page, log, event or file ever holds it.
"""

from django.db import models
from django.db.models import JSONField, Q
from django.utils import timezone

OUTPUTS = ("schema", "object", "text")  # what an answer may be held to, the strictest first
BUCKETS = ("requests", "tokens")
STATES = ("waiting", "done")
MOST_AT_ONCE = 256  # calls


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def standing(self) -> "EndpointQuerySet":
        """Those that nobody has put away."""
        return self.filter(archived_at__isnull=True)


class Endpoint(models.Model):
    """An address that speaks the OpenAI chat API, with its key, models, prices and limits."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="endpoints")
    name = models.CharField(max_length=100)
    base_url = models.CharField(max_length=2000)  # what /chat/completions is appended to
    key_sealed = models.BinaryField(default=bytes, blank=True)  # see `keys`; empty: it needs none
    currency = models.CharField(max_length=3, default="USD")  # of the prices
    requests_per_minute = models.PositiveIntegerField(null=True)  # null: no limit
    tokens_per_minute = models.PositiveBigIntegerField(null=True)  # null: no limit
    concurrency = models.PositiveSmallIntegerField(default=8)  # calls at once, of one worker
    timeout = models.PositiveSmallIntegerField(default=120)  # seconds for one try
    output = models.CharField(max_length=10, default="schema")  # best of OUTPUTS that it is known to take
    held_until = models.DateTimeField(null=True)  # nobody sends before: it said Retry-After
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True)
    models = JSONField(
        default=list
    )  # `prices.Model` as plain data; the last field, as it hides the module here

    objects = EndpointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"],
                condition=Q(archived_at__isnull=True),
                name="one_endpoint_of_a_name",
            ),
            models.CheckConstraint(condition=Q(output__in=OUTPUTS), name="known_endpoint_output"),
            models.CheckConstraint(
                condition=Q(concurrency__gte=1, concurrency__lte=MOST_AT_ONCE),
                name="endpoint_concurrency_bounds",
            ),
            models.CheckConstraint(condition=Q(timeout__gte=1), name="endpoint_has_patience"),
            models.CheckConstraint(
                condition=Q(requests_per_minute__isnull=True) | Q(requests_per_minute__gte=1),
                name="endpoint_requests_limit_counts",
            ),
            models.CheckConstraint(
                condition=Q(tokens_per_minute__isnull=True) | Q(tokens_per_minute__gte=1),
                name="endpoint_tokens_limit_counts",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_key(self) -> bool:
        """Whether a key is stored; which, nobody is told."""
        return bool(self.key_sealed)

    @property
    def is_archived(self) -> bool:
        """Put away: nothing is sent to it."""
        return self.archived_at is not None


class Bucket(models.Model):
    """What is left of one limit of an endpoint; it fills with time, and every worker takes from the same row."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="buckets")
    kind = models.CharField(max_length=10)
    level = models.FloatField()  # requests or tokens at `at`; below 0 after a call larger than the bucket
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "kind"], name="one_bucket_of_a_kind"),
            models.CheckConstraint(condition=Q(kind__in=BUCKETS), name="known_bucket_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.endpoint_id}"


class Reply(models.Model):
    """One paid answer, as it came. The database refuses to change or delete it; an equal call finds it by `key`."""

    project = models.ForeignKey("accounts.Project", on_delete=models.PROTECT, related_name="replies")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="replies")
    key = models.CharField(max_length=64)  # sha256 hex of all that the answer depends on; the caller's
    model = models.CharField(max_length=200, blank=True)  # as the endpoint named it
    content = models.TextField(blank=True)
    refusal = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=40, blank=True)
    logprobs = models.JSONField(null=True)  # of the answer's tokens, as the endpoint gave them
    raw = models.JSONField()  # the rest of the body: with `logprobs` all of it, unless it was too large
    prompt_tokens = models.PositiveIntegerField(null=True)  # null: it did not say
    completion_tokens = models.PositiveIntegerField(null=True)
    cost = models.BigIntegerField(null=True)  # millionths of a unit of the currency; null: no price is known
    latency_ms = models.PositiveIntegerField()  # of the try that was answered
    attempts = models.PositiveSmallIntegerField()  # tries, the answered one included
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_reply_per_key")]

    def __str__(self) -> str:
        return f"reply {self.pk}"


class Trial(models.Model):
    """One look at what an endpoint can do with one model, and what was found."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="trials")
    run = models.OneToOneField("runs.Run", on_delete=models.PROTECT, related_name="+")
    model = models.CharField(max_length=200)
    state = models.CharField(max_length=10, default="waiting")
    works = models.BooleanField(null=True)  # it answered
    words = models.CharField(max_length=500, blank=True)  # why it did not
    latency_ms = models.PositiveIntegerField(null=True)
    keeps_schema = models.BooleanField(null=True)  # the answer was what the schema asks for
    takes = models.CharField(max_length=10, blank=True)  # which of OUTPUTS it took
    gives_logprobs = models.BooleanField(null=True)
    answer = models.CharField(max_length=300, blank=True)  # its first characters
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(state__in=STATES), name="known_trial_state")]
        indexes = [models.Index(fields=["endpoint", "-id"], name="trials_of_an_endpoint")]

    def __str__(self) -> str:
        return f"trial of {self.model}"
