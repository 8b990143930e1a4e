"""Celery's door into evidence: a worker attaches what was uploaded."""

from celery import shared_task

from auditor.accounts.models import Project, User
from auditor.corpus.models import SourceFile
from auditor.evidence.attach import attach_batch, batch_of, open_attachment
from auditor.evidence.models import EvidenceBatch
from auditor.runs.actions import carry
from auditor.runs.tasks import ring_run


def queue_attachment(*, project: Project, source: SourceFile, file_name: str, actor: User) -> EvidenceBatch:
    """Open a batch and wake a worker for it once it is committed."""
    batch = open_attachment(project=project, source=source, file_name=file_name, actor=actor)
    assert batch.run is not None
    ring_run(batch.run)
    return batch


@shared_task(name="evidence.attach")
def attach(run_id: int) -> None:
    """Safe to run again: equal lines are left alone."""
    with carry(run_id) as ticket:
        if ticket is not None:
            attach_batch(batch_of(ticket.run), beat=lambda done, note: ticket.beat(done=done, note=note))
