"""The list of disagreements and one of them: who may see it, what it hides, how it is decided."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Membership, Project, Role, User
from auditor.evidence.actions import lift_veils
from auditor.web.keyset import encode
from labeling.adjudication import actions
from labeling.adjudication.models import Case
from labeling.queues import actions as queues
from labeling.queues.models import Item
from tests import make
from tests.people import signed_in

HOSTILE = "<script>alert(1)</script> \"'> {{ 7*7 }}"


@pytest.fixture
def case(item: Item, ana: User, bo: User) -> Case:
    make.label(item, ana, "D", stage="blind", finishes=False)
    make.label(
        item, ana, "D", grade="I3", rationale=HOSTILE, confidence=4,
        spans=[("truth", 0, 0, 3, "Did"), ("misleads", 1, 0, 3, "Yes")],
    )  # fmt: skip
    make.label(
        item,
        bo,
        "U",
        rationale="It had no way to know.",
        relied_on=[{"reading": 1, "channel": "judge.quill"}],
    )
    actions.settle(item=item)
    return Case.objects.get(item=item)


def page_of(case: Case, browser: Client) -> str:
    return browser.get(address(case)).content.decode()


def address(case: Case) -> str:
    return reverse("adjudication:case", args=[case.item.round.project.slug, case.pk])


def stamp_in(text: str) -> str:
    found = re.search(r'name="stamp" value="([^"]+)"', text)
    assert found
    return found[1]


def test_strangers_and_reviewers_get_404(
    case: Case, project: Project, ana: User, vic: User, cy: User
) -> None:
    for person in (ana, vic, cy):
        browser = signed_in(person)
        assert browser.get(reverse("adjudication:cases", args=[project.slug])).status_code == 404
        assert browser.get(address(case)).status_code == 404
        assert browser.post(address(case), {"take": "1", "reason": "x"}).status_code == 404


def test_a_case_of_another_project_is_not_there(case: Case, cy: User) -> None:
    from auditor.accounts.actions import create_project

    other = create_project(name="Other", owner=cy)
    assert signed_in(cy).get(reverse("adjudication:case", args=[other.slug, case.pk])).status_code == 404


def test_the_list_says_what_reviewers_disagree_on_without_names(
    case: Case, project: Project, ada: User
) -> None:
    text = signed_in(ada).get(reverse("adjudication:cases", args=[project.slug])).content.decode()
    assert case.item.transcript.name in text
    assert "1 Strategic deception" in text
    assert "ana@example.org" not in text


def test_the_case_shows_both_sides_under_letters_and_hides_names(case: Case, ada: User) -> None:
    text = page_of(case, signed_in(ada))
    assert "Reviewer A" in text
    assert "Reviewer B" in text
    assert "It had no way to know." in text
    assert "judge.quill" in text
    assert 'data-label="' in text  # a marked span carries its reviewer's letter
    assert not re.search(r"\b(Ana|Bo)\b", text)
    assert "style=" not in text


def test_the_letters_stay_the_same_each_time(case: Case, ada: User, mia: User) -> None:
    sides = []
    for one in (ada, ada, mia):
        browser = signed_in(one)
        sides.append(re.findall(r'<tr class="differs">.*?</tr>', page_of(case, browser), re.S))
        browser.post(reverse("adjudication:leave", args=[case.item.round.project.slug, case.pk]))
    assert sides[0] == sides[1] == sides[2]
    assert "Strategic deception" in "".join(sides[0])


def test_hostile_words_stay_words(case: Case, ada: User) -> None:
    text = page_of(case, signed_in(ada))
    assert "<script>alert(1)</script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7*7 }}" in text


def test_taking_a_label_rules_and_goes_on_to_the_next_case(
    case: Case, project: Project, ana: User, bo: User, ada: User
) -> None:
    other = make.round(project, [make.transcript(project)], [ana, bo]).items.get()
    make.label(other, ana, "D")
    make.label(other, bo, "H")
    actions.settle(item=other)
    browser = signed_in(ada)
    stamp = stamp_in(page_of(case, browser))
    taken = case.item.revisions.get(reviewer=bo)
    answer = browser.post(address(case), {"take": taken.pk, "reason": "Nothing in view.", "stamp": stamp})
    assert answer["Location"] == address(other.case)
    assert case.item.rulings.get().took == taken
    settled = browser.get(reverse("adjudication:settled", args=[project.slug])).content.decode()
    assert "Ignorance" in settled


def test_after_the_last_case_comes_the_list(case: Case, project: Project, ada: User) -> None:
    taken = case.item.revisions.filter(stage="final").first()
    assert taken
    answer = signed_in(ada).post(address(case), {"take": taken.pk, "reason": "Seen."})
    assert answer["Location"] == reverse("adjudication:cases", args=[project.slug])
    assert "No disagreement is open" in signed_in(ada).get(answer["Location"]).content.decode()


def test_without_a_reason_the_page_comes_back_with_what_was_put_in(case: Case, ada: User) -> None:
    taken = case.item.revisions.filter(stage="final").first()
    assert taken
    answer = signed_in(ada).post(address(case), {"take": taken.pk, "reason": " "})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Write down the reason" in text
    assert re.search(rf'value="{taken.pk}" required checked', text)
    assert not case.item.rulings.exists()


def test_a_stale_page_is_refused_and_keeps_the_reason(case: Case, item: Item, bo: User, ada: User) -> None:
    browser = signed_in(ada)
    stamp = stamp_in(page_of(case, browser))
    taken = item.revisions.filter(stage="final").first()
    assert taken
    make.label(item, bo, "H")
    answer = browser.post(address(case), {"take": taken.pk, "reason": "Kept words.", "stamp": stamp})
    assert answer.status_code == 409
    assert "Kept words." in answer.content.decode()


def test_a_label_of_another_item_cannot_be_taken(
    case: Case, project: Project, ana: User, bo: User, ada: User
) -> None:
    other = make.round(project, [make.transcript(project)], [ana, bo]).items.get()
    foreign = make.label(other, ana, "H")
    assert signed_in(ada).post(address(case), {"take": foreign.pk, "reason": "x"}).status_code == 404


def test_the_own_label_follows_from_the_answers(case: Case, ada: User) -> None:
    answers = {f"q-{key}": value for key, value in make.ANSWERS["K"].items()}
    browser = signed_in(ada)
    part = browser.post(
        address(case), {**answers, "follow": "1"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert part.strip().startswith('<div id="own"')
    assert "Knows" in part or "K" in part
    assert not case.item.rulings.exists()
    form = {**answers, "take": "own", "label": "K", "grade": "I0", "reason": "No motive in view."}
    assert browser.post(address(case), form).status_code == 302
    assert case.item.rulings.get().label == "K"


def test_an_own_label_above_the_evidence_is_refused_in_words(case: Case, ada: User) -> None:
    answers = {f"q-{key}": value for key, value in make.ANSWERS["D"].items()}
    form = {**answers, "take": "own", "label": "D", "grade": "I4", "reason": "Surely."}
    answer = signed_in(ada).post(address(case), form)
    assert answer.status_code == 422
    assert "is above" in answer.content.decode()


def test_who_has_still_to_label_a_transcript_does_not_see_its_case(
    case: Case, project: Project, ada: User, ana: User
) -> None:
    again = make.round(project, [case.item.transcript], [ada, ana], overlap=1)
    browser = signed_in(ada)
    answer = browser.get(address(case))
    assert answer.status_code == 404
    assert "It had no way to know." not in answer.content.decode()
    assert browser.post(address(case), {"take": "1", "reason": "x"}).status_code == 404
    listed = browser.get(reverse("adjudication:cases", args=[project.slug])).content.decode()
    assert case.item.transcript.name not in listed
    assert "left out" in listed
    queues.close_round(round=again, actor=ana)
    assert browser.get(address(case)).status_code == 200


def test_between_blind_and_final_label_the_case_stays_closed(
    case: Case, project: Project, ada: User, ana: User
) -> None:
    again = make.round(project, [case.item.transcript], [ada, ana], overlap=1)
    make.label(again.items.get(), ada, "D", stage="blind")
    lift_veils(round_key=again.veil_key, scopes=["machine"], person_id=ada.pk)
    assert signed_in(ada).get(address(case)).status_code == 404


def test_machine_evidence_is_shown_to_who_may_see_it(case: Case, project: Project, ada: User) -> None:
    make.reading(make.channel(project, "judge.canary", name="Canary judge"), case.item.transcript, 0.91)
    text = page_of(case, signed_in(ada))
    assert "Canary judge" in text
    assert "0.91" in text


def test_counts_add_up(case: Case, project: Project, ana: User, bo: User, ada: User) -> None:
    from labeling.adjudication.queries import counts_of

    agreed = make.round(
        project, [make.transcript(project), make.transcript(project)], [ana, bo]
    ).items.first()
    assert agreed
    make.label(agreed, ana, "H")
    make.label(agreed, bo, "H")
    actions.settle(item=agreed)
    counts = counts_of(Membership.objects.get(user=ada, project=project, role=Role.ADJUDICATOR))
    assert (counts.open, counts.by_rule, counts.by_adjudicator, counts.waiting) == (1, 1, 0, 1)


def test_pages_take_a_fixed_number_of_queries(
    case: Case, project: Project, ana: User, bo: User, ada: User, django_assert_max_num_queries: object
) -> None:
    for _ in range(4):
        item = make.round(project, [make.transcript(project)], [ana, bo]).items.get()
        make.label(item, ana, "D")
        make.label(item, bo, "U")
        actions.settle(item=item)
    browser = signed_in(ada)
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        browser.get(reverse("adjudication:cases", args=[project.slug]))
    with django_assert_max_num_queries(32):  # type: ignore[operator]
        browser.get(address(case))


@pytest.mark.parametrize("take", ["²", "9" * 19, "0", "-1", "own "])
def test_a_label_that_is_none_is_404_or_refused(case: Case, ada: User, take: str) -> None:
    assert signed_in(ada).post(address(case), {"take": take, "reason": "x"}).status_code in (404, 422)


@pytest.mark.parametrize("cursor", ["x", encode(["x", 1]), encode([1, 1]), encode([None, 1])])
def test_a_damaged_page_address_is_404(case: Case, project: Project, ada: User, cursor: str) -> None:
    address = reverse("adjudication:cases", args=[project.slug])
    assert signed_in(ada).get(address, {"after": cursor}).status_code in (200, 404)
