"""Many tokens' values made into one, and which token to look at first.

Undefined is None: where no token counts nothing is known, and 0 would be an answer.
"""

import numpy as np
import numpy.typing as npt

MEAN, MAX, ROLLING_MAX = "mean", "max", "rolling_max"
AGGREGATIONS = {
    MEAN: "mean over the counted tokens",
    MAX: "greatest of the counted tokens",
    ROLLING_MAX: "greatest mean of a run of counted tokens",
}

Floats = npt.NDArray[np.float64]


def aggregate(values: npt.ArrayLike, counted: npt.ArrayLike, how: str, window: int = 1) -> float | None:
    """One value of the counted tokens.

    Args:
        values: [n]; those that count are finite.
        counted: [n], which of them count.
        how: a key of AGGREGATIONS.
        window: tokens in a run, for `rolling_max`.

    Returns:
        None where no token counts. `rolling_max` runs over the counted tokens in their order, as if the others
        were not there; with fewer than `window` of them it is the mean of all.

    Raises:
        ValueError: unequal lengths, a counted value that is not finite, a window below 1, or no such way.
    """
    some, _ = _counted(values, counted)
    if how not in AGGREGATIONS:
        raise ValueError(f"there is no aggregation {how}")
    if len(some) == 0:
        return None
    if how == MEAN:
        return float(some.mean())
    if how == MAX:
        return float(some.max())
    return float(_rolling_means(some, window).max())


def peak(values: npt.ArrayLike, counted: npt.ArrayLike, how: str, window: int = 1) -> int | None:
    """The index, in `values`, of the token to look at first; None where no token counts.

    The greatest of the counted ones, and for `rolling_max` the greatest within the strongest run; the first of
    several equal ones.

    Raises:
        ValueError: see `aggregate`.
    """
    some, where = _counted(values, counted)
    if len(some) == 0:
        return None
    if how != ROLLING_MAX:
        return int(where[int(some.argmax())])
    first = int(_rolling_means(some, window).argmax())
    return int(where[first + int(some[first : first + window].argmax())])


def _counted(values: npt.ArrayLike, counted: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.intp]]:
    exact = np.asarray(values, dtype=np.float64)
    flags = np.asarray(counted, dtype=bool)
    if exact.ndim != 1 or exact.shape != flags.shape:
        raise ValueError("values and counted need one entry for each token")
    where = np.flatnonzero(flags)
    some = exact[where]
    if not np.isfinite(some).all():
        raise ValueError("a counted token's value is not finite")
    return some, where


def _rolling_means(some: Floats, window: int) -> Floats:
    """The mean of each run of `window` values, [n - window + 1]; of all where there are fewer."""
    if window < 1:
        raise ValueError("a run has at least one token")
    means: Floats = np.lib.stride_tricks.sliding_window_view(some, min(window, len(some))).mean(axis=1)
    return means
