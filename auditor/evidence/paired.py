"""Paired differences between two sides of the same prompts: mean with interval, sign test, permutation; no Django here.

Several values of one prompt on a side are averaged first, so that a prompt that was asked often weighs no more than
another. All differences are the second side less the first.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2_000
FLIPS = 9_999  # of signs, where not all of them can be gone through
ALL_FLIPS = 14  # pairs up to which all are
LEVEL = 0.95
ENOUGH = 5  # pairs from which on there is an interval
AT_ONCE = 1_000_000  # numbers held at a time
TOO_FEW = f"not enough: fewer than {ENOUGH} pairs"
NO_VARIATION = "not enough variation: all pairs differ by the same amount"
NO_PAIRS = "no prompt has a value on both sides"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Value:
    """One transcript's value on a side."""

    key: str  # of its prompt
    transcript: int
    value: float


@dataclass(frozen=True)
class Pair:
    """One prompt on both sides, each averaged over its transcripts."""

    key: str
    a: float
    b: float
    of_a: tuple[int, ...]  # transcripts
    of_b: tuple[int, ...]

    @property
    def difference(self) -> float:
        """The second side less the first."""
        return self.b - self.a


@dataclass(frozen=True)
class Pairing:
    """The pairs, by the first transcript of each, and the transcripts whose prompt has no value on the other side."""

    pairs: list[Pair]
    only_a: int
    only_b: int


@dataclass(frozen=True)
class Difference:
    """What the pairs say together; None where that is undefined, with the reason."""

    n: int
    mean: float | None
    low: float | None  # of the 95% percentile bootstrap over pairs
    high: float | None
    seed: int
    higher: int  # pairs in which the second side is higher
    lower: int
    equal: int
    sign_p: float | None  # two-sided, exact; ties left out
    flip_p: float | None  # two-sided, signs of the differences flipped
    flips: int  # how many assignments of signs lie behind it
    reason: str = ""  # why there is no mean, or no interval


def pair(a: Iterable[Value], b: Iterable[Value]) -> Pairing:
    """The prompts that have a value on both sides, each side averaged."""
    here, there = _by_key(a), _by_key(b)
    both = here.keys() & there.keys()
    pairs = [
        Pair(key, _mean(here[key]), _mean(there[key]), _transcripts(here[key]), _transcripts(there[key]))
        for key in both
    ]
    only = [sum(len(some) for key, some in side.items() if key not in both) for side in (here, there)]
    return Pairing(sorted(pairs, key=lambda one: (one.of_a[0], one.key)), only[0], only[1])


def _mean(values: Sequence[Value]) -> float:
    return math.fsum(one.value for one in values) / len(values)


def _transcripts(values: Iterable[Value]) -> tuple[int, ...]:
    return tuple(sorted(one.transcript for one in values))


def _by_key(values: Iterable[Value]) -> Mapping[str, list[Value]]:
    found: dict[str, list[Value]] = {}
    for one in values:
        found.setdefault(one.key, []).append(one)
    return found


def seed_of(*parts: object) -> int:
    """A seed that follows from what is measured: the same parts give the same seed, below 2^48."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:6], "big")


def difference(differences: Sequence[float], seed: int) -> Difference:
    """The figures of paired differences.

    Args:
        differences: one for each pair, finite.
        seed: of the resamples and of the flips that are drawn.
    """
    d = np.asarray(differences, dtype=np.float64)
    higher, lower = int((d > 0).sum()), int((d < 0).sum())
    low = high = flip_p = None
    flips, reason = 0, ""
    if not len(d):
        reason = NO_PAIRS
    elif len(d) < ENOUGH:
        reason = TOO_FEW
    elif (d == d[0]).all():
        reason = NO_VARIATION
    else:
        low, high = _interval(d, seed)
    if higher + lower:
        flip_p, flips = _flipped(d, seed)
    return Difference(
        n=len(d), mean=math.fsum(d) / len(d) if len(d) else None, low=low, high=high, seed=seed, higher=higher,
        lower=lower, equal=len(d) - higher - lower, sign_p=sign_test(higher, lower), flip_p=flip_p, flips=flips,
        reason=reason,
    )  # fmt: skip


def sign_test(higher: int, lower: int) -> float | None:
    """The two-sided exact binomial test that either sign is as likely; None without a difference that has one."""
    n, fewer = higher + lower, min(higher, lower)
    if n == 0:
        return None
    ways = term = 1
    for k in range(fewer):
        term = term * (n - k) // (k + 1)
        ways += term
    return min(1.0, (2 * ways) / (1 << n)) if n < 1000 else min(1.0, math.exp(math.log(2 * ways) - n * math.log(2)))  # fmt: skip


def _interval(d: Floats, seed: int) -> tuple[float, float]:
    """Percentiles of the mean over pairs drawn with replacement."""
    rng = np.random.default_rng(seed)
    rows = max(1, AT_ONCE // len(d))
    means = [
        d[rng.integers(0, len(d), (min(rows, RESAMPLES - begin), len(d)))].mean(axis=1)
        for begin in range(0, RESAMPLES, rows)
    ]
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(np.concatenate(means), [tail, 100 - tail])
    return float(low), float(high)


def _flipped(d: Floats, seed: int) -> tuple[float, int]:
    """How often the mean is as far from zero when signs fall as they may: of all ways, or of `FLIPS` drawn and this one."""
    reached = abs(d.sum()) * (1 - 1e-12)
    if len(d) <= ALL_FLIPS:
        signs = 1 - 2 * ((np.arange(1 << len(d))[:, None] >> np.arange(len(d))) & 1)
        return float((np.abs(signs @ d) >= reached).mean()), 1 << len(d)
    rng = np.random.default_rng(seed + 1)
    rows, beyond = max(1, AT_ONCE // len(d)), 0
    for begin in range(0, FLIPS, rows):
        signs = rng.integers(0, 2, (min(rows, FLIPS - begin), len(d))) * 2 - 1
        beyond += int((np.abs(signs @ d) >= reached).sum())
    return (1 + beyond) / (1 + FLIPS), FLIPS + 1
