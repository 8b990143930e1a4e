"""The item bootstrap: from a seed, honest about what it cannot say, and near the known answers."""

import numpy as np
import pytest

from labeling.agreement.coefficients import nominal_alpha, percent
from labeling.agreement.ratings import Patterns, Ratings
from labeling.agreement.resampling import (
    NO_OVERLAP,
    NO_VARIATION,
    RARELY_DEFINED,
    SAME_AGAIN,
    Estimate,
    estimates,
    resamples,
    seed_of,
)


def patterns(rows: list[list[int]], categories: int = 2) -> Patterns:
    return Ratings(np.array(rows, dtype=np.int64), categories).patterns


def estimated(p: Patterns, seed: int = 7, times: int = 1000) -> dict[str, Estimate]:
    figures = {"percent": percent(p), "alpha": nominal_alpha(p)}
    return estimates(figures, p.of_item, len(p.codes), n=p.n, seed=seed, times=times)


def test_every_resample_has_as_many_items_and_follows_from_the_seed() -> None:
    of_item = np.array([0, 0, 1, 2, 2, 2])
    first = np.concatenate(list(resamples(of_item, 3, seed=5, times=400)))
    assert first.shape == (400, 3)
    assert (first.sum(axis=1) == 6).all()
    again = np.concatenate(list(resamples(of_item, 3, seed=5, times=400)))
    assert (first == again).all()
    assert not (first == np.concatenate(list(resamples(of_item, 3, seed=6, times=400)))).all()
    # Each item is drawn once on average, so the patterns come as often as they stand there.
    assert first.mean(axis=0) == pytest.approx([2, 1, 3], abs=0.25)


def test_the_interval_of_a_share_is_the_binomials() -> None:
    # 100 items, 80 agreed on, so a resample agrees on X of 100, binomial with p = 0.8: P(X <= 71) = 0.020 and
    # P(X <= 72) = 0.034, so 2.5% lie at 72; P(X <= 87) = 0.9747 and P(X <= 88) = 0.987, so 97.5% at 88.
    found = estimated(patterns([[0, 0]] * 40 + [[1, 1]] * 40 + [[0, 1]] * 20), times=20_000)["percent"]
    assert found.value == pytest.approx(0.8)
    assert (found.low, found.high) == (pytest.approx(0.72), pytest.approx(0.875, abs=0.0051))
    assert (found.n, found.seed, found.reason) == (100, 7, "")


def test_equal_inputs_and_seeds_give_equal_intervals() -> None:
    p = patterns([[0, 0], [1, 1], [0, 1], [1, 1], [0, 0], [1, 0]] * 5)
    assert estimated(p) == estimated(p)
    assert estimated(p)["alpha"].low != estimated(p, seed=8)["alpha"].low


def test_what_cannot_be_said_is_said_so() -> None:
    nothing = estimated(patterns([[0, -1], [-1, 1]]))
    assert nothing["alpha"] == Estimate(None, 0, reason=NO_OVERLAP)
    alike = estimated(patterns([[1, 1]] * 5))
    assert alike["alpha"] == Estimate(None, 5, reason=NO_VARIATION)
    assert (alike["percent"].value, alike["percent"].low, alike["percent"].reason) == (1, None, SAME_AGAIN)


def test_a_rare_label_leaves_the_interval_open() -> None:
    # One item of twelve has the other label: (11/12)^12, about 35% of the resamples, have one label only.
    found = estimated(patterns([[0, 0]] * 11 + [[1, 1]]))["alpha"]
    assert found.value == 1
    assert (found.low, found.high, found.reason) == (None, None, RARELY_DEFINED)
    assert found.undefined == pytest.approx(352, abs=60)


def test_few_undefined_resamples_are_left_out_and_counted() -> None:
    found = estimated(patterns([[0, 0]] * 27 + [[1, 1]] * 2 + [[0, 1]]))["alpha"]
    assert found.low is not None
    assert 0 < found.undefined < 100


def test_seeds_follow_from_what_is_measured() -> None:
    assert seed_of("round", 3) == seed_of("round", 3) != seed_of("round", 4)
    assert 0 <= seed_of("x") < 2**53
