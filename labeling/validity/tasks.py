"""Celery's door to what validity computes."""

from celery import shared_task

from auditor.runs.actions import carry
from auditor.runs.tasks import ring_run
from labeling.validity import actions
from labeling.validity.models import ValidityReport
from labeling.validity.prevalence import actions as prevalence
from labeling.validity.prevalence.models import PrevalenceReport


def queue_report(row: ValidityReport) -> None:
    """Measure the channels once this transaction has committed."""
    if row.run is not None:
        ring_run(row.run)


def queue_prevalence(row: PrevalenceReport) -> None:
    """Compute the report once this transaction has committed."""
    if row.run is not None:
        ring_run(row.run)


@shared_task(name=actions.TASK)
def compute_report(run_id: int) -> None:
    """Safe to run twice: a report that is computed is left alone."""
    with carry(run_id) as ticket:
        if ticket is None:
            return
        actions.compute(row=ValidityReport.objects.get(run_id=run_id), ticket=ticket)


@shared_task(name=prevalence.TASK)
def compute_prevalence(run_id: int) -> None:
    """Safe to run twice: a report that is computed is left alone."""
    with carry(run_id) as ticket:
        if ticket is None:
            return
        prevalence.compute(row=PrevalenceReport.objects.get(run_id=run_id), ticket=ticket)
