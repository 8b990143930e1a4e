"""Long jobs as rows: the row is the truth, the broker only rings the bell.

    queued -> running -> done | failed | cancelled
                 ^---- paused

A running row beats; one that stopped beating is taken up again by the sweep. A paused one waits for a
person to resume it.
"""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

STATUSES = ("queued", "running", "paused", "done", "failed", "cancelled")
SILENT_AFTER = timedelta(seconds=60)  # a running job that has not beaten for so long is dead
UNHEARD_AFTER = timedelta(seconds=20)  # a queued job that nobody took up for so long is rung again


class RunQuerySet(models.QuerySet["Run"]):
    def open(self) -> "RunQuerySet":
        """Runs that somebody carries or should."""
        return self.filter(status__in=["queued", "running"])

    def abandoned(self) -> "RunQuerySet":
        """Runs that somebody should be carrying on and nobody is."""
        now = timezone.now()
        return self.filter(
            Q(status="running", beat_at__lt=now - SILENT_AFTER)
            | Q(status="queued", rung_at__lt=now - UNHEARD_AFTER)
        )


class Run(models.Model):
    """One long job of a project."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=50)  # "import", "evidence", "release"
    title = models.CharField(max_length=300)
    task = models.CharField(max_length=100)  # name of the registered Celery task that carries it on
    status = models.CharField(max_length=20, default="queued")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)  # null: not known yet
    unit = models.CharField(max_length=30, default="rows")  # what done and total count
    note = models.CharField(max_length=500, blank=True)  # what it is doing, or why it failed
    claim = models.UUIDField(null=True)  # who carries it now
    attempts = models.PositiveIntegerField(default=0)
    cancel_asked = models.BooleanField(default=False)
    pause_asked = models.BooleanField(default=False)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    rung_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="known_run_status"),
            models.CheckConstraint(
                condition=Q(total__isnull=True) | Q(total__gte=0), name="run_total_counts"
            ),
        ]
        indexes = [
            models.Index(F("beat_at"), name="runs_not_over", condition=Q(status__in=["queued", "running"]))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.title}"

    @property
    def is_over(self) -> bool:
        """Nothing more will happen to it."""
        return self.status in ("done", "failed", "cancelled")

    @property
    def rests(self) -> bool:
        """Nothing happens to it unless a person resumes it."""
        return self.is_over or self.status == "paused"

    @property
    def percent(self) -> int | None:
        """Whole percent done, or None while the total is unknown."""
        if self.status == "done":
            return 100
        return min(99, 100 * self.done // self.total) if self.total else None


class Pulse(models.Model):
    """A queue's last sign of life, written through beat, broker and worker alike."""

    name = models.CharField(max_length=50, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"
