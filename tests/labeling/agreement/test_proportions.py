"""Wilson intervals and McNemar's exact test, by hand and by inverting the test they come from."""

import math
from fractions import Fraction

import pytest

from labeling.agreement.proportions import Share, mcnemar_exact, wilson
from labeling.queues.quality import Z95 as Z


def test_a_textbook_interval() -> None:
    # 15 of 148, in Newcombe (1998), table I, method 3: 0.0624 to 0.1605.
    found = wilson(15, 148)
    assert (found.value, found.count, found.n) == (pytest.approx(15 / 148), 15, 148)
    assert (found.low, found.high) == (pytest.approx(0.0624, abs=5e-5), pytest.approx(0.1605, abs=5e-5))


def test_none_and_all_keep_an_interval() -> None:
    # 0 of 20 in the same table: 0 to 0.1611. For 0 the upper end is z^2 / (n + z^2).
    none, all_ = wilson(0, 20), wilson(20, 20)
    assert (none.low, none.high) == (0, pytest.approx(Z * Z / (20 + Z * Z)))
    assert none.high == pytest.approx(0.1611, abs=5e-5)
    assert (all_.low, all_.high) == (pytest.approx(1 - 0.1611, abs=5e-5), 1)


def test_nothing_has_no_interval_and_nonsense_is_refused() -> None:
    assert wilson(0, 0) == Share(0, 0, None, None, None)
    with pytest.raises(ValueError, match="right of"):
        wilson(3, 2)


@pytest.mark.parametrize(("count", "n"), [(1, 3), (7, 20), (50, 51), (333, 1000)])
def test_the_ends_are_where_the_score_test_turns(count: int, n: int) -> None:
    found = wilson(count, n)
    assert found.low is not None
    assert found.high is not None
    for end in (found.low, found.high):
        assert abs(count / n - end) / math.sqrt(end * (1 - end) / n) == pytest.approx(Z, abs=1e-9)


def test_mcnemar_by_hand() -> None:
    # One went one way and six the other: 2 * (C(7,0) + C(7,1)) / 2^7 = 16/128.
    assert mcnemar_exact(1, 6) == mcnemar_exact(6, 1) == pytest.approx(0.125, abs=1e-12)
    assert mcnemar_exact(0, 5) == pytest.approx(0.0625, abs=1e-12)
    assert mcnemar_exact(4, 4) == 1
    assert mcnemar_exact(0, 0) is None


def test_mcnemar_of_many_is_the_binomial_tail() -> None:
    tail = sum(Fraction(math.comb(3000, k), 2**3000) for k in range(1451))
    assert mcnemar_exact(1450, 1550) == pytest.approx(float(2 * tail), rel=1e-9)
