"""Rates with exact intervals: by hand, against the binomial itself, and at the edges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.interp.rates import fired_of, is_alarming, rate_of, threshold_at


def _tail(k: int, n: int, p: float) -> float:
    """P(at least k of n), summed term by term."""
    return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def _by_bisection(k: int, n: int, confidence: float) -> tuple[float, float]:
    """The interval from the binomial sums alone."""
    tail = (1 - confidence) / 2

    def solve(below: bool) -> float:
        lo, hi = 0.0, 1.0
        for _ in range(100):
            p = (lo + hi) / 2
            rising = _tail(k, n, p) < tail if below else 1 - _tail(k + 1, n, p) > tail
            lo, hi = (p, hi) if rising else (lo, p)
        return (lo + hi) / 2

    return (0.0 if k == 0 else solve(True), 1.0 if k == n else solve(False))


def test_by_hand() -> None:
    # none of 20: low 0, high 1 - 0.025^(1/20); all of 20 mirrors it
    none = rate_of(0, 20)
    assert (none.low, none.value) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20), abs=1e-12)
    every = rate_of(20, 20)
    assert every.high == 1.0
    assert every.low == pytest.approx(0.025 ** (1 / 20), abs=1e-12)
    # one of two: the tails are 1 - (1 - p)^2 and p^2
    half = rate_of(1, 2)
    assert half.low == pytest.approx(1 - math.sqrt(0.975), abs=1e-12)
    assert half.high == pytest.approx(math.sqrt(0.975), abs=1e-12)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_equals_the_binomial_itself(counts: tuple[int, int], confidence: float) -> None:
    found = rate_of(*counts, confidence)
    low, high = _by_bisection(*counts, confidence)
    assert found.low == pytest.approx(low, abs=1e-9)
    assert found.high == pytest.approx(high, abs=1e-9)
    assert found.value is not None
    assert low <= found.value <= high


def test_large_counts() -> None:
    found = rate_of(9, 400)
    low, high = _by_bisection(9, 400, 0.95)
    assert found.low == pytest.approx(low, abs=1e-10)
    assert found.high == pytest.approx(high, abs=1e-10)
    many = rate_of(99, 9994)  # near enough to normal: 0.9906% and twice its standard error of 0.0991%
    assert many.low == pytest.approx(0.00806, abs=5e-5)
    assert many.high == pytest.approx(0.01205, abs=5e-5)


def test_of_nothing_there_is_no_rate() -> None:
    none = rate_of(0, 0)
    assert (none.value, none.low, none.high) == (None, None, None)
    assert fired_of([None, None], 0.5) == none
    assert threshold_at([], 0.01) is None
    assert threshold_at([None], 0.01) is None
    for wrong in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="from 0 to n"):
            rate_of(*wrong)


def test_at_or_above_fires_and_no_value_is_not_counted() -> None:
    assert (fired_of([0.5, 0.4, None, 0.6], 0.5).fired, fired_of([0.5, 0.4, None, 0.6], 0.5).n) == (2, 3)


def test_thresholds_for_a_rate() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    assert threshold_at(values, 0.25) == 4.0
    assert threshold_at(values, 0.5) == 3.0
    assert threshold_at(values, 1.0) == 1.0
    above = threshold_at(values, 0.24)  # not one of four may fire
    assert above is not None
    assert 4.0 < above < 4.0000001
    assert threshold_at([1.0, 3.0, 3.0, 3.0], 0.5) == math.nextafter(
        3.0, math.inf
    )  # equal values fire together
    assert threshold_at([1.0, 3.0, 3.0, 3.0], 0.75) == 3.0
    with pytest.raises(ValueError, match="0 to 1"):
        threshold_at(values, 1.5)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=50), st.floats(0, 1))
def test_a_threshold_keeps_its_promise(values: list[float], wanted: float) -> None:
    found = threshold_at(values, wanted)
    assert found is not None
    fired = sum(value >= found for value in values)
    assert fired <= wanted * len(values) + 1e-6
    lower = [value for value in values if value < found]
    if lower:  # any lower threshold lets more through than wanted
        assert sum(value >= max(lower) for value in values) > wanted * len(values) - 1e-6


def test_what_is_alarming() -> None:
    control = rate_of(1, 100)
    assert is_alarming(rate_of(2, 20), control, 0.01)
    assert not is_alarming(rate_of(1, 20), control, 0.01)  # exactly five times
    assert is_alarming(rate_of(20, 20), control, None)
    assert not is_alarming(rate_of(0, 0), control, 0.01)
    silent = rate_of(0, 40)  # its high end is 8.8%
    assert not is_alarming(rate_of(1, 20), silent, None)
    assert is_alarming(rate_of(12, 20), silent, None)
