"""How often a channel fires on honest texts: shares with exact intervals, and where to put a threshold.

Undefined is None: of no texts there is no rate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

CONFIDENCE = 0.95
ALARM = 5.0  # times the nominal rate: from here on a card carries a banner
_TINY = 1e-300
_STEPS = 200


@dataclass(frozen=True)
class Rate:
    """A share of n with its Clopper-Pearson interval; all None where n is 0."""

    fired: int
    n: int
    value: float | None
    low: float | None
    high: float | None


def rate_of(fired: int, n: int, confidence: float = CONFIDENCE) -> Rate:
    """The share and its exact binomial interval (Clopper and Pearson, 1934).

    The ends are where the binomial tails are (1 - confidence) / 2: beta quantiles, found by bisection on the
    regularised incomplete beta function to about 1e-12. With 0 of n the low end is 0, with n of n the high end 1.

    Raises:
        ValueError: more fired than there were, negative counts, or a confidence that is none.
    """
    if not 0 <= fired <= n or not 0 < confidence < 1:
        raise ValueError("fired is from 0 to n, and a confidence between 0 and 1")
    if n == 0:
        return Rate(0, 0, None, None, None)
    tail = (1 - confidence) / 2
    low = 0.0 if fired == 0 else beta_quantile(tail, fired, n - fired + 1)
    high = 1.0 if fired == n else beta_quantile(1 - tail, fired + 1, n - fired)
    return Rate(fired, n, fired / n, low, high)


def fired_of(values: Sequence[float | None], threshold: float) -> Rate:
    """How many of the values are at or above the threshold; texts without a value are not counted."""
    known = [value for value in values if value is not None]
    return rate_of(sum(value >= threshold for value in known), len(known))


def threshold_at(values: Sequence[float | None], wanted: float) -> float | None:
    """The least threshold at which at most the wanted share of the values fires; None without values.

    It is one of the values, or the next number above the greatest where none may fire: of 20 texts a rate of 1%
    cannot be told from 0. Equal values fire together.

    Raises:
        ValueError: a rate outside 0 to 1.
    """
    if not 0 <= wanted <= 1:
        raise ValueError("a rate is from 0 to 1")
    known = sorted((value for value in values if value is not None), reverse=True)
    if not known:
        return None
    may = math.floor(wanted * len(known) + 1e-9)
    best = math.nextafter(known[0], math.inf)
    for at, value in enumerate(known[:may]):
        if at + 1 == len(known) or known[at + 1] < value:
            best = value
    return best


def is_alarming(rate: Rate, nominal: Rate, wanted: float | None) -> bool:
    """Whether a pack's rate is more than five times what the threshold promises.

    What it promises is the rate aimed at, or else the one on its control set. Where that is 0 there is nothing to
    multiply: then the pack's interval must lie above the control set's.
    """
    if rate.value is None or rate.low is None:
        return False
    promised = wanted if wanted is not None else nominal.value
    if promised:
        return rate.value > ALARM * promised
    return rate.fired > 0 and rate.low > (nominal.high or 0.0)


@lru_cache(maxsize=20_000)  # a report asks for the same few counts thousands of times
def beta_quantile(share: float, a: float, b: float) -> float:
    """x with I_x(a, b) = share: the quantile of a beta distribution, for any a and b above 0."""
    lo, hi = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (lo + hi) / 2
        if _beta(middle, a, b) < share:
            lo = middle
        else:
            hi = middle
        if hi - lo <= 1e-15 * hi:
            break
    return (lo + hi) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + step * d)
            c = _away(1 + step / c)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
