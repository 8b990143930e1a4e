"""Reviewers at the desk while servers are killed: the proof holds on a small scale, and sees what it should see."""

from time import monotonic

import pytest

from bench.campaign import reviewing
from bench.campaign.reviewer import Promises
from bench.campaign.reviewing import (
    Item,
    faults_of_drafts,
    faults_of_items,
    faults_of_labels,
    taken_too_often,
)

ANA, BO, CY = 1, 2, 3
ROUND = 7
DONE = Item(10, ROUND, finished=True, escalated=False, done=((0, ANA), (1, BO), (2, CY)), held=())
LABELS = [
    (f"{name}, {stage}", person, 10, stage, 1, False)
    for name, person in (("Ana", ANA), ("Bo", BO), ("Cy", CY))
    for stage in ("blind", "final")
]


def promised() -> Promises:
    """What the reviewers of these labels were told."""
    made = Promises(deadline=monotonic())
    made.committed = {words: (person, item, stage) for words, person, item, stage, _, _ in LABELS}
    return made


def faults(promises: Promises, labels: list[tuple[object, ...]]) -> list[str]:
    return faults_of_labels(promises, labels, {ROUND: "reveal"}, [DONE])


@pytest.mark.slow
@pytest.mark.xdist_group("product")
@pytest.mark.timeout(300)  # the whole product starts, and starts again
def test_no_acknowledged_label_is_lost_however_web_and_database_are_killed() -> None:
    report = reviewing.prove(seed=3, people=6, items=12, kills=2, patience=150)
    assert report["faults"] == []
    assert report["holds"]
    assert sum(report["kills"].values()) == 2
    assert report["finished"] + report["escalated"] == 12
    assert report["commit_acknowledged"] > 30
    assert report["page_brought"] > 10
    assert report["commit_refused"] > 0
    assert report["draft_saved"] > 0


def test_what_was_promised_and_is_there_is_no_fault() -> None:
    assert faults(promised(), LABELS) == []
    assert faults_of_items([DONE]) == []


def test_a_lost_label_is_seen() -> None:
    (one,) = faults(promised(), [label for label in LABELS if label[0] != "Bo, blind"])
    assert one == "acknowledged and lost: Bo, blind, blind on item 10"


def test_a_label_that_is_there_twice_is_seen() -> None:
    again = ("Bo, final", BO, 10, "final", 2, False)
    assert faults(promised(), [*LABELS, again]) == ["there twice: Bo, final, final"]
    late = ("Bo, final", BO, 10, "final", 2, True)  # kept beside the one that counts
    assert faults(promised(), [*LABELS, late]) == []


def test_a_refused_label_that_is_there_is_seen() -> None:
    promises = promised()
    promises.refused.add("Ana from another tab")
    stored = ("Ana from another tab", ANA, 10, "final", 2, False)
    assert faults(promises, [*LABELS, stored]) == ["refused and there: Ana from another tab"]


def test_a_slot_without_a_label_is_seen() -> None:
    late = [(*label[:5], label[0] == "Cy, final") for label in LABELS]
    (one,) = faults(promised(), late)
    assert one.startswith("item 10 has labels of [1, 2]")


def test_a_label_of_a_blind_only_round_is_there_as_both() -> None:
    promises = Promises(deadline=monotonic())
    promises.committed = {"Ana": (ANA, 10, "blind"), "Bo": (BO, 10, "blind")}
    item = Item(10, ROUND, finished=False, escalated=True, done=((0, ANA), (1, BO)), held=())
    labels = [("Ana", ANA, 10, "blind", 1, False), ("Ana", ANA, 10, "final", 1, False)]
    labels += [("Bo", BO, 10, "final", 1, False)]
    lost = faults_of_labels(promises, labels, {ROUND: "blind_only"}, [item])
    assert lost == ["acknowledged and lost: Bo, blind on item 10"]


def test_too_many_and_twice_by_one_person_are_seen() -> None:
    four = Item(10, ROUND, False, False, done=((0, 1), (1, 2), (2, 3)), held=((3, 4),))
    twice = Item(11, ROUND, False, False, done=((0, ANA),), held=((1, ANA),))
    same_slot = Item(12, ROUND, False, False, done=((0, ANA),), held=((0, BO),))
    fine = Item(13, ROUND, False, False, done=((0, ANA),), held=((2, BO),))
    assert [words.split()[1] for words in taken_too_often([four, twice, same_slot, fine])] == [
        "10",
        "11",
        "12",
    ]


@pytest.mark.parametrize(
    "item",
    [
        Item(10, ROUND, finished=True, escalated=False, done=((0, ANA), (1, BO)), held=()),
        Item(10, ROUND, finished=False, escalated=False, done=((0, ANA), (1, BO), (2, CY)), held=()),
        Item(10, ROUND, finished=True, escalated=False, done=((0, ANA), (1, BO), (3, CY)), held=()),
        Item(10, ROUND, finished=False, escalated=True, done=((0, ANA),), held=((1, BO),)),
    ],
)
def test_an_item_that_is_not_exact_in_the_end_is_seen(item: Item) -> None:
    assert len(faults_of_items([item])) == 1


def test_an_escalated_item_may_lack_labels() -> None:
    assert faults_of_items([Item(10, ROUND, False, escalated=True, done=((0, ANA),), held=())]) == []


def test_a_lost_draft_is_seen_unless_its_stage_was_committed() -> None:
    promises = Promises(deadline=monotonic())
    promises.drafts = {(ANA, 10): {("blind", 0): 4}, (BO, 10): {("final", 0): 2, ("final", 1): 3}}
    stored = [(ANA, 10, "blind", 5), (BO, 10, "final", 3)]
    committed = [("Bo", BO, 10, "final", 1, False)]
    assert faults_of_drafts(promises, committed, stored) == []
    older = [(ANA, 10, "blind", 3), (BO, 10, "final", 3)]
    assert len(faults_of_drafts(promises, committed, older)) == 1
    assert len(faults_of_drafts(promises, committed, [])) == 2
    assert len(faults_of_drafts(promises, [], stored)) == 0
    assert len(faults_of_drafts(promises, [], [])) == 3
