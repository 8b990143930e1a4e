"""Whether a score that calls itself a probability is one: bins of equal counts, Brier's score, expected error.

Only for channels whose declared scale is 0 to 1, or 0 to 100. No Django here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labeling.agreement.ratings import Floats, Whole
from labeling.validity.operating import Ratio, Share, ratio, share_of
from labeling.validity.ranking import LEVEL, Interval
from labeling.validity.redrawing import SAME_AGAIN
from labeling.validity.scored import Scored

BINS = 10
TAIL = (1 - LEVEL) / 2
MOST_TIMES = 8.0  # the gaps that were found, as the largest that are tried
STEPS = 24  # of halving


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


def gaps(scored: Scored, weights: Floats, count: int = BINS) -> Floats:
    """What was said less what was, by bin and with its sign, under many weights; the bins are those of the scores.

    The sum of the sizes of one row is the expected calibration error.

    Args:
        weights: (B, n).

    Returns:
        (B, bins), shares of all weight.
    """
    numbers = _numbers(scored.scores, count)
    misses = weights * (scored.scores - scored.positive)
    of_bins = [misses[:, numbers == number].sum(axis=1) for number in np.unique(numbers)]
    found: Floats = np.stack(of_bins, axis=1) / weights.sum(axis=1)[:, None]
    return found


def error_interval(own: Floats, drawn: Floats) -> Interval:
    """95% interval of the expected calibration error, by inverting a test over the gaps made smaller and larger together.

    Chance alone makes the sum of sizes larger, the more so where scores are right, and resampling adds to that once more.
    So of each share of the gaps it is asked whether the error that was found could come of them (DiCiccio and Romano 1990,
    least favourable families); shares that it could come of make the interval, which always reaches the figure itself.

    Args:
        own: (bins,) the gaps that were found, see `gaps`.
        drawn: (B, bins) those of resamples.
    """
    noise = drawn - own
    found = float(np.abs(own).sum())
    if found < 1e-12 or float(np.abs(noise).max()) < 1e-12:
        return Interval(None, None, SAME_AGAIN)

    def quantile(share: float, at: float) -> float:
        return float(np.quantile(np.abs(share * own + noise).sum(axis=1), at))

    low = _crossing(lambda share: quantile(share, 1 - TAIL) >= found, 0.0, 1.0)
    high = _crossing(lambda share: quantile(share, TAIL) > found, 0.0, MOST_TIMES)
    return Interval(low * found, min(max(high, 1.0) * found, 1.0))


def _crossing(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The least number between two from which on it holds, as far as one can tell; the upper one where it never does."""
    if holds(low):
        return low
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _numbers(scores: Floats, count: int) -> Whole:
    """The bin of each score: its place among all in `count` equal parts; of equal scores the middle place."""
    order = np.argsort(scores, kind="stable")
    places = np.empty(len(scores))
    places[order] = np.arange(len(scores))
    _, at, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    means = np.bincount(at, places) / sizes
    return np.minimum((means[at] + 0.5) * count // len(scores), count - 1).astype(np.int64)
