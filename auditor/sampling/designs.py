"""Which transcripts to read, drawn so that each one's chance of being drawn is known.

Every design samples without replacement within its strata, with equal chances there, so an item's
inclusion probability is n_h / N_h of its stratum. Every member of the frame has a chance above
zero: rates found among the drawn can be carried back to the frame by weighting with 1 / probability.

A draw depends on the set of ids, the values and the seed alone, never on the order in which the
ids came. Only `Generator.random` is asked of the generator, whose stream numpy keeps stable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int64]
Allocation: TypeAlias = Literal["equal", "proportional"]

MISSING = "no value"


@dataclass(frozen=True, slots=True)
class Stratum:
    """One part of the frame: values above `lo` up to and with `hi`; the first one includes `lo`."""

    name: str
    lo: float | None  # None: no bound, or no value
    hi: float | None
    size: int  # N_h, members in the frame
    drawn: int  # n_h


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn, as parallel tuples in the order of review."""

    ids: tuple[int, ...]
    order: tuple[int, ...]  # 0, 1, 2, ...: place in the review
    stratum: tuple[int, ...]  # index into `strata`
    probability: tuple[float, ...]  # of inclusion, in (0, 1]
    strata: tuple[Stratum, ...]

    def __len__(self) -> int:
        return len(self.ids)


def uniform(ids: Sequence[int], n: int, seed: int) -> Draw:
    """Draw n of the frame, each with the same chance.

    Args:
        ids: (N,) distinct ids of the frame, in any order.
        n: how many; more than N draws all of them with probability 1.
        seed: non-negative; equal frames and seeds give equal draws.

    Raises:
        ValueError: n below 1, a negative seed, or an id given twice.

    Source: simple random sampling without replacement by random keys; see Tille (2006),
    "Sampling Algorithms", chapter 4.
    """
    frame, _ = _sorted_frame(ids, np.zeros(len(ids)), n)
    whole = Stratum("all", None, None, len(frame), min(n, len(frame)))
    return _draw(frame, np.zeros(len(frame), dtype=np.int64), [whole], seed)


def stratified(
    ids: Sequence[int],
    values: ArrayLike,
    n: int,
    seed: int,
    *,
    bins: int | None = None,
    edges: Sequence[float] | None = None,
    allocation: Allocation = "equal",
) -> Draw:
    """Draw n of the frame, so many from each stratum of a value.

    Args:
        ids: (N,) distinct ids of the frame, in any order.
        values: (N,) float, parallel to `ids`; NaN means no value, which is a stratum of its own.
        n: how many; more than N draws all of them with probability 1.
        seed: non-negative; equal frames, values and seeds give equal draws.
        bins: quantile strata (4 unless told); tied quantiles are merged, so there may be fewer.
        edges: cut points instead of bins, rising; a value on a cut belongs below it.
        allocation: "equal" gives each stratum the same number, small ones all they have and the
            rest what is left; "proportional" follows the sizes, with at least one of each.

    Raises:
        ValueError: lengths differ, a value is infinite, n is below 1 or below the number of
            strata with members (one of them could never be drawn), bins and edges are both
            given, bins below 1, edges do not rise, an id is given twice, or an unknown allocation.

    Source: Cochran (1977), "Sampling Techniques", chapter 5; largest remainders for the
    proportional numbers.
    """
    if bins is not None and edges is not None:
        raise ValueError("give bins or edges, not both")
    frame, sorted_values = _sorted_frame(ids, values, n)
    if np.isinf(sorted_values).any():
        raise ValueError("a value is infinite")
    missing = np.isnan(sorted_values)
    present = sorted_values[~missing]
    cuts = _quantile_cuts(present, 4 if bins is None else bins) if edges is None else _given_cuts(edges)
    bounds = _bounds(cuts, present, observed=edges is None)
    member = np.searchsorted(cuts, sorted_values, side="left").astype(np.int64)
    member[missing] = len(bounds)  # a stratum of their own, behind the others
    if missing.any():
        bounds.append((MISSING, None, None))
    sizes = np.bincount(member, minlength=len(bounds))[: len(bounds)]
    drawn = allocate(sizes.tolist(), min(n, len(frame)), allocation)
    strata = [
        Stratum(name, lo, hi, size, take)
        for (name, lo, hi), size, take in zip(bounds, sizes.tolist(), drawn, strict=True)
    ]
    return _draw(frame, member, strata, seed)


def allocate(sizes: Sequence[int], n: int, allocation: Allocation) -> list[int]:
    """How many of each stratum: sums to n, never above a size, at least one where there are members.

    Args:
        sizes: (H,) members of each stratum.
        n: at most their sum.

    Raises:
        ValueError: n is above the sum or below the number of strata with members.
    """
    filled = sum(size > 0 for size in sizes)
    if n > sum(sizes):
        raise ValueError(f"{n} cannot be drawn of {sum(sizes)}")
    if n < filled:
        raise ValueError(f"{n} are fewer than the {filled} strata: some could never be drawn")
    if allocation == "equal":
        return _fill_equally(sizes, n)
    if allocation == "proportional":
        return _fill_proportionally(sizes, n)
    raise ValueError(f"unknown allocation: {allocation}")


def spread(values: ArrayLike) -> Floats:
    """How far the channels disagree about each item: the population standard deviation.

    Args:
        values: (items, channels) float; NaN means that the channel says nothing of the item.

    Returns:
        (items,) float64, in the channels' unit; NaN where fewer than two channels speak.

    Raises:
        ValueError: `values` is not two-dimensional, or holds an infinite value.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"expected (items, channels), found {table.ndim} dimensions")
    if np.isinf(table).any():
        raise ValueError("a value is infinite")
    speaks = ~np.isnan(table)
    count = speaks.sum(axis=1)
    at_least_one = np.maximum(count, 1)
    mean = np.where(speaks, table, 0.0).sum(axis=1) / at_least_one
    squares = np.where(speaks, table - mean[:, None], 0.0) ** 2
    deviation = np.sqrt(squares.sum(axis=1) / at_least_one)
    return np.where(count >= 2, deviation, np.nan)


def _sorted_frame(ids: Sequence[int], values: ArrayLike, n: int) -> tuple[Whole, Floats]:
    if n < 1:
        raise ValueError("draw at least one")
    frame = np.asarray(ids, dtype=np.int64)
    numbers = np.asarray(values, dtype=np.float64)
    if frame.ndim != 1 or numbers.shape != frame.shape:
        raise ValueError(f"ids and values differ in shape: {frame.shape} and {numbers.shape}")
    rising = np.argsort(frame, kind="stable")
    frame, numbers = frame[rising], numbers[rising]
    if (frame[1:] == frame[:-1]).any():
        raise ValueError("an id is given twice")
    return frame, numbers


def _draw(frame: Whole, member: Whole, strata: Sequence[Stratum], seed: int) -> Draw:
    """The `drawn` members of each stratum with the smallest random keys, then shuffled for review."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    keys = generator.random(len(frame))
    chosen: list[int] = []
    for index, stratum in enumerate(strata):
        places = np.flatnonzero(member == index)
        chosen.extend(places[np.argsort(keys[places], kind="stable")][: stratum.drawn].tolist())
    # Fresh keys, so that the order of review tells nothing of strata or of how narrowly one was drawn.
    picked = np.sort(np.array(chosen, dtype=np.int64))
    shuffled = picked[np.argsort(generator.random(len(picked)), kind="stable")]
    of = member[shuffled].tolist()
    return Draw(
        ids=tuple(frame[shuffled].tolist()),
        order=tuple(range(len(shuffled))),
        stratum=tuple(of),
        probability=tuple(strata[index].drawn / strata[index].size for index in of),
        strata=tuple(strata),
    )


def _quantile_cuts(present: Floats, bins: int) -> Floats:
    """Inner cut points at values that occur, tied ones merged; none above which nothing lies."""
    if bins < 1:
        raise ValueError("at least one bin")
    if not len(present):
        return np.array([], dtype=np.float64)
    steps = np.arange(1, bins) / bins
    cuts = np.unique(np.quantile(present, steps, method="inverted_cdf"))
    below: Floats = cuts[cuts < present.max()]
    return below


def _given_cuts(edges: Sequence[float]) -> Floats:
    cuts = np.asarray(edges, dtype=np.float64)
    if cuts.ndim != 1 or not np.isfinite(cuts).all() or (cuts[1:] <= cuts[:-1]).any():
        raise ValueError("edges must be finite and rise")
    return cuts


def _bounds(cuts: Floats, present: Floats, *, observed: bool) -> list[tuple[str, float | None, float | None]]:
    """Name, lower and upper bound of each stratum; quantile strata end at what was observed."""
    if observed and not len(present):
        return []
    ends = (float(present.min()), float(present.max())) if observed else (None, None)
    inner = cuts.tolist()
    bounds: list[tuple[str, float | None, float | None]] = []
    for lo, hi in zip([ends[0], *inner], [*inner, ends[1]], strict=True):
        if lo is None:
            name = "all values" if hi is None else f"up to {hi:g}"
        elif hi is None:
            name = f"above {lo:g}"
        else:
            name = f"{lo:g} to {hi:g}"
        bounds.append((name, lo, hi))
    return bounds


def _fill_equally(sizes: Sequence[int], n: int) -> list[int]:
    """Water filling: raise all levels together, small strata are full early and drop out."""
    drawn = [0] * len(sizes)
    thirsty = [index for index, size in enumerate(sizes) if size]
    left = n
    while thirsty:
        share = left // len(thirsty)
        full = [index for index in thirsty if sizes[index] <= share]
        if not full:
            # One more each for the largest, since every stratum still here has room above the share.
            largest = sorted(thirsty, key=lambda index: (-sizes[index], index))
            for rank, index in enumerate(largest):
                drawn[index] = share + (rank < left - share * len(thirsty))
            break
        for index in full:
            drawn[index] = sizes[index]
            left -= sizes[index]
            thirsty.remove(index)
    return drawn


def _fill_proportionally(sizes: Sequence[int], n: int) -> list[int]:
    """Largest remainders, but no stratum with members goes empty-handed."""
    total = sum(sizes)
    if not total:
        return [0] * len(sizes)
    # Whole-number arithmetic: quota = n * size / total, remainders compared without rounding.
    drawn = [max(1, n * size // total) if size else 0 for size in sizes]
    over = [n * size - take * total for size, take in zip(sizes, drawn, strict=True)]  # owed, times total
    while (missing := n - sum(drawn)) != 0:
        step = 1 if missing > 0 else -1
        open_ = [i for i, size in enumerate(sizes) if (drawn[i] < size if step > 0 else drawn[i] > 1)]
        index = max(open_, key=lambda i: (step * over[i], sizes[i], -i))
        drawn[index] += step
        over[index] -= step * total
    return drawn
