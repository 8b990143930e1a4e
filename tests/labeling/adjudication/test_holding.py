"""A case is one adjudicator's at a time; the next free one is found without waiting for others."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from auditor.accounts.models import Membership, Project, User
from auditor.ledger.models import Event
from labeling.adjudication import actions
from labeling.adjudication.actions import Occupied
from labeling.adjudication.models import Case, CaseLease
from labeling.adjudication.queries import cases_for
from labeling.queues.models import Item
from tests import make
from tests.people import person, signed_in


def queue_of(user: User, project: Project) -> list[Case]:
    return list(cases_for(Membership.objects.get(user=user, project=project)))


def another(project: Project, ana: User, bo: User, codes: str = "DU") -> Case:
    item = make.round(project, [make.transcript(project)], [ana, bo]).items.get()
    for reviewer, code in zip((ana, bo), codes, strict=True):
        make.label(item, reviewer, code)
    actions.settle(item=item)
    return Case.objects.get(item=item)


def test_a_colleague_may_look_and_not_rule_until_it_is_left(disputed: Case, ada: User, mia: User) -> None:
    actions.hold(case=disputed, adjudicator=ada)
    took = disputed.item.revisions.first()
    with pytest.raises(Occupied):
        actions.hold(case=disputed, adjudicator=mia)
    with pytest.raises(Occupied):
        actions.rule(case=disputed, adjudicator=mia, took=took, reason="Mine.")
    assert not disputed.item.rulings.exists()
    actions.let_go(case=disputed, adjudicator=mia)  # not hers to leave
    with pytest.raises(Occupied):
        actions.hold(case=disputed, adjudicator=mia)
    actions.let_go(case=disputed, adjudicator=ada)
    actions.rule(case=disputed, adjudicator=mia, took=took, reason="Mine now.")
    assert disputed.item.rulings.get().adjudicator == mia


def test_silence_ends_a_hold_and_a_sign_of_life_keeps_it(disputed: Case, ada: User, mia: User) -> None:
    lease = actions.hold(case=disputed, adjudicator=ada)
    CaseLease.objects.filter(pk=lease.pk).update(expires_at=timezone.now() + timedelta(seconds=1))
    again = actions.hold(case=disputed, adjudicator=ada)
    assert again.taken_at == lease.taken_at
    assert again.expires_at is not None
    assert again.expires_at > timezone.now() + timedelta(minutes=2)
    CaseLease.objects.filter(pk=lease.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert actions.hold(case=disputed, adjudicator=mia).holder == mia
    assert Event.objects.filter(verb="case.taken").count() == 2


def test_the_queue_goes_by_priority_and_then_by_disagreement(
    disputed: Case, project: Project, ana: User, bo: User, ada: User, mia: User
) -> None:
    mild = another(project, ana, bo, "KU")
    assert mild.disagreement < disputed.disagreement
    assert queue_of(ada, project) == [disputed, mild]
    actions.set_priority(case=mild, priority=1, actor=mia)
    assert queue_of(ada, project) == [mild, disputed]
    assert Event.objects.get(verb="case.priority_changed").detail["priority"] == 1


def test_the_next_case_is_one_that_nobody_holds_and_comes_round(
    disputed: Case, project: Project, ana: User, bo: User, ada: User, mia: User
) -> None:
    second, third = another(project, ana, bo), another(project, ana, bo)
    queue = cases_for(Membership.objects.get(user=ada, project=project))
    actions.hold(case=second, adjudicator=mia)
    assert actions.take_next(queue=queue, adjudicator=ada) == disputed
    assert actions.take_next(queue=queue, adjudicator=ada, after=disputed) == third
    assert not CaseLease.objects.get(case=disputed).is_held
    assert actions.take_next(queue=queue, adjudicator=ada, after=third) == disputed
    actions.hold(case=third, adjudicator=mia)
    assert actions.take_next(queue=queue, adjudicator=ada, after=disputed) is None


@pytest.mark.django_db(transaction=True)
def test_adjudicators_at_once_get_different_cases(project: Project, ana: User, bo: User) -> None:
    cases = {another(project, ana, bo).pk for _ in range(4)}
    people = [person(f"Judge {n}") for n in range(4)]
    queue = Case.objects.filter(settled_at=None)

    def work(one: User) -> int:
        try:
            found = actions.take_next(queue=queue, adjudicator=one)
            return found.pk if found else 0
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(work, people))
    assert set(taken) == cases


def test_opening_the_page_holds_the_case_and_others_see_so(disputed: Case, ada: User, mia: User) -> None:
    slug = disputed.item.round.project.slug
    address = reverse("adjudication:case", args=[slug, disputed.pk])
    assert "Commit" in signed_in(ada).get(address).text
    assert CaseLease.objects.get().holder == ada
    other = signed_in(mia)
    text = other.get(address).text
    assert "A colleague has this case open" in text
    assert 'name="take"' not in text
    assert "held by a colleague" in other.get(reverse("adjudication:cases", args=[slug])).text
    assert other.post(reverse("adjudication:hold", args=[slug, disputed.pk])).status_code == 409
    took = disputed.item.revisions.first()
    assert took is not None
    assert other.post(address, {"take": took.pk, "reason": "Mine."}).status_code == 409
    signed_in(ada).post(reverse("adjudication:leave", args=[slug, disputed.pk]))
    assert other.post(reverse("adjudication:hold", args=[slug, disputed.pk])).status_code == 200


def test_only_a_manager_puts_a_case_first(disputed: Case, ada: User, mia: User) -> None:
    address = reverse("adjudication:priority", args=[disputed.item.round.project.slug, disputed.pk])
    assert signed_in(ada).post(address, {"priority": "1"}).status_code == 404
    assert signed_in(mia).post(address, {"priority": "9"}).status_code == 404
    assert signed_in(mia).post(address, {"priority": "1"}).status_code == 302
    disputed.refresh_from_db()
    assert disputed.priority == 1


def test_next_from_the_page_leaves_the_case_and_opens_another(
    disputed: Case, project: Project, ana: User, bo: User, ada: User, item: Item
) -> None:
    second = another(project, ana, bo)
    browser = signed_in(ada)
    address = reverse("adjudication:next", args=[project.slug])
    first = browser.post(address)["Location"]
    assert first == reverse("adjudication:case", args=[project.slug, disputed.pk])
    then = browser.post(address, {"leaving": disputed.pk})["Location"]
    assert then == reverse("adjudication:case", args=[project.slug, second.pk])
    assert CaseLease.objects.get(holder=ada).case == second
    assert browser.post(address, {"leaving": "9" * 30}).status_code == 302
