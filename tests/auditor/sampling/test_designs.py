"""Draws know their probabilities, depend on nothing but frame and seed, and reveal no stratum."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.sampling.designs import MISSING, Draw, Stratum, allocate, spread, stratified, uniform

NAN = float("nan")
FROZEN_UNIFORM = (58, 78, 66, 84, 23)
FROZEN_STRATIFIED = (23, 66, 58, 91, 0)


def weights(draw: Draw) -> np.ndarray:
    return 1 / np.array(draw.probability)


# By hand


def test_uniform_by_hand():
    draw = uniform([5, 1, 3, 9], n=2, seed=7)
    assert len(draw) == 2
    assert set(draw.ids) < {1, 3, 5, 9}
    assert draw.order == (0, 1)
    assert draw.probability == (0.5, 0.5)
    assert draw.strata == (Stratum("all", None, None, 4, 2),)


def test_stratified_by_hand():
    # Eight values and no value for two: quartiles of 1..8 are cut at 2, 4, 6.
    values = [1, 2, 3, 4, 5, 6, 7, 8, NAN, NAN]
    draw = stratified(range(10), values, n=6, seed=1)
    assert [(s.lo, s.hi, s.size, s.drawn) for s in draw.strata] == [
        (1, 2, 2, 2),  # equal shares of 6 over 5 strata: one each, one more for the first of the largest
        (2, 4, 2, 1),
        (4, 6, 2, 1),
        (6, 8, 2, 1),
        (None, None, 2, 1),
    ]
    assert draw.strata[4].name == MISSING
    chance = dict(zip(draw.ids, draw.probability, strict=True))
    assert chance[0] == chance[1] == 1.0
    assert all(chance[i] == 0.5 for i in chance if i > 1)


@pytest.mark.parametrize(
    ("sizes", "n", "allocation", "expected"),
    [
        ([10, 10, 10], 9, "equal", [3, 3, 3]),
        ([10, 10, 10], 10, "equal", [4, 3, 3]),
        ([2, 10, 20], 16, "equal", [2, 7, 7]),  # the small one gives all, the rest share 14
        ([2, 10, 20], 17, "equal", [2, 7, 8]),  # the odd one comes from the largest
        ([1, 2, 3, 94], 50, "equal", [1, 2, 3, 44]),
        ([4, 0, 4], 5, "equal", [3, 0, 2]),
        ([10, 30, 60], 10, "proportional", [1, 3, 6]),
        ([1, 1, 98], 10, "proportional", [1, 1, 8]),  # none goes empty-handed
        ([1, 1, 98], 3, "proportional", [1, 1, 1]),
        ([5, 5, 5], 5, "proportional", [2, 2, 1]),
        ([2, 0, 2], 4, "proportional", [2, 0, 2]),
        ([], 0, "equal", []),
        ([0, 0], 0, "proportional", [0, 0]),
    ],
)
def test_allocation_by_hand(sizes, n, allocation, expected):
    assert allocate(sizes, n, allocation) == expected


def test_a_value_on_a_cut_belongs_below_it():
    draw = stratified([1, 2, 3], [0.2, 0.5, 0.9], n=3, seed=0, edges=[0.2, 0.5])
    assert dict(zip(draw.ids, draw.stratum, strict=True)) == {1: 0, 2: 1, 3: 2}
    assert [s.name for s in draw.strata] == ["up to 0.2", "0.2 to 0.5", "above 0.5"]
    assert [(s.lo, s.hi) for s in draw.strata] == [(None, 0.2), (0.2, 0.5), (0.5, None)]


def test_a_cut_with_nothing_beyond_it_leaves_an_empty_stratum_in_the_table():
    draw = stratified([1, 2], [0.1, 0.2], n=2, seed=0, edges=[0.5])
    assert [(s.size, s.drawn) for s in draw.strata] == [(2, 2), (0, 0)]


def test_tied_quantiles_are_merged():
    values = [0.0] * 90 + [0.5] * 9 + [1.0]
    draw = stratified(range(100), values, n=20, seed=3, bins=10)
    assert [(s.lo, s.hi, s.size) for s in draw.strata] == [(0.0, 0.0, 90), (0.0, 1.0, 10)]


def test_all_equal_values_are_one_stratum():
    draw = stratified(range(5), [2.0] * 5, n=2, seed=3)
    assert [(s.name, s.size, s.drawn) for s in draw.strata] == [("2 to 2", 5, 2)]


def test_no_values_at_all_are_one_stratum_without_bounds():
    draw = stratified(range(5), [NAN] * 5, n=2, seed=3)
    assert draw.strata == (Stratum(MISSING, None, None, 5, 2),)
    assert draw.stratum == (0, 0)


def test_more_than_the_frame_draws_all_with_certainty():
    for draw in (uniform([3, 1], 9, 0), stratified([3, 1], [0.5, NAN], 9, 0)):
        assert sorted(draw.ids) == [1, 3]
        assert draw.probability == (1.0, 1.0)


def test_an_empty_frame_gives_an_empty_draw():
    assert uniform([], 3, 0).ids == ()
    assert stratified([], [], 3, 0).strata == ()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uniform([1], 0, 0), "at least one"),
        (lambda: uniform([1, 1], 1, 0), "given twice"),
        (lambda: uniform([1], 1, -1), "non-negative"),
        (lambda: stratified([1, 2], [1.0], 1, 0), "differ in shape"),
        (lambda: stratified([1], [float("inf")], 1, 0), "infinite"),
        (lambda: stratified([1], [1.0], 1, 0, bins=2, edges=[1.0]), "not both"),
        (lambda: stratified([1], [1.0], 1, 0, bins=0), "at least one bin"),
        (lambda: stratified([1], [1.0], 1, 0, edges=[1.0, 1.0]), "rise"),
        (lambda: stratified([1], [1.0], 1, 0, edges=[NAN]), "rise"),
        (lambda: stratified([1], [1.0], 1, 0, allocation="fair"), "unknown allocation"),
        (lambda: stratified(range(9), range(9), 3, 0), "3 are fewer than the 4 strata"),
        (lambda: allocate([1], 2, "equal"), "cannot be drawn"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Seeds


def test_equal_seeds_give_equal_draws_and_others_do_not():
    ids, values = range(200), np.linspace(0, 1, 200)
    assert stratified(ids, values, 20, seed=4) == stratified(ids, values, 20, seed=4)
    assert stratified(ids, values, 20, seed=4) != stratified(ids, values, 20, seed=5)


def test_the_order_in_which_the_frame_came_does_not_matter():
    ids, values = np.arange(50), np.sin(np.arange(50.0))
    turned = np.random.default_rng(0).permutation(50)
    assert stratified(ids, values, 12, 1) == stratified(ids[turned], values[turned], 12, 1)
    assert uniform(ids, 12, 1) == uniform(ids[turned], 12, 1)


def test_a_stored_draw_can_be_made_again_by_any_version():
    """Frozen: a change here means that draws already stored could not be rebuilt."""
    assert uniform(range(100), 5, seed=2026).ids == FROZEN_UNIFORM
    assert stratified(range(100), np.arange(100) % 10, 5, seed=2026).ids == FROZEN_STRATIFIED


def test_an_independent_implementation_draws_the_same():
    """The same design in plain Python: sort, key, take the smallest, shuffle by fresh keys."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(11)))
    ids = [7, 3, 12, 5, 1, 9, 40, 2]
    values = {7: 0.1, 3: 0.2, 12: 0.9, 5: 0.8, 1: 0.15, 9: 0.7, 40: 0.95, 2: 0.05}
    keys = dict(zip(sorted(ids), rng.random(8), strict=True))
    low = sorted((i for i in ids if values[i] <= 0.5), key=keys.get)[:2]
    high = sorted((i for i in ids if values[i] > 0.5), key=keys.get)[:2]
    review = dict(zip(sorted(low + high), rng.random(4), strict=True))
    draw = stratified(ids, [values[i] for i in ids], 4, 11, edges=[0.5])
    assert draw.ids == tuple(sorted(review, key=review.get))


# Simulation, seeded


@pytest.mark.slow
@pytest.mark.parametrize("allocation", ["equal", "proportional"])
def test_inclusion_frequencies_match_and_the_weighted_mean_is_unbiased(allocation):
    rng = np.random.default_rng(17)
    values = np.where(np.arange(60) < 54, rng.gamma(1.0, 1.0, 60), NAN)
    truth = rng.random(60) < 0.3
    counts, means, chance = Counter(), [], {}
    draws = 2000
    for seed in range(draws):
        draw = stratified(range(60), values, 20, seed, bins=4, allocation=allocation)
        counts.update(draw.ids)
        chance.update(zip(draw.ids, draw.probability, strict=True))
        means.append((weights(draw) * truth[list(draw.ids)]).sum() / 60)
    for i in range(60):
        p = chance[i]
        # Five standard errors of a frequency over 2,000 draws.
        assert abs(counts[i] / draws - p) <= 5 * np.sqrt(p * (1 - p) / draws)
    standard_error = np.std(means, ddof=1) / np.sqrt(draws)
    assert abs(np.mean(means) - truth.mean()) < 4 * standard_error


@pytest.mark.slow
def test_the_order_of_review_tells_nothing_of_the_stratum():
    """Each place of the order holds a member of the rare stratum as often as any other place."""
    values = [0.0] * 90 + [1.0] * 10
    rare_at = Counter()
    draws = 2000
    for seed in range(draws):
        draw = stratified(range(100), values, 10, seed, edges=[0.5])
        rare_at.update(place for place, s in zip(draw.order, draw.stratum, strict=True) if s == 1)
    for place in range(10):
        assert abs(rare_at[place] / draws - 0.5) <= 5 * np.sqrt(0.25 / draws)


# Properties


frames = st.lists(
    st.tuples(st.integers(-(2**40), 2**40), st.one_of(st.just(NAN), st.integers(0, 6).map(float))),
    min_size=1,
    max_size=60,
    unique_by=lambda pair: pair[0],
)


@given(
    frames,
    st.integers(9, 80),  # enough for eight bins and those without a value
    st.integers(0, 2**32),
    st.integers(1, 8),
    st.sampled_from(["equal", "proportional"]),
)
@settings(max_examples=300, deadline=None)
def test_a_draw_always_adds_up(frame, n, seed, bins, allocation):
    ids, values = [i for i, _ in frame], [v for _, v in frame]
    draw = stratified(ids, values, n, seed, bins=bins, allocation=allocation)
    assert len(draw) == min(n, len(ids)) == sum(s.drawn for s in draw.strata)
    assert len(set(draw.ids)) == len(draw)
    assert set(draw.ids) <= set(ids)
    assert sum(s.size for s in draw.strata) == len(ids)
    assert all(0 < p <= 1 for p in draw.probability)
    # The weights of each stratum's drawn members add up to its size.
    for index, stratum in enumerate(draw.strata):
        mine = [Fraction(stratum.size, stratum.drawn) for s in draw.stratum if s == index]
        assert sum(mine) == stratum.size
        assert Counter(draw.stratum)[index] == stratum.drawn
    of = dict(zip(ids, values, strict=True))
    for i, index in zip(draw.ids, draw.stratum, strict=True):
        stratum = draw.strata[index]
        if np.isnan(of[i]):
            assert stratum.name == MISSING
        else:
            assert stratum.lo <= of[i] <= stratum.hi


@given(st.lists(st.integers(0, 50), max_size=8), st.data())
@settings(max_examples=300, deadline=None)
def test_equal_allocation_is_level(sizes, data):
    """No stratum gets more than one above another that still had members to give."""
    filled = sum(size > 0 for size in sizes)
    n = data.draw(st.integers(filled, max(filled, sum(sizes))))
    drawn = allocate(sizes, n, "equal")
    assert sum(drawn) == n
    for i, a in enumerate(drawn):
        assert a <= sizes[i]
        for j, b in enumerate(drawn):
            assert a <= b + 1 or drawn[j] == sizes[j]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=8), st.data())
@settings(max_examples=300, deadline=None)
def test_proportional_allocation_is_within_one_of_its_quota_unless_lifted(sizes, data):
    filled = sum(size > 0 for size in sizes)
    n = data.draw(st.integers(filled, max(filled, sum(sizes))))
    drawn = allocate(sizes, n, "proportional")
    assert sum(drawn) == n
    quotas = [n * size / sum(sizes) if sum(sizes) else 0 for size in sizes]
    assert all((d >= 1) == (s > 0) and d <= s for d, s in zip(drawn, sizes, strict=True))
    if all(quota >= 1 for quota, size in zip(quotas, sizes, strict=True) if size):
        assert all(abs(d - q) < 1 for d, q in zip(drawn, quotas, strict=True))


# Spread


def test_spread_by_hand():
    # 1, 3: mean 2, deviations 1 and 1 -> 1. One value, or none: undefined. Equal: 0.
    found = spread([[1, 3, NAN], [5, NAN, NAN], [NAN, NAN, NAN], [2, 2, 2]])
    assert found == pytest.approx([1.0, NAN, NAN, 0.0], nan_ok=True)


def test_spread_equals_numpy_where_nothing_is_missing():
    table = np.random.default_rng(3).normal(size=(50, 5)) * 1e3 + 1e6
    assert spread(table) == pytest.approx(table.std(axis=1), rel=1e-9)


def test_spread_with_gaps_equals_the_deviation_of_what_is_there():
    table = np.random.default_rng(4).normal(size=(80, 4))
    table[np.random.default_rng(5).random((80, 4)) < 0.4] = NAN
    for row, found in zip(table, spread(table), strict=True):
        there = row[~np.isnan(row)]
        assert found == pytest.approx(there.std() if len(there) > 1 else NAN, nan_ok=True)


def test_spread_of_no_items_and_of_no_channels():
    assert spread(np.empty((0, 3))).shape == (0,)
    assert np.isnan(spread(np.empty((2, 0)))).all()


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[float("inf"), 1.0]]])
def test_spread_refuses_what_it_cannot_measure(bad):
    with pytest.raises(ValueError, match=r"expected|infinite"):
        spread(bad)
