"""Carrying a capture: waiting rows are read in order of length, and what is seen is kept chunk by chunk.

    rows -> turns -> tokens tied to words -> the model -> values -> blocks and readings

A kill at any moment loses what was not stored of one chunk, and repeats that much. A transcript that cannot be read is
a row with its reason; the capture goes on. What is held at a time is one chunk, whatever the size of the capture.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from django.db import transaction
from django.db.models import Sum

from auditor.corpus.queries import messages_of
from auditor.interp import reader
from auditor.interp.actions.features import note_densities
from auditor.interp.alignment import DoesNotFit
from auditor.interp.channels import voices_of
from auditor.interp.conversation import turns_of
from auditor.interp.keeping import Keeper, Outcome
from auditor.interp.laying import lay
from auditor.interp.models import FAILED, NOT_FIT, WAITING, Capture, CapturedTranscript, Instrument
from auditor.interp.queries import tally_of
from auditor.ledger.actions import record
from auditor.runs.actions import Again, Cancelled, Paused, Refused, TakenOver, Ticket
from auditor.runs.beating import beating

GROUP = 64  # rows whose texts are read from the database at a time
CHUNK_TOKENS = 65_536  # of one transaction, about
CHUNK_ROWS = 512  # of one transaction, at most
CHUNK_SECONDS = 10.0  # after which what was seen is stored, however little it is
SHARE = 600.0  # seconds that one task carries a capture before it lets others have the worker
IN_A_ROW = 5  # transcripts that fail one after another: then it is not the transcripts
NOT_THEIRS = (Cancelled, Paused, TakenOver, reader.CannotRead)  # no transcript's fault


def capture(ticket: Ticket, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Carry a capture as far as one task should.

    Args:
        stopping: whether the worker has been asked to end; looked at between transcripts.

    Raises:
        Again: there is more to do.
        Paused: transcripts fail one after another, or somebody asked it to wait.
        Cancelled: somebody asked it to stop; what was seen is stored.
        Refused: the model or an instrument cannot be used.
        TakenOver: another worker carries it now.
    """
    found = Capture.objects.select_related("subject", "created_by", "run").get(run=ticket.run)
    lay(found)
    instruments = list(found.instruments.select_related("probe__channel", "dictionary"))
    carrying = Carrying(found, instruments, ticket, stopping)
    if carrying.waiting:
        ticket.beat(done=carrying.done, total=found.n_transcripts, note="Loading the model", force=True)
        try:
            with beating(ticket), reader.open_reader(found.subject, instruments) as looking:
                carrying.carry(looking)
        except reader.CannotRead as problem:
            raise Refused(str(problem)) from problem
        if carrying.has_more:
            raise Again
    finish(found, instruments, ticket)


def finish(found: Capture, instruments: Sequence[Instrument], ticket: Ticket) -> None:
    """Say what came of it, once no row waits."""
    found.refresh_from_db()
    for one in instruments:
        if one.dictionary is not None:
            one.refresh_from_db(fields=["active"])
            active = {int(index): n for index, n in one.active.items()}
            note_densities(dictionary=one.dictionary, active=active, tokens=found.n_counted, capture=found.pk)
    tally = tally_of(found)
    words = f"{tally.done:,} of {tally.total:,} transcripts read, {found.n_tokens:,} tokens"
    if tally.not_fit:
        words += f"; {tally.not_fit:,} do not fit the model"
    if tally.failed:
        words += f"; {tally.failed:,} failed"
    with transaction.atomic():
        Capture.objects.filter(pk=found.pk).update(seconds_left=None)
        record(
            verb="capture.finished", subject=found, actor=found.created_by, project_id=found.project_id,
            **tally.plain(), tokens=found.n_tokens,
        )  # fmt: skip
    ticket.beat(done=tally.total, total=tally.total, note=words, force=True)


class Carrying:
    """One stretch of a capture in one worker."""

    def __init__(
        self,
        capture: Capture,
        instruments: Sequence[Instrument],
        ticket: Ticket,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.has_more = False
        self._capture = capture
        self._keeper = Keeper(
            capture, voices_of(instruments, subject=capture.subject, actor=capture.created_by)
        )
        self._ticket = ticket
        self._stopping = stopping
        self._pending: list[Outcome] = []
        self._pending_tokens = 0
        self._stored_at = self._began = monotonic()
        self._tokens, self._seconds = 0, 0.0  # of this stretch, in the model
        self._in_a_row = 0
        waiting = CapturedTranscript.objects.filter(capture=capture, state=WAITING)
        self.waiting = waiting.count()
        self.done = capture.n_transcripts - self.waiting
        self._characters = waiting.aggregate(n=Sum("transcript__n_chars"))["n"] or 0  # that are left to read
        self._characters_read = 0  # in this stretch

    def carry(self, looking: reader.Reader) -> None:
        """Read waiting rows until there are none, or it is time to stop; what was seen is stored in any case."""
        self._began = monotonic()
        last = 0
        try:
            while rows := self._next(last):
                last = rows[-1].pk
                if not self._group(looking, rows):
                    self.has_more = True
                    break
        except (Cancelled, Paused):
            self._store()
            raise
        self._store()

    def _next(self, after: int) -> list[CapturedTranscript]:
        rows = CapturedTranscript.objects.filter(capture=self._capture, state=WAITING, pk__gt=after)
        return list(rows.select_related("transcript").order_by("pk")[:GROUP])

    def _group(self, looking: reader.Reader, rows: Sequence[CapturedTranscript]) -> bool:
        """Read these rows; False if it is time to stop before they are all read."""
        left = {row.transcript_id: row for row in rows}
        try:
            return all(self._take(outcome) for outcome in self._look(looking, left))
        except NOT_THEIRS:
            raise
        except Exception:  # the device's memory, or one of these texts: which, is found one by one
            return self._one_by_one(looking, list(left.values()))

    def _look(self, looking: reader.Reader, left: dict[int, CapturedTranscript]) -> Iterator[Outcome]:
        """What became of these rows; `left` loses those that are told."""
        messages = messages_of(left)
        reads: dict[int, reader.Reading] = {}
        refused: deque[tuple[int, str]] = deque()

        def read() -> Iterator[tuple[int, reader.Reading]]:
            for pk in list(left):
                try:
                    reads[pk] = looking.read(turns_of(messages.pop(pk)))
                except DoesNotFit as problem:
                    refused.append((pk, str(problem)))
                else:
                    yield pk, reads[pk]

        def not_fit() -> Iterator[Outcome]:
            while refused:
                pk, words = refused.popleft()
                yield Outcome(left.pop(pk), NOT_FIT, words)

        for pk, seen in looking.look(read()):
            yield from not_fit()
            row, found = left[pk], reads.pop(pk)
            outcome = (
                Outcome(row, NOT_FIT, seen.words) if seen.words else self._keeper.outcome(row, found, seen)
            )
            del left[pk]
            yield outcome
        yield from not_fit()

    def _one_by_one(self, looking: reader.Reader, rows: Sequence[CapturedTranscript]) -> bool:
        for row in rows:
            try:
                outcomes = list(self._look(looking, {row.transcript_id: row}))
                self._in_a_row = 0
            except NOT_THEIRS:
                raise
            except Exception as problem:
                words = f"{type(problem).__name__}: {problem}"[:400]
                self._in_a_row += 1
                if self._in_a_row >= IN_A_ROW:
                    raise Paused(
                        f"{IN_A_ROW} transcripts in a row failed, so it is hardly them. {words}"
                    ) from problem
                outcomes = [Outcome(row, FAILED, words)]
            if not all(self._take(outcome) for outcome in outcomes):
                return False
        return True

    def _take(self, outcome: Outcome) -> bool:
        """Remember what became of a row, and store when there is enough; False when it is time to stop."""
        self._pending.append(outcome)
        self._pending_tokens += outcome.n_tokens
        self._tokens += outcome.n_tokens
        self._seconds += outcome.seconds
        self._characters -= outcome.row.transcript.n_chars
        self._characters_read += outcome.row.transcript.n_chars
        late = monotonic() - self._stored_at > CHUNK_SECONDS
        if late or self._pending_tokens >= CHUNK_TOKENS or len(self._pending) >= CHUNK_ROWS:
            self._store()
        pace = f"{self._tokens / self._seconds:,.0f} tokens a second" if self._seconds > 0 else "Reading"
        self._ticket.beat(done=self.done + len(self._pending), total=self._capture.n_transcripts, note=pace)
        return not (self._stopping() or monotonic() - self._began > SHARE)

    def _store(self) -> None:
        outcomes, self._pending, self._pending_tokens = self._pending, [], 0
        self._stored_at = monotonic()
        if outcomes:
            self.done += self._keeper.store(outcomes, seconds_left=self._seconds_left())

    def _seconds_left(self) -> float | None:
        """At the rate of this stretch, by characters: the longest texts come last, and count for what they are."""
        took = monotonic() - self._began
        rate = self._characters_read / took if took > 0 else 0.0
        return max(0, self._characters) / rate if rate > 0 else None
