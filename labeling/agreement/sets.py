"""How far apart two sets of codes are: MASI, for questions with several answers."""

from collections.abc import Sequence

import numpy as np

from labeling.agreement.ratings import Floats

Codes = frozenset[str]


def masi_distance(one: Codes, other: Codes) -> float:
    """1 - Jaccard times monotonicity: 1 if equal, 2/3 if one holds the other, 1/3 if they overlap, else 0.

    Two empty sets are equal. Source: Passonneau (2006), "Measuring Agreement on Set-valued Items (MASI)
    for Semantic and Pragmatic Annotation".
    """
    if one == other:
        return 0.0
    both, either = len(one & other), len(one | other)
    if not both:
        return 1.0
    monotone = 2 / 3 if one <= other or other <= one else 1 / 3
    return 1 - both / either * monotone


def masi_distances(sets: Sequence[Codes]) -> Floats:
    """(K, K) distances between all of the sets.

    Made from one product of membership vectors, so that a thousand different sets take milliseconds.
    """
    names = {name: index for index, name in enumerate(sorted(set().union(*sets)))}
    member = np.zeros((len(sets), max(1, len(names))))
    for row, one in enumerate(sets):
        member[row, [names[name] for name in one]] = 1.0
    sizes = member.sum(axis=1)
    both = member @ member.T
    either = sizes[:, None] + sizes[None, :] - both
    smaller = np.minimum(sizes[:, None], sizes[None, :])
    monotone = np.where(both == smaller, 2 / 3, 1 / 3)
    distances = np.where(both > 0, 1 - both / np.maximum(either, 1) * monotone, 1.0)
    distances[both == either] = 0.0  # equal, two empty ones included
    return distances
