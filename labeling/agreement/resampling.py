"""The item bootstrap: items are drawn again with replacement, and the spread of a figure is its interval.

A figure is a function of weights: how often each pattern of items was drawn. So a thousand resamples
are a few matrix products with sums that were made once.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from labeling.agreement.ratings import Floats, Whole

RESAMPLES = 1000
LEVEL = 0.95
MOST_UNDEFINED = 0.1  # share of resamples without variation above which there is no interval
AT_ONCE = 2_000_000  # weights held at a time
NO_OVERLAP = "no item has two labels"
NO_VARIATION = "not enough variation: all labels are the same"
NOTHING_MARKED = "nobody marked such words"
SAME_AGAIN = "every resample gives the same figure"
RARELY_DEFINED = "not enough variation: too many resamples have one label only"

Figure: TypeAlias = Callable[[Floats], Floats]  # (B, T) weights -> (B,) figures, NaN where undefined


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, or why there is none."""

    value: float | None
    n: int  # items it rests on
    low: float | None = None
    high: float | None = None
    seed: int | None = None  # of the resamples behind the interval
    reason: str = ""  # why the figure, or else its interval, is undefined
    undefined: int = 0  # resamples in which the figure was undefined; the interval leaves them out


def seed_of(*parts: object) -> int:
    """A seed that follows from what is measured: the same parts give the same seed, below 2^53."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:6], "big")


def resamples(of_item: Whole, patterns: int, seed: int, times: int = RESAMPLES) -> Iterator[Floats]:
    """Weights of the patterns in each resample, some resamples at a time.

    Args:
        of_item: (N,) the pattern of each item.
        patterns: T, how many patterns there are.

    Yields:
        (b, T) float64; each row adds up to N.
    """
    rng = np.random.default_rng(seed)
    n = len(of_item)
    rows = max(1, AT_ONCE // max(n, patterns, 1))
    for begin in range(0, times, rows):
        size = min(rows, times - begin)
        drawn = of_item[rng.integers(0, n, size=(size, n), dtype=np.int32)]
        drawn += patterns * np.arange(size)[:, None]
        counted = np.bincount(drawn.ravel(), minlength=size * patterns)
        yield counted.reshape(size, patterns).astype(float)


def estimates(
    figures: Mapping[str, Figure],
    of_item: Whole,
    patterns: int,
    *,
    n: int,
    seed: int,
    times: int = RESAMPLES,
    undefined: str = NO_VARIATION,
) -> dict[str, Estimate]:
    """Each figure with its percentile interval, all from the same resamples.

    Args:
        of_item: (N,) the pattern of each item.
        n: items that the figures rest on; with none there is nothing to estimate.
        undefined: why a figure is undefined where there are such items.
    """
    if n == 0:
        return {name: Estimate(None, 0, reason=NO_OVERLAP) for name in figures}
    whole = np.bincount(of_item, minlength=patterns).astype(float)[None, :]
    points = {name: float(figure(whole)[0]) for name, figure in figures.items()}
    defined = {name: figure for name, figure in figures.items() if not np.isnan(points[name])}
    drawn: dict[str, list[Floats]] = {name: [] for name in defined}
    if defined:
        for weights in resamples(of_item, patterns, seed, times):
            for name, figure in defined.items():
                drawn[name].append(figure(weights))
    return {
        name: _with_interval(points[name], np.concatenate(drawn[name]), n, seed)
        if name in defined
        else Estimate(None, n, reason=undefined)
        for name in figures
    }


def _with_interval(value: float, drawn: Floats, n: int, seed: int) -> Estimate:
    """The percentile interval of the resampled figures (Efron and Tibshirani 1993, section 13.3)."""
    known = drawn[~np.isnan(drawn)]
    missing = len(drawn) - len(known)
    if missing > MOST_UNDEFINED * len(drawn):
        return Estimate(value, n, seed=seed, reason=RARELY_DEFINED, undefined=missing)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if known.max() - known.min() < 1e-12:
        return Estimate(value, n, seed=seed, reason=SAME_AGAIN, undefined=missing)
    return Estimate(value, n, float(low), float(high), seed, undefined=missing)
