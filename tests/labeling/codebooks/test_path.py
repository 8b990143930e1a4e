"""The desk asks only what the answers so far make necessary, and keeps to its keystroke budgets."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.codebooks.definition import load
from labeling.codebooks.path import (
    BadAnswer,
    check_answers,
    folded_questions,
    is_complete,
    next_question,
    prune,
    visible_questions,
    wanted_spans,
)
from labeling.codebooks.rules import derive

DEFAULT = Path(__file__).parents[3] / "labeling/codebooks/defaults/intent_versus_hallucination.yaml"
CODEBOOK = load(yaml.safe_load(DEFAULT.read_text()))
ENTER = 1
CONFIDENCE = 1
DECEPTION = {"truth": "false", "access": "in_context", "licence": "none", "motive": "goal", "plan": "plan"}


def walk(meant):
    """Answer what is asked, as meant; the questions in the order they came."""
    answers, asked = {}, []
    while question := next_question(CODEBOOK, answers):
        asked.append(question.key)
        answers[question.key] = meant[question.key]
    return asked, answers


def keys(meant):
    """Keys pressed from the first question to the commit, with confidence given."""
    asked, answers = walk(meant)
    assert all(len(CODEBOOK.by_key[key].code(answers[key]).key) == 1 for key in asked)
    return len(asked) + CONFIDENCE + ENTER


def test_an_honest_transcript_takes_one_answer_and_commit():
    asked, _ = walk({"truth": "true"})
    assert asked == ["truth"]
    assert keys({"truth": "true"}) <= 3


@pytest.mark.parametrize(
    ("label", "meant", "most"),
    [
        ("U", {"truth": "false", "access": "absent", "licence": "none"}, 3),
        ("C", {"truth": "fabricated", "access": "unstable", "licence": "none"}, 3),
        ("K", DECEPTION | {"motive": "none", "plan": "innocent"}, 5),
    ],
)
def test_a_hallucination_takes_at_most_six_keys(label, meant, most):
    asked, answers = walk(meant)
    assert derive(CODEBOOK, answers).label == label
    assert len(asked) <= most
    assert len(asked) + ENTER <= 6


def test_deception_walks_the_whole_path_in_at_most_twelve_keys_besides_its_two_spans():
    asked, answers = walk(DECEPTION)
    assert asked == ["truth", "access", "licence", "motive", "plan"]
    assert derive(CODEBOOK, answers).label == "D"
    assert keys(DECEPTION) <= 12
    assert wanted_spans(CODEBOOK, answers) == ("misleads", "truth")


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("P", {"truth": "false", "access": "parametric", "licence": "fiction"}),
        ("W", {"truth": "omission", "access": "in_context", "licence": "operator"}),
        ("S", DECEPTION | {"motive": "social", "plan": "none"}),
        ("N", DECEPTION | {"motive": "instructed", "plan": "none"}),
        ("X", DECEPTION | {"truth": "false_action", "motive": "none", "plan": "none"}),
        ("M", {"truth": "harmful", "licence": "none", "motive": "none", "plan": "none"}),
        ("?", {"truth": "unverifiable"}),
    ],
)
def test_each_label_of_the_path_is_reached_by_answering_what_is_asked(label, meant):
    asked, answers = walk(meant)
    assert asked == list(meant)
    assert derive(CODEBOOK, answers).label == label


def test_a_garbled_text_is_asked_nothing_more():
    assert next_question(CODEBOOK, {"coherence": "garbled"}) is None
    assert prune(CODEBOOK, {"coherence": "garbled"} | DECEPTION) == {"coherence": "garbled"}


def test_a_changed_answer_drops_what_is_no_longer_asked():
    assert prune(CODEBOOK, DECEPTION | {"truth": "true"}) == {"truth": "true"}
    kept = prune(CODEBOOK, DECEPTION | {"access": "absent", "awareness": "says_eval"})
    assert kept == {"truth": "false", "access": "absent", "licence": "none", "awareness": "says_eval"}


def test_the_desk_shows_the_path_up_to_the_next_question_and_confidence():
    shown = [question.key for question in visible_questions(CODEBOOK, {"truth": "false"})]
    assert shown == ["truth", "access", "confidence"]
    assert [question.key for question in visible_questions(CODEBOOK, {})] == ["truth", "confidence"]


def test_confidence_is_asked_only_on_request():
    assert is_complete(CODEBOOK, {"truth": "true"})
    assert next_question(CODEBOOK, {"truth": "true"}, optional=True).key == "confidence"
    assert next_question(CODEBOOK, {"truth": "true", "confidence": 4}, optional=True) is None


def test_the_extra_facets_fold_out():
    assert [question.key for question in folded_questions(CODEBOOK)] == [
        "awareness",
        "training",
        "reader",
        "coherence",
        "certainty",
        "belief",
        "counterfactual",
        "capability",
    ]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"trtuh": "true"}, "There is no question 'trtuh'; did you mean 'truth'?"),
        ({"truth": "fabricatd"}, "truth: there is no answer 'fabricatd'; did you mean 'fabricated'?"),
        ({"truth": ["true"]}, "truth: ['true'] is not an answer to a question of kind single"),
        ({"truth": 1}, "truth: 1 is not an answer to a question of kind single"),
        ({"truth": True}, "truth: True is not an answer"),
        ({"truth": None}, "truth: None is not an answer"),
        ({"confidence": "4"}, "confidence: '4' is not an answer to a question of kind scale"),
        ({"confidence": 6}, "confidence: there is no answer '6'"),
    ],
)
def test_an_answer_the_codebook_does_not_know_is_refused(answers, message):
    with pytest.raises(BadAnswer) as caught:
        check_answers(CODEBOOK, answers)
    assert message in str(caught.value)


any_answers = st.fixed_dictionaries(
    {},
    optional={
        question.key: st.integers(1, 5) if question.kind == "scale" else st.sampled_from(question.values())
        for question in CODEBOOK.questions
    },
)


@given(any_answers)
@settings(max_examples=200, deadline=None)
def test_pruning_settles_at_once_and_changes_nothing_that_is_asked(answers):
    kept = prune(CODEBOOK, answers)
    assert prune(CODEBOOK, kept) == kept
    assert next_question(CODEBOOK, kept) == next_question(CODEBOOK, answers)
    assert visible_questions(CODEBOOK, kept) == visible_questions(CODEBOOK, answers)
    check_answers(CODEBOOK, kept)
