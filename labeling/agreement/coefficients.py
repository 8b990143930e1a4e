"""Coefficients of agreement as functions of item weights.

Each function here makes sums per pattern of items once and gives back a `Figure`: from (B, T) weights
to (B,) values. Missing ratings are allowed everywhere. An undefined figure is NaN: chance-corrected
ones where only one category occurs (all labels the same: there is no variation that chance could
explain), all of them where no item has two ratings.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from labeling.agreement.ratings import Floats, Patterns, Ratings
from labeling.agreement.resampling import Figure

Expected: TypeAlias = Callable[[Floats, Floats], Floats]  # (B,) n and (B, K) totals -> (B,)

TINY = 1e-12  # below this share of its terms a difference of sums is rounding


def percent(found: Patterns) -> Figure:
    """The share of pairs of reviewers who say the same, averaged over items with two ratings or more.

    Source: Fleiss (1971), the mean of P_i; with two reviewers the share of items they agree on.
    """
    alike, compared = _alike(found), found.compared

    def figure(weights: Floats) -> Floats:
        return over(weights @ alike, weights @ compared)

    return figure


def fleiss_kappa(found: Patterns) -> Figure:
    """Agreement beyond what independent reviewers of these common habits would reach.

    With as many ratings for every item this is Fleiss (1971). Where some are missing, an item counts
    with the shares of its own ratings, and items rated once inform the habits only: Gwet (2014),
    "Handbook of Inter-Rater Reliability", 4th edition, section 2.5 and 5.3.
    """
    alike, compared, shares, rated = _alike(found), found.compared, _shares(found), np.ones(len(found.codes))

    def figure(weights: Floats) -> Floats:
        habits = (weights @ shares) / (weights @ rated)[:, None]
        by_chance = (habits**2).sum(axis=1)
        varied = (habits > 0).sum(axis=1) > 1
        observed = over(weights @ alike, weights @ compared)
        return _where(varied, over(observed - by_chance, 1 - by_chance))

    return figure


def gwet_ac1(found: Patterns) -> Figure:
    """Agreement beyond chance where chance is only expected of items that are hard to tell.

    The number of categories is that of the scale, used or not. Source: Gwet (2008); with missing
    ratings Gwet (2014), section 5.3.
    """
    alike, compared, shares, rated = _alike(found), found.compared, _shares(found), np.ones(len(found.codes))
    categories = found.counts.shape[1]

    def figure(weights: Floats) -> Floats:
        habits = (weights @ shares) / (weights @ rated)[:, None]
        varied = (habits > 0).sum(axis=1) > 1
        by_chance = (1 - (habits**2).sum(axis=1)) / max(1, categories - 1)
        observed = over(weights @ alike, weights @ compared)
        return _where(varied, over(observed - by_chance, 1 - by_chance))

    return figure


def nominal_alpha(found: Patterns) -> Figure:
    """Krippendorff's alpha: any two different codes are equally far apart.

    1 - (n - 1) sum_u d_u / sum_ck n_c n_k [c != k], with d_u the ordered pairs of unlike values in
    unit u over (m_u - 1). Units with one value are left out. Source: Krippendorff (2011), "Computing
    Krippendorff's Alpha-Reliability".
    """
    counts = found.counts * found.compared[:, None]
    unlike = _per_pair(found, found.raters**2 - (found.counts**2).sum(axis=1))

    return alpha_of(counts, unlike, unlike_by_chance)


def distance_alpha(found: Patterns, distances: Floats) -> Figure:
    """Krippendorff's alpha by a table of distances between codes, which stand for delta squared.

    Args:
        distances: (K, K), symmetric, zero on the diagonal; MASI distances for sets (Passonneau 2006).
    """
    counts = found.counts * found.compared[:, None]
    unlike = _per_pair(found, ((found.counts @ distances) * found.counts).sum(axis=1))

    def expected(n: Floats, totals: Floats) -> Floats:
        apart: Floats = ((totals @ distances) * totals).sum(axis=1)
        return apart

    return alpha_of(counts, unlike, expected)


def interval_alpha(found: Patterns, values: Floats) -> Figure:
    """Krippendorff's alpha for numbers: codes are as far apart as their squared difference.

    Needs sums alone, so any number of different values will do.

    Args:
        values: (K,) the number behind each code.
    """
    centred = values - values.mean() if len(values) else values
    first, second = found.counts @ centred, found.counts @ centred**2
    unlike = _per_pair(found, 2 * (found.raters * second - first**2))
    sums = np.column_stack([found.raters, first, second]) * found.compared[:, None]

    def figure(weights: Floats) -> Floats:
        n, one, two = (weights @ sums).T
        spread = n * two - one**2
        varied = spread > TINY * n * two
        return _where(varied, 1 - over((n - 1) * (weights @ unlike), 2 * spread))

    return figure


def ordinal_alpha(found: Patterns) -> Figure:
    """Krippendorff's alpha for steps of a ladder, in the order of their codes.

    Two steps are as far apart as the values between them, half of their own included, squared. That is
    the squared difference of their mid-ranks, which each resample has anew.
    """
    counts = found.counts * found.compared[:, None]
    raters, pairs = found.raters, np.maximum(found.raters - 1, 1)

    def figure(weights: Floats) -> Floats:
        totals = weights @ counts
        n = totals.sum(axis=1)
        ranks = (np.cumsum(totals, axis=1) - totals / 2) / np.maximum(n, 1)[:, None] - 0.5
        first, second = ranks @ counts.T, ranks**2 @ counts.T
        unlike = (weights * (2 * (raters * second - first**2) / pairs)).sum(axis=1)
        one, two = (totals * ranks).sum(axis=1), (totals * ranks**2).sum(axis=1)
        varied = (totals > 0).sum(axis=1) > 1
        return _where(varied, 1 - over((n - 1) * unlike, 2 * (n * two - one**2)))

    return figure


def cohen_kappa(pair: Ratings) -> tuple[Figure, Patterns]:
    """Agreement of two reviewers beyond what their own habits would give, and the patterns it weighs.

    Args:
        pair: two columns without missing ratings, see `Ratings.pair`.

    Source: Cohen (1960).
    """
    cells, of_item = np.unique(pair.codes, axis=0, return_inverse=True)
    hot = np.eye(pair.categories)
    rows, columns = hot[cells[:, 0]], hot[cells[:, 1]]
    same = (cells[:, 0] == cells[:, 1]).astype(float)
    found = Patterns(cells, rows + columns, of_item.reshape(-1).astype(np.int64))

    def figure(weights: Floats) -> Floats:
        n = weights.sum(axis=1)
        by_chance = ((weights @ rows) * (weights @ columns)).sum(axis=1)
        return _where(by_chance < n**2, over(n * (weights @ same) - by_chance, n**2 - by_chance))

    return figure, found


def alpha_of(counts: Floats, unlike: Floats, expected: Expected) -> Figure:
    """Alpha from sums per unit.

    Args:
        counts: (T, K) values of each code that can be paired.
        unlike: (T,) distances over ordered pairs of values, over (m - 1).
        expected: the same over ordered pairs of all values, from their number and totals.
    """

    def figure(weights: Floats) -> Floats:
        totals = weights @ counts
        n = totals.sum(axis=1)
        varied = (totals > 0).sum(axis=1) > 1
        return _where(varied, 1 - over((n - 1) * (weights @ unlike), expected(n, totals)))

    return figure


def unlike_by_chance(n: Floats, totals: Floats) -> Floats:
    """Ordered pairs of unlike values among all: what nominal alpha expects."""
    pairs: Floats = n**2 - (totals**2).sum(axis=1)
    return pairs


def _alike(found: Patterns) -> Floats:
    """(T,) the share of pairs of ratings that are equal; 0 where there is no pair."""
    m = found.raters
    return np.where(m >= 2, ((found.counts**2).sum(axis=1) - m) / np.maximum(m * (m - 1), 1), 0.0)


def _shares(found: Patterns) -> Floats:
    """(T, K) each code's share of the pattern's ratings."""
    return found.counts / np.maximum(found.raters, 1)[:, None]


def _per_pair(found: Patterns, ordered: Floats) -> Floats:
    """Sums over ordered pairs of values as a unit contributes them; nothing from units of one value."""
    return found.compared * ordered / np.maximum(found.raters - 1, 1)


def over(above: Floats, below: Floats) -> Floats:
    """Division that gives NaN for 0 / 0 and for anything over 0."""
    ratio: Floats = np.divide(above, below, out=np.full_like(above, np.nan, dtype=float), where=below != 0)
    return ratio


def _where(defined: NDArray[np.bool_], values: Floats) -> Floats:
    return np.where(defined, values, np.nan)
