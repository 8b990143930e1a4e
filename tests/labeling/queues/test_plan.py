"""Who meets whom: loads and pairs stay level, whatever the numbers."""

from collections import Counter
from itertools import permutations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.queues.plan import NoPlan, Whole, even, fill, plan, strewn


def loads_and_pairs(blocks: Whole, reviewers: int) -> tuple[Whole, Whole]:
    """How many items each has; how many each two have, in the order of the upper triangle."""
    within = np.zeros((len(blocks), reviewers), dtype=np.int64)
    for item, block in enumerate(blocks):
        within[item, block] += 1
    assert within.max(initial=0) <= 1, "nobody twice on one item"
    met = within.T @ within
    return np.diag(met), met[np.triu_indices(reviewers, 1)]


def spread(counts: Whole) -> int:
    return int(counts.max() - counts.min()) if len(counts) else 0


@pytest.mark.parametrize("reviewers", range(2, 13))
def test_loads_differ_by_one_and_pairs_by_one_or_two(reviewers: int) -> None:
    rng = np.random.default_rng(reviewers)
    for overlap in range(1, min(reviewers, 6) + 1):
        cycle = comb(reviewers, overlap)
        for items in (1, int(rng.integers(2, cycle + 2)), 3 * cycle + int(rng.integers(0, cycle))):
            loads, pairs = loads_and_pairs(plan(items, reviewers, overlap, seed=items), reviewers)
            assert loads.sum() == items * overlap
            assert spread(loads) <= 1, (reviewers, overlap, items)
            allowed = {1: 0, 2: 1}.get(overlap, 2)
            assert spread(pairs) <= allowed, (reviewers, overlap, items)


@settings(max_examples=60, deadline=None)
@given(reviewers=st.integers(2, 12), items=st.integers(0, 400), seed=st.integers(0, 2**31))
def test_at_two_labels_every_number_of_items_is_level(reviewers: int, items: int, seed: int) -> None:
    loads, pairs = loads_and_pairs(plan(items, reviewers, 2, seed), reviewers)
    assert spread(loads) <= 1
    assert spread(pairs) <= 1


@pytest.mark.parametrize(
    ("reviewers", "overlap", "items"), [(7, 5, 4), (8, 6, 13), (9, 6, 37), (6, 3, 10), (12, 6, 11)]
)
def test_few_items_with_many_labels_are_level_too(reviewers: int, overlap: int, items: int) -> None:
    """Where blocks are few, no single exchange may help; these got stuck at a spread of three."""
    loads, pairs = loads_and_pairs(plan(items, reviewers, overlap, seed=1), reviewers)
    assert spread(loads) <= 1
    assert spread(pairs) <= 2


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    first = plan(50, 6, 3, seed=11)
    assert np.array_equal(first, plan(50, 6, 3, seed=11))
    assert not np.array_equal(first, plan(50, 6, 3, seed=12))


def test_the_seed_decides_who_gets_the_odd_item() -> None:
    odd = {int(np.argmax(np.bincount(plan(4, 3, 1, seed).ravel(), minlength=3))) for seed in range(40)}
    assert odd == {0, 1, 2}


def test_more_labels_than_reviewers_have_no_plan() -> None:
    with pytest.raises(NoPlan):
        plan(10, 2, 3, seed=0)


def test_a_large_crew_is_planned_person_by_person() -> None:
    """40 reviewers have 658,008 subsets of five: no whole cycle, and still everybody has as much."""
    loads, pairs = loads_and_pairs(plan(200, 40, 5, seed=3), 40)
    assert spread(loads) <= 1
    assert spread(pairs) <= 6


def test_what_is_filled_in_goes_to_who_has_least_and_is_not_barred() -> None:
    barred = np.array([[True, False, False], [False, True, True]])
    given = fill(np.array([0, 1, 0]), barred, np.array([0, 5, 1]), np.zeros((3, 3)), seed=0)
    assert sorted(given[[0, 2]].tolist()) == [1, 2]  # two slots of item 0: the two who do not have it
    assert given[1] == 0  # the only one who may


def test_a_slot_that_nobody_may_have_stays_empty() -> None:
    nobody = np.ones((1, 2), dtype=bool)
    assert fill(np.array([0]), nobody, np.zeros(2), np.zeros((2, 2)), seed=0).tolist() == [-1]


def slots_of(bars: list[list[int]]) -> tuple[Whole, Whole, np.ndarray]:
    """Slots, holders and bars from rows of: 0 free to take, 1 barred, 2 holds a slot of the item."""
    table = np.array(bars, dtype=np.int64).reshape(-1, len(bars[0]) if bars else 3)
    items, holders = np.nonzero(table == 2)
    return items, holders, table > 0


def test_whoever_has_more_gives_on_until_all_have_as_much() -> None:
    items, holders, barred = slots_of([[2, 0, 0]] * 10 + [[0, 2, 0]] * 2)
    found = even(items, holders, barred, np.zeros((3, 3)))
    assert np.bincount(found).tolist() == [4, 4, 4]
    assert (found == holders).sum() == 6  # no more is moved than must be
    assert even(
        items, np.sort(found), np.eye(3, dtype=bool)[np.sort(found)], np.zeros((3, 3))
    ).tolist() == sorted(found.tolist())


def test_what_one_cannot_give_directly_goes_by_way_of_a_third() -> None:
    items, holders, barred = slots_of(
        [[2, 0, 1]] * 4 + [[1, 2, 0]] * 2
    )  # the first can give the last nothing
    assert np.bincount(even(items, holders, barred, np.zeros((3, 3))), minlength=3).tolist() == [2, 2, 2]


def test_nobody_who_could_take_it_leaves_it_where_it_is() -> None:
    items, holders, barred = slots_of([[2, 1]] * 5)
    assert even(items, holders, barred, np.zeros((2, 2))).tolist() == holders.tolist()
    assert even(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3), bool), np.zeros((3, 3))).tolist() == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), max_size=5))
def test_no_other_distribution_is_more_level(bars: list[list[int]]) -> None:
    items, holders, barred = slots_of(bars)
    found = even(items, holders, barred, np.zeros((3, 3)))
    given_by = {item: set(np.flatnonzero(~barred[item]).tolist()) for item in range(len(bars))}
    for item in range(len(bars)):
        mine = found[items == item].tolist()
        assert len(set(mine)) == len(mine)
        assert set(mine) <= given_by[item] | set(holders[items == item].tolist())
    choices = [
        list(
            permutations(
                sorted(given_by[item] | set(holders[items == item].tolist())), int((items == item).sum())
            )
        )
        for item in range(len(bars))
    ]
    best = min(
        sum(n * n for n in Counter(one for block in blocks for one in block).values())
        for blocks in product(*choices)
    )
    assert sum(n * n for n in Counter(found.tolist()).values()) == best


@settings(deadline=None)
@given(work=st.integers(0, 60), gold=st.integers(0, 12), seed=st.integers(0, 1000))
def test_gold_is_strewn_evenly_and_every_place_is_taken_once(work: int, gold: int, seed: int) -> None:
    places, at = strewn(work, gold, np.random.default_rng(seed))
    assert sorted([*places.tolist(), *at.tolist()]) == list(range(work + gold))
    for number, place in enumerate(
        at.tolist()
    ):  # each in a stretch of its own, and these are as long as can be
        assert number * (work + gold) // gold <= place < (number + 1) * (work + gold) // gold
