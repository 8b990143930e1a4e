"""Signs of life of a run whose carrier is busy with one long step: loading a model, reading one long text."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import connection
from django.utils import timezone

from auditor.runs.actions import Ticket
from auditor.runs.models import Run

EVERY = 10.0  # seconds


@contextmanager
def beating(ticket: Ticket) -> Iterator[None]:
    """While this lasts the run beats by itself, so that no other worker takes it for dead.

    It says that the process lives, not that the step gets on; whoever asked the run to stop is heard at the carrier's next `beat`.
    """
    over = Event()
    thread = Thread(target=_beat, args=(ticket, over), name=f"beat of run {ticket.run.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(ticket: Ticket, over: Event) -> None:
    try:
        while not over.wait(EVERY):
            mine = Run.objects.filter(pk=ticket.run.pk, claim=ticket.claim, status="running")
            mine.update(beat_at=timezone.now())
    finally:
        connection.close()
