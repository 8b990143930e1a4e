"""Questions about long jobs."""

from datetime import timedelta
from fnmatch import fnmatchcase

from django.conf import settings
from django.utils import timezone

from auditor.runs.models import Pulse, Run, RunQuerySet

ALIVE_WITHIN = timedelta(seconds=45)
STARTING = timedelta(seconds=30)  # a worker that starts together with this process may not have beaten yet
STARTED_AT = timezone.now()


def queue_of(task: str) -> str:
    """The queue that the settings send a task to."""
    for pattern, route in settings.CELERY_TASK_ROUTES.items():
        if fnmatchcase(task, pattern):
            return str(route["queue"])
    return settings.CELERY_TASK_DEFAULT_QUEUE


def worker_is_alive(task: str = "") -> bool:
    """Whether a worker of the queue that `task` waits in (by default that of short work) lives.

    Within the last 45 seconds it took a pulse from beat through the broker, or said of a run how far it is:
    whoever is busy with long runs takes no pulse.
    """
    if settings.CELERY_TASK_ALWAYS_EAGER:
        return True
    now = timezone.now()
    queue, fresh = queue_of(task), now - ALIVE_WITHIN
    if now < STARTED_AT + STARTING or Pulse.objects.filter(name=queue, at__gte=fresh).exists():
        return True
    busy = Run.objects.filter(status="running", beat_at__gte=fresh).values_list("task", flat=True).distinct()
    return any(queue_of(one) == queue for one in busy)


def runs_of(project_id: int) -> RunQuerySet:
    """The runs of a project, newest first."""
    return Run.objects.filter(project_id=project_id).select_related("created_by").order_by("-id")
