"""Carrying a judge run: waiting rows become calls, replies become verdicts, verdicts become readings.

    calls()  a block of waiting rows -> prompts -> Call          pulled by the engine as it has room
    mark()   about to be sent: a call row counts it              so that a kill shows what may be paid twice
    store()  replies -> answers -> verdict rows -> readings      in the transaction that stores the replies

Everything here runs in one thread; only the engine's loop has another. What is held at a time is the
transcripts of the calls that are out, whatever the size of the run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

from django.db import transaction

from auditor.corpus.models import Message
from auditor.corpus.queries import messages_of, texts_of
from auditor.evidence.quotes import MessageTexts
from auditor.judging import writing
from auditor.judging.actions import add_spent
from auditor.judging.asking import Asker, Question
from auditor.judging.laying import lay
from auditor.judging.models import JudgeRun, Verdict
from auditor.judging.parsing import Answer
from auditor.judging.recording import Recorder
from auditor.judging.rendering import Unread
from auditor.judging.states import WAITING
from auditor.llm.calls import Call, Outcome, Tally
from auditor.llm.engine import BudgetSpent, EndpointDown, run_calls
from auditor.runs.actions import Again, Cancelled, Paused, Ticket

BLOCK = 64  # waiting rows that are read, and prompts made, at a time
SHARE = 600.0  # seconds that one task carries a run before it lets others have the worker


@dataclass
class _Open:
    """A verdict whose calls are out."""

    verdict_id: int
    transcript_id: int
    vote: int
    texts: Sequence[MessageTexts]
    unread: Sequence[Unread]
    missing: set[tuple[int, int]]  # (ask, chunk) without an outcome
    answers: dict[tuple[int, int], Answer] = field(default_factory=dict)
    failure: tuple[str, str] | None = None  # state and words of the first call that got no reply


def judge(ticket: Ticket) -> None:
    """Carry a judge run as far as one task should.

    Raises:
        Again: there is more to do.
        Paused: its budget is spent, its endpoint does not answer, or somebody asked it to wait.
        Cancelled: somebody asked it to stop; what was in flight is stored.
        TakenOver: another worker carries it now.
    """
    judging = JudgeRun.objects.select_related("version__judge", "version__endpoint", "created_by").get(
        run=ticket.run
    )
    lay(judging)
    carrying = Carrying(judging, ticket)
    assert judging.version.endpoint is not None
    try:
        run_calls(
            endpoint=judging.version.endpoint,
            calls=carrying.calls(),
            mark=carrying.mark,
            store=carrying.store,
            beat=carrying.beat,
            cap=judging.cap,
            spent=judging.spent,
            concurrency=judging.concurrency,
        )
    except (BudgetSpent, EndpointDown) as problem:
        carrying.end()
        raise Paused(str(problem)) from problem
    except (Cancelled, Paused):
        carrying.end()  # what was in flight is stored by now, and belongs on its channels
        raise
    carrying.end()
    if carrying.share_is_over:
        raise Again


class Carrying:
    """One stretch of a run in one worker."""

    def __init__(self, judging: JudgeRun, ticket: Ticket) -> None:
        self.judging = judging
        self.share_is_over = False
        self._ticket = ticket
        self._asker = Asker(judging.version)
        self._recorder = Recorder(judging)
        self._open: dict[int, _Open] = {}
        self._questions: dict[int, tuple[_Open, int, int]] = {}  # ident -> verdict, ask, chunk
        self._numbers = count(1)
        self._began = monotonic()
        self._done = Verdict.objects.filter(run=judging).exclude(state=WAITING).count()
        self._total = judging.n_transcripts * judging.version.votes
        self._recorder.catch_up()
        ticket.beat(done=self._done, total=self._total, note="Asking the model", force=True)

    def calls(self) -> Iterator[Call]:
        """The calls of every waiting verdict, in the order of transcripts."""
        last = 0
        while True:
            if monotonic() - self._began > SHARE:
                self.share_is_over = True
                return
            rows = list(
                Verdict.objects.filter(run=self.judging, state=WAITING, pk__gt=last)
                .select_related("transcript")
                .only("transcript_id", "vote", "transcript__fingerprint")
                .order_by("pk")[:BLOCK]
            )
            if not rows:
                return
            last = rows[-1].pk
            messages = messages_of({row.transcript_id for row in rows})
            for row in rows:
                yield from self._calls_of(row, messages[row.transcript_id])

    def _calls_of(self, row: Verdict, messages: Sequence[Message]) -> Iterator[Call]:
        asked = self._asker.ask(messages, fingerprint=row.transcript.fingerprint, vote=row.vote)
        if asked.problem:
            with transaction.atomic():
                writing.write_unanswered({row.pk: ("failed", asked.problem)})
            self._done += 1
            self._recorder.finished({row.transcript_id})
            return
        texts = [MessageTexts(m.position, m.role, m.source_id, texts_of(m)) for m in messages]
        made = _Open(
            row.pk,
            row.transcript_id,
            row.vote,
            texts,
            asked.unread,
            {(q.ask, q.chunk) for q in asked.questions},
        )
        self._open[row.pk] = made
        for question in asked.questions:
            yield self._call(made, question)

    def _call(self, of: _Open, question: Question) -> Call:
        ident = next(self._numbers)
        self._questions[ident] = (of, question.ask, question.chunk)
        return Call(
            ident=ident, key=question.key, body=question.body, schema=question.schema,
            prompt_tokens=question.prompt_tokens, answer_tokens=question.answer_tokens,
        )  # fmt: skip

    def mark(self, calls: Sequence[Call]) -> None:
        """Write down that these are about to be sent; the engine holds the transaction."""
        places = [self._questions[call.ident] for call in calls]
        repeated = writing.mark_sent([(of.verdict_id, ask, chunk) for of, ask, chunk in places])
        add_spent(self.judging.pk, spent=0, cached=0, repeated=repeated)

    def store(self, outcomes: Sequence[Outcome]) -> None:
        """Make of replies what they say; the engine holds the transaction, and has stored the replies."""
        replied: list[tuple[int, int, int, int, bool]] = []
        whole: list[_Open] = []
        spent = cached = 0
        for outcome in outcomes:
            of, ask, chunk = self._questions.pop(outcome.call.ident)
            of.missing.discard((ask, chunk))
            if outcome.reply is None:
                of.failure = of.failure or (outcome.failure, outcome.words)
            else:
                replied.append((of.verdict_id, ask, chunk, outcome.reply.pk, outcome.cached))
                of.answers[ask, chunk] = self._asker.read(ask, outcome.reply)
                cached += outcome.cached
                spent += 0 if outcome.cached else outcome.reply.cost or 0
            if not of.missing:
                whole.append(of)
                del self._open[of.verdict_id]
        writing.attach_replies(replied)
        writing.write_unanswered({of.verdict_id: of.failure for of in whole if of.failure is not None})
        writing.write_answered(
            {
                of.verdict_id: self._asker.conclude(of.answers, texts=of.texts, unread=of.unread)
                for of in whole
                if of.failure is None
            }
        )
        add_spent(self.judging.pk, spent=spent, cached=cached, repeated=0)
        self._done += len(whole)
        self._recorder.finished({of.transcript_id for of in whole})

    def beat(self, tally: Tally) -> None:
        """Say how far it is; raises when somebody asked the run to stop or wait."""
        JudgeRun.objects.filter(pk=self.judging.pk).update(
            throttled=self.judging.throttled + tally.throttled,
            pace={
                "rate": tally.rate, "in_flight": tally.in_flight, "concurrency": tally.concurrency_now,
                "retries": tally.retries,
            },
        )  # fmt: skip
        self._recorder.write()
        self._ticket.beat(done=self._done, total=self._total, note="Asking the model", force=True)

    def end(self) -> None:
        """What is finished and not yet on its channels goes there."""
        self._recorder.write()
        JudgeRun.objects.filter(pk=self.judging.pk).update(pace={})
        self._ticket.note = self._in_words()

    def _in_words(self) -> str:
        counts = writing.counts(self.judging.pk)
        ok, total = counts.get("ok", 0), sum(counts.values())
        others = ", ".join(
            f"{n:,} {state.replace('_', ' ')}" for state, n in sorted(counts.items()) if state != "ok" and n
        )
        return f"{ok:,} of {total:,} verdicts" + (f"; {others}" if others else "")
