"""Who gets in, and where."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from auditor.accounts import actions
from auditor.accounts.models import Membership, OneTimeLink, Project, Role, SignInFailure, User
from auditor.ledger.models import Event
from tests.people import signed_in

PASSWORD = "a sentence to remember"


def test_a_stranger_gets_404(project: Project, cy: User) -> None:
    assert signed_in(cy).get(reverse("accounts:people", args=[project.slug])).status_code == 404


def test_a_visitor_is_asked_to_sign_in(project: Project, client: Client) -> None:
    response = client.get(reverse("accounts:people", args=[project.slug]))
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/sign-in/")


def test_a_role_too_low_gets_404(project: Project, ana: User) -> None:
    assert signed_in(ana).get(reverse("accounts:ledger", args=[project.slug])).status_code == 404
    assert (
        signed_in(ana).post(reverse("accounts:invite", args=[project.slug]), {"role": 50}).status_code == 404
    )


def test_an_invitation_works_once(project: Project, mia: User, client: Client) -> None:
    token = actions.invite(project=project, role=Role.REVIEWER, actor=mia)
    address = reverse("accounts:invitation", args=[token])
    assert client.get(address).status_code == 200
    joined = client.post(address, {"name": "Ana", "email": "ana@example.org", "password": PASSWORD})
    assert joined.status_code == 302
    membership = Membership.objects.get(project=project, user__email="ana@example.org")
    assert membership.role == Role.REVIEWER
    assert (
        Client().post(address, {"name": "Bo", "email": "bo@example.org", "password": PASSWORD}).status_code
        == 410
    )
    assert not User.objects.filter(email="bo@example.org").exists()


def test_an_invitation_never_takes_over_an_account(
    project: Project, mia: User, cy: User, client: Client
) -> None:
    token = actions.invite(project=project, role=Role.OWNER, actor=mia)
    response = client.post(
        reverse("accounts:invitation", args=[token]),
        {"name": "Cy", "email": "CY@example.org", "password": PASSWORD},
    )
    assert response.status_code == 422
    assert User.objects.get(pk=cy.pk).check_password("correct horse battery")
    assert OneTimeLink.objects.usable().count() == 1


def test_a_signed_in_person_joins_by_invitation(project: Project, mia: User, cy: User) -> None:
    token = actions.invite(project=project, role=Role.VIEWER, actor=mia)
    assert signed_in(cy).post(reverse("accounts:invitation", args=[token])).status_code == 302
    assert Membership.objects.get(project=project, user=cy).role == Role.VIEWER


def test_opening_a_sign_in_link_does_not_spend_it(mia: User, client: Client) -> None:
    token = actions.issue_link(user=mia, purpose="sign_in", actor=None)
    address = reverse("accounts:link", args=[token])
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 302
    assert client.session["_auth_user_id"] == str(mia.pk)
    assert Client().post(address).status_code == 410


def test_a_link_that_ran_out_is_refused(mia: User) -> None:
    token = actions.issue_link(user=mia, purpose="sign_in", actor=None)
    OneTimeLink.objects.update(expires_at=timezone.now())
    with pytest.raises(actions.LinkSpent):
        actions.sign_in_by_link(token=token)


def test_only_the_digest_of_a_token_is_stored(mia: User) -> None:
    token = actions.issue_link(user=mia, purpose="reset", actor=None)
    assert token not in str(list(OneTimeLink.objects.values())) + str(list(Event.objects.values()))


def test_a_reset_ends_every_session(mia: User, project: Project) -> None:
    browser = signed_in(mia)
    token = actions.issue_link(user=mia, purpose="reset", actor=mia)
    actions.set_password_by_link(token=token, password=PASSWORD)
    assert browser.get(reverse("accounts:people", args=[project.slug])).status_code == 302
    assert Client().login(username="mia@example.org", password=PASSWORD)


def test_a_weak_password_spends_nothing(mia: User) -> None:
    token = actions.issue_link(user=mia, purpose="reset", actor=mia)
    with pytest.raises(ValidationError):
        actions.set_password_by_link(token=token, password="short")
    actions.set_password_by_link(token=token, password=PASSWORD)


def test_a_deactivated_person_is_out_at_once(project: Project, mia: User, ana: User) -> None:
    browser = signed_in(ana)
    membership = Membership.objects.get(project=project, user=ana)
    actions.set_active(membership=membership, active=False, actor=mia)
    assert browser.get(reverse("accounts:people", args=[project.slug])).status_code == 302
    assert not Client().login(username="ana@example.org", password="correct horse battery")


def test_the_last_owner_stays(project: Project, mia: User) -> None:
    membership = Membership.objects.get(project=project, user=mia)
    with pytest.raises(actions.NotAllowed):
        actions.change_role(membership=membership, role=Role.MANAGER, actor=mia)
    with pytest.raises(actions.NotAllowed):
        actions.set_active(membership=membership, active=False, actor=mia)


def test_an_owner_makes_a_link_that_is_shown_once(project: Project, mia: User) -> None:
    browser = signed_in(mia)
    page = browser.post(reverse("accounts:invite", args=[project.slug]), {"role": Role.VIEWER.value})
    found = re.search(r"http://testserver/invitation/[\w-]+/", page.content.decode())
    assert found is not None
    again = browser.get(reverse("accounts:people", args=[project.slug])).content.decode()
    assert found.group() not in again
    assert Client().get(found.group()).status_code == 200


def test_every_write_leaves_an_event(project: Project, mia: User, ana: User) -> None:
    actions.change_role(membership=Membership.objects.get(user=ana), role=Role.ADJUDICATOR, actor=mia)
    event = Event.objects.get(verb="member.role_changed")
    assert (event.actor_id, event.project_id, event.detail) == (
        mia.pk, project.pk, {"before": "reviewer", "after": "adjudicator"},
    )  # fmt: skip


def test_sign_in_by_password(mia: User, project: Project, client: Client) -> None:
    wrong = client.post(reverse("accounts:sign_in"), {"username": "mia@example.org", "password": "no"})
    assert "do not go together" in wrong.content.decode()
    right = client.post(
        reverse("accounts:sign_in"), {"username": "MIA@example.org", "password": "correct horse battery"}
    )
    assert right.status_code == 302


def test_guessing_is_slowed_and_a_link_still_helps(mia: User, client: Client) -> None:
    address = reverse("accounts:sign_in")
    right = {"username": "mia@example.org", "password": "correct horse battery"}
    for _ in range(actions.MOST_FAILURES):
        client.post(address, {**right, "username": "MIA@example.org", "password": "guess"})
    assert "Too many wrong passwords" in client.post(address, right).content.decode()
    token = actions.issue_link(user=mia, purpose="sign_in", actor=None)
    assert client.post(reverse("accounts:link", args=[token])).status_code == 302


def test_failures_count_for_a_quarter_of_an_hour(mia: User, client: Client) -> None:
    for _ in range(actions.MOST_FAILURES):
        actions.note_failed_sign_in(email="mia@example.org")
    assert actions.must_wait(email="Mia@Example.org")
    assert not actions.must_wait(email="bo@example.org")
    SignInFailure.objects.update(at=timezone.now() - actions.FAILURES_COUNT_FOR)
    right = {"username": "mia@example.org", "password": "correct horse battery"}
    assert client.post(reverse("accounts:sign_in"), right).status_code == 302


def test_who_asks_is_read_anew_with_every_request(project: Project, ana: User) -> None:
    browser, people = signed_in(ana), reverse("accounts:people", args=[project.slug])
    assert browser.get(people).status_code == 200
    Membership.objects.filter(user=ana).delete()
    assert browser.get(people).status_code == 404
    actions.add_member(project=project, user=ana, role=Role.REVIEWER, actor=None)
    assert browser.get(people).status_code == 200
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert browser.get(people).status_code == 302


def test_a_session_ends_with_the_password_it_was_begun_with(project: Project, ana: User) -> None:
    browser, people = signed_in(ana), reverse("accounts:people", args=[project.slug])
    assert browser.get(people).status_code == 200
    ana.set_password("another sentence altogether")
    ana.save()
    assert browser.get(people).status_code == 302
    assert "_auth_user_id" not in browser.session


def test_an_ended_or_unknown_session_is_nobodys(project: Project, ana: User) -> None:
    browser, people = signed_in(ana), reverse("accounts:people", args=[project.slug])
    Session.objects.update(expire_date=timezone.now())
    assert browser.get(people).status_code == 302
    browser.cookies["sessionid"] = "a" * 32
    assert browser.get(people).status_code == 302


def test_a_membership_of_one_project_opens_no_other(project: Project, ana: User, mia: User) -> None:
    other = actions.create_project(name="Another audit", owner=mia)
    browser = signed_in(ana)
    assert browser.get(reverse("accounts:people", args=[project.slug])).status_code == 200
    assert browser.get(reverse("accounts:people", args=[other.slug])).status_code == 404
