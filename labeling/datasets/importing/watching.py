"""Progress of an import that writes in one transaction: said, and heard about, on a connection of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import connection
from django.utils import timezone

from auditor.runs.actions import Cancelled, Paused, TakenOver, Ticket
from auditor.runs.models import Run

EVERY = 2.0  # seconds


class Watch:
    """How far the writing is, and what somebody asked of it meanwhile."""

    def __init__(self, ticket: Ticket, note: str) -> None:
        self._ticket, self._note = ticket, note
        self._done = 0
        self._asked: Exception | None = None
        self._over = Event()

    def step(self, n: int) -> None:
        """So many more are written.

        Raises:
            Cancelled, Paused, TakenOver: what is written goes back; nothing of it was seen by anybody.
        """
        self._done += n
        if self._asked is not None:
            raise self._asked

    def run(self) -> None:
        """Until it is over, write down how far it is and look for what was asked."""
        try:
            while not self._over.wait(EVERY):
                mine = Run.objects.filter(pk=self._ticket.run.pk, claim=self._ticket.claim, status="running")
                if not mine.update(done=self._done, note=self._note, beat_at=timezone.now()):
                    self._asked = TakenOver(f"run {self._ticket.run.pk} is carried by another worker")
                for cancel, pause in mine.values_list("cancel_asked", "pause_asked"):
                    if cancel:
                        self._asked = Cancelled(f"run {self._ticket.run.pk} was cancelled")
                    elif pause:
                        self._asked = Paused("Paused.")
        finally:
            connection.close()

    def end(self) -> None:
        """The thread may go."""
        self._over.set()


@contextmanager
def watched(ticket: Ticket, note: str) -> Iterator[Watch]:
    """While this lasts the run beats and says how far it is, whatever transaction the caller holds."""
    watch = Watch(ticket, note)
    thread = Thread(target=watch.run, name=f"import of run {ticket.run.pk}", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()
