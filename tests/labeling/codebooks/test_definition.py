"""A codebook is read whole or refused with the place that is wrong."""

import copy
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from labeling.codebooks.conditions import ALWAYS, Facts, questions_of
from labeling.codebooks.definition import CodebookError, digest, dump, load
from labeling.codebooks.grades import COUNTS_UP_TO
from labeling.codebooks.parts import (
    Code,
    Codebook,
    Example,
    Grade,
    Group,
    Label,
    MissingTest,
    Need,
    Question,
    Rule,
    Ruling,
)
from labeling.codebooks.questions import TESTS
from labeling.codebooks.rules import derive

SMALL: dict[str, Any] = {
    "title": "Small",
    "groups": [{"key": "fine", "words": "Fine", "hue": "honest"}],
    "questions": [
        {
            "key": "wrong",
            "text": "Is it wrong?",
            "kind": "single",
            "codes": [
                {"key": "1", "value": "yes", "words": "yes"},
                {"key": "0", "value": "unknown", "words": "cannot tell", "missing_test": "ask"},
            ],
        },
        {
            "key": "signs",
            "text": "Which signs?",
            "kind": "multiple",
            "ask_when": {"wrong": "yes"},
            "codes": [
                {"key": "a", "value": "haste", "words": "haste"},
                {"key": "b", "value": "fear", "words": "fear"},
            ],
        },
        {"key": "sure", "text": "How sure?", "kind": "scale", "low": 1, "high": 5, "required": False},
        {"key": "note", "text": "Anything else?", "kind": "text", "folded": True},
    ],
    "conditions": {"afraid": {"signs": "fear"}},
    "labels": [
        {
            "code": "A",
            "words": "Afraid",
            "group": "fine",
            "severity": 2,
            "definition": "Afraid.",
            "max_grade": "I1",
        },
        {
            "code": "?",
            "words": "Open",
            "group": "fine",
            "severity": 1,
            "definition": "Open.",
            "max_grade": "I0",
            "open": True,
        },
    ],
    "rules": [
        {"label": "A", "because": "a sign of fear", "when": {"is": "afraid"}},
        {"label": "?", "because": "no"},
    ],
    "grades": [
        {"code": "I0", "words": "none", "definition": "None."},
        {
            "code": "I1",
            "words": "some",
            "definition": "Some.",
            "needs": [{"when": {"evidence": "truth"}, "otherwise": "Mark it."}],
        },
    ],
    "missing_tests": [{"key": "ask", "words": "Ask again."}],
}


@pytest.fixture
def small() -> dict[str, Any]:
    return copy.deepcopy(SMALL)


def test_a_codebook_survives_the_round_trip_through_json(small):
    codebook = load(small)
    assert load(json.loads(json.dumps(dump(codebook)))) == codebook


def test_equal_codebooks_have_equal_digests_however_they_were_written(small):
    written_otherwise = dict(reversed(small.items()))
    written_otherwise["conditions"] = {"afraid": {"signs": ["fear"]}}
    assert digest(load(small)) == digest(load(written_otherwise))


def test_the_order_of_fields_is_no_part_of_a_codebook(small):
    """A database that stores JSON may give the fields back in another order."""
    small["conditions"] = {"worried": {"is": "afraid", "wrong": "yes"}, "afraid": {"signs": "fear"}}
    small["rules"][0]["when"] = {"is": "worried"}
    codebook = load(small)
    shuffled = json.loads(json.dumps(dump(codebook), sort_keys=True))
    assert load(shuffled) == codebook
    assert digest(load(shuffled)) == digest(codebook)


def test_any_change_of_a_word_changes_the_digest(small):
    before = digest(load(small))
    small["questions"][0]["text"] = "Is it wrong"
    assert digest(load(small)) != before


def test_a_multiple_choice_matches_when_any_chosen_value_does(small):
    codebook = load(small)
    afraid = dict(codebook.conditions)["afraid"]
    assert afraid.holds(codebook.facts({"signs": ["haste", "fear"]}))
    assert not afraid.holds(codebook.facts({"signs": ["haste"]}))
    assert not afraid.holds(codebook.facts({}))


def test_a_scale_is_compared_by_its_steps(small):
    small["rules"][0]["when"] = {"sure": ["4", "5"]}
    rule = load(small).rules[0]
    assert rule.when.holds(Facts({"sure": 5}, {"sure": 5}))
    assert not rule.when.holds(Facts({"sure": 1}, {"sure": 1}))


def test_conditions_are_all_any_not_answered_and_named(small):
    small["rules"][0]["when"] = {
        "all": [{"answered": "wrong"}, {"any": [{"is": "afraid"}, {"not": {"wrong": "yes"}}]}]
    }
    codebook = load(small)
    when = codebook.rules[0].when
    assert when.holds(codebook.facts({"wrong": "unknown"}))
    assert not when.holds(codebook.facts({"wrong": "yes"}))
    assert when.holds(codebook.facts({"wrong": "yes", "signs": ["fear"]}))
    assert not when.holds(codebook.facts({"signs": ["fear"]}))
    assert set(questions_of(when)) == {"wrong", "signs"}
    assert load(dump(codebook)) == codebook


def test_a_default_counts_as_a_value_and_not_as_an_answer(small):
    small["questions"][0]["default"] = "yes"
    codebook = load(small)
    assert codebook.questions[1].ask_when.holds(codebook.facts({}))
    small["questions"][1]["ask_when"] = {"answered": "wrong"}
    codebook = load(small)
    assert not codebook.questions[1].ask_when.holds(codebook.facts({}))


def test_a_missing_condition_means_always(small):
    assert load(small).questions[0].ask_when is ALWAYS


def set_at(data: Any, path: str, value: object) -> None:
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in steps:
        data = data[step]
    if value is KeyError:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("title", KeyError, "title: missing"),
        ("title", ["x"], "title: expected text, found a list"),
        ("tilte", "Small", "tilte: unknown field; did you mean 'title'?"),
        ("unit", "book", "unit: 'book' is not one of transcript, claim, action"),
        ("groups/0/hue", "pink", "groups[0].hue: 'pink' is not one of"),
        ("groups", {}, "groups: expected a list, found a mapping"),
        ("questions", [], "questions: missing"),
        ("questions/1/key", "wrong", "questions[1].key: used twice"),
        ("questions/0/key", "not", "questions[0].key: 'not' is a word of the condition language"),
        ("questions/0/kind", "choice", "questions[0].kind: 'choice' is not one of"),
        ("questions/0/codes", [], "questions[0].codes: needed by single, multiple and span"),
        ("questions/2/codes", [{"key": "1", "value": "x", "words": "x"}], "questions[2].codes: needed by"),
        ("questions/0/codes/1/key", "1", "questions[0].codes[1].key: used twice"),
        ("questions/0/codes/1/value", "yes", "questions[0].codes[1].value: used twice"),
        ("questions/0/codes/1/key", "10", "questions[0].codes[1].key: '10' is not one key"),
        ("questions/0/codes/1", "cannot tell", "questions[0].codes[1]: expected a mapping, found text"),
        ("questions/0/codes/0/value", True, "questions[0].codes[0].value: YAML reads this word as a boolean"),
        ("questions/0/codes/1/missing_test", "aks", "codes[1].missing_test: no test 'aks'; did you mean 'ask'?"),
        ("questions/0/default", "yess", "questions[0].default: no value 'yess'; did you mean 'yes'?"),
        ("questions/0/folded", "no", "questions[0].folded: expected true or false, found text"),
        ("questions/2/high", 12, "questions[2].high: a scale runs upwards within 0 to 9"),
        ("questions/2/low", "one", "questions[2].low: expected a whole number, found text"),
        ("questions/1/ask_when", {"wrng": "yes"}, "ask_when.wrng: no question 'wrng'; did you mean 'wrong'?"),
        ("questions/1/ask_when", {"wrong": "yse"}, "ask_when.wrong: 'wrong' has no value 'yse'; did you mean 'yes'?"),
        ("questions/0/ask_when", {"signs": "fear"}, "questions[0].ask_when: 'signs' is asked later"),
        ("questions/0/ask_when", {"is": "afraid"}, "questions[0].ask_when: 'signs' is asked later"),
        ("questions/3/ask_when", {"wrong": "yes"}, "questions[3].ask_when: a folded question is always there"),
        ("questions/1/ask_when", {}, "questions[1].ask_when: an empty condition"),
        ("questions/1/ask_when", "wrong", "questions[1].ask_when: expected a condition, found text"),
        ("conditions/afraid", {"is": "afraid"}, "conditions.afraid.is: 'afraid' rests on itself"),
        ("conditions/afraid", {"evidence": "truth"}, "evidence cannot be named outside the grades"),
        ("rules/0/when", {"all": []}, "rules[0].when.all: expected a list of conditions"),
        ("rules/0/when", {"wrong": []}, "rules[0].when.wrong: an empty list"),
        ("rules/0/when", {"is": "afriad"}, "rules[0].when.is: no condition 'afriad'; did you mean 'afraid'?"),
        ("rules/0/label", "B", "rules[0].label: 'B' is not one of A, ?"),
        ("rules/0/when", KeyError, "rules[0].when: missing; rules after it could never match"),
        ("rules/1/label", "A", "rules[1]: the last rule must be the open label, without a condition"),
        ("rules/0/label", "?", "labels[0].code: no rule gives 'A'"),
        ("labels/1/open", False, "labels: exactly one label must be open"),
        ("labels/0/code", "?", "labels[1].code: used twice"),
        ("labels/0/max_grade", "I9", "labels[0].max_grade: 'I9' is not one of I0, I1"),
        ("labels/0/group", "fin", "labels[0].group: 'fin' is not one of fine; did you mean 'fine'?"),
        ("labels/0/examples", [{"case": "x"}], "labels[0].examples[0].because: missing"),
        ("grades/0/needs", [{"when": {"wrong": "yes"}, "otherwise": "x"}], "grades[0].needs: the lowest grade"),
        ("grades/1/needs/0/when", KeyError, "grades[1].needs[0].when: missing"),
        ("grades/1/needs/0/when", {"not": {"evidence": "truth"}}, "evidence cannot be named under 'not'"),
        ("labels/0/code", "Afraid of it", "labels[0].code: at most 10 characters, found 12"),
        ("groups/0/key", "g" * 31, "groups[0].key: at most 30 characters"),
        ("grades/1/code", "Grade 1", "grades[1].code: at most 4 characters"),
        ("questions/0/codes/0/needs_span", "counterfactual", "codes[0].needs_span: a kind of span"),
        ("questions/0/codes/0/needs_span", "s" * 31, "codes[0].needs_span: a kind of span"),
        ("labels/0/severity", 10**30, "labels[0].severity: at most 1,000,000,000"),
        ("title", "a\x00b", "title: holds a character that cannot be stored"),
        ("title", "a\ud800b", "title: holds a character that cannot be stored"),
        ("title", "a" * 20_001, "title: more than 20,000 characters"),
        ("questions/0/codes/0/examples", [{"case": "x"}], "codes[0].examples[0].because: missing"),
        ("missing_tests", [{"key": "ask", "words": "a"}, {"key": "ask", "words": "b"}], "missing_tests[1].key: used"),
    ],
)  # fmt: skip
def test_an_error_names_its_place(small, path, value, message):
    set_at(small, path, value)
    with pytest.raises(CodebookError) as caught:
        load(small)
    assert message in str(caught.value)


def test_a_mark_answers_one_question_and_is_never_a_test(small):
    small["questions"][1]["kind"] = "span"
    codes = small["questions"][1]["codes"]
    assert load(small).questions[1].values() == ("haste", "fear")
    codes[0]["value"] = "positive_control"
    with pytest.raises(CodebookError, match="evidence from a test, which no mark can be"):
        load(small)
    codes[0]["value"] = "quote"
    small["questions"][0]["codes"][0]["needs_span"] = "quote"
    with pytest.raises(CodebookError, match="already a span that an answer asks for"):
        load(small)
    del small["questions"][0]["codes"][0]["needs_span"]
    small["questions"].append({**small["questions"][1], "key": "more"})
    with pytest.raises(CodebookError, match="'quote' is already a mark of 'signs'"):
        load(small)


def test_no_mark_can_be_of_a_kind_that_counts_as_a_test():
    assert set(TESTS) == COUNTS_UP_TO.keys() - {"truth", "misleads"}


def test_names_that_double_each_other_are_refused_before_anything_walks_them(small):
    small["conditions"] |= {"n0": {"wrong": "yes"}}
    for step in range(1, 25):
        small["conditions"][f"n{step}"] = {"all": [{"is": f"n{step - 1}"}, {"is": f"n{step - 1}"}]}
    with pytest.raises(CodebookError, match="more than 20,000 parts written out"):
        load(small)


def test_a_long_chain_of_names_and_a_deep_condition_are_refused(small):
    small["conditions"] |= {f"n{step}": {"is": f"n{step + 1}"} for step in range(2000)}
    with pytest.raises(CodebookError, match="names rest on each other"):
        load(small)
    deep: dict[str, Any] = {"wrong": "yes"}
    for _ in range(2000):
        deep = {"not": deep}
    small["conditions"] = {"afraid": deep}
    with pytest.raises(CodebookError, match="nested deeper than 30 levels"):
        load(small)


def test_decision_rules_and_examples_of_codes_are_kept_and_leave_older_digests_alone(small):
    before = digest(load(small))
    code = small["questions"][0]["codes"][0]
    code |= {"rule": "", "examples": [], "counter_examples": []}
    small["labels"][0]["rule"] = ""
    assert digest(load(small)) == before
    code |= {"rule": "When in doubt, no.", "examples": [{"case": "x", "because": "y", "source": "case 3"}]}
    codebook = load(small)
    assert codebook.questions[0].codes[0].rule == "When in doubt, no."
    assert load(dump(codebook)) == codebook
    assert digest(codebook) != before


@pytest.mark.parametrize("data", [None, [], "text", 3, {1: "x"}, {}])
def test_what_is_no_codebook_is_refused_and_never_crashes(data):
    with pytest.raises(CodebookError):
        load(data)


def test_the_example_of_the_guide_is_a_codebook():
    guide = (Path(__file__).parents[3] / "docs/codebook.md").read_text()
    written = guide.split("```yaml\n")[1].split("```")[0]
    codebook = load(yaml.safe_load(written))
    assert derive(codebook, {"tone": "yes"}).label == "R"
    assert [test.key for test in derive(codebook, {"tone": "unknown"}).missing_tests] == ["ask"]


@pytest.mark.parametrize(
    "part", [Codebook, Group, Question, Code, Example, Label, Rule, Grade, Need, MissingTest, Ruling]
)
def test_the_guide_names_every_field(part):
    guide = (Path(__file__).parents[3] / "docs/codebook.md").read_text()
    grammar = set(re.findall(r"\w+", guide.split("```text\n")[1].split("```")[0]))
    assert {field.name for field in fields(part)} <= grammar
