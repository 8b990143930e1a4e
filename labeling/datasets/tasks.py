"""Celery's door to building releases, and to bringing them in."""

from celery import shared_task
from django.db.models import QuerySet

from auditor.corpus.models import ImportBatch
from auditor.corpus.tasks import queue_index
from auditor.runs.actions import carry
from auditor.runs.tasks import ring_run
from labeling.datasets import actions
from labeling.datasets.models import Release, ReleaseImport


def queue_build(release: Release) -> None:
    """Build the release once this transaction has committed."""
    if release.run is not None:
        ring_run(release.run)


def queue_check(release: Release) -> None:
    """Build the release once more and compare, once this transaction has committed."""
    if release.check_run is not None:
        ring_run(release.check_run)


def queue_import(into: ReleaseImport) -> None:
    """Check and write the release once this transaction has committed."""
    if into.run is not None:
        ring_run(into.run)


@shared_task(name=actions.TASK)
def build_release(run_id: int) -> None:
    """Safe to run twice: a release that is built is left alone."""
    with carry(run_id) as ticket:
        if ticket is not None:
            actions.build(release=_rows().get(run_id=run_id), ticket=ticket)


@shared_task(name=actions.CHECK)
def check_release(run_id: int) -> None:
    """Safe to run twice: it writes nothing that stays."""
    with carry(run_id) as ticket:
        if ticket is not None:
            actions.check(release=_rows().get(check_run_id=run_id), ticket=ticket)


@shared_task(name=actions.IMPORT)
def import_release(run_id: int) -> None:
    """Safe to run twice: a release that is there is left alone, and one that failed left nothing."""
    batches: list[ImportBatch] = []
    with carry(run_id) as ticket:
        if ticket is not None:
            rows = ReleaseImport.objects.select_related("project", "source", "created_by")
            batches = actions.carry_import(into=rows.get(run_id=run_id), ticket=ticket)
    for batch in batches:
        queue_index(batch=batch, actor=batch.created_by)


def _rows() -> QuerySet[Release]:
    return Release.objects.select_related("project", "created_by")
