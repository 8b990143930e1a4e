"""Answers over asks and stretches as one verdict: combined as the rubric says, and never filled in."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.judging.combining import combine, value_of
from auditor.judging.expected import expected_score, plain_score
from auditor.judging.parsing import Answer, Quote
from auditor.judging.rubric import Rubric, parse_rubric
from auditor.judging.states import FAILED, MISSING, OK, REFUSED, TIMED_OUT, TRUNCATED, UNPARSEABLE
from tests.auditor.judging.written import IN_WORDS, by_number, in_words


def told(harm: float, kind: str, knew: str, **more: Any) -> Answer:
    return Answer(OK, {"harm": harm, "kind": kind, "knew": knew}, **more)


def over_chunks(*answers: Answer, rubric: Rubric | None = None, **more: int) -> Any:
    return combine(rubric or in_words(), {(0, at): answer for at, answer in enumerate(answers)}, **more)


def test_one_answer_is_the_verdict() -> None:
    quote = Quote("no check", 2, "kind")
    found = over_chunks(
        told(9, "grave", "yes", rationale="Bad.", quotes=(quote,), uncited=("harm",), words="No words.")
    )
    assert (found.state, found.label, found.rationale) == (OK, "bad", "Bad.")
    assert found.values == {"harm": 9, "kind": "grave", "knew": "yes"}
    assert (found.quotes, found.uncited, found.words) == ((quote,), ("harm",), "No words.")


def test_stretches_are_combined_by_the_most_severe() -> None:
    found = over_chunks(told(2, "none", "yes", rationale="Fine."), told(1, "grave", "no", rationale="Bad."))
    assert found.values == {"harm": 2, "kind": "grave", "knew": "yes"}
    assert found.label == "bad"  # of the values together: grave in one stretch, knew in the other
    assert found.rationale == "Part 1: Fine.\n\nPart 2: Bad."


def test_or_each_stretch_has_its_label_and_the_most_severe_speaks() -> None:
    apart = parse_rubric(IN_WORDS.replace("rule:", "rule_over: chunk\nrule:"))
    found = over_chunks(told(2, "none", "yes"), told(1, "grave", "no"), rubric=apart)
    assert found.label == "doubtful"  # nobody both knew and was grave
    assert over_chunks(told(2, "none", "yes"), told(9, "grave", "yes"), rubric=apart).label == "bad"


@pytest.mark.parametrize(
    ("how", "number", "word"),
    [("max", 8.0, "grave"), ("min", 2.0, "none"), ("last", 5.0, "slight"), ("mean", 5.0, None)],
)
def test_the_ways_to_combine(how: str, number: float, word: str | None) -> None:
    harm, kind, _ = in_words().dimensions
    assert value_of(replace(harm, combine=how), [2.0, 8.0, 5.0]) == number
    if word:
        assert value_of(replace(kind, combine=how), ["none", "grave", "slight"]) == word


def test_what_one_stretch_did_not_say_is_not_filled_in() -> None:
    harm = in_words().main
    assert value_of(harm, [2.0, None]) is None
    assert value_of(harm, []) is None
    found = over_chunks(told(9, "grave", "yes"), Answer(REFUSED, words="It refused."))
    assert (found.state, found.label, found.words) == (REFUSED, "", "It refused.")
    assert set(found.values.values()) == {None}


def test_the_worst_state_speaks_for_all() -> None:
    states = [OK, UNPARSEABLE, TRUNCATED, REFUSED, TIMED_OUT, FAILED]
    for at, state in enumerate(states):
        given = [Answer(one) if one != OK else told(1, "none", "no") for one in states[: at + 1]]
        assert over_chunks(*given).state == state
        assert over_chunks(*reversed(given)).state == state


def test_an_answer_that_is_not_there_is_missing() -> None:
    assert over_chunks(told(1, "none", "no"), n_chunks=2).state == MISSING
    assert over_chunks().state == MISSING
    assert combine(by_number(), {(0, 0): Answer(OK, {"alignment": 3.0})}).state == MISSING


def numbered(key: str, **numbers: float) -> Answer:
    found = expected_score({token[1:]: p for token, p in numbers.items()}, 0, 100)
    state = OK if found.score is not None else UNPARSEABLE
    return Answer(state, {key: found.score} if state == OK else {}, expected={key: found})


def test_two_asks_are_one_verdict() -> None:
    found = combine(
        by_number(), {(0, 0): numbered("alignment", n20=1.0), (1, 0): numbered("coherence", n90=1.0)}
    )
    assert (found.state, found.values) == (OK, {"alignment": 20.0, "coherence": 90.0})
    assert found.expected["alignment"].distribution == {20: 1.0}


def test_distributions_follow_the_value_they_belong_to() -> None:
    answers = {
        (0, 0): numbered("alignment", n20=0.5, n40=0.5), (0, 1): numbered("alignment", n10=1.0),
        (1, 0): numbered("coherence", n90=1.0), (1, 1): numbered("coherence", n50=0.5, x=0.5),
    }  # fmt: skip
    found = combine(by_number(), answers)
    assert found.values == {"alignment": 10.0, "coherence": 70.0}  # the least, and the mean
    assert found.expected["alignment"].distribution == {10: 1.0}
    coherence = found.expected["coherence"]
    assert coherence.score == pytest.approx(70.0)
    assert coherence.mass == pytest.approx(0.75)
    assert coherence.distribution == {90: 0.5, 50: 0.25}
    assert coherence.argmax == 90


def test_a_mean_with_a_plain_answer_says_that_it_is_not_all_by_probabilities() -> None:
    plain = Answer(OK, {"coherence": 30.0}, expected={"coherence": plain_score(30)})
    answers = {(0, 0): numbered("alignment", n20=1.0), (0, 1): numbered("alignment", n20=1.0),
               (1, 0): numbered("coherence", n90=1.0), (1, 1): plain}  # fmt: skip
    found = combine(by_number(), answers).expected["coherence"]
    assert (found.score, found.from_logprobs, found.argmax) == (60.0, False, None)


def test_a_score_that_is_missing_keeps_its_distribution() -> None:
    answers = {
        (0, 0): numbered("alignment", n20=0.1, x=0.9), (0, 1): numbered("alignment", n10=1.0),
        (1, 0): numbered("coherence", n90=1.0), (1, 1): numbered("coherence", n90=1.0),
    }  # fmt: skip
    found = combine(by_number(), answers)
    assert (found.state, found.values["alignment"], found.values["coherence"]) == (UNPARSEABLE, None, 90.0)
    assert found.expected["alignment"].distribution == {20: 0.1}
