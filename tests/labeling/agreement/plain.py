"""The same coefficients written out item by item from their definitions, in fractions; slow on purpose."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

Units = Sequence[Sequence[Any]]  # for each item, the values it got
Distance = Callable[[Any, Any], Any]


def unlike(one: Hashable, other: Hashable) -> int:
    return int(one != other)


def squares(one: Any, other: Any) -> Any:
    return (one - other) ** 2


def ladder(units: Units) -> Distance:
    """The ordinal metric, from the sum over the steps between two values."""
    totals = Counter(value for unit in units if len(unit) > 1 for value in unit)

    def between(one: Any, other: Any) -> Fraction:
        low, high = min(one, other), max(one, other)
        inside = sum(n for value, n in totals.items() if low <= value <= high)
        return (inside - Fraction(totals[low] + totals[high], 2)) ** 2

    return between


def alpha(units: Units, distance: Distance = unlike) -> Any:
    """Krippendorff's alpha by its coincidence matrix; None where nothing varies."""
    together: Counter[tuple[Any, Any]] = Counter()
    for unit in units:
        for one, other in permutations(unit, 2):
            together[one, other] += Fraction(1, len(unit) - 1)  # type: ignore[assignment]
    totals: Counter[Any] = Counter()
    for (one, _), n in together.items():
        totals[one] += n
    n = sum(totals.values())
    observed = sum(count * distance(a, b) for (a, b), count in together.items())
    expected = sum(totals[a] * totals[b] * distance(a, b) for a in totals for b in totals)
    return None if not expected else 1 - (n - 1) * observed / expected


def percent(units: Units) -> Fraction:
    shares = [
        Fraction(sum(a == b for a, b in combinations(unit, 2)), len(list(combinations(unit, 2))))
        for unit in units
        if len(unit) > 1
    ]
    return Fraction(sum(shares), len(shares))


def habits(units: Units) -> dict[Any, Fraction]:
    """Each value's share, averaged over items with any."""
    rated = [unit for unit in units if unit]
    values = {value for unit in rated for value in unit}
    return {
        v: Fraction(sum(Fraction(unit.count(v), len(unit)) for unit in map(list, rated)), len(rated))
        for v in values
    }


def fleiss(units: Units) -> Fraction:
    chance = Fraction(sum(share**2 for share in habits(units).values()))
    return (percent(units) - chance) / (1 - chance)


def ac1(units: Units, categories: int) -> Fraction:
    chance = Fraction(sum(share * (1 - share) for share in habits(units).values()), categories - 1)
    return (percent(units) - chance) / (1 - chance)


def cohen(pairs: Sequence[tuple[Any, Any]]) -> Fraction:
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = Fraction(sum(first[v] * second[v] for v in first), n * n)
    return (Fraction(sum(a == b for a, b in pairs), n) - chance) / (1 - chance)


def masi(one: frozenset[str], other: frozenset[str]) -> Fraction:
    """Passonneau's distance from its table of cases."""
    if one == other:
        return Fraction(0)
    if not one & other:
        return Fraction(1)
    monotone = Fraction(2, 3) if one < other or other < one else Fraction(1, 3)
    return 1 - Fraction(len(one & other), len(one | other)) * monotone
