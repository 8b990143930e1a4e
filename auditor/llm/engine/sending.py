"""The thread that calls: takes calls that were marked, tries each until it is answered or given up, and reports.

It knows no database. What only the other thread may do (permits, holds for other workers) it asks for in words.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from random import SystemRandom

from auditor.llm.calls import FAILED, TIMED_OUT, Call
from auditor.llm.engine.answers import Answer, Kind, Trouble
from auditor.llm.engine.backoff import LATE_TRIES, THROTTLED_TRIES, TRIES, pause
from auditor.llm.engine.client import Client, Line
from auditor.llm.engine.gate import Closed, Gate, settle
from auditor.llm.engine.pace import Circuit, Pace
from auditor.llm.models import OUTPUTS

log = logging.getLogger(__name__)
ENDPOINTS = (Kind.AGAIN, Kind.LATER, Kind.LATE, Kind.REFUSED)  # troubles that speak against the endpoint
FINAL = (Kind.UNFIT, Kind.REFUSED, Kind.PLAINER, Kind.RENAMED)  # those that another try does not mend
STARTS_WITHIN = 60.0  # seconds; the client is imported the first time


@dataclass(frozen=True, slots=True)
class Back:
    """A call is back: with an answer, given up, or (neither) as it was because nothing goes out any more."""

    call: Call
    answer: Answer | None = None
    failure: str = ""
    words: str = ""
    latency_ms: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Wants:
    """A call wants to be tried again, and needs a permit for it."""

    call: Call
    granted: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class Held:
    """The endpoint asks everybody to wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lowered:
    """The endpoint takes no more than this of OUTPUTS."""

    output: str


@dataclass(frozen=True, slots=True)
class Down:
    """The endpoint is given up."""

    words: str


Message = Back | Wants | Held | Lowered | Down


class Sender:
    """The thread, seen from the other one. `out` is where it reports."""

    def __init__(
        self, line: Line, *, pace: Pace, circuit: Circuit, output: str, throttled_tries: int = THROTTLED_TRIES
    ) -> None:
        self.out: SimpleQueue[Message] = SimpleQueue()
        self.sent = self.retries = self.throttled = 0
        self.pace = pace
        self.limited = False  # tries beyond the first need a permit
        self._line = line
        self._circuit = circuit
        self._output = output
        self._renamed = False
        self._throttled_tries = throttled_tries
        self._chance = SystemRandom().random
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: asyncio.Event
        self._ready = threading.Event()
        self._broke: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="calls", daemon=True)

    # --- from the other thread

    def start(self) -> None:
        """Begin; returns when calls can be handed over.

        Raises:
            RuntimeError: the thread did not come up.
        """
        self._thread.start()
        self._ready.wait(STARTS_WITHIN)
        self.look()

    def look(self) -> None:
        """Nothing, while the thread is well.

        Raises:
            RuntimeError: it is not.
        """
        if not self.is_well:
            raise RuntimeError("the thread that calls broke") from self._broke

    @property
    def is_well(self) -> bool:
        """Whether calls can be handed over."""
        return self._broke is None and self._ready.is_set() and self._thread.is_alive()

    @property
    def is_held(self) -> bool:
        """Whether the endpoint asked everybody to wait."""
        return self._gate.is_held

    @property
    def is_failing(self) -> bool:
        """Whether only single calls go out, to see whether the endpoint is back."""
        return self._circuit.is_open

    def bear(self, ceiling: int) -> None:
        """So many calls at once are allowed from now on."""
        if ceiling != self.pace.ceiling:
            self._soon(self.pace.allow, ceiling)

    def hand(self, calls: Iterable[Call]) -> None:
        """Calls to make; each comes back as a `Back`."""
        self._soon(self._begin, list(calls))

    def allow(self, wants: Wants) -> None:
        """The permit for another try."""
        self._soon(settle, wants.granted)

    def hold(self, seconds: float) -> None:
        """Another worker was told to wait."""
        self._soon(self._gate.hold, seconds)

    def stop(self) -> None:
        """Nothing more goes out; what is out comes back, and what waited comes back as it was."""
        self._soon(self._gate.close)

    def close(self) -> None:
        """End the thread; what is still out is lost."""
        with suppress(RuntimeError):
            self._soon(self._over.set)
        self._thread.join(5.0)

    def _soon(self, work: Callable[..., object], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(work, *arguments)

    # --- in the loop's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as problem:
            self._broke = problem
            log.exception("the thread that calls broke")
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._gate = Gate(self.pace, self._circuit)
        self._client = Client(self._line)
        self._ready.set()
        await self._over.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    def _begin(self, calls: list[Call]) -> None:
        for call in calls:
            task = self._loop.create_task(self._carry(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, call: Call) -> None:
        try:
            back = await self._answered(call)
        except Closed:
            back = Back(call)
        except Exception as problem:  # ours: the call must come back all the same
            log.exception("call %s broke", call.ident)
            back = Back(call, failure=FAILED, words=f"{type(problem).__name__} in Auditor itself")
        self.out.put(back)

    async def _answered(self, call: Call) -> Back:
        """Try until there is an answer, or no try mends it."""
        attempts = tries = late = throttled = 0
        while True:
            single = await self._gate.enter(first=attempts > 0)
            output, renamed = self._output, self._renamed
            attempts += 1
            self.sent += 1
            self.retries += attempts > 1
            try:
                got, latency = await self._client.ask(call, output=output, renamed=renamed)
                if isinstance(got, Answer):
                    self._circuit.succeeded()
                    self.pace.succeeded()
                    return Back(call, answer=got, latency_ms=latency, attempts=attempts)
                if self._is_mended(got, output, renamed):
                    continue
                was_open = self._circuit.is_open
                self._note(got, single=single)
            finally:
                self._gate.leave(single=single)
            if got.kind in FINAL:
                return Back(call, failure=FAILED, words=got.words, attempts=attempts)
            if not was_open:  # while nothing is answered, no call is at fault
                tries += got.kind is Kind.AGAIN
                late += got.kind is Kind.LATE
                throttled += got.kind is Kind.LATER
            if late >= LATE_TRIES:
                return Back(call, failure=TIMED_OUT, words=got.words, attempts=attempts)
            if tries >= TRIES or throttled >= self._throttled_tries:
                return Back(call, failure=FAILED, words=f"{got.words} ({attempts} tries)", attempts=attempts)
            await self._gate.nap((got.after or 0.0) + pause(max(1, tries + late + throttled), self._chance))
            await self._permit(call)

    def _is_mended(self, got: Trouble, output: str, renamed: bool) -> bool:
        """Whether the same call can go out at once in another form."""
        if got.kind is Kind.RENAMED and not renamed:
            self._renamed = True
            return True
        if got.kind is not Kind.PLAINER or output == OUTPUTS[-1]:
            return False
        if self._output == output:  # the first of those that were out together
            self._output = OUTPUTS[OUTPUTS.index(output) + 1]
            if got.lasts:
                self.out.put(Lowered(self._output))
        return True

    def _note(self, got: Trouble, *, single: bool) -> None:
        """What a trouble says of the endpoint."""
        now = self._loop.time()
        if got.kind is Kind.LATER:
            self.throttled += 1
            self.pace.throttled(now)
        if got.after:
            self._gate.hold(got.after)
            self.out.put(Held(got.after))
        if got.kind is Kind.HOPELESS or (got.kind in ENDPOINTS and self._circuit.failed(now, single=single)):
            self._gate.close()
            self.out.put(Down(got.words))

    async def _permit(self, call: Call) -> None:
        if not self.limited:
            return
        wants = Wants(call, self._loop.create_future())
        self.out.put(wants)
        await self._gate.wait(wants.granted)
