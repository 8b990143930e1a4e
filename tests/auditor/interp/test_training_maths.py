"""Probes from arrays, and what they are worth: by hand, by another way of computing it, and at the edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.interp import training
from auditor.interp.training import NotEnough, auroc, auroc_interval, lat, logistic, mean_difference

DRAW = np.random.default_rng(3)


def two_clouds(n: int, d: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points about ± apart / 2 along one axis, their labels, and the axis."""
    draw = np.random.default_rng(seed)
    axis = draw.normal(size=d)
    axis /= np.linalg.norm(axis)
    y = np.arange(n) % 2 == 0
    return draw.normal(size=(n, d)) + np.outer(np.where(y, apart / 2, -apart / 2), axis), y, axis


def test_mean_difference_by_hand() -> None:
    # Means (4, 3) and (1, -1): the difference is (3, 4), of length 5; half-way is (2.5, 1).
    x = np.array([[3.0, 3], [5, 3], [1, 0], [1, -2]])
    found = mean_difference(x, np.array([1, 1, 0, 0]))
    assert found.direction == pytest.approx([0.6, 0.8])
    assert found.scores(np.array([[2.5, 1.0], [4, 3]])) == pytest.approx([0, 2.5])


def test_logistic_by_hand() -> None:
    # One dimension, x = ±1 with labels that follow: by symmetry the bias is 0, and the slope w solves
    # -(1 / (1 + e^w)) + ridge · w = 0.
    found = logistic(np.array([[1.0], [-1]]), np.array([1, 0]), ridge=0.1, standardise="none")
    slope = found.direction[0]
    assert found.bias == pytest.approx(0, abs=1e-9)
    assert 0.1 * slope == pytest.approx(1 / (1 + np.exp(slope)), abs=1e-9)


@pytest.mark.parametrize(("n", "d"), [(60, 5), (20, 50)])
@pytest.mark.parametrize("balanced", [True, False])
def test_logistic_is_where_the_loss_has_no_slope(n: int, d: int, balanced: bool) -> None:
    x, y, _ = two_clouds(n, d, 1.0, seed=n)
    y[: n // 3] = True
    ridge = 0.05
    found = logistic(x, y, ridge=ridge, standardise="none", balanced=balanced)
    weights = np.where(y, 0.5 / y.mean(), 0.5 / (~y).mean()) / n if balanced else np.full(n, 1 / n)

    def loss(theta: np.ndarray) -> float:
        margins = np.where(y, 1, -1) * (x @ theta[:-1] + theta[-1])
        return float(weights @ np.log1p(np.exp(-margins)) + ridge / 2 * theta[:-1] @ theta[:-1])

    at = np.append(found.direction, found.bias)
    slopes = [(loss(at + step) - loss(at - step)) / 2e-5 for step in np.eye(d + 1) * 1e-5]
    assert np.abs(slopes).max() < 1e-6
    for _ in range(20):  # convex: no step away makes it less
        assert loss(at + DRAW.normal(size=d + 1) * 0.1) >= loss(at)


def test_logistic_of_rows_that_are_told_apart_wholly_stays_finite() -> None:
    x, y, _ = two_clouds(40, 100, 20.0)
    found = logistic(x, y, ridge=1e-3)
    assert np.isfinite(found.direction).all()
    assert auroc(found.scores(x), y) == 1.0


@pytest.mark.parametrize("fit", [mean_difference, logistic, lambda x, y: lat(x, y, seed=1)])
def test_each_finds_an_axis_that_is_there(fit) -> None:  # type: ignore[no-untyped-def]
    x, y, axis = two_clouds(400, 20, 4.0, seed=9)
    found = fit(x, y)
    direction = found.direction / found.scale
    assert direction @ axis / np.linalg.norm(direction) > 0.9
    fresh, labels, _ = two_clouds(400, 20, 4.0, seed=9)
    assert (auroc(found.scores(fresh), labels) or 0) > 0.95


def test_lat_by_hand() -> None:
    # Differences (2, 0) and (4, 0): the axis is the first, pointing to the positives; half-way between means (3, 1), (0, 1).
    x = np.array([[2.0, 0], [4, 2], [0, 0], [0, 2]])
    found = lat(x, np.array([1, 1, 0, 0]), seed=0, pairs=np.array(["a", "b", "a", "b"]))
    assert found.direction == pytest.approx([1, 0])
    assert found.bias == pytest.approx(-1.5)
    with pytest.raises(NotEnough, match="beside it"):
        lat(x, np.array([1, 1, 0, 0]), seed=0, pairs=np.array([1, 2, 3, 4]))


def test_standardisation_is_kept_with_the_probe() -> None:
    x, y, _ = two_clouds(100, 6, 2.0)
    x[:, 2] = 7.0  # never changes
    found = logistic(x * 100 + 5, y, standardise="mean_scale")
    z = (x * 100 + 5 - found.mean) / found.scale
    assert found.scores(x * 100 + 5) == pytest.approx(z @ found.direction + found.bias)
    assert found.scale[2] == 1
    kept = found.tensors()
    assert set(kept) == {"direction", "bias", "mean", "scale"}
    assert all(value.dtype == np.float32 for value in kept.values())


def test_rows_of_one_class_train_nothing() -> None:
    for fit in (mean_difference, logistic):
        with pytest.raises(NotEnough, match="both classes"):
            fit(np.ones((3, 2)), np.array([1, 1, 1]))
    with pytest.raises(NotEnough, match="same mean"):
        mean_difference(np.ones((2, 2)), np.array([1, 0]))
    with pytest.raises(ValueError, match="finite"):
        mean_difference(np.array([[np.nan], [1]]), np.array([1, 0]))


def test_auroc_by_hand() -> None:
    # Positives 3, 2; negatives 2, 1: of four pairs three are right and one is a tie.
    assert auroc(np.array([3, 2, 2, 1]), np.array([1, 1, 0, 0])) == pytest.approx(3.5 / 4)
    assert auroc(np.array([1, 1]), np.array([1, 1])) is None


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), max_size=30))
def test_auroc_is_the_share_of_pairs(rows: list[tuple[int, bool]]) -> None:
    up, down = [s for s, y in rows if y], [s for s, y in rows if not y]
    pairs = [(a > b) + 0.5 * (a == b) for a in up for b in down]
    found = auroc(np.array([s for s, _ in rows]), np.array([y for _, y in rows], dtype=bool))
    assert found is None if not pairs else found == pytest.approx(sum(pairs) / len(pairs))


def test_intervals_are_the_same_for_the_same_seed_and_wider_for_fewer_groups() -> None:
    x, y, _ = two_clouds(200, 3, 1.0)
    scores = x[:, 0] + 2 * y
    alone = auroc_interval(scores, y, np.arange(200), seed=4, resamples=400)
    assert alone == auroc_interval(scores, y, np.arange(200), seed=4, resamples=400)
    assert alone.low is not None
    assert alone.high is not None
    assert alone.estimate is not None
    assert alone.low < alone.estimate < alone.high
    copied = auroc_interval(
        np.tile(scores[:20], 10), np.tile(y[:20], 10), np.tile(np.arange(20), 10), seed=4, resamples=400
    )
    assert copied.low is not None
    assert copied.high is not None
    assert copied.high - copied.low > alone.high - alone.low, "ten copies of a row are one group"


def test_an_interval_needs_groups_and_both_labels() -> None:
    one = auroc_interval(np.array([1, 2]), np.array([1, 0]), np.array(["a", "a"]), seed=0)
    assert (one.estimate, one.low, one.high, one.resamples) == (0.0, None, None, 0)
    none = auroc_interval(np.array([1, 2]), np.array([1, 1]), np.array([1, 2]), seed=0)
    assert (none.estimate, none.low, none.high) == (None, None, None)


def test_random_labels_find_nothing_on_average() -> None:
    x, y, _ = two_clouds(300, 8, 3.0)
    held = np.arange(300) >= 200
    found = training.random_label_control(
        x, y, held, groups=np.arange(300), fit=mean_difference, seed=2, times=60
    )
    assert len(found) == 60
    assert np.mean(found) == pytest.approx(0.5, abs=0.15)
    assert found == training.random_label_control(
        x, y, held, groups=np.arange(300), fit=mean_difference, seed=2, times=60
    )
    real = mean_difference(x[~held], y[~held])
    assert (auroc(real.scores(x[held]), y[held]) or 0) > 0.95


def test_surface_sees_length_and_form_and_no_meaning() -> None:
    found = training.surface(["A1\n- b\n- c?", ""])
    assert found.shape == (2, len(training.SURFACE))
    row = dict(zip(training.SURFACE, found[0], strict=True))
    assert row["list items"] == 2
    assert row["digits"] == pytest.approx(1 / 11)
    assert row["upper case"] == pytest.approx(1 / 11)
    assert row["lines, log"] == pytest.approx(np.log(3))
    assert not found[1].any()
    assert training.surface([]).shape == (0, len(training.SURFACE))
