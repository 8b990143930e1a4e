"""Celery's door into intake: a worker reads what was uploaded."""

from collections.abc import Mapping
from typing import Any

from celery import shared_task

from auditor.accounts.models import Project, User
from auditor.corpus.models import ImportBatch, SourceFile
from auditor.intake.actions import batch_of, import_batch, open_import
from auditor.runs.actions import carry
from auditor.runs.tasks import ring_run


def queue_import(
    *,
    project: Project,
    source: SourceFile,
    file_name: str,
    format: str,
    mapping: Mapping[str, Any] | None,
    actor: User,
) -> ImportBatch:
    """Open a batch and wake a worker for it once it is committed.

    Raises:
        CannotImport, MappingError: see `actions.check_format`.
    """
    batch = open_import(
        project=project, source=source, file_name=file_name, format=format, mapping=mapping, actor=actor
    )
    assert batch.run is not None
    ring_run(batch.run)
    return batch


@shared_task(name="intake.import_batch")
def carry_import(run_id: int) -> None:
    """Safe to run again: a record is known by its digest and ordinal, and written once."""
    with carry(run_id) as ticket:
        if ticket is not None:
            import_batch(batch_of(ticket.run), beat=lambda done, note: ticket.beat(done=done, note=note))
