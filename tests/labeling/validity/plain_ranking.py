"""The same figures pair by pair from their definitions, in fractions; slow on purpose."""

from collections.abc import Sequence
from fractions import Fraction


def area(scores: Sequence[float], positive: Sequence[bool], weights: Sequence[int]) -> Fraction:
    """The chance that a positive beats a negative, over all pairs."""
    won = total = Fraction(0)
    for s, yes, w in zip(scores, positive, weights, strict=True):
        for t, also, v in zip(scores, positive, weights, strict=True):
            if yes and not also:
                total += w * v
                won += w * v * (Fraction(1) if s > t else Fraction(1, 2) if s == t else Fraction(0))
    return won / total


def delong_variance(scores: Sequence[float], positive: Sequence[bool]) -> Fraction:
    """S10 / m + S01 / n from the structural components."""

    def beats(one: float, other: float) -> Fraction:
        return Fraction(1) if one > other else Fraction(1, 2) if one == other else Fraction(0)

    up = [s for s, yes in zip(scores, positive, strict=True) if yes]
    down = [s for s, yes in zip(scores, positive, strict=True) if not yes]
    v10 = [sum((beats(x, y) for y in down), Fraction(0)) / len(down) for x in up]
    v01 = [sum((beats(x, y) for x in up), Fraction(0)) / len(up) for y in down]
    mean = sum(v10, Fraction(0)) / len(up)
    s10 = sum(((v - mean) ** 2 for v in v10), Fraction(0)) / (len(up) - 1)
    s01 = sum(((v - mean) ** 2 for v in v01), Fraction(0)) / (len(down) - 1)
    return s10 / len(up) + s01 / len(down)
