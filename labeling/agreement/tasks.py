"""Celery's door to computing reports of agreement."""

from celery import shared_task

from auditor.runs.actions import carry
from auditor.runs.tasks import ring_run
from labeling.agreement import actions
from labeling.agreement.models import AgreementReport


def queue_report(row: AgreementReport) -> None:
    """Compute the report once this transaction has committed."""
    if row.run is not None:
        ring_run(row.run)


@shared_task(name=actions.TASK)
def compute_report(run_id: int) -> None:
    """Safe to run twice: a report that is computed is left alone."""
    with carry(run_id) as ticket:
        if ticket is None:
            return
        actions.compute(row=AgreementReport.objects.get(run_id=run_id), ticket=ticket)
