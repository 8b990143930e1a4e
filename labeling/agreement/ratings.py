"""Who said what of which item, as arrays; no Django here."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int64]

MISSING = -1


@dataclass(frozen=True)
class Ratings:
    """Codes given to items by reviewers.

    Attributes:
        codes: (N, R) int64, one row an item and one column a reviewer; -1 means "not rated".
        categories: how many codes there are, whether or not they occur.
    """

    codes: Whole
    categories: int

    def __post_init__(self) -> None:
        if self.codes.ndim != 2:
            raise ValueError("codes must have two dimensions: items, reviewers")
        if self.codes.size and not (self.codes.min() >= MISSING and self.codes.max() < self.categories):
            raise ValueError("a code lies outside the categories")

    @cached_property
    def patterns(self) -> "Patterns":
        """The items by what was said of them, whoever said it; unrated items are left out."""
        return patterns_of(self)

    def pair(self, first: int, second: int) -> "Ratings":
        """The items that both of two reviewers rated, in two columns."""
        two = self.codes[:, [first, second]]
        return Ratings(two[(two >= 0).all(axis=1)], self.categories)


@dataclass(frozen=True)
class Patterns:
    """Items that got the same codes, taken together: T patterns over N items.

    Attributes:
        codes: (T, M) int64, ascending in each row, -1 first where fewer than M rated.
        counts: (T, K) float64, how often each code occurs in the pattern.
        of_item: (N,) int64, the pattern of each rated item.
    """

    codes: Whole
    counts: Floats
    of_item: Whole

    @cached_property
    def raters(self) -> Floats:
        """(T,) how many rated an item of this pattern."""
        raters: Floats = self.counts.sum(axis=1)
        return raters

    @cached_property
    def times(self) -> Floats:
        """(T,) how many items have the pattern."""
        return np.bincount(self.of_item, minlength=len(self.codes)).astype(float)

    @cached_property
    def compared(self) -> Floats:
        """(T,) 1 where at least two rated, so that there is something to compare."""
        return (self.raters >= 2).astype(float)

    @property
    def n(self) -> int:
        """Items with at least two ratings."""
        return int(self.times @ self.compared)


def patterns_of(ratings: Ratings) -> Patterns:
    """Sorting each row makes items with the same codes equal rows."""
    rows = np.sort(ratings.codes, axis=1)
    rows = rows[(rows >= 0).any(axis=1)]
    if not len(rows):
        return Patterns(np.zeros((0, 0), np.int64), np.zeros((0, ratings.categories)), np.zeros(0, np.int64))
    most = int((rows >= 0).sum(axis=1).max())
    codes, of_item = np.unique(rows[:, rows.shape[1] - most :], axis=0, return_inverse=True)
    counts = np.zeros((len(codes), ratings.categories))
    row, column = np.nonzero(codes >= 0)
    np.add.at(counts, (row, codes[row, column]), 1.0)
    return Patterns(codes.astype(np.int64), counts, of_item.reshape(-1).astype(np.int64))


def table_of(
    said: Iterable[tuple[int, int, Hashable]], order: Sequence[Hashable] = ()
) -> tuple[Ratings, list[Hashable], list[int], list[int]]:
    """Ratings from (item, reviewer, value), the values behind the codes, the items and the reviewers.

    Args:
        order: values that get the first codes in this order, whether or not they occur; others follow
            in the order in which they come. Of two values for one place the later holds.
    """
    cells = {(item, reviewer): value for item, reviewer, value in said}
    items = sorted({item for item, _ in cells})
    reviewers = sorted({reviewer for _, reviewer in cells})
    row = {item: index for index, item in enumerate(items)}
    column = {reviewer: index for index, reviewer in enumerate(reviewers)}
    code: dict[Hashable, int] = {value: index for index, value in enumerate(order)}
    codes = np.full((len(items), len(reviewers)), MISSING, dtype=np.int64)
    for (item, reviewer), value in cells.items():
        codes[row[item], column[reviewer]] = code.setdefault(value, len(code))
    return Ratings(codes, max(1, len(code))), list(code), items, reviewers


def confusion(pair: Ratings) -> Whole:
    """How often the first said the row and the second the column; (K, K) int64, for two columns."""
    counts = np.zeros((pair.categories, pair.categories), np.int64)
    np.add.at(counts, (pair.codes[:, 0], pair.codes[:, 1]), 1)
    return counts


def numbers_of(values: Sequence[Hashable], heights: Mapping[Hashable, float] | None = None) -> Floats:
    """The values behind the codes as numbers: their own, or their heights on a ladder."""
    return np.array([float(heights[v] if heights else v) for v in values], dtype=float)  # type: ignore[arg-type]
