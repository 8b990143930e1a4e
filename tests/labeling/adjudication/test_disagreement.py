"""Which labels make a case and how far they lie apart; worked by hand, total disagreement included."""

from pathlib import Path

import pytest
import yaml

from labeling.adjudication import caserules
from labeling.adjudication.caserules import DEFAULT, Axis, BadRules, Rules
from labeling.adjudication.disagreement import Measured, Said, measure
from labeling.codebooks.definition import load

DEFAULTS = Path(__file__).parents[3] / "labeling/codebooks/defaults"
CODEBOOK = load(yaml.safe_load((DEFAULTS / "intent_versus_hallucination.yaml").read_text(encoding="utf-8")))


def said(label: str = "D", grade: str = "I2", **more: object) -> Said:
    return Said(label, CODEBOOK.by_code[label].group, grade, **more)  # type: ignore[arg-type]


def by(*axes: Axis, of: list[Said]) -> Measured:
    return measure(CODEBOOK, of, Rules(axes))


def test_labels_that_are_all_alike_are_no_case() -> None:
    found = measure(CODEBOOK, [said(), said(), said()], DEFAULT)
    assert (found.disagreement, found.reasons) == (0.0, ())


def test_total_disagreement_is_total() -> None:
    found = by(Axis("label"), of=[said("D"), said("U"), said("H")])
    assert found.disagreement == 1.0
    assert found.words == ["label differs"]


def test_two_against_one_by_hand() -> None:
    # Three pairs, two of which differ.
    assert by(Axis("label"), of=[said("D"), said("D"), said("U")]).disagreement == pytest.approx(2 / 3)


def test_the_group_can_count_instead_of_the_label() -> None:
    assert by(Axis("group"), of=[said("K"), said("U")]).reasons == ()
    assert by(Axis("group"), of=[said("D"), said("U")]).words == ["group differs"]


def test_grades_count_from_so_many_steps_on() -> None:
    near, far = [said(grade="I1"), said(grade="I2")], [said(grade="I1"), said(grade="I3")]
    assert by(Axis("grade", beyond=2), of=near).reasons == ()
    found = by(Axis("grade", beyond=2), of=far)
    assert found.words == ["grades 2 steps apart"]
    assert found.disagreement == pytest.approx(2 / 4)


def test_weights_order_and_do_not_open() -> None:
    # Labels alike (0, weight 1), grades two of four steps apart (1/2, weight 3): 1.5 / 4.
    found = by(Axis("label"), Axis("grade", beyond=3, weight=3), of=[said(grade="I1"), said(grade="I3")])
    assert found.disagreement == pytest.approx(1.5 / 4)
    assert found.reasons == ()


def test_a_question_counts_and_no_answer_is_an_answer_of_its_own() -> None:
    axis = Axis("question", of="motive")
    alike = [said(answers={"motive": "goal"})] * 2
    assert by(axis, of=alike).reasons == ()
    assert (
        by(axis, of=[said(answers={"motive": "goal"}), said(answers={"motive": "none"})]).disagreement == 1.0
    )
    assert by(axis, of=[said(answers={"motive": "goal"}), said()]).words == ["motive differs"]
    assert by(axis, of=[said(), said()]).reasons == ()


def test_spans_below_the_overlap_open_a_case_and_say_how_far_they_overlap() -> None:
    one = said(spans={"misleads": ((1, "text", 0, 10),)})
    two = said(spans={"misleads": ((1, "text", 8, 18),)})
    found = by(Axis("spans", of="misleads", beyond=0.5, measure="characters"), of=[one, two])
    assert found.words == ["misleads spans overlap 0.2"]
    assert found.disagreement == pytest.approx(0.8)
    assert by(Axis("spans", of="misleads", beyond=0.5), of=[one, one]).reasons == ()
    assert by(Axis("spans", of="truth", beyond=0.5), of=[one, two]).reasons == ()


def test_one_unsure_reviewer_is_enough() -> None:
    found = by(Axis("confidence", beyond=2), of=[said(confidence=1), said(confidence=5)])
    assert found.words == ["confidence 1"]
    assert found.disagreement == 0.5
    assert by(Axis("confidence", beyond=2), of=[said(confidence=3), said()]).reasons == ()


def test_a_flag_says_what_was_written_beside_it() -> None:
    found = measure(CODEBOOK, [said(), said(flag="cites   a case I cannot\ncheck " + "x" * 200)], DEFAULT)
    assert found.axes == ["flag"]
    assert found.words[0].startswith("flagged: cites a case I cannot check x")
    assert len(found.words[0]) < 140


def test_an_escalated_item_is_a_case_whatever_the_rules_and_with_no_label_at_all() -> None:
    for labels in ([], [said()]):
        found = measure(CODEBOOK, labels, Rules((Axis("label"),)), escalation="skipped by 3")
        assert found.words == ["escalated: skipped by 3"]
        assert 0 < found.disagreement <= 1


def test_the_disagreement_stays_within_0_and_1_without_any_weight() -> None:
    found = by(Axis("label", weight=0), of=[said("D"), said("U")])
    assert (found.disagreement, found.words) == (0.0, ["label differs"])


def test_rules_come_back_as_they_were_kept() -> None:
    rules = Rules((Axis("label"), Axis("spans", of="misleads", beyond=0.4, measure="characters")), True)
    assert caserules.load(caserules.dump(rules.axes), own_rulings=True) == rules


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ((Axis("label"), Axis("label")), "twice"),
        ((Axis("grade", beyond=2),), "Labels or their groups"),
        ((Axis("label"), Axis("grade", beyond=9)), "steps apart"),
        ((Axis("label"), Axis("grade", beyond=0)), "steps apart"),
        ((Axis("label"), Axis("question", of="mood")), "no question 'mood'"),
        ((Axis("label"), Axis("spans", of="shouts", beyond=0.5)), "no spans of kind 'shouts'"),
        ((Axis("label"), Axis("spans", of="misleads", beyond=0)), "above 0"),
        ((Axis("label"), Axis("spans", of="misleads", beyond=0.5, measure="feel")), "no measure"),
        ((Axis("label"), Axis("confidence", beyond=6)), "1 to 5"),
        ((Axis("label", weight=11),), "weight"),
        ((Axis("label"), Axis("mood")), "no axis"),
    ],
)
def test_rules_that_mean_nothing_are_refused(axes: tuple[Axis, ...], words: str) -> None:
    with pytest.raises(BadRules, match=words):
        caserules.check(Rules(axes), CODEBOOK)


def test_the_default_rules_fit_the_default_codebook() -> None:
    caserules.check(DEFAULT, CODEBOOK)
