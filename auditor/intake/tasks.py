"""Celery's door into intake: a worker reads what was uploaded."""

from collections.abc import Mapping
from typing import Any

from celery import shared_task
from django.db import transaction

from auditor.accounts.models import User
from auditor.corpus.models import ImportBatch
from auditor.evidence.models import EvidenceBatch
from auditor.evidence.tasks import queue_attachment
from auditor.intake.actions import batch_of, import_batch, open_import
from auditor.intake.models import Upload
from auditor.runs.actions import carry
from auditor.runs.tasks import ring_run


def start_import(
    *, upload: Upload, format: str, mapping: Mapping[str, Any] | None, actor: User
) -> ImportBatch:
    """Open a batch for an uploaded file, let the upload go, and wake a worker once that is committed.

    Raises:
        CannotImport, MappingError: see `actions.check_format`.
    """
    with transaction.atomic():
        batch = open_import(
            project=upload.project, source=upload.source, file_name=upload.file_name, format=format,
            mapping=mapping, actor=actor,
        )  # fmt: skip
        assert batch.run is not None
        upload.delete()
        ring_run(batch.run)
    return batch


def start_attachment(*, upload: Upload, actor: User) -> EvidenceBatch:
    """The same for an evidence file."""
    with transaction.atomic():
        batch = queue_attachment(
            project=upload.project, source=upload.source, file_name=upload.file_name, actor=actor
        )
        upload.delete()
    return batch


@shared_task(name="intake.import_batch")
def carry_import(run_id: int) -> None:
    """Safe to run again: a record is known by its digest and ordinal, and written once."""
    with carry(run_id) as ticket:
        if ticket is not None:
            import_batch(batch_of(ticket.run), beat=lambda done, note: ticket.beat(done=done, note=note))
