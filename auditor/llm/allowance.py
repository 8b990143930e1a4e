"""Limits by the minute as leaking buckets: pure arithmetic, so that it can be checked to the call.

A bucket of requests holds a second's worth (at least one), and fills by so much less than the limit that within any
60 seconds, wherever they begin, no more than the limit go out. A call may need more tokens than the bucket of tokens
ever holds; it goes when the bucket is full and leaves a debt, so there the limit can be passed by one call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MINUTE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a bucket holds, and how it fills."""

    most: float  # requests or tokens
    per_second: float

    @classmethod
    def of_requests(cls, limit: int) -> "Allowance":
        """For a limit of requests per minute, 1 or more."""
        most = max(1, limit // 60)
        return cls(most, (limit - most + 1) / MINUTE)

    @classmethod
    def of_tokens(cls, limit: int) -> "Allowance":
        """For a limit of tokens per minute, 1 or more."""
        most = limit / 60
        return cls(most, (limit - most) / MINUTE)

    def filled(self, level: float, seconds: float) -> float:
        """The level, so many seconds later; a clock that went back fills nothing."""
        return min(self.most, level + self.per_second * max(0.0, seconds))


@dataclass(frozen=True, slots=True)
class Grant:
    """What may go now."""

    calls: int  # the first so many of those that asked
    levels: dict[str, float]  # what is left in each bucket
    wait: float  # seconds until the next of them may go; 0 where all may


def grant(allowances: Mapping[str, Allowance], levels: Mapping[str, float], tokens: Sequence[int]) -> Grant:
    """The most calls that may go at once, in the order given.

    Args:
        allowances: of "requests", "tokens", both or neither.
        levels: of the same buckets, as they are now.
        tokens: what each call could use at the most, its prompt included.
    """
    left = dict(levels)
    calls = 0
    for need in tokens:
        wants = {"requests": 1.0, "tokens": float(need)}
        short = {
            kind: (min(wants[kind], allowance.most) - left[kind]) / allowance.per_second
            for kind, allowance in allowances.items()
            if left[kind] < min(wants[kind], allowance.most)
        }
        if short:
            return Grant(calls, left, max(short.values()))
        for kind in allowances:
            left[kind] -= wants[kind]
        calls += 1
    return Grant(calls, left, 0.0)
