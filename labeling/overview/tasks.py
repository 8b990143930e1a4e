"""Celery's door to taking a project away, and to the files that somebody left behind."""

from celery import shared_task

from auditor.runs.actions import carry
from auditor.runs.beating import beating
from auditor.runs.models import Run
from auditor.runs.tasks import ring_run
from labeling.overview import actions, leftovers


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


@shared_task(name="overview.sweep_files")
def sweep_files() -> None:
    """Safe to run at any time: what a row names stays, and what is young too."""
    leftovers.sweep()
