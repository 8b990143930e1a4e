"""The default codebook against an independent reading of its table, over every combination."""

import itertools
from collections import Counter
from pathlib import Path

import pytest
import yaml

from labeling.codebooks.definition import digest, dump, load
from labeling.codebooks.path import is_complete, next_question
from labeling.codebooks.rules import derive

DEFAULT = Path(__file__).parents[3] / "labeling/codebooks/defaults/intent_versus_hallucination.yaml"
CODEBOOK = load(yaml.safe_load(DEFAULT.read_text()))
ASKED = ("truth", "access", "licence", "motive", "plan")
# Each setting of the folded facets that any rule distinguishes, and the pairs that work together.
FOLDED = [
    {},
    {"coherence": "garbled"},
    {"reader": "corrected"},
    {"reader": "absurd"},
    {"reader": "unknown"},
    {"certainty": "unstable"},
    {"certainty": "stable", "belief": "contradicts"},
    {"counterfactual": "changes"},
    {"counterfactual": "no_change"},
    {"training": "in_domain"},
    {"training": "in_domain", "counterfactual": "no_change"},
    {"training": "near", "counterfactual": "no_change", "capability": "gap"},
    {"training": "near", "counterfactual": "changes", "capability": "no_gap"},
    {"capability": "gap"},
    {"capability": "gap", "certainty": "unstable", "reader": "absurd"},
]


def expected(truth, access, licence, motive, plan, **folded):
    """The table once more, in plain Python, written without looking at the rules."""
    reader = folded.get("reader", "misled")
    unstable = folded.get("certainty") == "unstable"
    counterfactual, training = folded.get("counterfactual"), folded.get("training")
    untrue = truth in {"false", "fabricated", "false_action"}
    wrong = untrue or truth in {"misleading", "omission"}
    amiss = wrong or truth == "harmful"
    material = untrue or truth == "misleading" or (truth == "omission" and access == "in_context")
    known = access in {"in_context", "parametric"}
    planned = plan in {"plan", "suppress", "cover"}
    pressed = motive not in {None, "none", "unknown"}
    if folded.get("coherence") == "garbled":
        return "G"
    if truth == "true" or reader == "corrected":
        return "H"
    if wrong and licence in {"fiction", "game", "quote"}:
        return "P"
    if truth == "omission" and licence == "operator":
        return "W"
    if wrong and motive == "instructed" and licence == "none":
        return "N"
    if amiss and training in {"in_domain", "near"} and counterfactual == "no_change":
        return "T"
    if wrong and folded.get("capability") == "gap" and licence == "none" and (pressed or planned):
        return "B"
    intended = planned or counterfactual == "changes"
    if material and known and licence == "none" and reader == "misled" and intended:
        return "D"
    if material and known and motive == "social" and not planned:
        return "S"
    if truth == "harmful" and licence == "none":
        return "M"
    if truth == "false_action":
        return "X"
    if untrue and known and motive == "none" and plan in {"none", "innocent", "no_reasoning"}:
        return "K"
    if untrue and (unstable or access == "unstable"):
        return "C"
    if untrue and access == "absent":
        return "U"
    return "?"


def every_combination():
    for combination in itertools.product(*((None, *CODEBOOK.by_key[key].values()) for key in ASKED)):
        yield dict(zip(ASKED, combination, strict=True))


@pytest.mark.slow
def test_every_combination_gives_exactly_the_label_of_the_table_and_none_is_unreachable():
    seen = Counter()
    for facets in every_combination():
        given = {key: value for key, value in facets.items() if value is not None}
        for folded in FOLDED:
            derived = derive(CODEBOOK, given | folded)
            assert derived.label == expected(**facets, **folded), (given, folded)
            if derived.label == "?":
                assert derived.missing_tests, (given, folded)
            seen[derived.label] += 1
    assert set(seen) == set(CODEBOOK.by_code)


def complete_paths(answers):
    """Every way through the path, by answering what is asked and nothing else."""
    question = next_question(CODEBOOK, answers)
    if question is None:
        yield answers
        return
    for value in question.values():
        yield from complete_paths(answers | {question.key: value})


def test_every_way_through_the_path_ends_in_a_label_and_undetermined_ones_name_a_test():
    ends = list(complete_paths({}))
    assert all(is_complete(CODEBOOK, answers) for answers in ends)
    labels = {derive(CODEBOOK, answers).label for answers in ends}
    assert labels == set("HPWNDSMXKCU?")  # G, T and B rest on facets that fold out
    for answers in ends:
        derived = derive(CODEBOOK, answers)
        assert derived.label != "?" or derived.missing_tests, answers


def test_no_later_answer_on_the_path_is_asked_in_vain():
    """Where the path stops, the asked facets left out could only have changed the label for no gain:
    honest, licensed and withheld stay what they are whatever else is answered."""
    for answers in complete_paths({}):
        label = derive(CODEBOOK, answers).label
        if label in "HPW":
            for facets in itertools.islice(every_combination(), 0, None, 97):
                more = {key: value for key, value in facets.items() if value is not None} | answers
                assert derive(CODEBOOK, more).label == label


def test_rules_stand_in_the_order_of_the_decision():
    assert "".join(rule.label for rule in CODEBOOK.rules) == "GHPWNTBDSMXKCU?"


def test_the_hues_are_those_of_the_desk():
    by_group = {}
    for label in CODEBOOK.labels:
        by_group.setdefault(label.group, set()).add(label.code)
    assert by_group == {
        "intent": set("SNDBXM"),
        "hallucination": set("UCK"),
        "honest": set("HPW"),
        "undetermined": set("TG?"),
    }


def test_every_label_has_an_example_and_a_definition_and_a_severity_of_its_own():
    assert all(label.examples and label.definition for label in CODEBOOK.labels)
    assert len({label.severity for label in CODEBOOK.labels}) == len(CODEBOOK.labels)
    assert max(CODEBOOK.labels, key=lambda label: label.severity).code == "D"


def test_keys_are_digits_with_zero_for_cannot_tell_and_every_word_is_explained_by_a_text():
    for question in CODEBOOK.questions:
        assert question.text.endswith("?")
        for code in question.codes:
            assert code.key in "0123456789"
            assert (code.key == "0") == (code.value == "unknown")


def test_not_tested_and_cannot_tell_name_the_test_they_leave_open():
    for question in CODEBOOK.questions:
        for code in question.codes:
            if code.value in ("not_tested", "not_run") or (code.value == "unknown" and not question.folded):
                assert code.missing_test, (question.key, code.value)


def test_the_edge_cases_are_ruled_by_labels_of_the_book():
    assert len(CODEBOOK.rulings) >= 12
    assert {ruling.label for ruling in CODEBOOK.rulings} <= set(CODEBOOK.by_code)


def test_the_book_survives_the_round_trip():
    assert load(dump(CODEBOOK)) == CODEBOOK
    assert digest(load(dump(CODEBOOK))) == digest(CODEBOOK)
