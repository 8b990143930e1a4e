"""The model of reviewers: against its steps written out, on simulated people, and why judges do not vote."""

import math

import numpy as np
import pytest

from labeling.agreement.dawid_skene import PERSON, SMOOTHING, JudgesNeverVote, dawid_skene
from labeling.agreement.ratings import Floats, Ratings, Whole


def said_by(rng: np.random.Generator, truth: Whole, right: float, categories: int) -> Whole:
    """A reviewer who is right so often and else says any other label."""
    other = (truth + rng.integers(1, categories, len(truth))) % categories
    return np.where(rng.random(len(truth)) < right, truth, other)


def people(seed: int, *right: float, n: int = 500, categories: int = 3) -> tuple[Whole, Whole]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, categories, n)
    return truth, np.column_stack([said_by(rng, truth, share, categories) for share in right])


def fit(codes: Whole, categories: int) -> Floats:
    return dawid_skene(Ratings(codes, categories), [PERSON] * codes.shape[1]).posterior


def written_out(codes: Whole, categories: int, rounds: int) -> list[list[float]]:
    """Dawid and Skene's two steps item by item, by plain products and no arrays."""
    items, reviewers, labels = range(len(codes)), range(codes.shape[1]), range(categories)
    belief = [[sum(c == k for c in row if c >= 0) for k in labels] for row in codes]
    belief = [[b / sum(row) if sum(row) else 1 / categories for b in row] for row in belief]
    for _ in range(rounds):
        shares = [sum(row[k] for row in belief) / len(codes) for k in labels]
        habits = []
        for r in reviewers:
            table = [
                [SMOOTHING + sum(belief[i][j] for i in items if codes[i][r] == k) for k in labels]
                for j in labels
            ]
            habits.append([[cell / sum(row) for cell in row] for row in table])
        for i in items:
            odds = [
                shares[j] * math.prod(habits[r][j][codes[i][r]] for r in reviewers if codes[i][r] >= 0)
                for j in labels
            ]
            belief[i] = [one / sum(odds) for one in odds]
    return belief


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_its_steps_written_out(seed: int) -> None:
    _, codes = people(seed, 0.9, 0.7, 0.6, n=60)
    codes[np.random.default_rng(seed).random(codes.shape) < 0.2] = -1
    model = dawid_skene(Ratings(codes, 3), [PERSON] * 3)
    expected = np.array(written_out(codes, 3, model.rounds))
    assert np.abs(model.posterior - expected).max() < 1e-9


def test_a_good_reviewer_is_believed_against_two_poor_ones() -> None:
    truth, codes = people(5, 0.95, 0.55, 0.5, n=2000)
    model = dawid_skene(Ratings(codes, 3), [PERSON] * 3)
    by_model = (model.posterior.argmax(axis=1) == truth).mean()
    votes = np.stack([(codes == k).sum(axis=1) for k in range(3)], axis=1)
    assert by_model > (votes.argmax(axis=1) == truth).mean() + 0.1
    assert model.habits[0].diagonal().mean() == pytest.approx(0.95, abs=0.03)
    assert model.habits[1].diagonal().mean() == pytest.approx(0.55, abs=0.05)


def test_entropy_is_zero_where_people_agree_and_one_bit_where_two_split() -> None:
    codes = np.array([[0, 0], [1, 1]] * 40 + [[0, 1]] * 2 + [[1, 0]] * 2)
    entropy = dawid_skene(Ratings(codes, 2), [PERSON, PERSON]).entropy
    assert entropy[0] < 0.01
    assert 0.5 < entropy[-1] <= 1
    assert (entropy >= 0).all()


def test_an_item_nobody_rated_has_the_common_shares() -> None:
    codes = np.array([[0, 0]] * 30 + [[1, 1]] * 10 + [[-1, -1]])
    model = dawid_skene(Ratings(codes, 2), [PERSON, PERSON])
    assert model.posterior[-1] == pytest.approx(model.shares, abs=1e-6)


def test_no_items_and_no_reviewers_are_no_error() -> None:
    assert fit(np.zeros((0, 2), np.int64), 2).shape == (0, 2)
    assert fit(np.zeros((3, 0), np.int64), 2).tolist() == [[0.5, 0.5]] * 3


def test_a_long_row_of_votes_does_not_underflow() -> None:
    _, codes = people(2, *[0.6] * 400, n=30)
    found = fit(codes, 3)
    assert np.isfinite(found).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(30))


def test_judges_are_refused_with_the_reason() -> None:
    with pytest.raises(JudgesNeverVote, match="same mistakes"):
        dawid_skene(Ratings(np.array([[0, 1, 1]]), 2), [PERSON, PERSON, "judge"])
    with pytest.raises(ValueError, match="whose"):
        dawid_skene(Ratings(np.array([[0, 1]]), 2), [PERSON])


def test_two_judges_who_share_errors_would_do_harm() -> None:
    """Three people who are right in 85 of 100, and two judges who are wrong together on a quarter of the items."""
    alone, pooled = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 2, 1000)
        humans = [said_by(rng, truth, share, 2) for share in (0.85, 0.85, 0.85)]
        wrong = rng.random(1000) < 0.25
        judges = [said_by(rng, np.where(wrong, 1 - truth, truth), 0.95, 2) for _ in range(2)]
        alone.append((fit(np.column_stack(humans), 2).argmax(axis=1) == truth).mean())
        pooled.append((fit(np.column_stack([*humans, *judges]), 2).argmax(axis=1) == truth).mean())
    assert np.mean(alone) == pytest.approx(0.94, abs=0.02)
    assert np.mean(pooled) == pytest.approx(0.80, abs=0.02)
