"""Intervals of shares and differences: published values, and what happens at the edges."""

import pytest

from labeling.validity.prevalence.intervals import (
    Interval,
    difference,
    in_labels,
    normal_quantile,
    t_quantile,
    wilson,
)
from labeling.validity.prevalence.rogan_gladen import corrected


@pytest.mark.parametrize(
    ("freedom", "published"),  # Student's t at 0.975, as tables have it
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (5, 2.5706), (10, 2.2281), (30, 2.0423), (1000, 1.9623)],
)
def test_students_t(freedom: int, published: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(published, abs=0.004)
    assert t_quantile(0.025, freedom) == pytest.approx(-published, abs=0.004)
    with pytest.raises(ValueError, match="degree"):
        t_quantile(0.975, 0)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),  # Newcombe (1998), "Two-sided confidence intervals", table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson(count: int, n: int, low: float, high: float) -> None:
    found = wilson(count / n, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))
    turned = wilson(1 - count / n, n)
    assert turned.low == pytest.approx(1 - found.high)


def test_it_is_never_of_no_width_and_keeps_the_rule_of_three() -> None:
    for n in (1, 0.4, 20, 300.5):
        assert wilson(0.0, n).low == 0
        assert wilson(1.0, n).high == 1
        assert wilson(0.0, n).width == pytest.approx(wilson(1.0, n).width)
    for n in (30, 100, 1000):
        assert 3 / n < wilson(0.0, n).high < 4 / n
    with pytest.raises(ValueError, match="share"):
        wilson(0.5, 0)
    assert in_labels(100, 10) < in_labels(100, 1000) < 100


@pytest.mark.parametrize(
    ("a", "of_a", "b", "of_b", "low", "high"),  # Newcombe (1998), "Interval estimation for the difference", method 10
    [
        (56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926), (0, 10, 0, 20, -0.1611, 0.2775), (10, 10, 0, 10, 0.6075, 1.0),
    ],
)  # fmt: skip
def test_differences(a: int, of_a: int, b: int, of_b: int, low: float, high: float) -> None:
    first, second = wilson(a / of_a, of_a), wilson(b / of_b, of_b)
    found = difference(a / of_a, first, b / of_b, second)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))
    tied = difference(a / of_a, first, b / of_b, second, 0.5)
    assert tied.width <= found.width


def test_rogan_and_gladen_by_hand() -> None:
    # 40% positive of 200; right on 90 of 100 of one kind and 80 of 100 of the other:
    # (0.4 + 0.8 - 1) / 0.7. With pseudo-counts p' = 81.9207/203.8415, se' = 91/102, sp' = 81/102; divisor 0.686275;
    # middle 0.285604 - 0.006728; half width 1.959964 * sqrt(0.00207419) / 0.686275 = 0.130069.
    found = corrected(0.4, 200, 0.9, 100, 0.8, 100)
    assert found.value == pytest.approx(0.2 / 0.7)
    assert found.youden == pytest.approx(0.7)
    assert found.interval == Interval(pytest.approx(0.148807, abs=2e-6), pytest.approx(0.408945, abs=2e-6))
    known = corrected(0.4, None, 0.9, 100, 0.8, 100)
    assert known.interval is not None
    assert known.interval.width < found.interval.width


def test_a_judge_that_tells_little_apart_is_not_corrected() -> None:
    refused = corrected(0.4, 200, 0.6, 100, 0.59, 100)
    assert (refused.value, refused.interval) == (None, None)
    assert "0.19, below 0.2" in refused.reason
    assert "−0.50" in corrected(0.4, 200, 0.2, 100, 0.3, 100).reason
    assert corrected(0.4, 200, 0.6, 100, 0.6, 100).value == pytest.approx(0.0)
    below = corrected(0.01, 500, 0.9, 50, 0.9, 50)
    assert below.value == 0
    assert below.interval is not None
    assert below.interval.low == 0 < below.interval.high
    assert normal_quantile(0.975) == pytest.approx(1.959964, abs=1e-6)
