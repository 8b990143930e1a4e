"""Agreement is settled by the rule, disagreement becomes a case; both once, whatever happens twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.models import Reading, Rollup
from auditor.ledger.models import Event
from labeling.adjudication import actions, tasks
from labeling.adjudication.models import Case, Ruling
from labeling.adjudication.queries import due_items, rulings_of
from labeling.queues.models import Item
from tests import make


def ruled(item: Item) -> list[str]:
    return list(
        Reading.objects.filter(channel__key="people.ruling", superseded_at=None).values_list(
            "label", flat=True
        )
    )


def test_below_the_overlap_nothing_is_settled(item: Item, ana: User) -> None:
    make.label(item, ana, "D")
    assert actions.settle(item=item) == "waiting"
    assert not Ruling.objects.exists()
    assert not Case.objects.exists()


def test_equal_labels_get_a_ruling_that_cites_them(item: Item, ana: User, bo: User) -> None:
    labels = [make.label(item, ana, "D", grade="I3"), make.label(item, bo, "D", grade="I2")]
    assert actions.settle(item=item) == "unanimous"
    ruling = item.rulings.get()
    assert (ruling.rule, ruling.label, ruling.group, ruling.grade) == ("unanimous", "D", "intent", "I2")
    assert (ruling.reason, ruling.adjudicator, ruling.took) == ("", None, None)
    assert set(ruling.cites.all()) == set(labels)
    assert ruling.answers == make.ANSWERS["D"]
    reading = Reading.objects.get(channel__key="people.ruling")
    assert reading.channel.kind == "human"
    assert reading.detail == {"group": "intent", "words": "Strategic deception", "grade": "I2"}
    assert Rollup.objects.get(channel=reading.channel).label == "D"
    assert Event.objects.filter(verb="item.ruled", subject_id=str(ruling.pk)).count() == 1


def test_settling_twice_changes_nothing(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D")
    make.label(item, bo, "D")
    assert [actions.settle(item=item) for _ in range(3)] == ["unanimous", "unchanged", "unchanged"]
    assert item.rulings.count() == 1


def test_different_labels_open_one_case(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D")
    make.label(item, bo, "U")
    assert [actions.settle(item=item) for _ in range(2)] == ["case", "unchanged"]
    assert Case.objects.get().item == item
    assert not Ruling.objects.exists()


def test_three_different_labels_open_a_case(project: Project, ana: User, bo: User, ada: User) -> None:
    item = make.round(project, [make.transcript(project)], [ana, bo, ada]).items.get()
    for reviewer, code in ((ana, "D"), (bo, "U"), (ada, "H")):
        make.label(item, reviewer, code)
    assert actions.settle(item=item) == "case"


def test_labels_of_one_group_that_differ_are_a_disagreement(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "K")
    make.label(item, bo, "U")
    assert actions.settle(item=item) == "case"


def test_a_late_label_neither_settles_nor_disputes(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D")
    make.label(item, bo, "D")
    make.label(item, bo, "U", late=True)
    assert actions.settle(item=item) == "unanimous"


def test_a_blind_only_round_settles_blind_labels(project: Project, ana: User, bo: User) -> None:
    item = make.round(project, [make.transcript(project)], [ana, bo], policy="blind_only").items.get()
    make.label(item, ana, "U", stage="blind")
    make.label(item, bo, "U", stage="blind")
    assert due_items() == [item]
    assert actions.settle(item=item) == "unanimous"
    assert due_items() == []


def test_a_revision_turns_agreement_into_a_case(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D")
    make.label(item, bo, "D")
    actions.settle(item=item)
    make.label(item, bo, "U")
    assert due_items() == [item]
    assert actions.settle(item=item) == "case"
    assert due_items() == []
    assert not rulings_of([item.pk]).exists()
    assert ruled(item) == [""]  # the reading is withdrawn, not left standing


def test_a_revision_turns_a_case_into_agreement(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D")
    make.label(item, bo, "U")
    actions.settle(item=item)
    make.label(item, bo, "D")
    assert actions.settle(item=item) == "unanimous"
    assert Case.objects.get().settled_at is not None
    assert ruled(item) == ["D"]


def test_a_revision_that_still_agrees_gets_a_new_number(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D", grade="I2")
    make.label(item, bo, "D", grade="I2")
    actions.settle(item=item)
    make.label(item, bo, "D", grade="I1")
    actions.settle_due()
    assert list(item.rulings.order_by("number").values_list("number", "grade")) == [(1, "I2"), (2, "I1")]
    assert actions.settle_due() == 0


def test_an_adjudicators_ruling_stands_when_a_label_is_revised(
    item: Item, ana: User, bo: User, ada: User
) -> None:
    taken = make.label(item, ana, "D")
    make.label(item, bo, "U")
    actions.settle(item=item)
    actions.rule(case=item.case, adjudicator=ada, took=taken, reason="The log decides it.")
    make.label(item, bo, "H")
    assert actions.settle(item=item) == "unchanged"
    assert item.rulings.get().label == "D"


def test_the_sweep_settles_what_the_bell_missed(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "H")
    make.label(item, bo, "H")
    tasks.settle_due()
    tasks.settle_item(item.pk)
    tasks.settle_item(0)  # gone
    assert item.rulings.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_settle_one_item_once(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D")
    make.label(item, bo, "D")

    def work(_: int) -> str:
        try:
            return actions.settle(item=item)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(work, range(4)))
    assert outcomes == ["unanimous", *["unchanged"] * 3]
    assert item.rulings.count() == 1


def test_an_escalated_item_is_a_case_with_fewer_labels_or_none(
    project: Project, ana: User, bo: User, ada: User
) -> None:
    bare, half = make.round(
        project, [make.transcript(project), make.transcript(project)], [ana, bo]
    ).items.order_by("pk")
    make.label(half, ana, "D")
    Item.objects.update(escalated_at=timezone.now(), escalation="skipped by 2")
    assert due_items() == [bare, half]
    assert actions.settle_due() == 2
    assert actions.settle_due() == 0
    for item in (bare, half):
        case = Case.objects.get(item=item)
        assert case.reasons == ["escalated: skipped by 2"]
        ruling = actions.rule(
            case=case, adjudicator=ada, answers=make.ANSWERS["H"], label="H", grade="I0", reason="Plain."
        )
        assert ruling.cites.count() == item.revisions.count()


def test_gold_and_training_items_are_nobodys_case(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D")
    make.label(item, bo, "U")
    Item.objects.update(role="gold", sample_item=None)
    assert actions.settle(item=item) == "waiting"
    assert due_items() == []
