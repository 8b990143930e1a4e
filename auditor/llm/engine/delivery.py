"""What came back, stored: replies and the caller's rows in one transaction, and never a paid answer lost."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

from auditor.llm import limits
from auditor.llm.calls import TIMED_OUT, Call, Outcome
from auditor.llm.engine import replies
from auditor.llm.engine.purse import Purse
from auditor.llm.engine.sending import Back
from auditor.llm.models import Endpoint, Reply

log = logging.getLogger(__name__)
PATIENCE = 45.0  # seconds for a database that is away: what was paid for is in hand
PAUSE = 0.5  # seconds
RATE_OVER = 10.0  # seconds
T = TypeVar("T")


class Delivery:
    """Tells the caller of outcomes, each once, and keeps count."""

    def __init__(self, endpoint: Endpoint, purse: Purse, store: Callable[[Sequence[Outcome]], None]) -> None:
        self.endpoint = endpoint
        self.answered = self.cached = self.failed = self.timed_out = 0
        self._began = monotonic()
        self._purse = purse
        self._store = store
        self._is_broken = False  # the caller's `store` raised: replies are kept without it from then on
        self._same: dict[str, list[Call]] = {}  # key of a call under way -> others that ask the same
        self._answers: deque[tuple[float, int]] = deque()  # when, how many

    def not_there(self, calls: Sequence[Call]) -> list[Call]:
        """Those of the calls that must be asked; the others are answered from what is there, or with one that is asked."""
        found = replies.find(self.endpoint.project_id, [call.key for call in calls]) if calls else {}
        new, there = [], []
        for call in calls:
            if call.key in found:
                there.append(Outcome(call, found[call.key], cached=True, failure="", words=""))
            elif call.key in self._same:
                self._same[call.key].append(call)
            else:
                self._same[call.key] = []
                new.append(call)
        if there:
            with transaction.atomic():
                self._store(there)
            self.cached += len(there)
        return new

    def deliver(self, backs: Sequence[Back]) -> None:
        """Store what came back; a call that never went out has no outcome."""
        if not backs:
            return
        rows = []
        for back in backs:
            if back.answer is not None:
                cost = self._purse.cost(back.call, back.answer.prompt_tokens, back.answer.completion_tokens)
                rows.append(
                    replies.reply_of(
                        self.endpoint,
                        back.call.key,
                        back.answer,
                        cost=cost,
                        latency_ms=back.latency_ms,
                        attempts=back.attempts,
                    )
                )
            self._purse.release(back.call)
        same = {back.call.key: self._same.pop(back.call.key, []) for back in backs}
        try:
            outcomes = _insisted(lambda: self._stored(backs, rows, same))
        except Exception:
            if not self._is_broken:
                self._is_broken = True
                _insisted(lambda: self._stored(backs, rows, same))
            raise
        finally:
            self._purse.spent += sum(row.cost or 0 for row in rows)
        self._count(outcomes)
        self._settle(backs)

    def rate(self) -> float:
        """Answers a second, over the last ten seconds."""
        now = monotonic()
        over = min(RATE_OVER, max(1.0, now - self._began))
        while self._answers and self._answers[0][0] < now - RATE_OVER:
            self._answers.popleft()
        return sum(count for _, count in self._answers) / over

    def _stored(
        self, backs: Sequence[Back], rows: Sequence[Reply], same: dict[str, list[Call]]
    ) -> list[Outcome]:
        with transaction.atomic():
            kept = replies.keep(self.endpoint.project_id, rows)
            outcomes = []
            for back in backs:
                if back.answer is not None:
                    reply = kept[back.call.key]
                    outcomes.append(Outcome(back.call, reply, cached=False, failure="", words=""))
                    outcomes += [
                        Outcome(call, reply, cached=True, failure="", words="")
                        for call in same[back.call.key]
                    ]
                elif back.failure:
                    asked = [back.call, *same[back.call.key]]
                    outcomes += [
                        Outcome(call, None, cached=False, failure=back.failure, words=back.words)
                        for call in asked
                    ]
            if outcomes and not self._is_broken:
                self._store(outcomes)
        return outcomes

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        new = sum(1 for outcome in outcomes if outcome.reply is not None and not outcome.cached)
        late = sum(1 for outcome in outcomes if outcome.failure == TIMED_OUT)
        self.answered += new
        self.cached += sum(1 for outcome in outcomes if outcome.cached)
        self.timed_out += late
        self.failed += sum(1 for outcome in outcomes if outcome.failure) - late
        self._answers.append((monotonic(), new))

    def _settle(self, backs: Sequence[Back]) -> None:
        """Give back the tokens that calls were allowed and did not use."""
        unused = 0
        for back in backs:
            answer = back.answer
            if (
                answer is not None
                and answer.prompt_tokens is not None
                and answer.completion_tokens is not None
            ):
                allowed = back.call.prompt_tokens + back.call.answer_tokens
                unused += max(0, allowed - answer.prompt_tokens - answer.completion_tokens)
        limits.give_back(self.endpoint, unused)


def _insisted(work: Callable[[], T]) -> T:
    """Do work on the database, again while it is away for a moment."""
    until = monotonic() + PATIENCE
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or monotonic() > until:
                raise
            log.warning("the database did not take what came back; trying again")
            connection.close()
            sleep(PAUSE)
