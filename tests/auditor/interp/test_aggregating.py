"""Tokens into one value: against plain Python, by hand, and at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.interp.aggregating import AGGREGATIONS, aggregate, peak

VALUES = [1.0, -2.0, 9.0, 4.0, 5.0, 0.0]
COUNTED = [True, True, False, True, True, True]  # 1, -2, 4, 5, 0


def test_by_hand() -> None:
    assert aggregate(VALUES, COUNTED, "mean") == pytest.approx(8 / 5)
    assert aggregate(VALUES, COUNTED, "max") == 5.0
    assert aggregate(VALUES, COUNTED, "rolling_max", 2) == 4.5  # 4 and 5; the 9 between does not count
    assert aggregate(VALUES, COUNTED, "rolling_max", 3) == 3.0  # 4, 5, 0
    assert [peak(VALUES, COUNTED, how, 3) for how in AGGREGATIONS] == [4, 4, 4]


def test_a_run_may_peak_elsewhere_than_the_maximum() -> None:
    values, counted = [10.0, -10.0, 4.0, 5.0, 4.0], [True] * 5
    assert peak(values, counted, "max") == 0
    assert peak(values, counted, "rolling_max", 3) == 3
    assert aggregate(values, counted, "rolling_max", 3) == pytest.approx(13 / 3)


@pytest.mark.parametrize("how", AGGREGATIONS)
def test_where_no_token_counts_nothing_is_known(how: str) -> None:
    assert aggregate([3.0, 4.0], [False, False], how, 2) is None
    assert peak([3.0, 4.0], [False, False], how, 2) is None
    assert aggregate([], [], how, 2) is None


def test_fewer_tokens_than_the_window_are_all_in_it() -> None:
    assert aggregate([2.0, 4.0], [True, True], "rolling_max", 16) == 3.0
    assert peak([2.0, 4.0], [True, True], "rolling_max", 16) == 1


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="one entry for each token"):
        aggregate([1.0], [True, False], "max")
    with pytest.raises(ValueError, match="not finite"):
        aggregate([1.0, math.nan], [True, True], "mean")
    with pytest.raises(ValueError, match="at least one token"):
        aggregate([1.0], [True], "rolling_max", 0)
    with pytest.raises(ValueError, match="no aggregation"):
        aggregate([1.0], [True], "median")
    assert aggregate([1.0, math.nan], [True, False], "mean") == 1.0  # it does not count


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 20),
)
def test_equals_plain_python(tokens: list[tuple[float, bool]], window: int) -> None:
    values, counted = [v for v, _ in tokens], [c for _, c in tokens]
    some = [v for v, c in tokens if c]
    if not some:
        return
    width = min(window, len(some))
    runs = [math.fsum(some[i : i + width]) / width for i in range(len(some) - width + 1)]
    assert aggregate(values, counted, "mean") == pytest.approx(math.fsum(some) / len(some), abs=1e-6)
    assert aggregate(values, counted, "max") == max(some)
    assert aggregate(values, counted, "rolling_max", window) == pytest.approx(max(runs), abs=1e-6)
    at = peak(np.array(values), np.array(counted), "max")
    assert at is not None
    assert counted[at]
    assert values[at] == max(some)
