"""Questions about long jobs."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from auditor.runs.models import Pulse, Run, RunQuerySet

ALIVE_WITHIN = timedelta(seconds=45)
STARTING = timedelta(seconds=30)  # a worker that starts together with this process may not have beaten yet
STARTED_AT = timezone.now()


def worker_is_alive() -> bool:
    """Whether a worker took a task from beat through the broker within the last 45 seconds."""
    if settings.CELERY_TASK_ALWAYS_EAGER:
        return True
    now = timezone.now()
    return (
        now < STARTED_AT + STARTING
        or Pulse.objects.filter(name="worker", at__gte=now - ALIVE_WITHIN).exists()
    )


def runs_of(project_id: int) -> RunQuerySet:
    """The runs of a project, newest first."""
    return Run.objects.filter(project_id=project_id).select_related("created_by").order_by("-id")
