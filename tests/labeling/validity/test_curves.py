"""Calibration, tables, nested models and many features: by hand, against scikit-learn and statsmodels, at the edges."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, cohen_kappa_score, log_loss
from statsmodels.stats.multitest import multipletests

from labeling.validity import calibration, crossing, nesting, pairs
from labeling.validity.discoveries import q_values
from labeling.validity.redrawing import Redraws
from labeling.validity.scored import Scored

RNG = np.random.default_rng(8)


def test_scores_are_probabilities_only_where_the_scale_says_so() -> None:
    scores = np.array([0.0, 25.0, 100.0])
    found = calibration.as_probability(scores, 0, 100)
    assert found is not None
    assert found.tolist() == [0, 0.25, 1]
    assert calibration.as_probability(scores, 0, 1) is None  # what is said lies outside
    assert calibration.as_probability(scores / 100, 0, 1) is not None
    assert calibration.as_probability(scores, 0, 10) is None
    assert calibration.as_probability(scores, None, None) is None


def test_calibration_by_hand() -> None:
    # Two bins of two: said 0.15, was 0; said 0.8, was 1 of 2.
    scored = Scored.of([0.1, 0.2, 0.7, 0.9], [0, 0, 0, 1])
    found = calibration.calibration(scored, 2)
    assert found is not None
    assert [(one.low, one.high, one.positive.count, one.positive.n) for one in found.bins] == [
        (0.1, 0.2, 0, 2), (0.7, 0.9, 1, 2),
    ]  # fmt: skip
    assert found.bins[1].mean == pytest.approx(0.8)
    assert found.ece == pytest.approx((2 * 0.15 + 2 * 0.3) / 4)
    assert found.brier == pytest.approx((0.01 + 0.04 + 0.49 + 0.01) / 4)
    assert calibration.calibration(Scored.of([], [])) is None


def test_gaps_by_hand_and_in_the_same_bins() -> None:
    scored = Scored.of([0.1, 0.2, 0.7, 0.9], [0, 0, 0, 1])
    weights = np.array([[1.0, 1, 1, 1], [0, 2, 1, 1], [1, 1, 4, 0]])
    found = calibration.gaps(scored, weights, 2)
    by_hand = [[0.3 / 4, 0.6 / 4], [0.4 / 4, 0.6 / 4], [0.3 / 6, 2.8 / 6]]
    assert found == pytest.approx(np.array(by_hand))
    many = Scored.of(RNG.random(100), RNG.random(100) < 0.4, RNG.uniform(1, 5, 100))
    plain = calibration.calibration(many)
    assert plain is not None
    assert np.abs(calibration.gaps(many, many.weights[None, :])).sum() == pytest.approx(plain.ece)


def test_the_ends_of_an_error_are_those_that_it_could_come_of() -> None:
    own = np.array([0.1, -0.05])
    noise = np.array([[0.01, 0.0], [-0.01, 0.0], [0.0, 0.01], [0.0, -0.01]] * 50)
    found = calibration.error_interval(own, own + noise)
    # With noise of at most 0.01 an error of 0.15 comes of 0.14 at least and of 0.16 at most.
    assert (found.low, found.high) == (pytest.approx(0.14, abs=1e-6), pytest.approx(0.16, abs=1e-6))
    small = calibration.error_interval(own / 100, own / 100 + noise)
    assert small.low == 0.0  # nothing but noise may be behind it
    assert small.high is not None
    assert small.high >= 0.0015
    assert calibration.error_interval(own, np.tile(own, (50, 1))).reason
    assert calibration.error_interval(np.zeros(2), noise).reason


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.15])
def test_errors_of_scores_that_are_right_or_wrong_by_so_much_are_covered(shift: float) -> None:
    """Eighty seeded corpora in which two units share a transcript: what would be 95% of them, give or take, hold the truth."""
    hold = low = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        p = np.repeat(rng.uniform(0.2, 0.8, 100), 2)
        y = rng.random(200) < p
        scored = Scored.of(p + shift, y, clusters=np.repeat(np.arange(100), 2))
        draws = Redraws(scored.clusters, np.zeros(200, dtype=np.int64), seed, times=200)
        drawn = np.concatenate([calibration.gaps(scored, some) for some in draws])
        own = calibration.gaps(scored, scored.weights[None, :])[0]
        found = calibration.error_interval(own, drawn)
        assert found.low is not None
        assert found.high is not None
        hold += found.low <= shift <= found.high
        low += found.low == 0
    assert hold >= 72  # of 76 expected, with room for chance
    assert low > 70 or shift > 0


def test_brier_equals_scikit_learns_and_bins_keep_equal_scores_together() -> None:
    p = np.round(RNG.random(200), 1)
    y = RNG.random(200) < p
    w = RNG.uniform(1, 5, 200)
    found = calibration.calibration(Scored.of(p, y, w))
    assert found is not None
    assert found.brier == pytest.approx(brier_score_loss(y, p, sample_weight=w))
    assert sum(one.positive.n for one in found.bins) == 200
    ends = [(one.low, one.high) for one in found.bins]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    gaps = [abs(float((w * (p - y))[(p >= low) & (p <= high)].sum())) for low, high in ends]
    assert found.ece == pytest.approx(sum(gaps) / w.sum())
    one = calibration.bins_of(Scored.of([3.0] * 30, [True] * 10 + [False] * 20))
    assert len(one) == 1
    assert one[0].positive.value == pytest.approx(1 / 3)


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=60))
def test_calibration_stays_within_bounds(rows: list[tuple[int, bool]]) -> None:
    scores, positive = zip(*rows, strict=True)
    found = calibration.calibration(Scored.of(np.array(scores) / 100, positive))
    assert found is not None
    assert 0 <= found.ece <= 1
    assert 0 <= found.brier <= 1
    assert found.ece**2 <= found.brier + 1e-9  # by Jensen, bin by bin
    assert 1 <= len(found.bins) <= calibration.BINS


def test_kappa_equals_scikit_learns_and_is_undefined_without_variation() -> None:
    a, b, w = RNG.integers(0, 3, 90), RNG.integers(0, 3, 90), RNG.uniform(1, 4, 90)
    tables = crossing.tables_of(a, b, np.vstack([w, np.ones(90)]), 3)
    expected = [cohen_kappa_score(a, b, sample_weight=w), cohen_kappa_score(a, b)]
    assert crossing.kappas(tables) == pytest.approx(expected)
    alike = crossing.tables_of(np.zeros(5, dtype=np.int64), np.zeros(5, dtype=np.int64), np.ones((1, 5)), 2)
    assert np.isnan(crossing.kappas(alike))[0]
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: agreed 0.7, by chance 0.5.
    assert crossing.kappas(np.array([[[20.0, 5.0], [10.0, 15.0]]]))[0] == pytest.approx(0.4)
    assert crossing.counted(["a", "b", "a"], ["x", "x", "x"]) == [("a", "x", 2), ("b", "x", 1)]


def test_a_ridge_logistic_fit_equals_scikit_learns() -> None:
    x = RNG.normal(size=(150, 2))
    y = RNG.random(150) < 1 / (1 + np.exp(-(0.4 + x @ [1.2, -0.7])))
    w = RNG.uniform(0.5, 2, 150)
    w = w / w.mean()
    found = nesting.fit(x, y, w)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(x, y, sample_weight=w)
    assert found == pytest.approx([theirs.intercept_[0], *theirs.coef_[0]], abs=1e-5)
    apart = nesting.fit(np.array([[-1.0], [1.0]] * 30), np.array([False, True] * 30), np.ones(60))
    assert np.isfinite(apart).all()
    assert nesting.losses(np.array([0.8, 0.3]), np.array([True, False])).mean() == pytest.approx(
        log_loss([1, 0], [0.8, 0.3])
    )


def test_units_of_one_transcript_are_in_one_fold() -> None:
    clusters = np.repeat(np.arange(40), 3)
    folds = nesting.folds(clusters, 4)
    assert all(len(set(folds[clusters == one])) == 1 for one in range(40))
    assert set(folds) == set(range(nesting.FOLDS))
    np.testing.assert_array_equal(folds, nesting.folds(clusters, 4))


def _pair(a: np.ndarray, b: np.ndarray, y: np.ndarray, **more: np.ndarray) -> pairs.Paired:
    n = len(y)
    weights, clusters = more.get("weights", np.ones(n)), more.get("clusters", np.arange(n))
    return pairs.paired(1, 2, a, b, y, weights, clusters, np.zeros(n, dtype=np.int64), seed=3)


def test_a_channel_adds_what_another_does_not_know() -> None:
    rng = np.random.default_rng(12)
    y = rng.random(400) < 0.5
    b, fresh = y + rng.normal(size=400), y + rng.normal(size=400)
    adds = _pair(fresh, b, y)
    assert adds.added_loss.tells
    assert adds.added_loss.value is not None
    assert adds.added_loss.value > 0.03
    assert adds.added_area.tells
    copy = _pair(b, b, y)
    assert copy.difference.value == 0
    assert copy.difference.reason == "both rank every unit alike"
    assert copy.added_loss.value == pytest.approx(0, abs=0.01)
    assert copy.errors == pytest.approx(1)
    noise = _pair(rng.normal(size=400), b, y)
    assert not (noise.added_loss.tells and (noise.added_loss.value or 0) > 0)
    assert noise.difference.tells
    assert noise.difference.p is not None
    assert noise.difference.p < 1e-6


def test_a_pair_on_few_units_or_one_kind_says_so() -> None:
    few = _pair(np.arange(30.0), np.arange(30.0), np.arange(30) < 15)
    assert few.reason.startswith("too few: 15 and 15")
    assert (few.auroc_a, few.difference.value, few.added_loss.value) == (None, None, None)


def test_weighted_pairs_have_bootstrap_intervals_from_a_seed() -> None:
    rng = np.random.default_rng(13)
    y = rng.random(120) < 0.5
    a, b = y + rng.normal(size=120), y + 2 * rng.normal(size=120)
    weights, clusters = rng.uniform(1, 9, 120), np.repeat(np.arange(60), 2)
    found = _pair(a, b, y, weights=weights, clusters=clusters)
    assert found.difference.method == "cluster bootstrap"
    assert found.difference.seed is not None
    assert found == _pair(a, b, y, weights=weights, clusters=clusters)
    low, value, high = found.difference.low, found.difference.value, found.difference.high
    assert low < value < high  # type: ignore[operator]


def test_q_values_equal_benjamini_and_hochbergs() -> None:
    # By hand: 0.01, 0.02, 0.03, 0.5 of four -> 0.04, 0.04, 0.04, 0.5.
    assert q_values([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.04, 0.04, 0.5, 0.04])
    p = RNG.random(200).tolist()
    assert q_values(p) == pytest.approx(multipletests(p, method="fdr_bh")[1].tolist())
    assert q_values([0.03, None, 0.01]) == [pytest.approx(0.03), None, pytest.approx(0.02)]
    assert q_values([]) == []


def test_features_that_tell_nothing_are_rarely_discovered() -> None:
    """Of 1,000 features without a signal none or few has q below 0.05; one with a signal has. Seeded."""
    from labeling.validity import ranking

    rng = np.random.default_rng(21)
    y = np.arange(200) < 80
    p: list[float | None] = []
    for at in range(1001):
        found = ranking.area(Scored.of(rng.normal(size=200) + (0.9 * y if at == 1000 else 0), y))
        p.append(ranking.p_of_half(found.value, found.variance))
    q = q_values(p)
    assert sum(one is not None and one < 0.05 for one in q[:1000]) <= 1
    assert q[1000] is not None
    assert q[1000] < 0.01
    assert sum(one is not None and one < 0.05 for one in p[:1000]) > 25  # uncorrected, there are dozens
