"""Own labels are for others to judge; mixtures pass the codebook's gate; a ruling keeps units, spans and why."""

import re

import pytest
from django.urls import reverse

from auditor.accounts.models import Membership, Project, User
from auditor.evidence.actions import lift_veils
from auditor.evidence.queries import MACHINE
from labeling.adjudication import actions
from labeling.adjudication.actions import CannotRule, Stale
from labeling.adjudication.caserules import DEFAULT, Rules
from labeling.adjudication.models import Case, Ruling
from labeling.adjudication.queries import cases_for, counts_of
from labeling.annotations.models import LabelRevision
from labeling.codebooks.models import CodebookDraft
from labeling.queues.models import Item
from tests import make
from tests.labeling.adjudication.conftest import SPANS
from tests.people import signed_in


@pytest.fixture
def ada_too(project: Project, ana: User, ada: User) -> Case:
    """Ana and Ada, who adjudicates, disagree."""
    item = make.round(project, [make.transcript(project)], [ana, ada]).items.get()
    lift_veils(round_key=item.round.veil_key, scopes=[MACHINE])
    make.label(item, ana, "D")
    make.label(item, ada, "U")
    actions.settle(item=item)
    return Case.objects.select_related("item__round").get(item=item)


def test_nobody_rules_on_their_own_label(ada_too: Case, project: Project, ada: User, mia: User) -> None:
    took = ada_too.item.revisions.first()
    with pytest.raises(CannotRule, match="yourself"):
        actions.rule(case=ada_too, adjudicator=ada, took=took, reason="Mine.")
    membership = Membership.objects.get(user=ada, project=project)
    assert list(cases_for(membership)) == []
    assert counts_of(membership).own == 1
    browser = signed_in(ada)
    listed = browser.get(reverse("adjudication:cases", args=[project.slug])).text
    assert "nobody rules on their own label" in listed
    address = reverse("adjudication:case", args=[project.slug, ada_too.pk])
    assert "somebody else rules on it" in browser.get(address).text
    actions.rule(case=ada_too, adjudicator=mia, took=took, reason="As she saw it.")


def test_a_round_may_let_people_rule_on_their_own(
    ada_too: Case, project: Project, ada: User, mia: User
) -> None:
    actions.change_rules(round=ada_too.item.round, rules=Rules(DEFAULT.axes, own_rulings=True), actor=mia)
    assert list(cases_for(Membership.objects.get(user=ada, project=project))) == [ada_too]
    actions.rule(case=ada_too, adjudicator=ada, took=ada_too.item.revisions.first(), reason="Small team.")
    assert ada_too.item.rulings.get().adjudicator == ada


def test_what_was_taken_keeps_its_units_and_words(
    disputed: Case, labels: list[LabelRevision], ada: User
) -> None:
    ruling = actions.rule(
        case=disputed, adjudicator=ada, took=labels[0], reason="In view.", reason_code="evidence"
    )
    assert [(u["number"], u["label"], u["grade"], u["answers"]) for u in ruling.units] == [
        (0, "D", "I3", make.ANSWERS["D"])
    ]
    assert [
        (s["kind"], s["position"], s["part"], s["start"], s["end"], s["quote"]) for s in ruling.spans
    ] == [(kind, at, "text", start, end, quote) for kind, at, start, end, quote in SPANS]
    assert ruling.reason_code == "evidence"


def test_a_reason_code_that_is_none_is_refused(
    disputed: Case, labels: list[LabelRevision], ada: User
) -> None:
    with pytest.raises(CannotRule, match="reason code"):
        actions.rule(case=disputed, adjudicator=ada, took=labels[0], reason="So.", reason_code="mood")


@pytest.fixture
def mixed_case(item: Item, ana: User, bo: User) -> tuple[Case, LabelRevision, LabelRevision]:
    """They differ on motive and plan; only Ana marked words."""
    one = make.label(item, ana, "D", grade="I3", spans=SPANS)
    two = make.label(item, bo, "K", answers={**make.ANSWERS["D"], "motive": "none", "plan": "innocent"})
    actions.settle(item=item)
    return Case.objects.get(item=item), one, two


def test_a_mixture_takes_one_answer_here_and_one_there(
    mixed_case: tuple[Case, LabelRevision, LabelRevision], ada: User
) -> None:
    case, one, two = mixed_case
    ruling = actions.rule(
        case=case, adjudicator=ada, mixed={"motive": two, "plan": one}, label="K", grade="I0",
        reason="No motive, though planned.",
    )  # fmt: skip
    assert (ruling.answers["motive"], ruling.answers.get("plan")) == ("none", one.answers["plan"])
    assert ruling.mixed == {"motive": two.pk, "plan": one.pk}
    assert ruling.took is None
    assert [unit["label"] for unit in ruling.units] == ["K"]


def test_only_evidence_of_the_chosen_parts_carries_a_mixture(
    mixed_case: tuple[Case, LabelRevision, LabelRevision], ada: User
) -> None:
    case, one, two = mixed_case
    two_only = {"motive": two, "plan": two}
    with pytest.raises(CannotRule, match=r"lead to|above"):
        actions.rule(case=case, adjudicator=ada, mixed=two_only, label="D", grade="I3", reason="Hm.")
    one_only = {"motive": one, "plan": one}
    with pytest.raises(CannotRule, match="above"):
        actions.rule(case=case, adjudicator=ada, mixed=one_only, label="D", grade="I3", kept=[], reason="Hm.")
    ruling = actions.rule(case=case, adjudicator=ada, mixed=one_only, label="D", grade="I3", reason="Hers.")
    assert len(ruling.spans) == 2


def test_an_own_label_keeps_the_words_that_are_ticked(
    disputed: Case, labels: list[LabelRevision], ada: User
) -> None:
    truth = labels[0].spans.get(kind="truth")
    with pytest.raises(CannotRule, match="above"):
        actions.rule(
            case=disputed, adjudicator=ada, answers=make.ANSWERS["D"], label="D", grade="I3", kept=[truth.pk], reason="Hm."
        )  # fmt: skip
    ruling = actions.rule(
        case=disputed, adjudicator=ada, answers=make.ANSWERS["K"], label="K", grade="I0", kept=[truth.pk], reason="No."
    )  # fmt: skip
    assert [span["kind"] for span in ruling.spans] == ["truth"]


def test_words_of_another_item_cannot_be_kept(
    disputed: Case, project: Project, ana: User, bo: User, ada: User
) -> None:
    other = make.round(project, [make.transcript(project)], [ana, bo]).items.get()
    foreign = make.label(other, ana, "D", spans=SPANS).spans.first()
    assert foreign is not None
    with pytest.raises(Stale, match="spans"):
        actions.rule(
            case=disputed, adjudicator=ada, answers=make.ANSWERS["K"], label="K", grade="I0", kept=[foreign.pk], reason="No."
        )  # fmt: skip
    foreign_label = other.revisions.get()
    with pytest.raises(Stale):
        actions.rule(case=disputed, adjudicator=ada, mixed={"motive": foreign_label}, reason="No.")


def test_the_page_mixes_field_by_field(
    mixed_case: tuple[Case, LabelRevision, LabelRevision], ada: User
) -> None:
    case, one, two = mixed_case
    address = reverse("adjudication:case", args=[case.item.round.project.slug, case.pk])
    browser = signed_in(ada)
    text = browser.get(address).text
    assert 'name="f-motive"' in text
    assert re.search(r'data-key="1"[^>]*>\s*<kbd>1</kbd> Motive', text)
    assert 'name="f-truth"' not in text  # they agree on it
    half = browser.post(
        address, {"follow": "1", "take": "mix", "f-motive": two.pk}, headers={"HX-Request": "true"}
    ).text
    assert "Still to choose" in half
    form = {"take": "mix", "f-motive": two.pk, "f-plan": two.pk}
    follows = browser.post(address, {**form, "follow": "1"}, headers={"HX-Request": "true"}).text
    assert '<option value="K" selected>' in follows
    sent = {**form, "label": "K", "grade": "I0", "reason": "No motive.", "reason_code": "judgement"}
    assert browser.post(address, sent).status_code == 302
    ruling = Ruling.objects.get()
    assert (ruling.label, ruling.reason_code) == ("K", "judgement")
    assert ruling.mixed == {"motive": two.pk, "plan": two.pk}
    assert one.pk not in ruling.mixed.values()


@pytest.mark.parametrize("value", ["x", "9" * 40, "0", "-4"])
def test_a_mixture_of_labels_that_are_none_is_refused(
    mixed_case: tuple[Case, LabelRevision, LabelRevision], ada: User, value: str
) -> None:
    case, _, _ = mixed_case
    address = reverse("adjudication:case", args=[case.item.round.project.slug, case.pk])
    answer = signed_in(ada).post(address, {"take": "mix", "f-motive": value, "reason": "Hm."})
    assert answer.status_code in (404, 422)
    assert not Ruling.objects.exists()


def test_a_ruling_becomes_an_example_with_it_or_later(
    disputed: Case, labels: list[LabelRevision], project: Project, ada: User
) -> None:
    address = reverse("adjudication:case", args=[project.slug, disputed.pk])
    browser = signed_in(ada)
    text = browser.get(address).text
    assert "“Did” … “Yes”" in text
    form = {
        "take": labels[0].pk,
        "reason": "It had seen the error.",
        "example": "1",
        "example_case": "Claims a check.",
    }
    assert browser.post(address, form).status_code == 302
    draft = CodebookDraft.objects.get()
    assert "Claims a check." in draft.text
    assert "It had seen the error." in draft.text
    later = browser.post(
        reverse("adjudication:example", args=[project.slug, disputed.pk]),
        {"example_case": "Another wording."},
    )
    assert later.status_code == 302
    draft.refresh_from_db()
    assert "Another wording." in draft.text


def test_no_example_while_somebody_is_still_blind_and_then_no_ruling_either(
    disputed: Case, labels: list[LabelRevision], project: Project, ana: User, bo: User, ada: User
) -> None:
    make.round(project, [disputed.item.transcript], [bo, ana], overlap=1)
    with pytest.raises(CannotRule, match="blind"):
        actions.rule(case=disputed, adjudicator=ada, took=labels[0], reason="So.", example="The case.")
    assert not Ruling.objects.exists()
    assert not CodebookDraft.objects.exists()


def test_units_of_reviewers_stand_beside_an_own_label_unless_they_are_more_severe(
    disputed: Case, labels: list[LabelRevision], ada: User
) -> None:
    mild, severe = labels[1].units.get(), labels[0].units.get()
    own = {"answers": make.ANSWERS["K"], "label": "K", "grade": "I0", "reason": "It knew."}
    with pytest.raises(CannotRule, match="more severe"):
        actions.rule(case=disputed, adjudicator=ada, units=[severe.pk], **own)  # type: ignore[arg-type]
    with pytest.raises(Stale, match="units"):
        actions.rule(case=disputed, adjudicator=ada, units=[severe.pk + 9000], **own)  # type: ignore[arg-type]
    ruling = actions.rule(case=disputed, adjudicator=ada, units=[mild.pk], **own)  # type: ignore[arg-type]
    assert [(unit["number"], unit["label"]) for unit in ruling.units] == [(0, "K"), (1, "U")]
    assert ruling.label == "K"
