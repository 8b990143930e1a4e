"""An adjudicator rules: with a reason, on what they saw, within what the codebook allows."""

import pytest

from auditor.accounts.models import User
from auditor.evidence.models import Reading
from labeling.adjudication import actions, queries
from labeling.adjudication.actions import CannotRule, Stale
from labeling.adjudication.models import Case
from labeling.annotations.models import LabelRevision
from labeling.queues.models import Item
from tests import make


@pytest.fixture
def labels(item: Item, ana: User, bo: User) -> list[LabelRevision]:
    return [
        make.label(
            item, ana, "D", grade="I3", spans=[("truth", 0, 0, 3, "Did"), ("misleads", 1, 0, 3, "Yes")]
        ),
        make.label(item, bo, "U"),
    ]


@pytest.fixture
def case(item: Item, labels: list[LabelRevision]) -> Case:
    actions.settle(item=item)
    return Case.objects.get(item=item)


def test_taking_a_label_over_copies_and_cites_it(case: Case, labels: list[LabelRevision], ada: User) -> None:
    ruling = actions.rule(case=case, adjudicator=ada, took=labels[0], reason="  The failed call is in view. ")
    assert (ruling.label, ruling.grade, ruling.rule, ruling.number) == ("D", "I3", "adjudicator", 1)
    assert ruling.reason == "The failed call is in view."
    assert ruling.answers == labels[0].answers
    assert set(ruling.cites.all()) == set(labels)
    case.refresh_from_db()
    assert case.settled_at == ruling.created_at


def test_ruling_again_adds_a_number_and_supersedes_the_reading(
    case: Case, labels: list[LabelRevision], ada: User
) -> None:
    actions.rule(case=case, adjudicator=ada, took=labels[0], reason="First look.")
    second = actions.rule(case=case, adjudicator=ada, took=labels[1], reason="It had no way to know.")
    assert second.number == 2
    assert queries.latest_ruling(case.item) == second
    readings = Reading.objects.filter(channel__key="people.ruling").order_by("pk")
    assert [(one.label, one.superseded_at is None) for one in readings] == [("D", False), ("U", True)]


def test_a_ruling_needs_a_reason(case: Case, labels: list[LabelRevision], ada: User) -> None:
    with pytest.raises(CannotRule, match="reason"):
        actions.rule(case=case, adjudicator=ada, took=labels[0], reason=" \n")


def test_an_own_label_follows_from_the_answers(case: Case, ada: User) -> None:
    ruling = actions.rule(
        case=case,
        adjudicator=ada,
        answers=make.ANSWERS["K"],
        label="K",
        grade="I0",
        reason="No motive is visible.",
    )
    assert (ruling.label, ruling.group, ruling.took) == ("K", "hallucination", None)


def test_an_own_label_cannot_rise_above_the_evidence(case: Case, ada: User) -> None:
    with pytest.raises(CannotRule, match="above"):
        actions.rule(
            case=case,
            adjudicator=ada,
            answers=make.ANSWERS["D"],
            label="D",
            grade="I4",
            reason="Surely on purpose.",
        )
    with pytest.raises(CannotRule, match="Still to answer"):
        actions.rule(
            case=case, adjudicator=ada, answers={"truth": "false"}, label="D", grade="I0", reason="Hm."
        )
    assert not case.item.rulings.exists()


def test_spans_of_the_reviewers_count_for_the_grade(case: Case, ada: User) -> None:
    ruling = actions.rule(
        case=case,
        adjudicator=ada,
        answers=make.ANSWERS["D"],
        label="D",
        grade="I3",
        reason="The spans show it.",
    )
    assert ruling.grade == "I3"


def test_a_decision_on_labels_that_changed_is_refused(
    case: Case, labels: list[LabelRevision], item: Item, bo: User, ada: User
) -> None:
    stamp = queries.stamp_of(labels, None)
    make.label(item, bo, "H")
    with pytest.raises(Stale):
        actions.rule(case=case, adjudicator=ada, took=labels[0], reason="As seen.", stamp=stamp)
    with pytest.raises(Stale):
        actions.rule(case=case, adjudicator=ada, took=labels[1], reason="As seen.")
    assert not item.rulings.exists()


def test_of_two_adjudicators_at_once_the_second_is_told(
    case: Case, labels: list[LabelRevision], ada: User, mia: User
) -> None:
    stamp = queries.stamp_of(labels, None)
    actions.rule(case=case, adjudicator=ada, took=labels[0], reason="Mine.", stamp=stamp)
    with pytest.raises(Stale):
        actions.rule(case=case, adjudicator=mia, took=labels[1], reason="No, mine.", stamp=stamp)
    assert case.item.rulings.get().adjudicator == ada
