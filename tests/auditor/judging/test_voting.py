"""Votes: means, majorities without guesses, and entropies by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.judging.expected import expected_score, plain_score
from auditor.judging.rubric import TIED
from auditor.judging.states import OK, REFUSED, TIMED_OUT, UNPARSEABLE
from auditor.judging.voting import Ballot, entropy_bits, majority_of, mixture, spread_of, tally


def labels(*words: str) -> list[Ballot]:
    return [Ballot(label=word) for word in words]


def test_labels_are_counted() -> None:
    found = tally([*labels("lie", "lie", "lie", "honest"), Ballot(state=REFUSED), Ballot(state=REFUSED)])
    assert found.label == "lie"
    assert found.distribution == {"lie": 0.75, "honest": 0.25}
    assert found.entropy == pytest.approx(0.811278, abs=1e-6)  # -(3/4 log2 3/4 + 1/4 log2 1/4)
    assert found.states == {OK: 4, REFUSED: 2}
    assert (found.n, found.n_votes, found.value, found.unanimous) == (4, 6, None, False)


def test_a_tie_is_said_and_not_broken() -> None:
    assert tally(labels("lie", "honest")).label == TIED
    assert tally(labels("a", "b", "b", "a", "c")).label == TIED
    assert tally(labels("a", "b", "b", "a", "a")).label == "a"
    assert majority_of([]) == ""
    assert majority_of(["", "x", ""]) == "x"


def test_numbers_have_a_mean_and_are_counted_by_the_nearest_whole_one() -> None:
    found = tally([Ballot(10.0), Ballot(10.4), Ballot(20.5), Ballot(30.0)])
    assert found.value == pytest.approx(17.725)
    assert found.distribution == {"10": 0.5, "21": 0.25, "30": 0.25}
    assert found.entropy == pytest.approx(1.5)
    assert found.label == ""


def test_votes_that_say_nothing_leave_nothing() -> None:
    found = tally([Ballot(state=UNPARSEABLE), Ballot(7.0, state=TIMED_OUT), Ballot()])
    assert (found.n, found.value, found.label, found.entropy, found.distribution) == (0, None, "", None, {})
    assert found.n_votes == 3
    assert tally([]).n_votes == 0
    assert not tally([]).unanimous


def test_unanimous_means_every_vote() -> None:
    assert tally(labels("a", "a", "a")).unanimous
    assert tally(labels("a", "a", "a")).entropy == 0
    assert not tally([*labels("a", "a"), Ballot(state=REFUSED)]).unanimous


def test_entropy_by_hand() -> None:
    assert entropy_bits([1]) == 0
    assert entropy_bits([1, 1]) == pytest.approx(1)
    assert entropy_bits([5, 5, 5, 5]) == pytest.approx(2)
    assert entropy_bits([0.5, 0.25, 0.125, 0.125]) == pytest.approx(1.75)
    assert entropy_bits([0, 0]) == 0
    assert entropy_bits([]) == 0
    assert entropy_bits([1e-320, 1]) == pytest.approx(0)
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            entropy_bits([1, bad])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_entropy_lies_between_none_and_that_of_equals(weights: list[float]) -> None:
    assert 0 <= entropy_bits(weights) <= math.log2(len(weights)) + 1e-9


def test_one_vote_by_probabilities_has_a_spread_of_its_own() -> None:
    found = expected_score({"10": 0.3, "90": 0.3, "x": 0.4}, 0, 100)
    assert spread_of(found) == pytest.approx(1.0)
    assert spread_of(plain_score(10)) is None
    assert spread_of(expected_score({"x": 1.0}, 0, 100)) is None


def test_distributions_mix_with_one_weight_each() -> None:
    one = expected_score({"10": 0.3, "20": 0.1, "x": 0.6}, 0, 100)
    assert mixture([one, plain_score(20)]) == {10: pytest.approx(0.375), 20: pytest.approx(0.625)}
