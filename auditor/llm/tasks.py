"""Celery's door: a look at what an endpoint can do. It is short, so it waits behind no long run of calls."""

from celery import shared_task
from django.db import transaction

from auditor.accounts.models import User
from auditor.llm import trying
from auditor.llm.models import Endpoint, Trial
from auditor.runs.actions import carry
from auditor.runs.tasks import ring_run


def start_trial(*, endpoint: Endpoint, model: str, actor: User) -> Trial:
    """Open a trial, and wake a worker for it once that is committed.

    Raises:
        CannotTry: see `trying.open_trial`.
    """
    with transaction.atomic():
        trial = trying.open_trial(endpoint=endpoint, model=model, actor=actor)
        ring_run(trial.run)
    return trial


@shared_task(name=trying.TASK)
def try_endpoint(run_id: int) -> None:
    """Safe to run again: a trial that has its answer is left as it is."""
    with carry(run_id) as ticket:
        if ticket is not None:
            trying.carry(ticket.run)
