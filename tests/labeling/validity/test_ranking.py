"""Areas, their variance and the curve: by hand, against scikit-learn and MLstatkit, at the edges, and covering the truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from MLstatkit import Delong_test
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from labeling.validity import pairs, ranking
from labeling.validity.redrawing import RARELY_DEFINED, Redraws, percentile
from labeling.validity.scored import LEAST, Scored
from tests.labeling.validity import plain_ranking as plain


def some(n: int = 80, seed: int = 1, gap: float = 0.8, *, steps: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties of two kinds."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    return np.round(steps * (rng.normal(size=n) + gap * positive)) / steps, positive


def test_an_area_by_hand() -> None:
    # Positives 3, 2, 2 and negatives 2, 1: of six pairs four are won and two tied.
    scored = Scored.of([3, 2, 2, 2, 1], [1, 1, 1, 0, 0])
    assert ranking.auroc(scored) == pytest.approx(5 / 6)
    # With the negative at 1 standing for three: (1*1 + 3*1) + 2 * (1/2 + 3) of 12.
    assert ranking.auroc(Scored.of([3, 2, 2, 2, 1], [1, 1, 1, 0, 0], [1, 1, 1, 1, 3])) == pytest.approx(
        11 / 12
    )


def test_areas_equal_their_definition_in_fractions() -> None:
    scores, positive = some(40, 3)
    weights = np.random.default_rng(5).integers(1, 6, 40)
    found = ranking.area(Scored.of(scores, positive, weights))
    assert found.value == pytest.approx(float(plain.area(scores, positive, weights.tolist())), abs=1e-12)
    alike = ranking.area(Scored.of(scores, positive))
    assert alike.variance == pytest.approx(float(plain.delong_variance(scores, positive)), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_areas_curves_and_precision_equal_scikit_learns(seed: int) -> None:
    scores, positive = some(120, seed)
    weights = np.random.default_rng(seed).uniform(0.5, 8, 120)
    scored = Scored.of(scores, positive, weights)
    assert ranking.auroc(scored) == pytest.approx(
        roc_auc_score(positive, scores, sample_weight=weights), abs=1e-12
    )
    expected = average_precision_score(positive, scores, sample_weight=weights)
    assert ranking.precision(scored)[0] == pytest.approx(expected, abs=1e-12)
    fpr, tpr, at = roc_curve(positive, scores, sample_weight=weights, drop_intermediate=False)
    curve = ranking.curve(scored)
    for mine, theirs in zip(curve, (fpr, tpr, at), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    many = np.random.default_rng(9).integers(0, 3, (7, 120)) * weights
    mine, theirs = ranking.areas(scored, many), ranking.precision(scored, many)
    for row, area, precision in zip(many, mine, theirs, strict=True):
        here = row > 0
        assert area == pytest.approx(
            roc_auc_score(positive[here], scores[here], sample_weight=row[here]), abs=1e-12
        )
        known = average_precision_score(positive[here], scores[here], sample_weight=row[here])
        assert precision == pytest.approx(known, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_delong_equals_mlstatkit(seed: int) -> None:
    scores, positive = some(90, seed)
    others = scores + np.random.default_rng(seed + 50).normal(size=90)
    z, p, ends_a, ends_b, area_a, area_b, _ = Delong_test(
        positive.astype(int), scores, others, return_ci=True, return_auc=True, verbose=0
    )
    a, b = (ranking.area(Scored.of(one, positive)) for one in (scores, others))
    assert (a.value, b.value) == (pytest.approx(area_a, abs=1e-6), pytest.approx(area_b, abs=1e-6))
    for found, ends in ((a, ends_a), (b, ends_b)):
        mine = ranking.plain_interval(found.value, found.variance)
        assert (mine.low, mine.high) == (pytest.approx(ends[0], abs=1e-6), pytest.approx(ends[1], abs=1e-6))
    found = pairs.delong(a, b)
    assert found.value == pytest.approx(area_a - area_b, abs=1e-6)
    assert found.p == pytest.approx(p, abs=1e-6)
    assert abs(z) == pytest.approx(abs(found.value) / ((found.high - found.low) / 2 / ranking.Z), abs=1e-5)  # type: ignore[operator]


def test_equal_units_in_one_transcript_tell_no_more_than_one() -> None:
    """Every unit three times within its transcript: the same area, and the same variance, not a third of it."""
    scores, positive = some(60, 7)
    once = ranking.area(Scored.of(scores, positive))
    thrice = ranking.area(
        Scored.of(np.repeat(scores, 3), np.repeat(positive, 3), clusters=np.repeat(np.arange(60), 3))
    )
    assert thrice.value == pytest.approx(once.value)
    assert thrice.variance == pytest.approx(once.variance)
    alone = ranking.area(Scored.of(np.repeat(scores, 3), np.repeat(positive, 3)))
    assert alone.variance < 0.4 * once.variance


def test_what_is_undefined_is_said() -> None:
    assert ranking.auroc(Scored.of([1, 2], [True, True])) is None
    assert ranking.auroc(Scored.of([], [])) is None
    apart = ranking.area(Scored.of([0, 0, 1, 1], [0, 0, 1, 1]))
    assert (apart.value, apart.variance) == (1.0, 0.0)
    ends = ranking.logit_interval(apart.value, apart.variance)
    assert (ends.low, ends.high, ends.reason) == (None, None, ranking.NO_SPREAD)
    assert ranking.p_of_half(1.0, 0.0) is None
    assert math.isnan(ranking.area(Scored.of([1, 2, 3], [1, 0, 0])).variance)
    with pytest.raises(ValueError, match="both kinds"):
        ranking.curve(Scored.of([1], [True]))
    with pytest.raises(ValueError, match="finite"):
        Scored.of([float("nan")], [True])
    few = Scored.of(range(39), [True] * 20 + [False] * 19)
    assert few.too_few == f"too few: 20 and 19, at least {LEAST} of each are needed"
    assert np.isnan(ranking.areas(Scored.of([1, 2], [1, 0]), np.array([[1.0, 0.0]])))[0]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans(), st.integers(1, 5)), min_size=2, max_size=40).filter(
        lambda rows: len({yes for _, yes, _ in rows}) == 2
    )
)
def test_areas_keep_their_laws(rows: list[tuple[int, bool, int]]) -> None:
    scores, positive, weights = (np.array(one) for one in zip(*rows, strict=True))
    scored = Scored.of(scores, positive, weights)
    value = ranking.auroc(scored)
    assert value is not None
    assert 0 <= value <= 1
    assert ranking.auroc(Scored.of(-scores, positive, weights)) == pytest.approx(1 - value)  # turned round
    assert ranking.auroc(Scored.of(np.exp(scores / 2), positive, weights)) == pytest.approx(
        value
    )  # any scale
    assert ranking.auroc(Scored.of(scores, ~positive, weights)) == pytest.approx(1 - value)
    curve = ranking.curve(scored)
    under = float((np.diff(curve.fpr) * (curve.tpr[1:] + curve.tpr[:-1]) / 2).sum())
    assert under == pytest.approx(value)
    assert ranking.areas(scored, scored.weights[None, :])[0] == pytest.approx(value)
    repeated = np.repeat(np.arange(len(rows)), weights)  # a weight is that many of it
    assert ranking.auroc(Scored.of(scores[repeated], positive[repeated])) == pytest.approx(value)


def test_resamples_keep_transcripts_whole_and_strata_at_their_size() -> None:
    clusters = np.array([5, 5, 9, 9, 9, 2, 7, 7])
    strata = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    redraws = Redraws(clusters, strata, seed=3, times=50)
    drawn = np.concatenate(list(redraws))
    assert drawn.shape == (50, 8)
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 2] == drawn[:, 4]).all()
    assert (drawn[:, 0] + drawn[:, 2] == 2).all()  # two transcripts of stratum 0 each time
    assert (drawn[:, 5] + drawn[:, 6] == 2).all()
    np.testing.assert_array_equal(drawn, np.concatenate(list(redraws)))
    assert (np.concatenate(list(Redraws(clusters, strata, seed=4, times=50))) != drawn).any()
    assert list(Redraws(np.array([], dtype=np.int64), np.array([], dtype=np.int64), seed=1)) == []


def test_intervals_of_resamples_say_when_there_is_none() -> None:
    assert percentile(np.array([np.nan] * 3 + [0.5, 0.6])).reason == RARELY_DEFINED
    assert percentile(np.full(100, 0.5)).reason == "every resample gives the same figure"
    low, high, why = percentile(np.linspace(0, 1, 1001))
    assert (low, high, why) == (pytest.approx(0.025), pytest.approx(0.975), "")


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Binormal scores one standard deviation apart: the area is Phi(1 / sqrt 2) = 0.7602. Seeded."""
    truth, rng = 0.7602499389, np.random.default_rng(2026)
    held = dict.fromkeys(("logit", "bootstrap", "naive", "linear"), 0)
    times = 200
    for _ in range(times):
        positive = np.repeat([True, False], 50)
        scored = Scored.of(rng.normal(size=100) + positive, positive)
        found = ranking.area(scored)
        low, high, _ = ranking.logit_interval(found.value, found.variance)
        held["logit"] += low <= truth <= high  # type: ignore[operator]
        # twenty-five transcripts of each kind, of four units that share half of their noise
        at = np.repeat(np.arange(50), 4)
        kinds = np.repeat(np.arange(50) % 2 == 0, 4)
        noise = math.sqrt(0.5) * (rng.normal(size=50)[at] + rng.normal(size=200))
        units = Scored.of(noise + kinds, kinds, clusters=at)
        redraws = Redraws(units.clusters, np.zeros(200, dtype=np.int64), seed=1, times=400)
        low, high, _ = percentile(np.concatenate([ranking.areas(units, some) for some in redraws]))
        held["bootstrap"] += low <= truth <= high  # type: ignore[operator]
        area = ranking.area(units)
        low, high, _ = ranking.logit_interval(area.value, area.variance)
        held["linear"] += low <= truth <= high  # type: ignore[operator]
        alone = ranking.area(Scored.of(units.scores, kinds))
        low, high, _ = ranking.logit_interval(alone.value, alone.variance)
        held["naive"] += low <= truth <= high  # type: ignore[operator]
    shares = {name: n / times for name, n in held.items()}
    assert 0.91 <= shares["logit"] <= 0.99, shares
    assert 0.90 <= shares["bootstrap"] <= 0.99, shares
    assert 0.90 <= shares["linear"] <= 0.99, shares
    assert shares["naive"] < 0.87, shares  # units of one transcript are not independent
