"""The difference of two versions, in words: nothing of it is left out, and nothing else is in it."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from labeling.codebooks.conditions import Condition, Vocabulary
from labeling.codebooks.definition import digest, dump, load
from labeling.codebooks.differences import Line, count, differences
from labeling.codebooks.parts import Code, Codebook, Example
from labeling.codebooks.written import read_text

FOLDER = Path(__file__).parents[3] / "labeling/codebooks/defaults"
BEFORE = read_text((FOLDER / "intent_versus_hallucination.yaml").read_text()).codebook
assert BEFORE is not None


def changed(old: str, new: str) -> Codebook:
    text = (FOLDER / "intent_versus_hallucination.yaml").read_text()
    assert old in text
    after = read_text(text.replace(old, new, 1))
    assert after.codebook is not None, after.problem
    return after.codebook


def told(after: Codebook, before: Codebook = BEFORE) -> list[tuple[str, str, str, str, str, str]]:
    return [
        (section.title, change.kind, change.name, line.what, joined(line.before), joined(line.after))
        for section in differences(before, after)
        for change in section.changes
        for line in change.lines
    ]


def joined(pieces: tuple) -> str:
    return "".join(piece.text for piece in pieces)


def test_equal_codebooks_differ_in_nothing():
    assert differences(BEFORE, load_again(BEFORE)) == ()


def load_again(codebook: Codebook) -> Codebook:
    return load(dump(codebook))


def test_a_changed_definition_names_the_words():
    after = changed("The text is broken, so that no statement", "The text is torn, so that no statement")
    ((_, kind, name, what, _, _),) = told(after)
    assert (kind, name, what) == ("changed", "G Garbled", "definition")
    line: Line = differences(BEFORE, after)[0].changes[0].lines[0]
    assert [piece.text for piece in line.before if piece.differs] == ["broken, "]
    assert [piece.text for piece in line.after if piece.differs] == ["torn, "]


def test_a_changed_rule_is_told_in_the_words_of_the_answers():
    after = changed(
        "{truth: false_action}}\n  - {label: K", "{truth: [false_action, fabricated]}}\n  - {label: K"
    )
    assert told(after) == [
        ("Rules", "changed", "X Action contradicted by the log", "when",
         "truth is “false claim of an action”", "truth is “false claim of an action” or “invented source or name”")
    ]  # fmt: skip


def test_an_added_code_and_a_removed_one():
    after = changed('      - {key: "4", value: deliberates, words: weighs both}\n', '      - {key: "5", value: jokes, words: jokes about it}\n')  # fmt: skip
    assert [(kind, name) for _, kind, name, *_ in told(after)] == [
        ("added", "awareness: jokes about it"), ("added", "awareness: jokes about it"),
        ("removed", "awareness: weighs both"), ("removed", "awareness: weighs both"),
    ]  # fmt: skip


def test_an_added_example_says_which_label():
    labels = [
        replace(label, examples=(*label.examples, Example("A case.", "A reason.", "case 9")))
        if label.code == "K"
        else label
        for label in BEFORE.labels
    ]
    assert told(replace(BEFORE, labels=tuple(labels))) == [
        ("Labels", "changed", "K Knows but errs", "is: A case.", "", "A case. A reason. (case 9)")
    ]


def test_a_grade_that_asks_for_more_is_told():
    after = changed("- when: {evidence: alternatives}", "- when: {evidence: [alternatives, replication]}")
    ((section, _, name, _, before, new),) = told(after)
    assert (section, name) == ("Grades", "I4 established")
    assert before == "evidence attached: alternatives"
    assert new.endswith("alternatives or replication")


def test_a_rule_that_moves_is_told_once_and_the_others_are_not():
    *rules, last = BEFORE.rules
    after = replace(BEFORE, rules=(*rules[1:3], rules[0], *rules[3:], last))
    assert told(after) == [("Rules", "changed", "G Garbled", "place", "number 1", "number 3")]


def test_a_question_that_moves_does_not_move_its_codes():
    *before, last = BEFORE.questions
    after = replace(BEFORE, questions=(*before[:-1], last, before[-1]))
    assert {section for section, *_ in told(after)} == {"Questions"}


def test_codes_that_swap_are_told():
    first = BEFORE.questions[0]
    codes = (first.codes[1], first.codes[0], *first.codes[2:])
    after = replace(BEFORE, questions=(replace(first, codes=codes), *BEFORE.questions[1:]))
    ((section, _, _, what, _, _),) = told(after)
    assert (section, what) == ("Answers", "place")


def test_before_the_first_version_everything_is_new():
    sections = differences(None, BEFORE)
    assert {change.kind for section in sections for change in section.changes} == {"added"}
    assert count(sections) > 100


def test_two_codes_of_equal_words_still_make_a_difference():
    """The words are the same, and the rule is another one."""
    first = BEFORE.questions[0]
    twin = Code("x", "twin", first.codes[0].words)
    base = replace(BEFORE, questions=(replace(first, codes=(*first.codes, twin)), *BEFORE.questions[1:]))
    rule = next(rule for rule in base.rules if rule.label == "X")
    swapped = replace(rule, when=load_again_condition(base, {"truth": "twin"}))
    other = replace(rule, when=load_again_condition(base, {"truth": "true"}))
    one, two = (
        replace(base, rules=tuple(each if old is rule else old for old in base.rules))
        for each in (swapped, other)
    )
    assert digest(one) != digest(two)
    assert count(differences(one, two)) == 1


def load_again_condition(codebook: Codebook, written: dict) -> Condition:
    return Vocabulary({q.key: q.values() for q in codebook.questions}, {}).read(written, "when")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_changed_shows_and_both_sides_join_up_again(seed):
    chance = random.Random(seed)
    data = dump(BEFORE)
    part = chance.choice(["labels", "rulings", "missing_tests", "groups", "grades", "rules", "questions"])
    row = chance.choice(data[part])
    field = chance.choice(
        [name for name in ("words", "definition", "because", "case", "text") if name in row]
    )
    row[field] = " ".join(chance.sample(row[field].split(" "), len(row[field].split(" ")))) + " again"
    after = load(data)
    assert any(new == row[field] for *_, new in told(after))
    assert count(differences(BEFORE, after)) >= 1
