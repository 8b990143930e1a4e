"""Weighted rates: published examples, every sample of small frames, and PPI++ against ppi-python."""

from itertools import combinations, product

import numpy as np
import pytest

from auditor.sampling.designs import strata
from auditor.sampling.designs.arrays import Floats, Whole
from auditor.sampling.designs.design import By, Design
from auditor.sampling.designs.drawing import Plan, plan
from labeling.validity.prevalence import ppi
from labeling.validity.prevalence.estimators import (
    Domain,
    NotEnough,
    assisted,
    halving,
    horvitz_thompson,
    labels_alone,
    power,
)
from labeling.validity.prevalence.inclusion import FIXED, Inclusion, Labelled, Part, of_plan, of_union

# Scheaffer, Mendenhall and Ott, "Elementary Survey Sampling", chapter 5: hours of television in two towns and the
# country around them, 155, 62 and 93 households.
HOURS = (
    (35, 43, 36, 39, 28, 28, 29, 25, 38, 27, 26, 32, 29, 40, 35, 41, 37, 31, 45, 34),
    (27, 15, 4, 41, 49, 25, 10, 30),
    (8, 14, 12, 15, 30, 32, 21, 20, 34, 7, 11, 24),
)
HOUSEHOLDS = (155, 62, 93)


def all_of(labelled: Inclusion) -> Labelled:
    return labelled.labelled(np.ones(len(labelled.drawn), dtype=bool))


def towns(counts: tuple[int, ...]) -> Labelled:
    part = np.repeat(np.arange(3), HOUSEHOLDS)
    first = np.cumsum((0, *HOUSEHOLDS[:2]))
    drawn = np.concatenate([first[i] + np.arange(n) for i, n in enumerate(counts)])
    parts = tuple(Part(f"s{i}", FIXED, size) for i, size in enumerate(HOUSEHOLDS))
    odds = np.array([n / size for n, size in zip(counts, HOUSEHOLDS, strict=True)])[part]
    return all_of(Inclusion(parts, part, odds, drawn))


def test_a_stratified_mean_as_the_book_has_it() -> None:
    labelled, hours = towns((20, 8, 12)), np.concatenate(HOURS).astype(float)
    value, variance = horvitz_thompson(labelled, hours)
    assert value == pytest.approx(27.675, abs=5e-4)
    assert variance == pytest.approx(1.97, abs=5e-3)
    assert labelled.form(hours, hours) / 310**2 == pytest.approx(variance)


def test_a_stratified_share_as_the_book_has_it() -> None:
    labelled = towns((20, 8, 12))  # 16, 2 and 6 of them watch
    watched = np.concatenate([np.arange(n) < k for n, k in ((20, 16), (8, 2), (12, 6))]).astype(float)
    found = labels_alone(labelled, watched)
    assert found.value == pytest.approx(0.60)
    assert found.variance == pytest.approx(0.0045, abs=5e-5)
    assert 0.45 < found.interval().low < 0.47
    assert 0.71 < found.interval().high < 0.74


def test_over_all_samples_of_a_stratified_design_both_figures_are_unbiased() -> None:
    y = np.array([1.0, 0, 0, 1, 1, 0, 1, 1, 0])
    part = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
    parts = (Part("a", FIXED, 5), Part("b", FIXED, 4))
    odds = np.array([3 / 5, 2 / 4])[part]
    values, variances = [], []
    for a, b in product(combinations(range(5), 3), combinations(range(5, 9), 2)):
        labelled = all_of(Inclusion(parts, part, odds, np.array([*a, *b])))
        found = labels_alone(labelled, y[labelled.place])
        values.append(found.value)
        variances.append(found.variance)
        assert horvitz_thompson(labelled, y[labelled.place]) == pytest.approx((found.value, found.variance))
    assert np.mean(values) == pytest.approx(y.mean())
    assert np.mean(variances) == pytest.approx(np.var(values))
    assert all_of(Inclusion(parts, part, odds, np.array([0, 1, 2, 5, 6]))).spread_over(
        y / 9
    ) == pytest.approx(np.var(values))


def test_over_all_samples_of_a_poisson_design_the_total_is_unbiased_and_its_variance_too() -> None:
    y, sizes = np.array([1.0, 0, 1, 1, 0]), np.array([1.0, 2, 3, 4, 2])
    made = plan(Design(n=2, size_by="s", selection="poisson"), strata.whole(5), sizes=sizes)
    mean = variance = squared = 0.0
    for taken in product((False, True), repeat=5):
        chosen = np.array(taken)
        chance = float(np.where(chosen, made.odds, 1 - made.odds).prod())
        if not chosen.any():
            continue  # nothing drawn: the total is 0, and so is what is estimated of its variance
        value, spread = horvitz_thompson(all_of(of_plan(made, np.flatnonzero(chosen))), y[chosen])
        mean += chance * value
        squared += chance * value**2
        variance += chance * spread
    assert mean == pytest.approx(y.mean())
    assert variance == pytest.approx(squared - mean**2)


def test_the_variance_is_that_of_the_plans_joint_odds() -> None:
    """Yates and Grundy's estimator from the sampler's own odds of pairs, term by term."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=40)
    made = plan(Design(n=14, strata=(By("channel", channels=("j",)),)), strata.by_value(values, bins=3))
    drawn = np.flatnonzero(made.draw(rng.random(40), lambda _: 0.0))
    y = (rng.random(len(drawn)) < 0.4).astype(float)
    expected = 0.0
    for a, b in combinations(range(len(drawn)), 2):
        i, j = int(drawn[a]), int(drawn[b])
        both, exact = made.joint(i, j)
        assert exact
        slack = made.odds[i] * made.odds[j] - both
        expected += slack / both * (y[a] / made.odds[i] - y[b] / made.odds[j]) ** 2
    assert labels_alone(all_of(of_plan(made, drawn)), y).variance == pytest.approx(expected / 40**2)


def test_the_systematic_variance_is_near_that_of_its_approximate_joint_odds() -> None:
    rng = np.random.default_rng(4)
    sizes = rng.uniform(1, 4, 300)
    made = plan(Design(n=40, size_by="s", selection="systematic"), strata.whole(300), sizes=sizes)
    drawn = np.flatnonzero(made.draw(rng.random(300), lambda _: 0.3))
    y = (rng.random(len(drawn)) < 0.4).astype(float)
    expected = 0.0
    for a, b in combinations(range(len(drawn)), 2):
        i, j = int(drawn[a]), int(drawn[b])
        both = made.joint(i, j)[0]
        expected += (made.odds[i] * made.odds[j] / both - 1) * (
            y[a] / made.odds[i] - y[b] / made.odds[j]
        ) ** 2
    assert horvitz_thompson(all_of(of_plan(made, drawn)), y)[1] == pytest.approx(expected / 300**2, rel=0.02)


def uniform(seed: int, size: int = 400, n: int = 60) -> tuple[Labelled, Floats, Floats, Whole]:
    rng = np.random.default_rng(seed)
    judged = (rng.random(size) < 0.3).astype(float)
    truth = (rng.random(size) < np.where(judged > 0, 0.7, 0.1)).astype(float)
    made: Plan = plan(Design(n=n), strata.whole(size))
    drawn = np.flatnonzero(made.draw(rng.random(size), lambda _: 0.0))
    return all_of(of_plan(made, drawn)), truth, judged, drawn


# Made with ppi-python 0.2.3, `ppi_mean_pointestimate` and `ppi_mean_ci` at alpha 0.05, on the labels and predictions
# that `labels_of` makes from the same seeds.
PPI_PYTHON = (
    (1, 40, 400, 0.3, 0.24246796126002743, 0.1262431093757466, 0.35869281314430823),
    (2, 100, 900, 0.1, 0.08809338948037503, 0.034262831136706744, 0.1419239478240433),
    (3, 60, 5000, 0.5, 0.49179265213864504, 0.4009764417459902, 0.5826088625313),
    (4, 200, 1800, 0.02, 0.015923384028494525, -0.0003535729754165287, 0.03220034103240558),
)
PPI_PYTHON_SOFT = (0.4269450928328029, 0.35815928197920427, 0.49573090368640155)


def labels_of(seed: int, n: int, more: int, rate: float) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n + more) < rate).astype(float)
    predicted = np.where(rng.random(n + more) < 0.85, y, 1 - y)
    return y[:n], predicted[:n], predicted[n:]


@pytest.mark.parametrize(("seed", "n", "more", "rate", "value", "low", "high"), PPI_PYTHON)
def test_ppi_is_that_of_ppi_python(
    seed: int, n: int, more: int, rate: float, value: float, low: float, high: float
) -> None:
    found = ppi.mean(*labels_of(seed, n, more, rate))
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx(
        (value, low, high), abs=1e-10
    )


def test_predictions_that_are_no_zeros_and_ones_too() -> None:
    rng = np.random.default_rng(5)
    y = (rng.random(750) < 0.4).astype(float)
    predicted = np.clip(0.6 * y + rng.normal(0.2, 0.2, 750), 0, 1)
    found = ppi.mean(y[:50], predicted[:50], predicted[50:])
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx(PPI_PYTHON_SOFT, abs=1e-10)


def test_ppi_by_brute_force() -> None:
    """Over a fine grid the tuned weight has the least variance, when the predictions' spread is that of all of them."""
    y, predicted, rest = labels_of(7, 120, 800, 0.3)
    found = ppi.mean(y, predicted, rest)
    spread = np.concatenate([predicted, rest]).var(ddof=1)
    tied = np.cov(y, predicted, ddof=0)[0, 1]
    grid = np.linspace(0, 1, 2001)
    variance = y.var() / 120 - 2 * grid * tied / 120 + grid**2 * spread * (1 / 120 + 1 / 800)
    assert found.lam == pytest.approx(grid[np.argmin(variance)], abs=1e-3)
    residual = y - found.lam * predicted
    half = 1.959963985 * np.sqrt(residual.var() / 120 + found.lam**2 * rest.var() / 800)
    assert found.interval.width == pytest.approx(2 * half)
    with pytest.raises(ValueError, match="predictions"):
        ppi.mean(y, predicted[:-1], rest)


@pytest.mark.parametrize("seed", range(5))
def test_with_equal_odds_the_frames_estimate_is_that_of_ppi(seed: int) -> None:
    labelled, truth, judged, drawn = uniform(seed)
    y = truth[drawn]
    lam = power(labelled, y, judged[drawn], judged, None)
    found = assisted(labelled, y, judged[drawn], judged, lam)
    rest = np.ones(400, dtype=bool)
    rest[drawn] = False
    expected = ppi.mean(y, judged[drawn], judged[rest])
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert lam == pytest.approx(expected.lam * 400 / 340)
    alone = labels_alone(labelled, y)
    assert alone.variance == pytest.approx((1 - 60 / 400) * y.var(ddof=1) / 60)
    assert found.variance < alone.variance
    assert found.variance == pytest.approx((1 - 60 / 400) * (y - lam * judged[drawn]).var(ddof=1) / 60)


def test_a_judge_that_knows_nothing_is_left_out_and_one_that_knows_all_is_not_believed_blindly() -> None:
    labelled, truth, judged, drawn = uniform(11)
    y = truth[drawn]
    against = 1 - judged
    assert power(labelled, y, against[drawn], against, None) == 0
    lam = power(labelled, y, truth[drawn], truth, None)
    found = assisted(labelled, y, truth[drawn], truth, lam)
    assert found.value == pytest.approx(truth.mean(), abs=0.02)
    assert 0 < found.interval().width < labels_alone(labelled, y).interval().width


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_where_all_labels_are_alike_the_interval_still_covers(rate: float) -> None:
    labelled, _, judged, drawn = uniform(2)
    found = labels_alone(labelled, np.full(60, rate))
    ends = found.interval()
    assert found.value == rate
    assert found.variance == 0
    assert 0.04 < ends.width < 0.07  # 60 labels of 400 tell as much as 70.6 from an endless supply
    assert found.effective == pytest.approx(60 / (1 - 60 / 400))
    helped = assisted(
        labelled,
        np.full(60, rate),
        judged[drawn],
        judged,
        power(labelled, np.full(60, rate), judged[drawn], judged, None),
    )
    assert helped.value == rate
    assert (
        halving(labelled, found) == 47
    )  # 107 of 400 tell as much as 146: 3.84 / (146 + 3.84) is half of 3.84 / (70.6 + 3.84)


def test_strata_in_which_all_labels_are_alike_do_not_make_it_sure() -> None:
    parts = (Part("a", FIXED, 500), Part("b", FIXED, 500))
    part = np.repeat([0, 1], 500)
    drawn = np.concatenate([np.arange(30), 500 + np.arange(30)])
    labelled = all_of(Inclusion(parts, part, np.full(1000, 0.06), drawn))
    found = labels_alone(labelled, np.repeat([0.0, 1.0], 30))
    assert (found.value, found.variance) == (pytest.approx(0.5), pytest.approx(0.0))
    assert found.interval().width > 0.05


def test_what_was_taken_whole_is_known_and_bounds_the_interval() -> None:
    values = np.arange(200.0)
    made = plan(Design(n=40, top=20, top_by="j"), strata.whole(200), top=values)
    drawn = np.flatnonzero(made.draw(np.random.default_rng(1).random(200), lambda _: 0.0))
    labelled = all_of(of_plan(made, drawn))
    y = (values[drawn] >= 180).astype(float)  # the top is all yes, nothing else is
    found = labels_alone(labelled, y)
    assert found.value == pytest.approx(0.1)
    assert found.interval().low == pytest.approx(0.1)  # never below what is known
    assert 0.1 < found.interval().high < 0.2
    everything = plan(Design(n=200), strata.whole(200))
    whole = labels_alone(all_of(of_plan(everything, np.arange(200))), (values < 50).astype(float))
    assert (whole.interval().low, whole.interval().high) == (0.25, 0.25)  # a census leaves nothing open
    assert halving(all_of(of_plan(everything, np.arange(200))), whole) is None


def test_a_stratum_with_one_label_is_taken_with_its_neighbour() -> None:
    parts = (Part("a", FIXED, 50), Part("b", FIXED, 30), Part("c", FIXED, 20))
    part = np.repeat([0, 1, 2], [50, 30, 20])
    odds = np.array([5 / 50, 1 / 30, 4 / 20])[part]
    drawn = np.array([0, 1, 2, 3, 4, 50, 80, 81, 82, 83])
    labelled = all_of(Inclusion(parts, part, odds, drawn))
    assert labelled.group.tolist() == [0] * 6 + [2] * 4
    assert labels_alone(labelled, np.array([1.0, 0, 0, 1, 0, 1, 0, 0, 1, 0])).variance > 0
    single = all_of(
        Inclusion((Part("a", FIXED, 50),), np.zeros(50, dtype=np.int64), np.full(50, 0.02), np.array([3]))
    )
    assert labels_alone(single, np.array([1.0])).interval().low < 0.5


def test_a_part_without_a_label_leaves_nothing_to_estimate() -> None:
    made = plan(
        Design(n=20, strata=(By("channel", channels=("j",)),)), strata.by_value(np.arange(100.0), bins=2)
    )
    drawn = np.flatnonzero(made.draw(np.random.default_rng(1).random(100), lambda _: 0.0))
    half = of_plan(made, drawn).labelled(drawn < 50)
    with pytest.raises(NotEnough, match="no label yet in"):
        labels_alone(half, np.ones(10))
    frame = np.zeros(100, dtype=bool)
    frame[:3] = True
    whole = all_of(of_plan(made, drawn))
    with pytest.raises(NotEnough, match="no label here yet"):
        labels_alone(whole, np.ones(20), Domain(np.zeros(20, dtype=bool), frame))


def test_a_top_alone_is_refused_with_the_reason() -> None:
    made = plan(Design(top=10, top_by="j"), strata.whole(100), top=np.arange(100.0))
    with pytest.raises(ValueError, match="Only the top was taken"):
        of_plan(made, np.flatnonzero(made.odds > 0))


def test_those_labelled_stand_for_those_drawn() -> None:
    """A label less in a stratum: the others weigh more, and the variance is that of fewer."""
    labelled = towns((20, 8, 12))
    which = np.ones(40, dtype=bool)
    which[[0, 21]] = False
    fewer = labelled.design.labelled(which)
    assert fewer.weight.sum() == pytest.approx(310)
    assert fewer.weight[0] == pytest.approx(155 / 19)
    assert fewer.odds[0] == pytest.approx(19 / 155)


def test_draws_that_exclude_each_other_are_one_by_cells() -> None:
    """Two draws from one stratum are one larger draw from it; wider strata later, and cells are the earlier ones."""
    member = np.zeros(100, dtype=np.int64)
    odds = np.full(100, 0.1) + 0.9 * (20 / 90)
    drawn = np.arange(30)
    both = of_union([member, member], odds, drawn, equal=True)
    labelled = all_of(both)
    assert labelled.weight == pytest.approx(100 / 30)
    y = (np.arange(30) % 3 == 0).astype(float)
    assert labels_alone(labelled, y).variance == pytest.approx(0.7 * y.var(ddof=1) / 30)
    first = np.repeat([0, 1], 50)
    cells = of_union([first, member], odds, np.array([0, 1, 2, 50, 51]), equal=True)
    assert [part.size for part in cells.parts] == [50, 50]
    assert all_of(cells).weight.tolist() == pytest.approx([50 / 3] * 3 + [25, 25])
    lone = of_union([np.repeat([0, 1, 2], [50, 40, 10]), member], odds, np.array([0, 1, 50]), equal=True)
    assert sorted(part.size for part in lone.parts) == [
        40,
        60,
    ]  # the cell that nobody was drawn from joined another
    with pytest.raises(ValueError, match="no chance"):
        of_union([member], np.zeros(100), drawn, equal=True)


def test_how_many_more_labels_halve_the_interval() -> None:
    labelled, truth, _, drawn = uniform(3, 100_000, 200)
    found = labels_alone(labelled, truth[drawn])
    more = halving(labelled, found)
    assert more is not None
    assert 550 < more < 640  # about three times as many again, as the frame is large
    small, truth, _, drawn = uniform(3, 400, 200)
    near = halving(small, labels_alone(small, truth[drawn]))
    assert near is not None
    assert 100 < near < 200  # and fewer where the frame ends: 400 / (1 + 3 / 4 * ...) in all
