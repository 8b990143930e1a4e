"""Shares of few with their uncertainty: worked by hand, and against the definition itself."""

from math import sqrt

import pytest

from labeling.queues.quality import Z95, Accuracy, passes, wilson


def test_eight_of_ten_by_hand() -> None:
    # z² = 3.841459; centre (8 + 1.920729) / 13.841459 = 0.716740
    # half 1.959964 / 13.841459 * sqrt(8 * 2 / 10 + 0.960365) = 0.141601 * 1.600114 = 0.226578
    assert wilson(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)


def test_none_and_all_of_five_by_hand() -> None:
    # none: from 0 to z² / (n + z²) = 3.841459 / 8.841459 = 0.434482; all is its mirror
    assert wilson(0, 5) == pytest.approx((0.0, 0.434482), abs=1e-6)
    assert wilson(5, 5) == pytest.approx((0.565518, 1.0), abs=1e-6)


@pytest.mark.parametrize("of", [1, 2, 7, 30, 400])
def test_the_bounds_are_the_shares_that_are_z_errors_away(of: int) -> None:
    for right in range(of + 1):
        found = wilson(right, of)
        assert found is not None
        for bound, sign in zip(found, (1, -1), strict=True):
            if 0 < bound < 1:
                error = sqrt(bound * (1 - bound) / of)
                assert (right / of - bound) / error == pytest.approx(sign * Z95, abs=1e-9)
        assert 0 <= found[0] <= right / of <= found[1] <= 1


def test_without_any_nothing_is_known_and_nobody_is_below() -> None:
    assert wilson(0, 0) is None
    assert Accuracy(0, 0).share is None
    assert not Accuracy(0, 0).is_below(1.0)


def test_more_right_than_there_were_is_refused() -> None:
    with pytest.raises(ValueError, match="3 right of 2"):
        wilson(3, 2)


def test_below_the_bar_needs_the_upper_bound_to_be() -> None:
    assert not Accuracy(0, 2).is_below(0.6)  # upper bound 0.658
    assert Accuracy(0, 3).is_below(0.6)  # 0.562
    assert not Accuracy(3, 10).is_below(0.6)  # 0.603
    assert Accuracy(3, 11).is_below(0.6)  # 0.566


def test_a_training_is_passed_by_whole_numbers() -> None:
    assert passes(Accuracy(4, 5), 80)
    assert not passes(Accuracy(3, 5), 80)
    assert passes(Accuracy(0, 0), 80)
