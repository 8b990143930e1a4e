"""How many calls at once an endpoint bears, and whether it answers at all: pure, told what happens and when."""

from dataclasses import dataclass

HALVED_AT_MOST_EVERY = 1.0  # seconds
OPENS_AFTER = 8  # failures in a row
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between single calls while it is open
DOWN_AFTER = 120.0  # seconds of being open


@dataclass
class Pace:
    """Additive increase, multiplicative decrease: one more for each window of successes, half for a 429."""

    ceiling: int  # what the endpoint's owner allows
    limit: int = 0  # calls at once, now
    _successes: int = 0
    _halved_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.limit = self.limit or self.ceiling

    def succeeded(self) -> None:
        """A call was answered."""
        self._successes += 1
        if self._successes >= self.limit:
            self._successes = 0
            self.limit = min(self.ceiling, self.limit + 1)

    def throttled(self, now: float) -> None:
        """A call was told that there are too many; those that were out together count once."""
        self._successes = 0
        if now - self._halved_at >= HALVED_AT_MOST_EVERY:
            self._halved_at = now
            self.limit = max(1, self.limit // 2)

    def allow(self, ceiling: int) -> None:
        """The owner allows more or fewer from now on."""
        if ceiling != self.ceiling:
            self.limit = ceiling if self.limit == self.ceiling else min(self.limit, ceiling)
            self.ceiling = ceiling


@dataclass
class Circuit:
    """Opens after failures in a row; then single calls show whether the endpoint is back."""

    opens_after: int = OPENS_AFTER
    down_after: float = DOWN_AFTER  # seconds
    first_pause: float = FIRST_PAUSE  # seconds
    failures: int = 0  # in a row
    opened_at: float | None = None
    next_at: float = 0.0  # when the next single call may go
    _pause: float = 0.0

    def __post_init__(self) -> None:
        self._pause = self.first_pause

    @property
    def is_open(self) -> bool:
        """Whether only single calls go out."""
        return self.opened_at is not None

    def succeeded(self) -> None:
        """A call was answered, whichever."""
        self.failures, self.opened_at, self._pause = 0, None, self.first_pause

    def failed(self, now: float, *, single: bool) -> bool:
        """A call failed. Whether the endpoint is down: it has been open for long, and a single call failed again.

        Args:
            single: this call went out alone to see whether the endpoint is back; others may have been out before.
        """
        self.failures += 1
        if self.opened_at is None:
            if self.failures >= self.opens_after:
                self.opened_at, self.next_at = now, now + self._pause
            return False
        if single:
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)
            self.next_at = now + self._pause
        return single and now - self.opened_at >= self.down_after
