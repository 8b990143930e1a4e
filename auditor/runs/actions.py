"""Opening, carrying, cancelling and ending long jobs."""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from auditor.ledger.actions import record
from auditor.runs.models import SILENT_AFTER, Pulse, Run

log = logging.getLogger(__name__)
BY_HAND = "Paused."
BEAT_EVERY = 1.0  # seconds between writes of progress
MAX_ATTEMPTS = 5


class Cancelled(Exception):
    """Somebody asked this run to stop."""


class Paused(Exception):
    """It waits for a person, who asked for that or has to change something first; its message says which."""


class Again(Exception):
    """The carrier has done its share; the run is queued for the next one, which is rung for at once."""


class TakenOver(Exception):
    """Another worker carries this run now; the caller must stop without touching it."""


class Refused(Exception):
    """The job cannot be done as asked; its message is shown to people and it is not tried again."""


class RunFailed(Exception):
    """A run carried in this process did not come to its end."""


def open_run(
    *,
    project_id: int,
    kind: str,
    title: str,
    task: str,
    actor: Any,
    total: int | None = None,
    unit: str = "rows",
) -> Run:
    """A new queued run; ring for it with `runs.tasks.ring(run.task, run.pk)`."""
    with transaction.atomic():
        run = Run.objects.create(
            project_id=project_id,
            kind=kind,
            title=title[:300],
            task=task,
            created_by=actor,
            total=total,
            unit=unit,
        )
        record(verb="run.queued", subject=run, actor=actor, project_id=project_id, kind=kind, title=run.title)
    return run


def cancel_run(*, run: Run, actor: Any) -> None:
    """Ask a run to stop; a queued or paused one stops at once, a running one at its next beat."""
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        if row.is_over:
            return
        row.cancel_asked = True
        if row.status in ("queued", "paused"):
            row.status, row.finished_at = "cancelled", timezone.now()
        row.save(update_fields=["cancel_asked", "status", "finished_at"])
        record(verb="run.cancelled", subject=row, actor=actor, project_id=row.project_id)


def pause_run(*, run: Run, actor: Any) -> None:
    """Ask a run to wait; a queued one waits at once, a running one from its next beat. Safe to repeat."""
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        if row.rests or row.pause_asked:
            return
        row.pause_asked = True
        if row.status == "queued":
            row.status, row.pause_asked, row.note = "paused", False, BY_HAND
        row.save(update_fields=["pause_asked", "status", "note"])
        record(verb="run.paused", subject=row, actor=actor, project_id=row.project_id, kind=row.kind)


def reopen_run(*, run: Run, actor: Any, when_done: bool = False) -> Run:
    """Queue a run that rests once more; ring for it. One that somebody carries or should is left alone.

    Args:
        when_done: also one that came to its end, because it has new work.
    """
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        if not row.rests or (row.status == "done" and not when_done):
            return row
        row.status, row.cancel_asked, row.pause_asked, row.attempts = "queued", False, False, 0
        row.finished_at, row.rung_at, row.note = None, timezone.now(), ""
        row.save(
            update_fields=[
                "status", "cancel_asked", "pause_asked", "attempts", "finished_at", "rung_at", "note"
            ]
        )  # fmt: skip
        record(verb="run.reopened", subject=row, actor=actor, project_id=row.project_id, kind=row.kind)
    return row


class Ticket:
    """The right to carry one run, and the way to say how far it is."""

    def __init__(self, run: Run, claim: uuid.UUID) -> None:
        self.run = run
        self.claim = claim
        self.note = ""  # the latest words, written at the end even where a beat was not
        self.again = False  # whether there is more to do: its task rings once it has left the run
        self._beaten = monotonic()

    def beat(self, *, done: int, total: int | None = None, note: str = "", force: bool = False) -> None:
        """Report progress; writes at most once a second unless `force`.

        Raises:
            Cancelled: somebody asked the run to stop.
            Paused: somebody asked it to wait.
            TakenOver: another worker carries it now.
        """
        self.note = note[:500] or self.note
        if not force and monotonic() - self._beaten < BEAT_EVERY:
            return
        self._beaten = monotonic()
        changes: dict[str, Any] = {"done": done, "beat_at": timezone.now()}
        if total is not None:
            changes["total"] = total
        if note:
            changes["note"] = note[:500]
        mine = Run.objects.filter(pk=self.run.pk, claim=self.claim, status="running")
        if not mine.update(**changes):
            raise TakenOver(f"run {self.run.pk} is carried by another worker")
        asked = mine.values_list("cancel_asked", "pause_asked").first()
        if asked is not None and asked[0]:
            raise Cancelled(f"run {self.run.pk} was cancelled")
        if asked is not None and asked[1]:
            raise Paused(BY_HAND)


@contextmanager
def carry(run_id: int) -> Iterator[Ticket | None]:
    """Claim a run, let the caller do its work, and write down how it ended.

    Yields None when there is nothing to do: the run rests or is another worker's. `Again` leaves it
    queued, and says so by `again`. An exception other than that, `Cancelled`, `Paused`, `TakenOver`
    and `Refused` leaves the run queued for the sweep, until it has been tried `MAX_ATTEMPTS` times, and
    is logged; the worker goes on.
    """
    ticket = _claim(run_id)
    if ticket is None:
        yield None
        return
    try:
        yield ticket
    except TakenOver:
        return
    except Cancelled:
        _leave(ticket, "cancelled", note="Cancelled.")
    except Paused as pause:
        _leave(ticket, "paused", note=str(pause)[:500], pause_asked=False)
    except Again:
        _leave(ticket, "queued", attempts=0, note=ticket.note)
        ticket.again = True
    except Refused as problem:
        _leave(ticket, "failed", note=str(problem)[:500])
    except Exception as problem:
        log.exception("run %s failed in attempt %s", run_id, ticket.run.attempts)
        words = f"{type(problem).__name__}: {problem}"[:480]
        if ticket.run.attempts >= MAX_ATTEMPTS:
            _leave(ticket, "failed", note=words)
        else:
            _leave(ticket, "queued", note=f"Will be tried again: {words}"[:500])
    else:
        _leave(ticket, "done", note=ticket.note, done=Coalesce("total", "done"), beat_at=timezone.now())


def _leave(ticket: Ticket, status: str, **changes: Any) -> None:
    """Write down how the carrying ended, unless another worker carries the run now."""
    now = timezone.now()
    moment = {"rung_at": now} if status == "queued" else {} if status == "paused" else {"finished_at": now}
    with transaction.atomic():
        mine = Run.objects.filter(pk=ticket.run.pk, claim=ticket.claim, status="running")
        if mine.update(status=status, **moment, **changes):
            record(
                verb=f"run.{'put_back' if status == 'queued' else status}", subject=ticket.run,
                project_id=ticket.run.project_id, kind=ticket.run.kind, attempt=ticket.run.attempts,
            )  # fmt: skip


@contextmanager
def carry_here(run: Run) -> Iterator[Callable[[int, str], None]]:
    """Carry a run just opened in this process; yields `beat(done, note)`.

    Raises:
        RunFailed: it was cancelled, refused, or failed and waits for the sweep.
    """
    with carry(run.pk) as ticket:
        if ticket is None:
            raise RunFailed(f"run {run.pk} is carried by another worker")
        yield lambda done, note: ticket.beat(done=done, note=note)
    run.refresh_from_db()
    if run.status != "done":
        raise RunFailed(run.note or run.status)


def _claim(run_id: int) -> Ticket | None:
    now = timezone.now()
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=run_id).first()
        if run is None or run.rests:
            return None
        if run.status == "running" and run.beat_at and run.beat_at > now - SILENT_AFTER:
            return None
        if run.cancel_asked:
            Run.objects.filter(pk=run_id).update(status="cancelled", finished_at=now)
            return None
        run.claim = uuid.uuid4()
        run.status, run.attempts, run.beat_at = "running", run.attempts + 1, now
        run.started_at = run.started_at or now
        run.save(update_fields=["claim", "status", "attempts", "beat_at", "started_at"])
    return Ticket(run, run.claim)


def rung_again() -> list[tuple[str, int]]:
    """The abandoned runs as (task, id), each marked as rung now so that it is not rung twice."""
    with transaction.atomic():
        rows = list(Run.objects.abandoned().select_for_update(skip_locked=True)[:100])
        Run.objects.filter(pk__in=[row.pk for row in rows]).update(rung_at=timezone.now())
    return [(row.task, row.pk) for row in rows]


def write_pulse(queue: str) -> None:
    """A sign of life of a worker of this queue."""
    Pulse.objects.update_or_create(name=queue, defaults={"at": timezone.now()})
