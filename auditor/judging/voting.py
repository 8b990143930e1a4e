"""Several votes of one judge on one transcript: what they come to, and how far apart they are."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.judging.expected import Expected
from auditor.judging.rubric import TIED
from auditor.judging.states import OK


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote on one question: a number or a label, or neither, and why."""

    value: float | None = None
    label: str = ""
    state: str = OK
    expected: Expected | None = None  # the distribution behind the number, where there is one

    @property
    def says(self) -> str:
        """What it is counted under: its label, or the whole number nearest to its value; empty: nothing."""
        if self.state != OK:
            return ""
        return self.label or ("" if self.value is None else str(math.floor(self.value + 0.5)))


@dataclass(frozen=True)
class Tally:
    """The votes on one question."""

    n: int  # votes that say something
    states: Mapping[str, int]  # how many votes ended how
    value: float | None  # mean of the numbers
    label: str  # of most votes; TIED where several labels have as many, empty where there is none
    distribution: Mapping[str, float]  # label or whole number -> share of the votes that say something
    entropy: float | None  # of it, in bits; None where no vote says anything

    @property
    def n_votes(self) -> int:
        """All votes, however they ended."""
        return sum(self.states.values())

    @property
    def unanimous(self) -> bool:
        """Whether every vote says something and all say the same."""
        return self.n == self.n_votes > 0 and len(self.distribution) == 1


def tally(ballots: Sequence[Ballot]) -> Tally:
    """Count the votes; those that say nothing are counted by their state and by nothing else."""
    saying = [ballot for ballot in ballots if ballot.says]
    numbers = [ballot.value for ballot in saying if ballot.value is not None]
    counted = Counter(ballot.says for ballot in saying)
    shares = {said: n / len(saying) for said, n in counted.items()}
    return Tally(
        len(saying), dict(Counter(ballot.state for ballot in ballots)),
        math.fsum(numbers) / len(numbers) if numbers else None,
        majority_of(ballot.label for ballot in saying), shares, entropy_bits(shares.values()) if saying else None,
    )  # fmt: skip


def majority_of(labels: Iterable[str]) -> str:
    """The label with the most votes; TIED where several have as many, empty where there are none."""
    ranked = Counter(label for label in labels if label).most_common(2)
    if not ranked:
        return ""
    return TIED if len(ranked) == 2 and ranked[0][1] == ranked[1][1] else ranked[0][0]


def entropy_bits(weights: Iterable[float]) -> float:
    """Shannon's entropy of weights that need not sum to one; 0 where all is on one value.

    Raises:
        ValueError: a weight that is negative or not finite.
    """
    given = list(weights)
    if any(not 0 <= weight < math.inf for weight in given):
        raise ValueError("weights are finite and not negative")
    total = math.fsum(given)
    if not total:
        return 0.0
    shares = [weight / total for weight in given if weight / total > 0]
    return max(0.0, -math.fsum(share * math.log2(share) for share in shares))


def spread_of(expected: Expected) -> float | None:
    """The entropy, in bits, of the numbers that one vote might have said; None where that is not known."""
    if not expected.from_logprobs or not expected.distribution:
        return None
    return entropy_bits(expected.distribution.values())


def mixture(found: Sequence[Expected]) -> dict[int, float]:
    """The mean of several distributions over numbers, each made to sum to one.

    A plain answer counts as certain, which it may not have been.
    """
    mixed: dict[int, float] = {}
    for one in found:
        numbers = dict(one.distribution) or ({one.argmax: 1.0} if one.argmax is not None else {})
        total = math.fsum(numbers.values())
        for number, p in numbers.items():
            if p > 0:
                mixed[number] = mixed.get(number, 0.0) + p / total / len(found)
    return mixed
