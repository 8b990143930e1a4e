"""Writing to the audit trail, in the transaction of the write itself."""

from typing import Any

from django.db import models, transaction

from auditor.ledger.models import Event


def record(
    *,
    verb: str,
    subject: models.Model,
    actor: Any = None,
    project_id: int | None = None,
    **detail: Any,
) -> Event:
    """Write down that `actor` (None: the app itself) did `verb` to `subject`.

    Raises:
        RuntimeError: called outside a transaction, where the event could outlive a failed write.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"ledger event {verb} recorded outside a transaction")
    return Event.objects.create(
        verb=verb,
        subject=subject._meta.label_lower,
        subject_id=str(subject.pk),
        actor_id=getattr(actor, "pk", None),
        actor_name=str(actor) if actor is not None else "",
        project_id=project_id,
        detail=detail,
    )
