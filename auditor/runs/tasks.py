"""Celery's door: the bell that wakes a worker for a row, and the sweep that rings again."""

import logging
from typing import Any

from celery import current_app, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from auditor.runs import actions
from auditor.runs.models import Run

log = logging.getLogger(__name__)


def ring(task: str, *ids: int) -> None:
    """Once this transaction has committed, wake a worker to run the registered `task` with `ids`.

    Which queue it waits in is said by the settings' routes. A broker that cannot be reached is no error: the row is the truth, and the sweep rings again.
    """
    transaction.on_commit(lambda: _send(task, ids))


def _send(task: str, ids: tuple[int, ...]) -> None:
    if current_app.conf.task_always_eager:
        current_app.loader.import_default_modules()
        current_app.tasks[task].apply(args=ids, throw=True)
        return
    try:
        current_app.send_task(task, args=ids, retry=False)
    except OperationalError as problem:
        log.warning("the broker did not answer; the sweep will ring for %s%s: %s", task, ids, problem)


def ring_run(run: Run) -> None:
    """Wake a worker for `run`."""
    ring(run.task, run.pk)


def queue_again(*, run: Run, actor: Any) -> Run:
    """Let a run that rests go on, and wake a worker for it."""
    with transaction.atomic():
        row = actions.reopen_run(run=run, actor=actor)
        if row.status == "queued":
            ring_run(row)
    return row


@shared_task(name="runs.pulse")
def pulse(queue: str = "io") -> None:
    """Safe to run at any time: overwrites one row."""
    actions.write_pulse(queue)


@shared_task(name="runs.sweep")
def sweep() -> None:
    """Ring again for every run that nobody carries; a run that is carried ignores the bell."""
    for task, run_id in actions.rung_again():
        ring(task, run_id)
