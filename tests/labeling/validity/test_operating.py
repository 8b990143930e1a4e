"""Thresholds: where they are chosen, exact intervals, likelihood ratios; by hand and against statsmodels and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from auditor.interp.rates import beta_quantile
from labeling.validity import operating
from labeling.validity.operating import Share
from labeling.validity.scored import Scored


def exact(count: int, n: int) -> Share:
    scored = Scored.of(np.zeros(n), np.ones(n))
    return operating.share_of(scored, np.arange(n) < count, scored.positive)


def test_shares_of_plain_units_have_clopper_and_pearsons_interval() -> None:
    for count, n in ((0, 20), (1, 20), (7, 31), (31, 31)):
        found = exact(count, n)
        low, high = proportion_confint(count, n, method="beta")
        assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
        assert (found.count, found.n, found.effective) == (count, n, n)
    nothing = exact(0, 0)
    assert (nothing.value, nothing.low, nothing.high) == (None, None, None)


@given(st.floats(0.01, 0.99), st.floats(0.2, 200), st.floats(1, 200))
def test_beta_quantiles_equal_scipys_for_any_numbers(share: float, a: float, b: float) -> None:
    assert beta_quantile(share, a, b) == pytest.approx(stats.beta.ppf(share, a, b), abs=1e-9)


def test_weighted_shares_count_as_many_units_as_they_tell_of() -> None:
    # Forty units that stand for one each and ten that stand for ten: the ten rule the share.
    weights = np.array([1.0] * 40 + [10.0] * 10)
    scored = Scored.of(np.zeros(50), np.ones(50), weights)
    hits = np.arange(50) % 2 == 0
    found = operating.share_of(scored, hits, scored.positive)
    assert found.value == pytest.approx((20 * 1 + 5 * 10) / 140)
    w = weights / 140
    variance = float(((w * (hits - 0.5)) ** 2).sum()) * 50 / 49
    assert found.effective == pytest.approx(0.25 / variance)
    assert found.effective < 20
    x, n = 0.5 * found.effective, found.effective
    assert found.low == pytest.approx(stats.beta.ppf(0.025, x, n - x + 1), abs=1e-9)
    assert found.high == pytest.approx(stats.beta.ppf(0.975, x + 1, n - x), abs=1e-9)
    all_ = operating.share_of(scored, np.ones(50, dtype=np.bool_), scored.positive)
    assert all_.effective == pytest.approx(140**2 / (40 + 10 * 100))  # Kish
    assert (all_.value, all_.high) == (pytest.approx(1), 1.0)
    assert all_.low is not None
    assert all_.low < 1


def test_units_of_one_transcript_count_less() -> None:
    clusters = np.repeat(np.arange(10), 5)
    scored = Scored.of(np.zeros(50), np.ones(50), clusters=clusters)
    same = operating.share_of(scored, clusters % 2 == 0, scored.positive)
    assert same.effective == pytest.approx(10, rel=0.11)  # ten transcripts, whose units say the same
    mixed = operating.share_of(scored, np.random.default_rng(1).random(50) < 0.5, scored.positive)
    assert 20 < mixed.effective <= 50
    even = operating.share_of(scored, np.arange(50) % 5 < 3, scored.positive)
    assert even.effective == pytest.approx(
        10
    )  # no variance between transcripts: no more than their number is claimed


def test_a_threshold_lets_at_most_the_wanted_share_of_its_controls_through() -> None:
    scores = np.arange(100.0)
    control = Scored.of(scores, np.zeros(100))
    assert operating.choose(control, 0.05) == 95
    assert operating.choose(control, 0.0) == math.nextafter(99.0, math.inf)
    assert operating.choose(Scored.of(scores[:19], np.zeros(19)), 0.05) is None  # too few to choose on
    tied = Scored.of(np.repeat([1.0, 2.0], 50), np.zeros(100))
    assert operating.choose(tied, 0.4) == math.nextafter(2.0, math.inf)  # equal scores fire together
    weights = np.where(scores >= 98, 10.0, 1.0)  # the two highest stand for twenty of 118
    heavy = Scored.of(scores, np.zeros(100), weights)
    assert operating.choose(heavy, 0.17) == 98
    assert operating.choose(heavy, 0.10) == 99
    assert operating.choose(heavy, 0.08) == math.nextafter(99.0, math.inf)
    assert operating.choose(Scored.of(scores, np.arange(100) >= 40), 0.1) == 36  # positives are no controls


def test_likelihood_ratios_by_hand() -> None:
    # 40 of 50 against 10 of 100: 8, log interval +- 1.96 sqrt(1/40 - 1/50 + 1/10 - 1/100) (Katz).
    found = operating.ratio(exact(40, 50), exact(10, 100))
    half = 1.959964 * math.sqrt(1 / 40 - 1 / 50 + 1 / 10 - 1 / 100)
    assert found.value == pytest.approx(8)
    assert found.low == pytest.approx(8 * math.exp(-half), abs=1e-4)
    assert found.high == pytest.approx(8 * math.exp(half), abs=1e-4)
    assert found.tells
    assert not found.reason
    weak = operating.ratio(exact(25, 50), exact(48, 100))
    assert not weak.tells
    assert weak.reason == operating.NO_EVIDENCE
    none = operating.ratio(exact(30, 50), exact(0, 100))  # half a unit in each cell
    assert none.value == pytest.approx((30.5 / 51) / (0.5 / 101))
    assert operating.ratio(exact(0, 0), exact(1, 5)).value is None
    both = operating.ratio(exact(50, 50), exact(100, 100))
    assert both.value == pytest.approx((50.5 / 51) / (100.5 / 101))
    assert not both.tells


def test_what_a_threshold_does() -> None:
    scored = Scored.of([9, 8, 7, 3, 8, 2, 1, 0], [1, 1, 1, 1, 0, 0, 0, 0])
    seen = Share(1, 20, 0.05, 0.0, 0.2, 20.0)
    found = operating.operate(scored, 7, control="plain", on_control=seen, wanted=0.05)
    assert (found.tpr.count, found.tpr.n, found.fpr.count, found.fpr.n) == (3, 4, 1, 4)
    assert found.lr_plus.value == pytest.approx(3)
    assert found.lr_minus.value == pytest.approx((1 / 4) / (3 / 4))
    assert (found.control, found.n_control, found.wanted) == ("plain", 20, 0.05)


def test_halves_follow_from_seed_and_transcript_alone() -> None:
    keys = [3, 3, 7, 9, 7]
    split = operating.halves(keys, 11)
    assert split[0] == split[1]
    assert split[2] == split[4]
    assert operating.halves([9, 3], 11).tolist() == [split[3], split[0]]
    share = operating.halves(range(2000), 5).mean()
    assert 0.45 < share < 0.55
    assert (operating.halves(range(100), 5) != operating.halves(range(100), 6)).any()
