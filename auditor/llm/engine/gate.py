"""The gate before the network: so many calls at once, none while the endpoint rests, single ones while it fails."""

import asyncio
from collections import deque
from typing import Any, TypeVar

from auditor.llm.engine.pace import Circuit, Pace

T = TypeVar("T")


class Closed(Exception):
    """Nothing goes out any more."""


class Gate:
    """Lets calls through one by one; lives in the loop's thread, where alone it may be touched.

    `is_held` may be asked from any thread.
    """

    def __init__(self, pace: Pace, circuit: Circuit) -> None:
        self.pace = pace
        self.circuit = circuit
        self.active = 0  # calls that are out
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._held_until = 0.0  # of the loop's clock
        self._single_is_out = False
        self.is_closed = False
        self._others: set[asyncio.Future[Any]] = set()  # what is waited for besides turns
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_held(self) -> bool:
        """Whether everybody waits."""
        return self._loop.time() < self._held_until

    async def enter(self, *, first: bool = False) -> bool:
        """Wait until one more call may go out; call `leave` when it is back.

        Args:
            first: before those that wait already.

        Returns:
            Whether it goes out alone, to see whether the endpoint is back.

        Raises:
            Closed: nothing goes out any more.
        """
        if self.is_closed:
            raise Closed
        turn: asyncio.Future[bool] = self._loop.create_future()
        if first:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        self.admit()
        return await turn

    def leave(self, *, single: bool) -> None:
        """A call is back."""
        self.active -= 1
        if single:
            self._single_is_out = False
        self.admit()

    def hold(self, seconds: float) -> None:
        """Nothing goes out for so long."""
        self._held_until = max(self._held_until, self._loop.time() + seconds)

    async def wait(self, turn: "asyncio.Future[T]") -> T:
        """The turn's result.

        Raises:
            Closed: nothing goes out any more, so nobody needs to wait for it.
        """
        if self.is_closed:
            raise Closed
        self._others.add(turn)
        try:
            return await turn
        finally:
            self._others.discard(turn)

    async def nap(self, seconds: float) -> None:
        """Sleep.

        Raises:
            Closed: see `wait`.
        """
        turn: asyncio.Future[None] = self._loop.create_future()
        alarm = self._loop.call_later(seconds, settle, turn)
        try:
            await self.wait(turn)
        finally:
            alarm.cancel()

    def close(self) -> None:
        """Nothing goes out any more; what is out comes back."""
        self.is_closed = True
        for turn in [*self._waiting, *self._others]:
            if not turn.done():
                turn.set_exception(Closed())
        self._waiting.clear()

    def admit(self) -> None:
        """Let through whoever may go now, and come back when the next may."""
        while self._waiting:
            now = self._loop.time()
            single = self.circuit.is_open
            opens_at = max(self._held_until, self.circuit.next_at if single else 0.0)
            if now < opens_at:
                self._come_back(opens_at - now)
                return
            if self._single_is_out if single else self.active >= self.pace.limit:
                return
            turn = self._waiting.popleft()
            self.active += 1
            self._single_is_out = self._single_is_out or single
            turn.set_result(single)

    def _come_back(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds + 0.001, self.admit)


def settle(turn: "asyncio.Future[None]") -> None:
    """What was waited for has come; safe to repeat."""
    if not turn.done():
        turn.set_result(None)
