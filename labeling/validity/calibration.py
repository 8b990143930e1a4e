"""Whether a score that calls itself a probability is one: bins of equal counts, Brier's score, expected error.

Only for channels whose declared scale is 0 to 1, or 0 to 100. No Django here.
"""

from dataclasses import dataclass

import numpy as np

from labeling.agreement.ratings import Floats, Whole
from labeling.validity.operating import Ratio, Share, ratio, share_of
from labeling.validity.scored import Scored

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Units with neighbouring scores."""

    low: float  # the least and greatest score in it
    high: float
    mean: float  # weighted mean of what was said
    positive: Share  # of its units
    ratio: Ratio  # how much oftener positives fall here than negatives


@dataclass(frozen=True)
class Calibration:
    """How far what was said as a probability lies from what was."""

    bins: tuple[Bin, ...]
    brier: float  # mean squared difference; 0 is best
    ece: float  # mean over bins of |mean said - share that was|, by weight


def as_probability(scores: Floats, low: float | None, high: float | None) -> Floats | None:
    """The scores as probabilities where the declared scale says that they are, else None."""
    if (low, high) == (0, 1):
        found: Floats = scores
    elif (low, high) == (0, 100):
        found = scores / 100
    else:
        return None
    return found if len(found) == 0 or (found.min() >= 0 and found.max() <= 1) else None


def bins_of(scored: Scored, count: int = BINS) -> tuple[Bin, ...]:
    """Bins of nearly equal counts in the order of the scores; equal scores stay together, so there may be fewer."""
    found = []
    numbers = _numbers(scored.scores, count)
    for number in np.unique(numbers):
        here = numbers == number
        w = scored.weights[here]
        up = share_of(scored, here, scored.positive, exact=False)
        down = share_of(scored, here, ~scored.positive, exact=False)
        found.append(
            Bin(
                float(scored.scores[here].min()),
                float(scored.scores[here].max()),
                float((scored.scores[here] * w).sum() / w.sum()),
                share_of(scored, scored.positive, here),
                ratio(up, down),
            )
        )
    return tuple(found)


def calibration(scored: Scored, count: int = BINS) -> Calibration | None:
    """Of scores that are probabilities; None where there is nothing."""
    if not len(scored):
        return None
    w, total = scored.weights, float(scored.weights.sum())
    brier = float((w * (scored.scores - scored.positive) ** 2).sum() / total)
    numbers = _numbers(scored.scores, count)
    gaps = np.bincount(numbers, w * (scored.scores - scored.positive))
    return Calibration(bins_of(scored, count), brier, float(np.abs(gaps).sum() / total))


def _numbers(scores: Floats, count: int) -> Whole:
    """The bin of each score: its place among all in `count` equal parts; of equal scores the middle place."""
    order = np.argsort(scores, kind="stable")
    places = np.empty(len(scores))
    places[order] = np.arange(len(scores))
    _, at, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    means = np.bincount(at, places) / sizes
    return np.minimum((means[at] + 0.5) * count // len(scores), count - 1).astype(np.int64)
