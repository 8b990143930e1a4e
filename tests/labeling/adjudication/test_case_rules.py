"""Rules of a round: what becomes a case, what changing them does, and what stays."""

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, InternalError
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.runs.models import Run
from labeling.adjudication import actions, tasks
from labeling.adjudication.caserules import DEFAULT, Axis, BadRules, Rules
from labeling.adjudication.models import Case, CaseRules, Ruling
from labeling.adjudication.queries import rules_of
from labeling.adjudication.queries.previews import preview_rules
from labeling.queues.models import Item, Round
from tests import make
from tests.people import signed_in

SPANS_COUNT = Rules((Axis("label"), Axis("spans", of="misleads", beyond=0.5)))


def change(round: Round, rules: Rules, actor: User) -> CaseRules:
    made = actions.change_rules(round=round, rules=rules, actor=actor)
    assert made is not None
    tasks.settle_anew(made.run_id)
    return made


def test_grades_two_steps_apart_are_a_case_by_default(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D", grade="I1")
    make.label(item, bo, "D", grade="I3")
    assert actions.settle(item=item) == "case"
    case = Case.objects.get()
    assert case.reasons == ["grades 2 steps apart"]
    assert (case.axes, case.rules_number) == (["grade"], 0)


def test_a_flag_is_a_case_even_where_all_agree(item: Item, ana: User, bo: User) -> None:
    make.label(item, ana, "D", flag="I know this ledger.")
    make.label(item, bo, "D")
    assert actions.settle(item=item) == "case"
    assert Case.objects.get().reasons == ["flagged: I know this ledger."]


def test_a_case_knows_how_far_its_reviewers_are_apart(disputed: Case) -> None:
    # Label differs entirely (1, weight 1), grades three of four steps apart (3/4, weight 1/2), no flag (0, weight 1).
    assert disputed.disagreement == pytest.approx((1 + 0.5 * 0.75) / 2.5)
    assert disputed.reasons == ["label differs", "grades 3 steps apart"]


def test_a_revised_label_is_measured_again(disputed: Case, item: Item, bo: User) -> None:
    make.label(item, bo, "K")
    before = disputed.disagreement
    assert actions.settle_due() == 1
    disputed.refresh_from_db()
    assert actions.settle_due() == 0
    assert disputed.reasons == ["label differs", "grades 3 steps apart"]
    assert disputed.disagreement == before  # as far apart as before, by other labels
    assert disputed.newest_label == item.revisions.order_by("-pk").first().pk  # type: ignore[union-attr]


def test_changed_rules_open_cases_and_close_them(item: Item, ana: User, bo: User, mia: User) -> None:
    make.label(item, ana, "D", grade="I2", spans=[("misleads", 1, 0, 3, "Yes")])
    make.label(item, bo, "D", grade="I2", spans=[("misleads", 1, 5, 7, "it")])
    assert actions.settle(item=item) == "unanimous"
    first = change(item.round, SPANS_COUNT, mia)
    case = Case.objects.get()
    assert (case.settled_at, case.reasons, case.rules_number) == (None, ["misleads spans overlap 0.0"], 1)
    assert Run.objects.get(pk=first.run_id).status == "done"
    change(item.round, DEFAULT, mia)
    case.refresh_from_db()
    assert case.settled_at is not None
    newest = item.rulings.order_by("-number").first()
    assert newest is not None
    assert (newest.rule, newest.rule_number) == ("unanimous", 2)


def test_a_ruling_by_hand_is_kept_when_rules_change(disputed: Case, item: Item, ada: User, mia: User) -> None:
    took = item.revisions.first()
    actions.rule(case=disputed, adjudicator=ada, took=took, reason="The call failed.")
    change(item.round, SPANS_COUNT, mia)
    assert item.rulings.get().adjudicator == ada
    disputed.refresh_from_db()
    assert disputed.settled_at is not None


def test_where_only_the_group_counts_the_ruling_says_it_tolerates(
    item: Item, ana: User, bo: User, mia: User
) -> None:
    make.label(item, ana, "K")
    make.label(item, bo, "U")
    actions.settle(item=item)
    change(item.round, Rules((Axis("group"),)), mia)
    ruling = item.rulings.get()
    assert (ruling.rule, ruling.label) == ("tolerated", "U")  # the less severe of the two


def test_the_preview_counts_what_would_open_and_close(
    item: Item, ana: User, bo: User, mia: User, project: Project
) -> None:
    make.label(item, ana, "K", spans=[("misleads", 1, 0, 3, "Yes")])
    make.label(item, bo, "U", spans=[("misleads", 1, 0, 3, "Yes")])
    actions.settle(item=item)
    found = preview_rules(item.round, Rules((Axis("group"), Axis("spans", of="misleads", beyond=0.5))), mia)
    assert (found.looked_at, found.open_now, found.open_then, found.opens, found.closes) == (1, 1, 0, 0, 1)
    assert Case.objects.get().settled_at is None  # a preview changes nothing
    make.round(project, [item.transcript], [mia, ana])
    hidden = preview_rules(item.round, Rules((Axis("group"),)), mia)
    assert (hidden.looked_at, hidden.closes, hidden.hidden) == (0, 0, 1)


def test_the_same_rules_again_are_no_new_version(item: Item, mia: User) -> None:
    assert actions.change_rules(round=item.round, rules=DEFAULT, actor=mia) is None
    assert rules_of(item.round).number == 0


def test_rules_that_mean_nothing_are_not_kept(item: Item, mia: User) -> None:
    with pytest.raises(BadRules):
        actions.change_rules(round=item.round, rules=Rules((Axis("question", of="mood"),)), actor=mia)
    assert not CaseRules.objects.exists()


def test_rules_and_rulings_cannot_be_edited(disputed: Case, item: Item, ada: User, mia: User) -> None:
    change(item.round, SPANS_COUNT, mia)
    actions.rule(case=disputed, adjudicator=ada, took=item.revisions.first(), reason="So it is.")
    for rows in (CaseRules.objects.all(), Ruling.objects.all()):
        with pytest.raises((InternalError, IntegrityError), match="append-only"), transaction.atomic():
            rows.update(number=9)
    with pytest.raises((InternalError, IntegrityError), match="append-only"), transaction.atomic():
        connection.cursor().execute("DELETE FROM adjudication_ruling_cites")


def test_a_manager_previews_and_keeps_rules_on_the_page(item: Item, ana: User, bo: User, mia: User) -> None:
    make.label(item, ana, "K")
    make.label(item, bo, "U")
    actions.settle(item=item)
    address = reverse("adjudication:rules", args=[item.round.project.slug, item.round_id])
    browser = signed_in(mia)
    assert 'name="on-label" checked' in browser.get(address).text
    form = {"on-group": "on", "weight-group": "2", "on-spans:misleads": "on", "beyond-spans:misleads": "0.4"}
    part = browser.post(address, {**form, "preview": "1"}, headers={"HX-Request": "true"}).text
    assert "1\xa0case would close" in part
    assert not CaseRules.objects.exists()
    assert browser.post(address, form).status_code == 302
    made = CaseRules.objects.get()
    assert [(one["kind"], one["of"], one["beyond"], one["weight"]) for one in made.axes] == [
        ("group", "", 0, 2.0),
        ("spans", "misleads", 0.4, 1),
    ]
    assert not made.own_rulings


@pytest.mark.parametrize(
    "form", [{}, {"on-label": "on", "weight-label": "x"}, {"on-label": "on", "weight-label": "1e9"}]
)
def test_a_form_that_makes_no_rules_is_refused_in_words(item: Item, mia: User, form: dict[str, str]) -> None:
    answer = signed_in(mia).post(
        reverse("adjudication:rules", args=[item.round.project.slug, item.round_id]), form
    )
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
