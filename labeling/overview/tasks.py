"""Celery's door to taking a project away."""

from celery import shared_task

from auditor.runs.actions import carry
from auditor.runs.beating import beating
from auditor.runs.models import Run
from auditor.runs.tasks import ring_run
from labeling.overview import actions


def queue_removal(run: Run) -> None:
    """Delete the run's project once this transaction has committed."""
    ring_run(run)


@shared_task(name=actions.REMOVE)
def remove_project(run_id: int) -> None:
    """Safe to run twice: rows go in one transaction, and the run with them."""
    with carry(run_id) as ticket:
        if ticket is not None:
            with beating(ticket):
                actions.remove(ticket=ticket)
