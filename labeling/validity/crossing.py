"""What a channel says against what is: a table of both, and Cohen's kappa; no Django here."""

from collections.abc import Hashable, Sequence

import numpy as np

from labeling.agreement.ratings import Floats, Whole


def kappas(tables: Floats) -> Floats:
    """Cohen's (1960) kappa of square tables, NaN where chance alone would agree wholly.

    Args:
        tables: (B, k, k) weights; rows: what one said, columns: what the other did, in one order.
    """
    total = tables.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = tables / total[:, None, None]
        agreed = np.trace(shares, axis1=1, axis2=2)
        chance = (shares.sum(axis=2) * shares.sum(axis=1)).sum(axis=1)
        return np.where(1 - chance > 1e-12, (agreed - chance) / (1 - chance), np.nan)


def tables_of(rows: Whole, columns: Whole, weights: Floats, categories: int) -> Floats:
    """Tables of two codings of the same units under many weights.

    Args:
        rows, columns: (n,) codes from 0.
        weights: (B, n).

    Returns:
        (B, k, k).
    """
    cell = rows * categories + columns
    found = np.zeros((len(weights), categories * categories))
    for one in np.unique(cell):
        found[:, one] = weights[:, cell == one].sum(axis=1)
    return found.reshape(-1, categories, categories)


def counted(said: Sequence[Hashable], was: Sequence[Hashable]) -> list[tuple[Hashable, Hashable, int]]:
    """How often each pair occurs; only cells that do, the commonest first."""
    counts: dict[tuple[Hashable, Hashable], int] = {}
    for pair in zip(said, was, strict=True):
        counts[pair] = counts.get(pair, 0) + 1
    return [(a, b, n) for (a, b), n in sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))]
