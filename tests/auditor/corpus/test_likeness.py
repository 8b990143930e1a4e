"""Near-duplicates are found, others are not, and a group is what is connected."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.corpus.likeness import PLACES, groups, likeness, signature

WORDS = [f"word{i}" for i in range(3000)]


def text(seed: int, n: int = 400) -> list[str]:
    """So many words of an invented vocabulary."""
    return random.Random(seed).choices(WORDS, k=n)


def jaccard(one: list[str], other: list[str]) -> float:
    """Of the sets of five words, counted without hashes."""
    a, b = ({tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (one, other))
    return len(a & b) / len(a | b)


def test_equal_words_in_another_dress_are_the_same() -> None:
    one = signature(["The ledger says: 14 March. It cleared, “fine”."])
    other = signature(["the LEDGER says 14 march it cleared fine"])
    assert likeness(one, other) == 1.0
    assert one.shape == (PLACES,)


@pytest.mark.parametrize("changed", [0, 2, 5, 10, 20, 60, 150])
def test_agreement_estimates_the_share_of_common_shingles(changed: int) -> None:
    """Against the exact share, within four standard errors, for every amount of change."""
    one = text(1)
    other = list(one)
    for at in random.Random(2).sample(range(len(one)), changed):
        other[at] = f"else{at}"
    exact = jaccard(one, other)
    found = likeness(signature([" ".join(one)]), signature([" ".join(other)]))
    assert abs(found - exact) <= 4 * (exact * (1 - exact) / PLACES) ** 0.5 + 1e-12


def test_groups_join_what_was_copied_and_nothing_else() -> None:
    """Twenty texts; four are copied with a word changed, one of these once more."""
    originals = [text(seed) for seed in range(20)]
    copies = []
    for at in range(4):
        copy = list(originals[at])
        copy[at] = "changed"
        copies.append(copy)
    again = [*copies[0]]
    again[100] = "changed"
    found = groups([signature([" ".join(words)]) for words in [*originals, *copies, again]])
    assert found == [*range(20), 0, 1, 2, 3, 0]


def test_a_chain_is_one_group_whatever_its_order() -> None:
    chain = [text(7)]
    for step in range(12):
        following = list(chain[-1])
        for at in range(step * 8, step * 8 + 4):
            following[at] = f"else{at}"
        chain.append(following)
    signatures = [signature([" ".join(words)]) for words in chain]
    order = random.Random(3).sample(range(len(chain)), len(chain))
    assert set(groups(signatures)) == {0}
    assert set(groups([signatures[i] for i in order])) == {0}


def test_nothing_said_and_little_said() -> None:
    empty, dots = signature([]), signature(["… — !"])
    assert likeness(empty, dots) == 1.0
    assert likeness(empty, signature(["yes"])) == 0.0
    assert likeness(signature(["yes"]), signature(["Yes."])) == 1.0
    assert likeness(signature(["yes"]), signature(["no"])) == 0.0
    assert groups([]) == []
    assert groups([empty]) == [0]
    assert groups([empty, signature(["yes"]), dots]) == [0, 1, 0]


def test_a_long_text_is_signed_in_pieces_that_make_no_difference() -> None:
    long = " ".join(text(5, 20_000))
    assert likeness(signature([long]), signature([long, long[:500]])) == 1.0


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_can_be_signed(texts: list[str]) -> None:
    found = signature(texts)
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, signature(list(texts)))
