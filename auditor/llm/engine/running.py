"""The caller's thread: pulls calls, answers from what is there, marks and hands over, stores what came back."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty
from time import monotonic

from django.conf import settings
from django.db import transaction

from auditor.llm import limits, prices
from auditor.llm.calls import Call, Outcome, Tally
from auditor.llm.engine.backoff import THROTTLED_TRIES, TRIES
from auditor.llm.engine.client import Line
from auditor.llm.engine.delivery import Delivery
from auditor.llm.engine.pace import Circuit, Pace
from auditor.llm.engine.purse import Purse
from auditor.llm.engine.sending import Back, Down, Held, Lowered, Message, Sender, Wants
from auditor.llm.engine.standing import look_at, lower_output
from auditor.llm.engine.stops import BudgetSpent, EndpointDown
from auditor.llm.keys import KeyUnreadable, unseal
from auditor.llm.models import MOST_AT_ONCE, Endpoint

log = logging.getLogger(__name__)
COMPANY = 0.02  # seconds that an answer waits for others, to be stored with them
MOST_TOGETHER = 256  # answers of one transaction
BEAT = 0.5  # seconds
LOOK = 1.0  # seconds between looks at the endpoint's row: limits, holds, whether it was put away
PULL = 0.02  # seconds that pulling may take before what came back is seen to
GRACE = 5.0  # seconds beyond a try's own time that are waited for it at the end


def run_calls(
    *,
    endpoint: Endpoint,
    calls: Iterator[Call],
    mark: Callable[[Sequence[Call]], None],
    store: Callable[[Sequence[Outcome]], None],
    beat: Callable[[Tally], None],
    cap: int | None,
    spent: int,
    concurrency: int | None = None,
) -> Tally:
    """Make calls until there are no more, and store each answer once.

    Everything but the network happens in the thread that calls this. A call that was marked and has no outcome may
    have been under way when the worker died; one whose answer was stored is never sent again, by whichever worker.

    Args:
        calls: pulled as needed, a little ahead of what is under way.
        mark: told of calls right before they can go out, in a transaction of its own.
        store: told of outcomes, in the transaction that stores their replies. Where it raises, the replies are
            stored without it.
        beat: told how far it is, at least once a second while `calls`, `mark` and `store` let it. What it raises
            ends the run: nothing more is sent, what is under way is waited for and stored, and it is raised again.
        cap: millionths of the endpoint's currency that all may cost, `spent` included; passed by one call at most.
        spent: millionths that were spent before.
        concurrency: calls at once, where fewer are wanted than the endpoint allows.

    Raises:
        BudgetSpent, EndpointDown, NoPrice: see `stops`. Calls that were marked then may have no outcome: they are
            as they were before.
    """
    running = Running(
        endpoint,
        calls,
        mark,
        store,
        beat,
        Purse(models=prices.read_models(endpoint.models), cap=cap, spent=spent),
    )
    return running.carry(concurrency=concurrency)


class Running:
    """One run of calls."""

    def __init__(
        self,
        endpoint: Endpoint,
        calls: Iterator[Call],
        mark: Callable[[Sequence[Call]], None],
        store: Callable[[Sequence[Outcome]], None],
        beat: Callable[[Tally], None],
        purse: Purse,
        *,
        alone: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._calls = calls
        self._mark = mark
        self._beat = beat
        self._purse = purse
        self._alone = alone  # one call, for which nobody wants to wait until an endpoint is back
        self._delivery = Delivery(endpoint, purse, store)
        self._ready: deque[Call] = deque()  # pulled, not there yet, not marked
        self._hand: dict[str, Call] = {}  # marked, without an outcome
        self._wants: deque[Wants] = deque()
        self._exhausted = False
        self._not_before = 0.0  # when the limits let the next call through
        self._beaten = self._looked = float("-inf")
        self._concurrency = MOST_AT_ONCE
        self._sender: Sender

    def carry(self, *, concurrency: int | None = None) -> Tally:
        """See `run_calls`."""
        self._concurrency = concurrency or MOST_AT_ONCE
        self._sender = self._opened()
        try:
            self._sender.start()
            while not self._is_over():
                self._tell()
                self._look()
                self._pull()
                self._hand_over()
                self._receive(self._collected(self._patience()))
            self._beat(self.tally())
        except Exception:
            self._drain(self._endpoint.timeout + GRACE)
            raise
        except BaseException:  # the process is told to end: what has come is kept, nothing is waited for
            self._drain(0.0)
            raise
        finally:
            self._sender.close()
        return self.tally()

    def tally(self) -> Tally:
        """How far it is."""
        sender, delivery = self._sender, self._delivery
        return Tally(
            sent=sender.sent, answered=delivery.answered, cached=delivery.cached, failed=delivery.failed,
            timed_out=delivery.timed_out, retries=sender.retries, throttled=sender.throttled, spent=self._purse.spent,
            in_flight=len(self._hand), concurrency_now=sender.pace.limit, rate=delivery.rate(),
        )  # fmt: skip

    def _opened(self) -> Sender:
        try:
            key = unseal(self._endpoint.key_sealed)
        except KeyUnreadable as problem:
            raise EndpointDown(str(problem)) from problem
        line = Line(
            base_url=self._endpoint.base_url, key=key, timeout=float(self._endpoint.timeout),
            allowed=tuple(settings.ALLOWED_MODEL_HOSTS), connections=MOST_AT_ONCE,
        )  # fmt: skip
        return Sender(
            line, pace=Pace(self._ceiling), circuit=Circuit(opens_after=10**9) if self._alone else Circuit(),
            output=self._endpoint.output, throttled_tries=TRIES if self._alone else THROTTLED_TRIES,
        )  # fmt: skip

    @property
    def _ceiling(self) -> int:
        return min(self._concurrency, self._endpoint.concurrency)

    def _is_over(self) -> bool:
        return self._exhausted and not self._ready and not self._hand

    def _tell(self) -> None:
        """Beat, if it is time."""
        if monotonic() - self._beaten >= BEAT:
            self._beat(self.tally())
            self._beaten = monotonic()

    def _look(self) -> None:
        """What the endpoint's row says by now, if it is time."""
        if monotonic() - self._looked < LOOK:
            return
        self._looked = monotonic()
        self._endpoint = self._delivery.endpoint = look_at(self._endpoint)
        self._sender.bear(self._ceiling)
        self._sender.limited = bool(limits.allowances(self._endpoint))
        if held := limits.held_for(self._endpoint):
            self._sender.hold(held)

    def _pull(self) -> None:
        """Calls enough to go on with, those apart whose answer is there."""
        wanted = 2 * self._sender.pace.limit - len(self._ready)
        if self._exhausted or wanted <= 0:
            return
        until = monotonic() + PULL
        pulled: list[Call] = []
        while len(pulled) < max(wanted, 32) and (not pulled or monotonic() < until):
            call = next(self._calls, None)
            if call is None:
                self._exhausted = True
                break
            pulled.append(call)
        self._ready.extend(self._delivery.not_there(pulled))

    def _hand_over(self) -> None:
        """Mark and hand over as many calls as may go: by room, by budget, by the endpoint's limits."""
        if monotonic() < self._not_before:
            return
        chosen = self._chosen()
        asking = [*(want.call for want in self._wants), *chosen]
        permits = limits.take(self._endpoint, [call.prompt_tokens + call.answer_tokens for call in asking])
        if permits.calls < len(asking):
            self._not_before = monotonic() + min(permits.wait, LOOK)
        for _ in range(min(permits.calls, len(self._wants))):
            self._sender.allow(self._wants.popleft())
        going = chosen[: max(0, permits.calls - (len(asking) - len(chosen)))]
        for call in reversed(chosen[len(going) :]):
            self._purse.release(call)
            self._ready.appendleft(call)
        if going:
            with transaction.atomic():
                self._mark(going)
            self._hand |= {call.key: call for call in going}
            self._sender.hand(going)

    def _chosen(self) -> list[Call]:
        """The next calls that there is room and money for.

        Raises:
            BudgetSpent: there is no money for the next, and none is promised that might come back.
        """
        limit = self._sender.pace.limit
        room = 2 * limit + 2 - len(self._hand)  # some more, so that the network never waits for us
        chosen: list[Call] = []
        if self._sender.is_held:
            return chosen
        if self._sender.is_failing:
            room = 0 if self._hand else 1
        while self._ready and len(chosen) < room:
            if not self._purse.promise(self._ready[0]):
                if not self._hand and not chosen:
                    raise BudgetSpent("The budget is spent: the next call could cost more than is left.")
                break
            chosen.append(self._ready.popleft())
        return chosen

    def _patience(self) -> float:
        """Seconds that there is nothing better to do than wait for what comes back."""
        if self._is_over() or (not self._exhausted and len(self._ready) < self._sender.pace.limit):
            return 0.0
        waits = self._not_before - monotonic()
        return min(BEAT / 2, waits) if waits > 0 and (self._ready or self._wants) else BEAT / 2

    def _collected(self, patience: float) -> list[Message]:
        """What the other thread reports: the first that comes, and what comes soon after it."""
        messages: list[Message] = []
        with suppress(Empty):
            messages.append(self._sender.out.get(block=patience > 0, timeout=patience))
            until = monotonic() + COMPANY
            while len(messages) < min(MOST_TOGETHER, len(self._hand)):
                messages.append(self._sender.out.get(timeout=max(0.0, until - monotonic())))
        if not messages:
            self._sender.look()
        return messages

    def _receive(self, messages: list[Message], *, draining: bool = False) -> None:
        """See to what came back. What was paid for comes first."""
        backs = [message for message in messages if isinstance(message, Back)]
        for back in backs:
            self._hand.pop(back.call.key, None)
        self._delivery.deliver(backs)
        if held := max((message.seconds for message in messages if isinstance(message, Held)), default=0.0):
            limits.hold(self._endpoint, held)
        for message in messages:
            if isinstance(message, Wants):
                self._wants.append(message)
            elif isinstance(message, Lowered):
                lower_output(self._endpoint, message.output)
            elif isinstance(message, Down) and not draining:
                raise EndpointDown(message.words)

    def _drain(self, within: float) -> None:
        """Send nothing more, and store what comes back in time; what goes wrong now hides nothing that went wrong before."""
        with suppress(Exception):
            self._sender.stop()
        until = monotonic() + within
        beats = within > 0
        while self._hand:
            messages: list[Message] = []
            try:
                messages = self._collected(min(BEAT / 2, max(0.0, until - monotonic())))
                self._receive(messages, draining=True)
                if beats:
                    beats = False  # unless it goes well: who had enough is not asked again
                    self._tell()
                    beats = True
            except Exception:
                log.info("while the last calls came back", exc_info=True)
            if not self._sender.is_well or (monotonic() >= until and not messages):
                return
