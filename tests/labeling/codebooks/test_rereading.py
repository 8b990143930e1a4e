"""A committed label under another version: unchanged, another label, another grade, an answer gone, a question new."""

from dataclasses import replace
from pathlib import Path

import pytest

from labeling.codebooks.grades import grade
from labeling.codebooks.parts import Codebook
from labeling.codebooks.rereading import Reread, Said, reread
from labeling.codebooks.rules import derive
from labeling.codebooks.written import read_text

TEXT = (
    Path(__file__).parents[3] / "labeling/codebooks/defaults/intent_versus_hallucination.yaml"
).read_text()
CODEBOOK = read_text(TEXT).codebook
assert CODEBOOK is not None
D = {"truth": "false", "access": "in_context", "licence": "none", "motive": "goal", "plan": "plan"}
K = D | {"motive": "none", "plan": "none"}
SPANS = frozenset({"truth", "misleads"})


def changed(old: str, new: str) -> Codebook:
    assert old in TEXT
    written = read_text(TEXT.replace(old, new, 1))
    assert written.codebook is not None, written.problem
    return written.codebook


def said(answers: dict[str, str], evidence: frozenset[str] = SPANS) -> Said:
    label = derive(CODEBOOK, answers).label
    cap = grade(CODEBOOK, answers, evidence).grade
    return Said(answers, label, label, cap, cap, evidence)


@pytest.mark.parametrize("answers", [D, K, {"truth": "true"}, {"truth": "unverifiable"}])
def test_the_same_version_changes_nothing(answers):
    was = said(answers)
    assert reread(CODEBOOK, was) == Reread("unchanged", was.label, was.grade)


def test_another_rule_gives_another_label():
    new = changed("plan: [none, innocent, no_reasoning]}]", "plan: [innocent, no_reasoning]}]")
    assert reread(new, said(K)) == Reread("moves", "?", "I1")
    assert reread(new, said(K | {"plan": "innocent"})).kind == "unchanged"


def test_an_answer_that_is_gone_is_named():
    new = changed('      - {key: "2", value: says_eval, words: says it is a test}\n', "")
    was = said(D | {"awareness": "says_eval"})
    assert reread(new, was) == Reread("gone", why="awareness: says_eval")
    assert reread(new, said(D)).kind == "unchanged"


def test_a_question_that_is_gone_is_named_too():
    start = TEXT.index("  - key: certainty\n")
    text = TEXT[:start] + TEXT[TEXT.index("  - key: belief\n") :]
    text = text.replace(", {certainty: not_tested}", "").replace("{any: [{certainty: unstable}, {access: unstable}]}", "{access: unstable}").replace(", {not: {certainty: unstable}}", "")  # fmt: skip
    new = read_text(text).codebook
    assert new is not None
    assert reread(new, said(D | {"certainty": "stable"})).why == "certainty: stable"


def test_a_question_that_was_never_put_to_them_is_named():
    new = changed("    kind: scale\n    low: 1\n    high: 5\n    low_words: a guess\n    high_words: certain\n    required: false", "    kind: scale\n    low: 1\n    high: 5\n    low_words: a guess\n    high_words: certain")  # fmt: skip
    assert reread(new, said(D)) == Reread("asks", why="How sure are you?")
    assert reread(new, said(D | {"confidence": 4})).kind == "unchanged"


def test_a_question_whose_condition_no_longer_holds_takes_its_answer_along():
    new = changed("ask_when: {all: [{answered: motive}, {any: [{is: known}, {truth: harmful}]}]}", "ask_when: {all: [{answered: motive}, {truth: harmful}]}")  # fmt: skip
    assert reread(new, said(D)).label == "?"


def test_evidence_that_no_longer_suffices_changes_the_grade_alone():
    new = changed("      - when: {evidence: misleads}\n        otherwise: Mark where it misleads.", "      - when: {evidence: reviewed}\n        otherwise: Have it reviewed.")  # fmt: skip
    assert reread(new, said(D)) == Reread("grade", "D", "I1")


def test_a_lowered_label_stays_while_it_lies_below_what_follows():
    lowered = replace(said(D), label="U", grade="I0", cap="I0")
    assert reread(CODEBOOK, lowered) == Reread("unchanged", "U", "I0")
    harsher = changed("    words: Ignorance\n    group: hallucination\n    severity: 6", "    words: Ignorance\n    group: hallucination\n    severity: 16")  # fmt: skip
    assert reread(harsher, lowered).label == "D"


def test_a_lowered_grade_stays_lowered():
    assert reread(CODEBOOK, replace(said(D), grade="I1")) == Reread("unchanged", "D", "I1")


def test_labels_that_read_alike_have_one_key():
    assert said(D).key == said(dict(reversed(D.items()))).key
    assert len({said(D).key, said(K).key, said(D, frozenset()).key}) == 3
