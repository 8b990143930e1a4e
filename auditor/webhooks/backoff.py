"""When to try again: sooner at first, then ever more rarely, and never all at the same moment."""

from collections.abc import Callable
from datetime import timedelta

STEPS = (10, 30, 120, 600, 1800, 3600, 7200, 14400)  # seconds after the first, second, … failed try
HOLDS = (0, 5, 15, 60, 180, 600)  # seconds for which an address that fails is left alone
GIVE_UP_AFTER = timedelta(days=1)
SHUT_OFF_AFTER = timedelta(days=1)  # of failures without one success in between


def retry_in(attempts: int, chance: Callable[[], float]) -> timedelta:
    """How long after the failed try number `attempts` (from 1) the next one comes."""
    return _spread(STEPS[min(attempts, len(STEPS)) - 1], chance)


def hold_for(failures: int, chance: Callable[[], float]) -> timedelta:
    """How long an address rests after so many failed tries in a row, over all its messages."""
    return _spread(HOLDS[min(failures, len(HOLDS)) - 1], chance)


def _spread(seconds: int, chance: Callable[[], float]) -> timedelta:
    """Within a fifth of it, to either side; `chance` gives numbers in 0 .. 1."""
    return timedelta(seconds=seconds * (0.8 + 0.4 * chance()))
