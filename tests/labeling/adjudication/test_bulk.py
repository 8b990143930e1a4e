"""Bulk rules: previewed, applied once, kept apart from what people ruled, and repeated without harm."""

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.adjudication import actions, bulkrules, tasks
from labeling.adjudication.bulkrules import (
    BULK_POSTERIOR,
    BULK_THRESHOLD,
    BULK_UNANIMOUS,
    BadBulkRule,
    BulkRule,
    decide,
)
from labeling.adjudication.models import BulkRun, Case, Ruling
from labeling.adjudication.queries.previews import plan_bulk
from labeling.queues.models import Item, Round
from tests import make
from tests.people import signed_in

TWO_THIRDS = BulkRule(BULK_THRESHOLD, votes=2, share=0.66)


def test_decided_by_hand() -> None:
    assert decide(TWO_THIRDS, ["D", "D", "U"]) == "D"
    assert decide(TWO_THIRDS, ["D", "D", "U", "U"]) == ""
    assert decide(BulkRule(BULK_THRESHOLD, votes=3, share=0.5), ["D", "D", "U"]) == ""
    assert decide(BulkRule(BULK_THRESHOLD, votes=2, share=0.5), ["D", "D", "U", "U"]) == ""  # two have most
    assert decide(BulkRule(BULK_UNANIMOUS), ["D", "D"]) == "D"
    assert decide(BulkRule(BULK_UNANIMOUS), ["D", "U"]) == ""
    sure = BulkRule(BULK_POSTERIOR, posterior=0.9)
    assert decide(sure, ["D", "U"], {"D": 0.95, "U": 0.05}) == "D"
    assert decide(sure, ["D", "U"], {"D": 0.8, "U": 0.2}) == ""
    assert decide(sure, ["D", "U"], {"H": 0.99, "D": 0.01}) == ""  # nobody said so


def test_one_label_alone_is_never_enough() -> None:
    for rule in (BulkRule(BULK_UNANIMOUS), TWO_THIRDS, BulkRule(BULK_POSTERIOR)):
        assert decide(rule, ["D"], {"D": 1.0}) == ""
        assert decide(rule, [], {}) == ""


@pytest.mark.parametrize(
    "rule",
    [
        BulkRule("bulk_mood"),
        BulkRule(BULK_THRESHOLD, votes=1),
        BulkRule(BULK_THRESHOLD, share=0.3),
        BulkRule(BULK_POSTERIOR, posterior=0.4),
        BulkRule(BULK_POSTERIOR, posterior=1.0),
    ],
)
def test_a_rule_that_could_settle_what_is_open_is_refused(rule: BulkRule) -> None:
    with pytest.raises(BadBulkRule):
        bulkrules.check(rule)


@pytest.fixture
def round(project: Project, ana: User, bo: User, ada: User) -> Round:
    """Three reviewers; on the first two items two of them agree, on the third none."""
    transcripts = [make.transcript(project) for _ in range(3)]
    made = make.round(project, transcripts, [ana, bo, ada])
    for item, codes in zip(made.items.order_by("order"), ("DDU", "HHD", "DUH"), strict=True):
        for reviewer, code in zip((ana, bo, ada), codes, strict=True):
            make.label(item, reviewer, code, confidence=3)
        actions.settle(item=item)
    return made


def items_of(round: Round) -> list[Item]:
    return list(round.items.order_by("order"))


def run(round: Round, rule: BulkRule, actor: User) -> BulkRun:
    made = actions.open_bulk(round=round, rule=rule, actor=actor)
    tasks.apply_bulk_rule(made.run_id)
    made.refresh_from_db()
    return made


def test_the_preview_says_how_many_and_with_which_labels(round: Round, mia: User) -> None:
    plan = plan_bulk(round, TWO_THIRDS, mia)
    assert sorted(plan.by_label) == [("D", 1), ("H", 1)]
    assert (len(plan.settles), plan.stays, plan.reopens) == (2, 1, [])
    assert not Ruling.objects.exists()


def test_applied_it_marks_each_ruling_with_the_rule_and_its_run(round: Round, mia: User) -> None:
    made = run(round, TWO_THIRDS, mia)
    first, second, third = items_of(round)
    ruling = first.rulings.get()
    assert (ruling.rule, ruling.rule_number, ruling.bulk_run) == ("bulk_threshold", 1, made)
    assert (ruling.label, ruling.adjudicator, ruling.took) == ("D", None, None)
    assert ruling.answers == make.ANSWERS["D"]
    assert set(ruling.cites.all()) == set(first.revisions.all())
    assert second.rulings.get().label == "H"
    assert not third.rulings.exists()
    assert made.done_at is not None
    assert Case.objects.filter(settled_at=None).get().item == third


def test_run_again_it_changes_nothing_and_keeps_what_people_ruled(round: Round, mia: User) -> None:
    first, second, third = items_of(round)
    by_hand = actions.rule(
        case=first.case, adjudicator=mia, took=first.revisions.last(), reason="The two are wrong."
    )
    made = run(round, TWO_THIRDS, mia)
    assert second.rulings.get().bulk_run == made
    tasks.apply_bulk_rule(made.run_id)
    again = run(round, TWO_THIRDS, mia)
    assert again.number == 2
    assert first.rulings.get() == by_hand
    assert second.rulings.get().bulk_run == made
    assert not third.rulings.exists()


def test_a_stricter_run_takes_back_its_own_rulings_only(round: Round, mia: User) -> None:
    first, second, _ = items_of(round)
    run(round, TWO_THIRDS, mia)
    actions.rule(case=first.case, adjudicator=mia, took=first.revisions.last(), reason="By hand since.")
    run(round, BulkRule(BULK_THRESHOLD, votes=3, share=0.66), mia)
    first.case.refresh_from_db()
    second.case.refresh_from_db()
    assert first.case.settled_at is not None
    assert second.case.settled_at is None
    assert second.rulings.count() == 1  # it stays on record, and holds no longer
    run(round, BulkRule(BULK_UNANIMOUS), mia)  # another rule takes nothing back
    assert first.rulings.order_by("number").last().adjudicator == mia  # type: ignore[union-attr]


def test_a_revised_label_ends_a_bulk_ruling(round: Round, mia: User, bo: User) -> None:
    first = items_of(round)[0]
    run(round, TWO_THIRDS, mia)
    make.label(first, bo, "U")
    assert actions.settle_due() == 1
    first.case.refresh_from_db()
    assert first.case.settled_at is None


def test_what_is_in_somebodys_hands_is_left_alone(
    round: Round, project: Project, mia: User, ana: User, bo: User, ada: User
) -> None:
    first, second, _ = items_of(round)
    olga = make.label(first, ana, "D", flag="I know this one.").reviewer
    actions.settle(item=first)
    actions.hold(case=second.case, adjudicator=mia)
    plan = plan_bulk(round, TWO_THIRDS, mia)
    assert (plan.settles, plan.flagged, plan.held) == ([], 1, 1)
    assert len(plan_bulk(round, BulkRule(BULK_THRESHOLD, flagged=True, share=0.6), mia).settles) == 1
    assert olga == ana


def test_a_veiled_manager_neither_sees_nor_settles_what_they_have_still_to_label(
    round: Round, project: Project, mia: User, ana: User
) -> None:
    first = items_of(round)[0]
    make.round(project, [first.transcript], [mia, ana])
    plan = plan_bulk(round, TWO_THIRDS, mia)
    assert plan.hidden == 1
    assert [one.item for one in plan.settles] == [items_of(round)[1]]
    run(round, TWO_THIRDS, mia)
    assert not first.rulings.exists()


def test_the_model_of_the_reviewers_settles_by_whom_it_trusts(
    project: Project, ana: User, bo: User, ada: User, mia: User
) -> None:
    transcripts = [make.transcript(project) for _ in range(12)]
    round = make.round(project, transcripts, [ana, bo, ada])
    for n, item in enumerate(round.items.order_by("order")):
        truth = "DU"[n % 2]
        for reviewer, code in ((ana, truth), (bo, truth), (ada, "UD"[n % 2] if n % 3 == 0 else truth)):
            make.label(item, reviewer, code)
        actions.settle(item=item)
    made = run(round, BulkRule(BULK_POSTERIOR, posterior=0.9), mia)
    for n, item in enumerate(round.items.order_by("order")):
        if n % 3 == 0:
            ruling = item.rulings.get()
            assert (ruling.label, ruling.bulk_run) == ("DU"[n % 2], made)


def test_from_the_page(round: Round, project: Project, mia: User) -> None:
    address = reverse("adjudication:bulk", args=[project.slug, round.pk])
    browser = signed_in(mia)
    assert "Judges do not vote" in browser.get(address).text
    part = browser.get(
        address, {"kind": "bulk_threshold", "votes": 2, "share": 0.66}, headers={"HX-Request": "true"}
    ).text
    assert "2\xa0cases would be settled" in part
    assert "1\xa0open case stays with people" in part
    form = {"kind": "bulk_threshold", "votes": 2, "share": 0.66}
    assert browser.post(address, form).status_code == 302
    assert browser.post(address, {"kind": "bulk_threshold", "votes": 1}).status_code == 422
    assert browser.post(address, {"kind": "mood"}).status_code == 422
    tasks.apply_bulk_rule(BulkRun.objects.get().run_id)
    assert Ruling.objects.filter(rule="bulk_threshold").count() == 2
    assert "At least 2 labels and 66% of them agree" in browser.get(address).text


def test_opened_twice_at_once_it_is_one_run(round: Round, mia: User) -> None:
    first = actions.open_bulk(round=round, rule=TWO_THIRDS, actor=mia)
    assert actions.open_bulk(round=round, rule=TWO_THIRDS, actor=mia) == first
