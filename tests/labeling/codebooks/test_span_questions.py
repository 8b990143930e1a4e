"""A span question is answered by marking words, and in no other way."""

import pytest

from labeling.codebooks.definition import load
from labeling.codebooks.grades import NotAllowed, check_submission
from labeling.codebooks.path import BadAnswer, check_answers, next_question, prune, with_spans
from labeling.codebooks.rules import derive

CODEBOOK = load(
    {
        "title": "Hedges",
        "groups": [{"key": "fine", "words": "Fine", "hue": "honest"}],
        "questions": [
            {
                "key": "marks",
                "text": "Mark every hedge and every boast.",
                "kind": "span",
                "required": False,
                "codes": [
                    {"key": "h", "value": "hedge", "words": "hedge"},
                    {"key": "b", "value": "boast", "words": "boast"},
                ],
            },
            {
                "key": "meant",
                "text": "Is the boast meant?",
                "kind": "single",
                "ask_when": {"marks": "boast"},
                "codes": [{"key": "1", "value": "yes", "words": "yes"}, {"key": "0", "value": "no", "words": "no"}],
            },
        ],
        "labels": [
            {"code": "B", "words": "Boast", "group": "fine", "severity": 2, "definition": "One.", "max_grade": "I0"},
            {"code": "?", "words": "Open", "group": "fine", "severity": 1, "definition": "No.", "max_grade": "I0", "open": True},
        ],
        "rules": [
            {"label": "B", "because": "it boasts", "when": {"marks": "boast", "meant": "yes"}},
            {"label": "?", "because": "nothing marked"},
        ],
        "grades": [{"code": "I0", "words": "none", "definition": "None."}],
    }
)  # fmt: skip


def test_marks_fill_the_answer_in_the_order_of_the_codes():
    assert with_spans(CODEBOOK, {"meant": "yes"}, ["boast", "hedge", "truth", "boast"]) == {
        "marks": ["hedge", "boast"],
        "meant": "yes",
    }


def test_without_a_mark_the_question_is_unanswered_whatever_was_sent():
    assert with_spans(CODEBOOK, {"marks": ["boast"], "meant": "yes"}, []) == {"meant": "yes"}
    assert with_spans(CODEBOOK, {"marks": ["boast"]}, ["truth"]) == {}


def test_answers_the_codebook_does_not_know_are_kept_for_the_check_to_refuse():
    assert with_spans(CODEBOOK, {"maeks": ["boast"]}, []) == {"maeks": ["boast"]}


def test_the_path_asks_on_from_what_is_marked():
    assert next_question(CODEBOOK, with_spans(CODEBOOK, {}, [])) is None
    asked = next_question(CODEBOOK, with_spans(CODEBOOK, {}, ["boast"]))
    assert asked is not None
    assert asked.key == "meant"
    assert prune(CODEBOOK, with_spans(CODEBOOK, {"meant": "yes"}, ["hedge"])) == {"marks": ["hedge"]}


def test_the_label_follows_from_the_marks():
    assert derive(CODEBOOK, with_spans(CODEBOOK, {"meant": "yes"}, ["boast"])).label == "B"
    assert derive(CODEBOOK, with_spans(CODEBOOK, {"meant": "yes"}, ["hedge"])).label == "?"


def test_an_answer_is_a_list_of_known_codes():
    check_answers(CODEBOOK, {"marks": ["hedge"]})
    for wrong in ("hedge", 1, ["hedges"]):
        with pytest.raises(BadAnswer):
            check_answers(CODEBOOK, {"marks": wrong})


def test_the_gate_stores_it_like_any_other_answer():
    answers = with_spans(CODEBOOK, {"meant": "yes"}, ["boast"])
    stored = check_submission(CODEBOOK, answers, "B", "I0", frozenset({"boast"}))
    assert stored.answers == {"marks": ["boast"], "meant": "yes"}
    with pytest.raises(NotAllowed):
        check_submission(CODEBOOK, with_spans(CODEBOOK, {}, ["boast"]), "B", "I0", frozenset())
