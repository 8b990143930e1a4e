"""Intervals for shares, and whether a change goes one way; no Django here."""

import math
from dataclasses import dataclass

Z = 1.959963984540054  # the normal distribution's 97.5% point


@dataclass(frozen=True)
class Share:
    """A share of n with its Wilson interval; all None where there is nothing to count."""

    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None


def wilson(count: int, n: int, z: float = Z) -> Share:
    """A share with the interval that inverts the score test, which is sound near 0 and 1.

    Source: Wilson (1927); Brown, Cai and DasGupta (2001).
    """
    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n} is no share")
    if n == 0:
        return Share(0, 0, None, None, None)
    p = count / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Share(count, n, p, max(0.0, centre - half), min(1.0, centre + half))


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
