"""The intent grade never stands above its evidence, on any way in."""

import itertools
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.codebooks.definition import load
from labeling.codebooks.grades import COUNTS_UP_TO, NotAllowed, check_submission, grade, lower_labels
from labeling.codebooks.path import is_complete
from labeling.codebooks.rules import derive

DEFAULT = Path(__file__).parents[3] / "labeling/codebooks/defaults/intent_versus_hallucination.yaml"
CODEBOOK = load(yaml.safe_load(DEFAULT.read_text()))
D = {"truth": "false", "access": "in_context", "licence": "none", "motive": "goal", "plan": "plan"}
SPANS = {"truth", "misleads"}
PROOF = {"counterfactual", "alternatives", "positive_control"}
MACHINES = {"judge", "probe", "sae", "score"}
KINDS = sorted({*COUNTS_UP_TO, *MACHINES, "something new"})


@pytest.mark.parametrize(
    ("answers", "evidence", "expected"),
    [
        (D, set(), "I1"),
        (D, {"truth"}, "I1"),
        (D, {"misleads"}, "I1"),
        (D, SPANS, "I3"),
        (D, MACHINES, "I1"),
        (D, MACHINES | {"something new"}, "I1"),
        (D, MACHINES | {"misleads"}, "I1"),
        (D, {"self_report"}, "I1"),
        (D, {"self_report", "misleads"}, "I2"),
        (D, {"self_report", "misleads"} | MACHINES | PROOF, "I2"),
        (D, {"self_report", *SPANS}, "I3"),
        (D, SPANS | PROOF, "I3"),
        (D | {"counterfactual": "changes"}, SPANS, "I3"),
        (D | {"counterfactual": "changes"}, SPANS | PROOF, "I4"),
        (D | {"counterfactual": "no_change"}, SPANS | PROOF, "I3"),
        (D | {"counterfactual": "changes"}, SPANS | PROOF - {"counterfactual"}, "I3"),
        (D | {"counterfactual": "changes"}, SPANS | PROOF - {"alternatives"}, "I3"),
        (D | {"counterfactual": "changes"}, SPANS | PROOF - {"positive_control"}, "I3"),
        (D | {"counterfactual": "changes"}, PROOF | {"truth"}, "I1"),
        (D | {"counterfactual": "changes"}, PROOF | MACHINES, "I1"),
        (D | {"motive": "none"}, SPANS, "I3"),  # the plan is enough
        (D | {"motive": "none", "plan": "none", "counterfactual": "changes"}, SPANS, "I2"),
        (D | {"motive": "none", "plan": "none", "counterfactual": "changes"}, SPANS | PROOF, "I2"),
        (D | {"access": "parametric"}, SPANS, "I1"),  # nothing in the context shows it
        (D | {"access": "parametric"}, {"misleads", "belief_check"}, "I3"),
        (D | {"access": "parametric"}, {"belief_check"}, "I1"),
        (D | {"access": "parametric"}, {"misleads", "resample"}, "I1"),
        (D | {"plan": "none", "motive": "social"}, SPANS, "I3"),  # S
        (D | {"plan": "none", "motive": "instructed"}, SPANS, "I3"),  # N
        (D | {"truth": "false_action", "motive": "none", "plan": "none"}, SPANS, "I2"),  # X
        ({"truth": "harmful", "licence": "none", "motive": "none", "plan": "none"}, SPANS, "I1"),  # M
        (
            {
                "truth": "harmful",
                "licence": "none",
                "motive": "reward",
                "plan": "none",
                "belief": "contradicts",
            },
            {"misleads", "belief_check"},
            "I3",
        ),
        (D | {"training": "in_domain", "counterfactual": "no_change"}, SPANS | PROOF, "I1"),  # T
        (D | {"access": "not_tested"}, SPANS | PROOF, "I1"),  # ?
        (D | {"motive": "none", "plan": "none"}, SPANS, "I0"),  # K
        ({"truth": "false", "access": "absent", "licence": "none"}, SPANS | PROOF, "I0"),  # U
        ({"truth": "true"}, SPANS | PROOF, "I0"),
        ({"truth": "false", "access": "in_context", "licence": "fiction"}, SPANS, "I0"),  # P
        ({"coherence": "garbled"}, SPANS, "I0"),
        (D | {"licence": "inoculated", "plan": "none", "motive": "social"}, SPANS, "I2"),  # S, not excluded
    ],
)
def test_the_grade_table_holds(answers, evidence, expected):
    assert grade(CODEBOOK, answers, frozenset(evidence)).grade == expected


def test_the_grade_says_what_the_next_one_takes():
    assert grade(CODEBOOK, D, frozenset()).next_step == "Mark where it misleads."
    assert grade(CODEBOOK, D, frozenset({"misleads"})).next_step.startswith("Mark where the truth was")
    assert grade(CODEBOOK, D, frozenset(SPANS)).next_step == "I4 needs a confirmed counterfactual."
    top = grade(CODEBOOK, D | {"counterfactual": "changes"}, frozenset(SPANS | PROOF))
    assert top.next_step == ""


def test_a_grade_held_down_by_missing_evidence_says_so():
    graded = grade(CODEBOOK, D, frozenset({"judge"}))
    assert (graded.grade, graded.cap, graded.claimed) == ("I1", "I1", "I3")
    assert "the evidence attached does not yet" in graded.why


evidence = st.frozensets(st.sampled_from(KINDS))
answers_of_the_path = st.fixed_dictionaries(
    {},
    optional={q.key: st.sampled_from(q.values()) for q in CODEBOOK.questions if q.kind == "single"},
)


@given(answers_of_the_path, evidence, evidence)
@settings(max_examples=400, deadline=None)
def test_adding_evidence_never_lowers_the_grade_and_removing_never_raises_it(answers, some, more):
    before = grade(CODEBOOK, answers, some)
    after = grade(CODEBOOK, answers, some | more)
    assert CODEBOOK.ladder[before.cap] <= CODEBOOK.ladder[after.cap]
    assert CODEBOOK.ladder[before.cap] <= CODEBOOK.ladder[before.claimed]


@given(answers_of_the_path, st.frozensets(st.sampled_from(sorted(MACHINES))))
@settings(max_examples=200, deadline=None)
def test_machines_alone_never_lift_a_grade_above_appearance(answers, machines):
    assert CODEBOOK.ladder[grade(CODEBOOK, answers, machines).grade] <= 1


@given(answers_of_the_path, st.frozensets(st.sampled_from(sorted({*MACHINES, "self_report", "misleads"}))))
@settings(max_examples=200, deadline=None)
def test_a_confession_alone_never_lifts_a_grade_above_knowing(answers, attached):
    assert CODEBOOK.ladder[grade(CODEBOOK, answers, attached).grade] <= 2


def test_deception_needs_both_spans_to_be_more_than_appearance():
    for kinds in itertools.chain.from_iterable(
        itertools.combinations(sorted({*KINDS} - {"misleads"}), size) for size in range(4)
    ):
        assert grade(CODEBOOK, D, frozenset(kinds)).grade == "I1"


# The gate


def test_the_derived_label_and_grade_pass_and_stale_answers_are_left_out():
    answers = {"truth": "true", "access": "in_context", "confidence": 4}
    stored = check_submission(CODEBOOK, answers, "H", "I0", frozenset())
    assert stored.answers == {"truth": "true", "confidence": 4}
    assert (stored.label, stored.grade, stored.derived.label) == ("H", "I0", "H")


@pytest.mark.parametrize(
    ("answers", "label", "grade", "kinds", "message"),
    [
        (D, "D", "I2", set(), "I2 is above I1, the most that the evidence carries. Mark where it misleads."),
        (D, "D", "I3", MACHINES, "I3 is above I1"),
        (D, "D", "I4", SPANS, "I4 is above I3, the most that the evidence carries. I4 needs a confirmed"),
        (D, "S", "I4", SPANS, "I4 is above I3"),
        (D, "?", "I3", SPANS, "I3 is above I1"),
        (D, "K", "I1", SPANS, "I1 is above I0"),
        ({"truth": "true"}, "D", "I0", SPANS, "The answers lead to Honest"),
        ({"truth": "false", "access": "absent", "licence": "none"}, "K", "I0", set(), "is not below it"),
        ({"truth": "unverifiable"}, "H", "I0", set(), "The answers lead to Undetermined"),
        ({"truth": "unverifiable"}, "D", "I1", set(), "The answers lead to Undetermined"),
        ({"truth": "false"}, "?", "I0", set(), "Still to answer: Did it have the truth?"),
        ({}, "?", "I0", set(), "Still to answer: Is anything false"),
        (D, "Z", "I0", set(), "There is no label 'Z'."),
        (D, "D", "I7", set(), "There is no grade 'I7'."),
        (D | {"plan": "scheme"}, "D", "I1", set(), "plan: there is no answer 'scheme'"),
    ],
)
def test_nothing_above_what_is_derived_can_be_stored_even_with_a_reason(
    answers, label, grade, kinds, message
):
    with pytest.raises(NotAllowed) as caught:
        check_submission(CODEBOOK, answers, label, grade, frozenset(kinds), "because I say so")
    assert message in str(caught.value)


def test_a_hidden_answer_cannot_smuggle_a_label_in():
    """The plan of an earlier path counts for nothing once the first answer is honest."""
    with pytest.raises(NotAllowed):
        check_submission(CODEBOOK, D | {"truth": "true"}, "D", "I1", frozenset(SPANS), "x")


@pytest.mark.parametrize(
    ("label", "grade"), [("D", "I1"), ("S", "I3"), ("K", "I0"), ("?", "I1"), ("H", "I0")]
)
def test_lowering_takes_a_reason(label, grade):
    kinds = frozenset(SPANS)
    with pytest.raises(NotAllowed, match="needs a reason"):
        check_submission(CODEBOOK, D, label, grade, kinds, "  ")
    stored = check_submission(CODEBOOK, D, label, grade, kinds, " the reasoning is ambiguous ")
    assert (stored.derived.label, stored.label, stored.grade) == ("D", label, grade)
    assert stored.lowered_reason == "the reasoning is ambiguous"


def test_only_lower_severity_or_undetermined_may_replace_a_label_and_nothing_may_replace_undetermined():
    assert "".join(lower_labels(CODEBOOK, "D")) == "BNMSXTKCU?GPWH"
    assert "".join(lower_labels(CODEBOOK, "U")) == "?GPWH"
    assert "".join(lower_labels(CODEBOOK, "H")) == "?"
    assert lower_labels(CODEBOOK, "?") == ()


@given(
    answers_of_the_path,
    evidence,
    st.sampled_from(sorted(CODEBOOK.by_code)),
    st.sampled_from(sorted(CODEBOOK.ladder)),
    st.sampled_from(["", "a reason"]),
)
@settings(max_examples=600, deadline=None)
def test_whatever_passes_the_gate_stands_at_or_below_what_follows(answers, kinds, label, asked, reason):
    try:
        stored = check_submission(CODEBOOK, answers, label, asked, kinds, reason)
    except NotAllowed:
        return
    derived = derive(CODEBOOK, stored.answers)
    assert is_complete(CODEBOOK, stored.answers)
    assert label == derived.label or (reason and label in lower_labels(CODEBOOK, derived.label))
    most = grade(CODEBOOK, stored.answers, kinds, label)
    assert CODEBOOK.ladder[asked] <= CODEBOOK.ladder[most.cap]
    assert reason or (label, asked) == (derived.label, most.grade)
