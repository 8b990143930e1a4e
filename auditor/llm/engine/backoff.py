"""When a call that failed is tried again."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRIES = 6  # of one call, the first included
LATE_TRIES = 2  # of a call that is not answered in time: it may be paid for each time
THROTTLED_TRIES = 30  # of a call that is told to come later: that is no fault of the call
FIRST, LONGEST = 0.5, 30.0  # seconds
LONGEST_ASKED = 600.0  # seconds; who asks for more is asked again then


def pause(tries: int, chance: Callable[[], float]) -> float:
    """Seconds after the failed try number `tries` (from 1): anything up to twice as long each time.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter.

    Args:
        chance: gives numbers in 0 .. 1.
    """
    return chance() * min(LONGEST, FIRST * 2.0**tries)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that an answer asks to wait; None where it asks for nothing that can be understood.

    Source: RFC 9110, 10.2.3 (seconds, or a date); `retry-after-ms` as OpenAI's own clients read it.

    Args:
        headers: with names in lower case.
    """
    try:
        if "retry-after-ms" in headers:
            return _bounded(float(headers["retry-after-ms"]) / 1000)
        text = headers["retry-after"]
        if text.strip().replace(".", "", 1).isdigit():
            return _bounded(float(text))
        at = parsedate_to_datetime(text)
        return _bounded(((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
    except (KeyError, ValueError, OverflowError):
        return None


def _bounded(seconds: float) -> float | None:
    return None if seconds != seconds else min(max(seconds, 0.0), LONGEST_ASKED)
