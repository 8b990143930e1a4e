"""Writing to the audit trail, in the transaction of the write itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import Error, models, transaction
from django.utils import timezone

from auditor.ledger.models import Event
from auditor.web.prepared import prepared

RESTS = "AU001"  # the database's word for an event in a project that is archived
WRITE = """
    INSERT INTO ledger_event (at, actor_id, actor_name, project_id, verb, subject, subject_id, detail)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""


class ProjectRests(Exception):
    """The project is archived; nothing in it is written until it is brought back."""

    def __init__(self) -> None:
        super().__init__(
            "This project is archived and read only. An owner can bring it back in its settings."
        )


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
        ProjectRests: a person writes in a project that is archived; the write goes with the transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"ledger event {verb} recorded outside a transaction")
    event = Event(
        at=timezone.now(),
        verb=verb,
        subject=subject._meta.label_lower,
        subject_id=str(subject.pk),
        actor_id=getattr(actor, "pk", None),
        actor_name=str(actor) if actor is not None else "",
        project_id=project_id,
        detail=detail,
    )
    with resting(), prepared() as cursor:
        cursor.execute(
            WRITE,
            [
                event.at, event.actor_id, event.actor_name, project_id, verb, event.subject, event.subject_id,
                json.dumps(detail),
            ],
        )  # fmt: skip
        ((event.pk,),) = cursor.fetchall()
    event._state.adding, event._state.db = False, "default"
    return event


@contextmanager
def resting() -> Iterator[None]:
    """What the database says of an event in a project that is archived, in our words.

    Raises:
        ProjectRests: a person writes there.
    """
    try:
        yield
    except Error as problem:
        if getattr(problem.__cause__, "sqlstate", "") == RESTS:
            raise ProjectRests from problem
        raise
