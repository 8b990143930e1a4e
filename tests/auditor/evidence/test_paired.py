"""Paired differences: worked by hand, checked by plain counting and by theory, and honest at the edges."""

import itertools
import math
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.evidence.contrast_plots import MOST_HIGH, WIDTH, strip
from auditor.evidence.paired import (
    ALL_FLIPS,
    FLIPS,
    NO_PAIRS,
    NO_VARIATION,
    TOO_FEW,
    Value,
    difference,
    pair,
    sign_test,
)


def test_five_pairs_by_hand() -> None:
    # mean 10/5; four higher, one lower: 2 (C(5,0) + C(5,1)) / 32 = 12/32
    # sums of |d| = 12; at least as far as 10 are those that flip {}, {1} or {-1} of 32, and their opposites: 6/32
    found = difference([1, 2, 3, -1, 5], seed=7)
    assert (found.n, found.mean, found.higher, found.lower, found.equal) == (5, 2.0, 4, 1, 0)
    assert found.sign_p == pytest.approx(0.375, abs=1e-12)
    assert (found.flip_p, found.flips) == (pytest.approx(0.1875, abs=1e-12), 32)
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low < 2 < found.high <= 5


def test_ties_do_not_count_in_the_sign_test() -> None:
    found = difference([0, 0, 0, 1, 1, 2], seed=7)
    assert (found.higher, found.lower, found.equal) == (3, 0, 3)
    assert found.sign_p == pytest.approx(0.25, abs=1e-12)  # 2 / 2**3
    assert sign_test(3, 3) == 1.0
    assert sign_test(0, 0) is None


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_sign_test_agrees_with_the_binomial_summed_up(higher: int, lower: int) -> None:
    n = higher + lower
    if n:
        tail = sum(Fraction(math.comb(n, k), 2**n) for k in range(min(higher, lower) + 1))
        assert sign_test(higher, lower) == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-12)


def test_the_sign_test_of_many_pairs_agrees_with_the_normal_limit() -> None:
    # 5,000 pairs, 2,580 higher: z with the correction for continuity is 79.5 / sqrt(1250)
    z = (2580 - 2500 - 0.5) / math.sqrt(1250)
    assert sign_test(2580, 2420) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8))
def test_flips_agree_with_going_through_all_signs(values: list[int]) -> None:
    found = difference(values, seed=3)
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    if any(values):
        assert found.flip_p == pytest.approx(
            sum(one >= abs(sum(values)) for one in sums) / len(sums), abs=1e-12
        )
    else:
        assert found.flip_p is None


def test_many_pairs_have_the_interval_and_p_of_theory_and_the_seed_fixes_them() -> None:
    rng = Random(5)
    values = [rng.gauss(0.1, 1) for _ in range(400)]
    mean = sum(values) / 400
    error = math.sqrt(sum((v - mean) ** 2 for v in values) / 399 / 400)
    found = difference(values, seed=11)
    assert found.low == pytest.approx(mean - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(mean + 1.96 * error, abs=0.2 * error)
    assert found.flip_p == pytest.approx(math.erfc(mean / error / math.sqrt(2)), abs=0.02)
    assert found.flips == FLIPS + 1
    assert difference(values, seed=11) == found
    assert difference(values, seed=12) != found


def test_what_is_undefined_says_why_and_is_never_0_or_1() -> None:
    none = difference([], seed=1)
    assert (none.mean, none.low, none.sign_p, none.flip_p, none.reason) == (None, None, None, None, NO_PAIRS)
    few = difference([1.0, -2.0], seed=1)
    assert (few.mean, few.low, few.high, few.reason) == (-0.5, None, None, TOO_FEW)
    alike = difference([0.5] * 20, seed=1)
    assert (alike.mean, alike.low, alike.reason) == (0.5, None, NO_VARIATION)
    equal = difference([0.0] * 20, seed=1)
    assert (equal.mean, equal.sign_p, equal.flip_p, equal.equal) == (0.0, None, None, 20)
    drawn = difference([1.0] * (ALL_FLIPS + 20), seed=1)
    assert drawn.flip_p is not None
    assert drawn.flip_p >= 1 / (FLIPS + 1)


def test_several_of_one_prompt_are_averaged_and_the_unpaired_counted() -> None:
    a = [Value("x", 1, 1.0), Value("x", 3, 3.0), Value("y", 5, 9.0)]
    b = [Value("x", 2, 5.0), Value("z", 6, 1.0), Value("z", 7, 1.0)]
    found = pair(a, b)
    (one,) = found.pairs
    assert (one.a, one.b, one.difference, one.of_a, one.of_b) == (2.0, 5.0, 3.0, (1, 3), (2,))
    assert (found.only_a, found.only_b) == (1, 2)
    assert pair([], b).pairs == []


def test_the_strip_holds_every_pair_around_zero() -> None:
    drawn = strip([-2.0, 0.0, 1.0, 1.0], 0.0, -1.0, 1.0)
    assert (len(drawn.dots), drawn.each, drawn.zero) == (4, 1, WIDTH / 2)
    assert all(0 <= x <= WIDTH and 0 <= y <= drawn.height for x, y in drawn.dots)
    assert drawn.left is not None
    assert drawn.right is not None
    assert drawn.left < drawn.zero < drawn.right
    crowded = strip([0.5] * 1000, 0.5, None, None)
    assert crowded.each > 1
    assert 1000 / crowded.each <= len(crowded.dots) <= MOST_HIGH
    assert strip([], None, None, None).dots == []
