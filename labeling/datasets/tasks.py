"""Celery's door to building releases."""

from celery import shared_task

from auditor.runs.actions import carry
from auditor.runs.tasks import ring_run
from labeling.datasets import actions
from labeling.datasets.models import Release


def queue_build(release: Release) -> None:
    """Build the release once this transaction has committed."""
    if release.run is not None:
        ring_run(release.run)


@shared_task(name=actions.TASK)
def build_release(run_id: int) -> None:
    """Safe to run twice: a release that is built is left alone."""
    with carry(run_id) as ticket:
        if ticket is None:
            return
        rows = Release.objects.select_related(
            "round__sample", "round__codebook_version", "project", "created_by"
        )
        actions.build(release=rows.get(run_id=run_id), ticket=ticket)
