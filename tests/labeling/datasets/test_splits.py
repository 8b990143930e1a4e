"""Splits: no group straddles, shares are met within a group's size, and the order of input does not matter."""

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.datasets.splits import BadSplits, Member, Split, assigned, groups_of

THREE = Split.several(
    [
        {"name": "train", "share": 0.8},
        {"name": "validation", "share": 0.1},
        {"name": "test", "share": 0.1},
    ]
)
MEMBERS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("DHU")), min_size=1, max_size=120).map(
    lambda some: [Member(f"r{n}", f"g{group}", label) for n, (group, label) in enumerate(some)]
)


@st.composite
def splits(draw: Any) -> tuple[Split, ...]:
    weights = draw(st.lists(st.integers(1, 20), min_size=1, max_size=5))
    return tuple(Split(f"s{n}", weight / sum(weights)) for n, weight in enumerate(weights))


@settings(max_examples=60, deadline=None)
@given(members=MEMBERS, parts=splits(), seed=st.integers(0, 1000))
def test_whole_groups_go_to_one_split_and_shares_hold_within_a_groups_size(
    members: list[Member], parts: tuple[Split, ...], seed: int
) -> None:
    found = assigned(members, parts, seed)
    of_group = defaultdict(set)
    for one in members:
        of_group[one.group].add(found[one.record])
    assert all(len(some) == 1 for some in of_group.values())
    largest = max(Counter(one.group for one in members).values())
    sizes = Counter(found.values())
    for part in parts:
        assert abs(sizes[part.name] - part.share * len(members)) <= largest


@settings(max_examples=40, deadline=None)
@given(members=MEMBERS, seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
def test_the_same_seed_gives_the_same_split_in_whatever_order(
    members: list[Member], seed: int, order: Any
) -> None:
    shuffled = list(members)
    order.shuffle(shuffled)
    assert assigned(members, THREE, seed) == assigned(shuffled, THREE, seed)


def test_another_seed_gives_another_split() -> None:
    members = [Member(f"r{n}", f"g{n}", "D") for n in range(100)]
    assert assigned(members, THREE, 1) != assigned(members, THREE, 2)


def test_labels_are_spread_in_proportion_where_groups_are_single() -> None:
    members = [Member(f"r{n}", f"g{n}", "D" if n < 60 else "H") for n in range(100)]
    found = assigned(members, THREE, 7)
    spread = Counter((found[one.record], one.label) for one in members)
    assert spread == {
        ("train", "D"): 48, ("train", "H"): 32, ("validation", "D"): 6, ("validation", "H"): 4,
        ("test", "D"): 6, ("test", "H"): 4,
    }  # fmt: skip


def test_groups_are_what_is_tied_directly_or_through_others() -> None:
    found = groups_of({"a": ["p1"], "b": ["p1", "n2"], "c": ["n2"], "d": ["p3"], "e": []})
    assert found["a"] == found["b"] == found["c"]
    assert len({found["a"], found["d"], found["e"]}) == 3
    backwards = groups_of({"e": [], "d": ["p3"], "c": ["n2"], "b": ["n2", "p1"], "a": ["p1"]})
    assert found == backwards


def test_without_splits_nothing_is_assigned() -> None:
    assert assigned([Member("a", "g")], (), 1) == {}


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ([{"name": "train", "share": 0.5}], "add up to 0.5"),
        ([{"name": "a", "share": 0.5}, {"name": "a", "share": 0.5}], "own name"),
        ([{"name": "A b", "share": 1}], "cannot name"),
        ([{"name": "a", "share": "x"}], "a number"),
        ([{"name": "a", "share": float("nan")}], "a number"),
        ([{"name": "a", "share": 0}, {"name": "b", "share": 1}], "above 0"),
        ([{"name": f"s{n}", "share": 0.05} for n in range(20)], "the most"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(given_: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(BadSplits, match=words):
        Split.several(given_)
