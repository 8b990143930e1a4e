"""Several judges on the same transcripts, two versions of one judge, and one rate under several readings.

Everything here takes plain sequences, one entry for each transcript; None stands for a judge that said
nothing there. A figure that is not defined is None, never 0 or 1.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

from auditor.judging.expected import Expected
from auditor.judging.rubric import BOUNDS, Said, Wanted

Labels: TypeAlias = Sequence[str | None]

EXPECTED, ARGMAX = "expected", "argmax"
HANDY = 2_000  # tosses whose counts are summed as whole numbers
FLIPPED = {"below": "at_most", "at_most": "below", "above": "at_least", "at_least": "above"}


@dataclass(frozen=True)
class Pair:
    """Two judges on the transcripts that both judged."""

    first: str
    second: str
    n: int
    same: int
    kappa: float | None

    @property
    def agreement(self) -> float | None:
        """The share of transcripts on which they say the same."""
        return self.same / self.n if self.n else None


@dataclass(frozen=True)
class Panel:
    """Several judges on the same transcripts."""

    pairs: tuple[Pair, ...]
    n: int  # transcripts that every judge judged
    unanimous: int  # of these, those on which all say the same
    fleiss: float | None
    observed: float | None  # the mean over transcripts of the share of pairs of judges that agree

    @property
    def all_agree(self) -> float | None:
        return self.unanimous / self.n if self.n else None


@dataclass(frozen=True)
class Flips:
    """What a second version says otherwise than a first, yes or no."""

    n: int  # transcripts that both judged
    to_yes: tuple[int, ...]  # their places in the sequences
    to_no: tuple[int, ...]
    p: float | None  # exact McNemar, two-sided; None where nothing flipped


@dataclass(frozen=True)
class Rate:
    """How often something is so, and what it could be if those without an answer were known."""

    yes: int
    known: int
    missing: int

    @property
    def value(self) -> float | None:
        """Of those that are known."""
        return self.yes / self.known if self.known else None

    @property
    def low(self) -> float | None:
        """If it were so of none that are missing."""
        total = self.known + self.missing
        return self.yes / total if total else None

    @property
    def high(self) -> float | None:
        """If it were so of all that are missing."""
        total = self.known + self.missing
        return (self.yes + self.missing) / total if total else None


@dataclass(frozen=True)
class Reading:
    """A rate under one way to read the scores and one way to count the boundary."""

    of: str  # EXPECTED or ARGMAX
    conditions: tuple[tuple[str, Wanted], ...]
    as_given: bool  # whether the boundaries are those of the rubric
    rate: Rate


def panel(judges: Mapping[str, Labels]) -> Panel:
    """How far judges agree.

    Args:
        judges: for each, one label per transcript in the same order.

    Raises:
        ValueError: sequences of different lengths.
    """
    rows = list(zip(*judges.values(), strict=True))
    pairs = tuple(pair(a, b, judges[a], judges[b]) for a, b in combinations(judges, 2))
    whole = [
        [label for label in row if label is not None] for row in rows if None not in row and len(row) > 1
    ]
    observed, kappa = fleiss_kappa(whole)
    return Panel(pairs, len(whole), sum(len(set(row)) == 1 for row in whole), kappa, observed)


def pair(first: str, second: str, a: Labels, b: Labels) -> Pair:
    """Two judges side by side.

    Raises:
        ValueError: sequences of different lengths.
    """
    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return Pair(first, second, len(both), sum(x == y for x, y in both), cohen_kappa(both))


def cohen_kappa(both: Sequence[tuple[str, str]]) -> float | None:
    """Agreement beyond what the two habits would give by chance.

    (p_o - p_e) / (1 - p_e), with p_e the sum over labels of the product of both judges' shares. None
    without transcripts, and where both say one and the same label throughout. Source: Cohen (1960).
    """
    n = len(both)
    if not n:
        return None
    ours, theirs = Counter(x for x, _ in both), Counter(y for _, y in both)
    agreed = sum(x == y for x, y in both)
    chance = sum(ours[label] * theirs[label] for label in ours)  # times n squared
    return None if chance == n * n else (agreed * n - chance) / (n * n - chance)


def fleiss_kappa(rows: Sequence[Sequence[str]]) -> tuple[float | None, float | None]:
    """Observed agreement and agreement beyond chance, of as many judges on every transcript.

    The observed is the mean over transcripts of sum_k n_k (n_k - 1) / m (m - 1); chance is the sum of
    squared shares of the labels over all. None where undefined. Source: Fleiss (1971).

    Raises:
        ValueError: rows of different lengths.
    """
    m = {len(row) for row in rows}
    if len(m) > 1:
        raise ValueError("every transcript has as many judges")
    if not rows or (judges := m.pop()) < 2:
        return None, None
    alike = sum(n * (n - 1) for row in rows for n in Counter(row).values())
    observed = alike / (len(rows) * judges * (judges - 1))
    totals = Counter(label for row in rows for label in row)
    if len(totals) < 2:
        return observed, None
    chance = math.fsum((n / (len(rows) * judges)) ** 2 for n in totals.values())
    return observed, (observed - chance) / (1 - chance)


def flips(before: Sequence[bool | None], after: Sequence[bool | None]) -> Flips:
    """What changed between two versions on the transcripts that both judged.

    Raises:
        ValueError: sequences of different lengths.
    """
    both = [(at, x, y) for at, (x, y) in enumerate(zip(before, after, strict=True)) if None not in (x, y)]
    to_yes = tuple(at for at, x, y in both if y and not x)
    to_no = tuple(at for at, x, y in both if x and not y)
    return Flips(len(both), to_yes, to_no, mcnemar_exact(len(to_yes), len(to_no)))


def mcnemar_exact(one_way: int, other_way: int) -> float | None:
    """Two-sided probability of so uneven a split among those that changed, were both ways equally likely.

    Twice the smaller tail of the binomial with p = 1/2, at most 1; None where nothing changed. Source:
    McNemar (1947), in its exact form the sign test on the discordant pairs.
    """
    n = one_way + other_way
    if not n:
        return None
    return min(1.0, 2 * _tail(n, min(one_way, other_way)))


def _tail(n: int, most: int) -> float:
    """Probability of at most `most` heads in `n` tosses, most <= n / 2.

    In whole numbers as long as these are handy; beyond, the same sum from its largest term down, each term
    from the one before it, to about ten digits.
    """
    if n <= HANDY:
        return sum(math.comb(n, k) for k in range(most + 1)) / int(2**n)
    term = math.exp(math.lgamma(n + 1) - math.lgamma(most + 1) - math.lgamma(n - most + 1) - n * math.log(2))
    total, k = term, most
    while k and term > total * 1e-17:
        term *= k / (n - k + 1)
        total += term
        k -= 1
    return total


def rate(answers: Sequence[bool | None]) -> Rate:
    """How many are so; None counts as missing."""
    return Rate(
        sum(one is True for one in answers),
        sum(one is not None for one in answers),
        sum(one is None for one in answers),
    )


def sensitivity(
    items: Sequence[Mapping[str, Expected | float | None]], conditions: Sequence[tuple[str, Wanted]]
) -> list[Reading]:
    """One rate by expected value and by likeliest number, with boundaries as given and the other way.

    Args:
        items: for each transcript, dimension -> what was scored; a bare number is its own likeliest.
        conditions: (dimension, bounds), all of which must hold; as in a rule of the rubric.

    Returns:
        Four readings; a score that is not there makes the transcript missing unless another condition
        fails already.
    """
    given = tuple(conditions)
    turned = tuple((dimension, flipped(wanted)) for dimension, wanted in given)
    readings: dict[str, Callable[[Expected | float | None], Said]] = {EXPECTED: _score, ARGMAX: _argmax}
    return [
        Reading(name, some, as_given, rate([_all_hold(some, item, read) for item in items]))
        for name, read in readings.items()
        for some, as_given in ((given, True), (turned, False))
    ]


def flipped(wanted: Wanted) -> Wanted:
    """The same bounds with the boundary itself on the other side: below 30 becomes at most 30."""
    assert set(FLIPPED) == set(BOUNDS)
    return Wanted(wanted.among, tuple((FLIPPED[bound], at) for bound, at in wanted.bounds))


def _all_hold(
    conditions: Sequence[tuple[str, Wanted]],
    item: Mapping[str, Expected | float | None],
    read: Callable[[Expected | float | None], Said],
) -> bool | None:
    values = [(wanted, read(item.get(dimension))) for dimension, wanted in conditions]
    if any(value is not None and not wanted.holds(value) for wanted, value in values):
        return False
    return None if any(value is None for _, value in values) else True


def _score(found: Expected | float | None) -> Said:
    return found.score if isinstance(found, Expected) else found


def _argmax(found: Expected | float | None) -> Said:
    """The likeliest number, where there is a score at all: a refusal has none, whatever its digits."""
    if isinstance(found, Expected):
        return None if found.score is None or found.argmax is None else float(found.argmax)
    return found
