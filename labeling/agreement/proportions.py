"""Intervals for shares, and whether a change goes one way; no Django here."""

import math
from dataclasses import dataclass

from labeling.queues import quality
from labeling.queues.quality import Z95


@dataclass(frozen=True)
class Share:
    """A share of n with its Wilson interval; all None where there is nothing to count."""

    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None


def wilson(count: int, n: int, z: float = Z95) -> Share:
    """A share with its score interval (see `queues.quality`), or with nothing where there is nothing to count.

    Raises:
        ValueError: more than there were, or negative counts.
    """
    interval = quality.wilson(count, n, z)
    if interval is None:
        return Share(0, 0, None, None, None)
    return Share(count, n, count / n, *interval)


def mcnemar_exact(one_way: int, other_way: int) -> float | None:
    """Two-sided probability of so uneven a split among those who changed, if both ways were equally likely.

    None where nobody changed. Twice the smaller binomial tail, at most 1. Source: McNemar (1947);
    the exact form is the sign test on the discordant pairs.
    """
    n = one_way + other_way
    if n == 0:
        return None
    tail = sum(math.comb(n, k) for k in range(min(one_way, other_way) + 1))
    return min(1.0, 2 * tail / int(2**n))
