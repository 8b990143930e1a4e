"""A score read from the probabilities of an answer's tokens instead of from the one that was drawn.

score = sum of p·k / sum of p, over the tokens that are whole numbers k from lo to hi. Where less than
`floor` of the probability is on such tokens there is no score: the judge wanted to say something else.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.corpus.sanitise import clean_text

MOST_OTHERS = 50
FLOOR = 0.25  # of the probability that must be on numbers
WHOLE = re.compile(r"\s*\+?([0-9]{1,12})\s*")
SPARE = 1e-6  # by which probabilities may exceed 1, as rounding


@dataclass(frozen=True)
class Expected:
    """A score and the distribution behind it."""

    score: float | None
    mass: float | None = None  # of probability on numbers of the scale; None without log-probabilities
    distribution: Mapping[int, float] = field(default_factory=dict)  # number -> probability, as given
    argmax: int | None = None  # the likeliest number; None where there is none, or where two share the top
    from_logprobs: bool = True
    others: Mapping[str, float] = field(default_factory=dict)  # what is no number of the scale -> probability

    def to_json(self) -> dict[str, Any]:
        """As it is kept; of what is no number the likeliest `MOST_OTHERS`, spelled so that it can be stored."""
        others: dict[str, float] = {}
        for token in sorted(self.others, key=self.others.__getitem__, reverse=True)[:MOST_OTHERS]:
            spelled = clean_text(token)
            others[spelled] = others.get(spelled, 0.0) + self.others[token]
        return {
            "score": self.score, "mass": self.mass, "argmax": self.argmax, "from_logprobs": self.from_logprobs,
            "distribution": {str(number): p for number, p in self.distribution.items()},
            "others": others,
        }  # fmt: skip

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Expected":
        """What `to_json` made."""
        numbers = {int(number): p for number, p in kept["distribution"].items()}
        return cls(**{**kept, "distribution": numbers})


def number_of(token: str, lo: int, hi: int) -> int | None:
    """The whole number of the scale that a token is, spaces and leading zeros aside; else None."""
    found = WHOLE.fullmatch(token)
    if found is None or not lo <= (number := int(found[1])) <= hi:
        return None
    return number


def expected_score(
    top: Mapping[str, float] | Iterable[Mapping[str, Any]], lo: int, hi: int, floor: float = FLOOR
) -> Expected:
    """The expected number under the probabilities of one token.

    Args:
        top: token -> probability; or a chat endpoint's list of {"token", "logprob"}.
        lo, hi: ends of the scale, both of them on it; not negative.
        floor: no score where less than this share of the probability is on numbers.

    Raises:
        ValueError: probabilities that are none: not finite, negative, above 1 or more than 1 together.
    """
    given = list(top.items()) if isinstance(top, Mapping) else list(_probabilities(top))
    if any(not (0 <= p <= 1 + SPARE) for _, p in given) or math.fsum(p for _, p in given) > 1 + 1e-3:
        raise ValueError("these are no probabilities")
    numbers: dict[int, float] = {}
    others: dict[str, float] = {}
    for token, p in given:
        if (number := number_of(token, lo, hi)) is not None:
            numbers[number] = numbers.get(number, 0.0) + p
        else:
            others[token] = others.get(token, 0.0) + p
    mass = math.fsum(numbers.values())
    if not numbers or mass < floor or mass == 0:
        return Expected(None, mass, numbers, _likeliest(numbers), others=others)
    score = math.fsum(p * number for number, p in numbers.items()) / mass
    return Expected(min(max(score, lo), hi), mass, numbers, _likeliest(numbers), others=others)


def plain_score(number: int) -> Expected:
    """The answer as it stands, where no probabilities can be had; marked so."""
    return Expected(float(number), None, {}, number, from_logprobs=False)


def writes_whole_numbers(found: Expected, hi: int) -> bool:
    """Whether the tokens are numbers and not digits of numbers.

    Models that write each digit as a token of its own have probabilities of first digits: '5' may be 5 or
    the beginning of 57. That is ruled out where a number of two digits is among the tokens, or where the
    scale has none.
    """
    return hi < 10 or any(number >= 10 for number in found.distribution)


def _likeliest(numbers: Mapping[int, float]) -> int | None:
    best = max(numbers.values(), default=0.0)
    at_top = [number for number, p in numbers.items() if p == best]
    return at_top[0] if len(at_top) == 1 and best > 0 else None


def _probabilities(listed: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, float]]:
    """Token and probability; an entry that is listed twice counts once."""
    seen = set()
    for one in listed:
        token, logprob = one["token"], float(one["logprob"])
        if not isinstance(token, str) or math.isnan(logprob) or logprob > SPARE:
            raise ValueError("these are no log-probabilities")
        spelled = tuple(one.get("bytes") or ())
        if (token, logprob, spelled) not in seen:
            seen.add((token, logprob, spelled))
            yield token, math.exp(min(logprob, 0.0))
