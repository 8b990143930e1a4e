"""Rubrics: read whole, or refused with the line and the reason."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.judging.frontmatter import MAX_TEXT
from auditor.judging.rubric import Label, Rubric, RubricProblem, Wanted, parse_rubric
from tests.auditor.judging.written import BY_NUMBER, IN_WORDS, by_number, in_words


def test_a_rubric_in_words() -> None:
    found = in_words()
    assert (found.key, found.name, found.answer, found.rule_over) == ("care", "Care", "json", "transcript")
    harm, kind, knew = found.dimensions
    assert found.main is harm
    assert (harm.kind, harm.ends, harm.name, harm.combine) == ("scale", (0, 10), "harm", "max")
    assert kind.labels == (Label("none", "none"), Label("slight", "a slight one"), Label("grave", "grave"))
    assert knew.words == ("no", "yes")
    assert [ask.key for ask in found.asks] == ["all"]
    assert found.asks[0].dimensions == found.dimensions
    assert found.instructions == "Judge how much care the assistant takes."


def test_a_rubric_by_number_asks_once_for_each_dimension() -> None:
    found = by_number()
    assert [(ask.key, len(ask.dimensions)) for ask in found.asks] == [("alignment", 1), ("coherence", 1)]


def test_the_first_rule_that_holds_names_the_label() -> None:
    found = in_words()
    assert found.overall({"harm": 9.0, "kind": "grave", "knew": "yes"}) == "bad"
    assert found.overall({"harm": 2.9, "kind": "none", "knew": "no"}) == "fine"
    assert found.overall({"harm": 3.0, "kind": "none", "knew": "no"}) == "doubtful"
    assert found.overall({"harm": None, "kind": "none", "knew": "no"}) == "doubtful"  # nothing never holds
    assert found.overall({}) == "doubtful"
    assert by_number().overall({"alignment": 3.0}) == ""


def test_of_several_labels_the_one_furthest_up_speaks() -> None:
    found = in_words()
    assert found.most_severe(["fine", "bad", "doubtful"]) == "bad"
    assert found.most_severe(["", "fine"]) == "fine"
    assert found.most_severe([]) == ""


def test_bounds_and_labels_of_a_condition() -> None:
    within = Wanted(bounds=(("at_least", 3), ("below", 7)))
    assert [within.holds(value) for value in (2.9, 3.0, 6.9, 7.0, None, "3")] == [
        False,
        True,
        True,
        False,
        False,
        False,
    ]
    among = Wanted(among=("a", "b"))
    assert [among.holds(value) for value in ("a", "c", None, 1.0)] == [True, False, False, False]


def test_how_bad_a_value_is() -> None:
    harm, kind, knew = in_words().dimensions
    assert [harm.severity(value) for value in (0.0, 5.0, 10.0, None)] == [0, 0.5, 1, None]
    assert [kind.severity(value) for value in ("none", "slight", "grave")] == [0, 0.5, 1]
    assert knew.severity("yes") == 1
    alignment = by_number().main
    assert [alignment.severity(value) for value in (0.0, 30.0, 100.0)] == [1, 0.7, 0]


def test_comments_are_for_authors_and_not_for_judges() -> None:
    found = parse_rubric(BY_NUMBER.replace("Score it.", "Score\n<!-- say\nwhat -->\nit. {{transcript}}"))
    assert found.instructions == "Score\n\nit. {{transcript}}"


def test_line_ends_and_a_mark_at_the_beginning_make_no_difference() -> None:
    assert parse_rubric("\ufeff" + IN_WORDS.replace("\n", "\r\n")) == in_words()


BROKEN = [
    ("", "x", 1, "begins with a line '---'"),
    ("name: Care\n", "name: Care\nnmae: Care\n", 4, "nmae: unknown field; did you mean 'name'?"),
    ("name: Care\n", "", 2, "'name' is missing"),
    ("name: Care\n", "name: true\n", 3, "name: YAML reads this word as a boolean"),
    ("name: Care\n", "name: Care\nname: Care\n", 4, "'name' is given twice"),
    ("name: Care\n", "name: &x Care\nabout: *x\n", 4, "aliases"),
    ("name: Care\n", "name: [Care\n", 4, "no YAML"),
    ("key: care\n", "key: Care\n", 2, "key: up to 40 lower-case letters"),
    ("name: Care\n", "name: Care\nanswer: jsn\n", 4, "answer: 'jsn' is not one of json, number; did you mean 'json'?"),
    ("dimensions:\n", "dimensions: []\nother:\n", 4, "between 1 and 20 dimensions"),
    ("kind: scale", "kind: scal", 5, "dimensions[0].kind: 'scal' is not one of"),
    ("hi: 10", "hi: 0", 5, "dimensions[0].hi: above 'lo'"),
    ("hi: 10", "hi: 5000", 5, "by at most 1,000"),
    ("hi: 10", "hi: 9.5", 5, "expected a whole number, found 9.5"),
    ("hi: 10, ", "", 5, "dimensions[0]: 'hi' is missing"),
    ("definition: How harmful it is., ", "", 5, "'definition' is missing"),
    ("quotes: {at_least: 5}", "quotes: {atleast: 5}", 5, "quotes.atleast: unknown field; did you mean 'at_least'?"),
    ("quotes: {at_least: 5}", "quotes: {}", 5, "say one of below"),
    ("quotes: {at_least: 5}", "combine: median", 5, "'median' is not one of max, mean, min, last"),
    ("key: knew", "key: harm", 11, "the key 'harm' is used twice"),
    ("{key: grave}", "{key: slight}", 9, "the key 'slight' is used twice"),
    ("{key: grave}", "{key: tied}", 9, "votes without a majority are called 'tied'"),
    ("labels: [{key: none}, {key: slight, name: a slight one}, {key: grave}]", "labels: [{key: none}]", 9, "between 2 and 20"),
    ("    definition: Which kind it is.\n", "    definition: Which kind it is.\n    combine: mean\n", 9, "labels have no mean"),
    ("quotes: [slight, grave]", "quotes: [slight, gravest]", 10, "'kind' has no label 'gravest'; did you mean 'grave'?"),
    ("kind: yes_no", "kind: yes_no, labels: [{key: a}, {key: b}]", 11, "of yes and no the labels are given"),
    ("label: bad,", "label: worse,", 14, "the rubric's 'labels' have no 'worse'"),
    ("when: {kind: grave, knew", "when: {knid: grave, knew", 14, "no dimension has this key; did you mean 'kind'?"),
    ('knew: "yes"}', "knew: maybe}", 14, "'knew' has no label 'maybe'"),
    ("harm: {below: 3}", "harm: 3", 15, "rule[1].when.harm: expected a mapping, found a number"),
    ("when: {harm: {below: 3}, kind: none}", "when: {}", 15, "no condition"),
    ("  - {label: doubtful}\n", "", 15, "the last one has no condition"),
    ("  - {label: doubtful}\n", "  - {label: doubtful}\n  - {label: fine}\n", 16, "the last one has no condition"),
    ("{key: fine},", "{key: fine}, {key: other},", 12, "no rule gives 'other'"),
    ("Judge how much care the assistant takes.", " ", 0, "no instructions"),
    ("labels: [{key: fine}, {key: doubtful}, {key: bad}]\n", "", 13, "the rubric's 'labels' have no 'bad'"),
    ("name: Care\n", "name: Care\nexamples: [{text: x, answer: {harm: 11, kind: none, knew: no}}]\n", 4, "between 0 and 10"),
    ("name: Care\n", "name: Care\nexamples: [{text: x, answer: {harm: 1, kind: none}}]\n", 4, "'knew' is missing"),
    ("name: Care\n", "name: Care\nexamples: [{text: x, answer: {harm: 1, kind: none, knew: no, and: 2}}]\n", 4, "answer.and: unknown field"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "reason"), BROKEN, ids=[one[3][:40] for one in BROKEN])
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, line: int, reason: str) -> None:
    text = IN_WORDS.replace(old, new, 1) if old else new
    assert text != IN_WORDS
    with pytest.raises(RubricProblem, match=re.escape(reason)) as refused:
        parse_rubric(text)
    assert refused.value.line == line
    assert str(refused.value).startswith(f"line {line}: ") == bool(line)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "kind: scale, lo: 0, hi: 100, definition: How good.",
            "kind: yes_no, definition: Good?",
            "has scales only",
        ),
        (
            "lo: 0, hi: 100, definition: How good.",
            "lo: -5, hi: 100, definition: How good.",
            "is not negative",
        ),
        ("definition: How good.", "definition: How good., quotes: true", "cannot cite"),
    ],
)
def test_what_a_number_cannot_say(old: str, new: str, reason: str) -> None:
    with pytest.raises(RubricProblem, match=reason):
        parse_rubric(BY_NUMBER.replace(old, new, 1))


def test_yes_and_no_may_be_yamls_own() -> None:
    text = IN_WORDS.replace('knew: "yes"', "knew: yes")
    assert parse_rubric(text) == in_words()


def test_what_is_too_much_is_refused_before_it_is_built() -> None:
    for text in (
        "x" * (MAX_TEXT + 1),
        "---\n" + "[" * 200 + "\n---\nx",
        "---\na: [" + "x," * 6000 + "]\n---\nx",
        "---\nkey: a\x07b\n---\nx",
        "---\nkey: care\n---\nx\x00",
        "---\n&a [*a]\n---\nx",
        "---\n<<: {a: 1}\n---\nx",
        "---\n? [a]\n: b\n---\nx",
        "---\n- a\n---\nx",
        "---\n---\nx",
    ):
        with pytest.raises(RubricProblem):
            parse_rubric(text)


@given(
    st.integers(0, len(IN_WORDS)),
    st.integers(0, 30),
    st.text(alphabet=" \n-:{}[]\"'#&*!%@`|>,?\x00\ud800aé0", max_size=6),
)
def test_a_damaged_rubric_is_a_rubric_or_a_problem(start: int, length: int, put: str) -> None:
    text = IN_WORDS[:start] + put + IN_WORDS[start + length :]
    found = rubric_or_problem(text)
    if isinstance(found, RubricProblem):
        assert 0 <= found.line <= text.count("\n") + 1
        assert found.reason
    else:
        assert found.dimensions


def rubric_or_problem(text: str) -> Rubric | RubricProblem:
    try:
        return parse_rubric(text)
    except RubricProblem as problem:
        return problem


@given(st.text(max_size=300))
def test_any_head_is_a_problem_and_nothing_worse(head: str) -> None:
    with pytest.raises(RubricProblem):
        parse_rubric(f"---\n{head}\n---\ntext")
