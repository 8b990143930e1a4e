"""A question to the reviewers: each by themselves, and the case is back once all have answered."""

import re

import pytest
from django.urls import reverse

from auditor.accounts.models import Membership, Project, User
from auditor.ledger.models import Event
from labeling.adjudication import actions, tasks
from labeling.adjudication.actions import CannotRule, Stale
from labeling.adjudication.models import Case, SentBack, SentBackTo
from labeling.adjudication.queries import cases_for, counts_of, returned_for
from labeling.annotations.models import LabelRevision
from labeling.discussion.actions import reply
from labeling.discussion.queries import inbox_of, visible_threads
from labeling.queues.models import Item
from tests import make
from tests.people import signed_in


def test_each_reviewer_is_asked_in_a_thread_of_their_own(
    disputed: Case, project: Project, ana: User, bo: User, ada: User
) -> None:
    actions.send_back(case=disputed, adjudicator=ada, question="Which message decides it?")
    asked = SentBackTo.objects.select_related("thread")
    assert {one.reviewer for one in asked} == {ana, bo}
    for reviewer in (ana, bo):
        (seen,) = visible_threads(reviewer, project.pk)
        assert seen == asked.get(reviewer=reviewer).thread
        assert inbox_of(reviewer, project.pk).count() == 1
    event = Event.objects.get(verb="case.returned")
    assert event.detail == {"item": disputed.item_id, "asked": 2}


def test_a_case_that_was_sent_back_waits_apart(disputed: Case, project: Project, ada: User) -> None:
    actions.send_back(case=disputed, adjudicator=ada, question="Why?")
    membership = Membership.objects.get(user=ada, project=project)
    assert list(cases_for(membership)) == []
    assert list(returned_for(membership)) == [disputed]
    assert counts_of(membership).returned == 1
    with pytest.raises(Stale):
        actions.send_back(case=disputed, adjudicator=ada, question="Why again?")


def test_it_is_back_once_all_have_answered_or_revised(
    disputed: Case, item: Item, project: Project, ana: User, bo: User, ada: User
) -> None:
    actions.send_back(case=disputed, adjudicator=ada, question="Why?")
    thread = SentBackTo.objects.get(reviewer=ana).thread
    reply(thread=thread, author=ana, text="The failed call is in message 2.")
    tasks.settle_due()
    disputed.refresh_from_db()
    assert disputed.state == "returned"
    make.label(item, bo, "K")
    tasks.settle_due()
    disputed.refresh_from_db()
    assert disputed.state == "open"
    assert SentBack.objects.get().answered_at is not None
    assert Event.objects.filter(verb="case.came_back").count() == 1
    page = signed_in(ada).get(reverse("adjudication:case", args=[project.slug, disputed.pk])).text
    assert "The failed call is in message 2." in page
    assert "2 of 2 answered or revised" in page
    assert not re.search(r"\b(Ana|Bo)\b", page)
    for address in (
        reverse("discussion:thread", args=[project.slug, thread.pk]),
        reverse("discussion:inbox", args=[project.slug]),
    ):
        said = re.sub(r'data-people="[^"]*"', "", signed_in(ada).get(address).text)  # whom one may name
        assert "The failed call is in message 2." in said
        assert "A colleague" in said
        assert not re.search(r"\b(Ana|Bo)\b", said), address


def test_a_revision_that_agrees_settles_it_by_the_rule(
    disputed: Case, item: Item, bo: User, ada: User
) -> None:
    actions.send_back(case=disputed, adjudicator=ada, question="Why?")
    make.label(item, bo, "D", grade="I3")
    assert actions.settle(item=item) == "unanimous"
    disputed.refresh_from_db()
    assert disputed.state == "settled"
    assert SentBack.objects.get().answered_at is not None


def test_only_those_who_are_chosen_are_asked(
    disputed: Case, labels: list[LabelRevision], bo: User, ada: User
) -> None:
    actions.send_back(case=disputed, adjudicator=ada, question="Why?", to=[labels[1].pk])
    assert SentBackTo.objects.get().reviewer == bo


@pytest.mark.parametrize(("question", "to", "words"), [(" ", None, "question"), ("Why?", [], "whom")])
def test_a_question_needs_words_and_people(
    disputed: Case, ada: User, question: str, to: list[int] | None, words: str
) -> None:
    with pytest.raises(CannotRule, match=words):
        actions.send_back(case=disputed, adjudicator=ada, question=question, to=to)
    assert not SentBack.objects.exists()


def test_from_the_page_and_on_to_the_list(
    disputed: Case, labels: list[LabelRevision], project: Project, ada: User
) -> None:
    browser = signed_in(ada)
    address = reverse("adjudication:send_back", args=[project.slug, disputed.pk])
    refused = browser.post(address, {"question": "", "to": [labels[0].pk]})
    assert refused.status_code == 422
    sent = browser.post(address, {"question": "Which words?", "to": [labels[0].pk, labels[1].pk]})
    assert sent["Location"] == reverse("adjudication:cases", args=[project.slug])
    listed = browser.get(reverse("adjudication:returned", args=[project.slug])).text
    assert disputed.item.transcript.name in listed
    shown = browser.get(reverse("adjudication:case", args=[project.slug, disputed.pk])).text
    assert "Which words?" in shown
    assert "0 of 2 answered or revised" in shown


def test_an_adjudicator_need_not_wait_for_the_answer(
    disputed: Case, labels: list[LabelRevision], ada: User
) -> None:
    actions.send_back(case=disputed, adjudicator=ada, question="Why?")
    actions.rule(case=disputed, adjudicator=ada, took=labels[0], reason="Found it myself.")
    disputed.refresh_from_db()
    assert disputed.state == "settled"
    tasks.settle_due()
    assert disputed.item.rulings.count() == 1
