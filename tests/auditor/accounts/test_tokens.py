"""Tokens: what they open, for whom, how long, and what happens to wrong ones."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from auditor.accounts import actions
from auditor.accounts.actions import MOST_FAILURES, NotAllowed
from auditor.accounts.models import Membership, Project, Scope, SignInFailure, Token, User
from auditor.accounts.tokens import MOST_TOKENS, make_token, revoke_token, token_of
from auditor.ledger.models import Event
from tests.people import signed_in
from tests.programs import Program, program, read


def membership(user: User, project: Project) -> Membership:
    return Membership.objects.get(user=user, project=project)


def page(project: Project) -> str:
    return reverse("accounts:tokens", args=[project.slug])


def test_a_token_acts_as_its_person_in_its_project(project: Project, ana: User) -> None:
    said = program(ana, project).gets("/me")
    assert (said["name"], said["role"], said["project"]["slug"]) == ("Ana", "reviewer", project.slug)
    assert said["token"]["scope"] == "review"


def test_only_a_digest_is_kept_and_the_words_are_shown_once(project: Project, ana: User) -> None:
    browser = signed_in(ana)
    shown = browser.post(page(project), {"name": "export", "scope": Scope.READ}).content.decode()
    found = re.search(r"auditor_[a-z0-9]{12}_[\w-]{43}", shown)
    assert found is not None
    token = Token.objects.get()
    assert found[0].split("_", 2)[2] not in str(vars(token))
    assert found[0] not in browser.get(page(project)).content.decode()
    assert Program(found[0]).gets("/me")["name"] == "Ana"


def test_a_session_opens_nothing(project: Project, ana: User) -> None:
    answer = signed_in(ana).get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Basic auditor_x", "Bearer auditor_abcdefghijkm_" + "a" * 43]
)
def test_anything_but_a_token_is_refused_without_a_trace(db: None, header: str) -> None:
    before = Event.objects.count()
    headers = {"Authorization": header} if header else {}
    assert Client().get("/api/v1/me", headers=headers).status_code == 401
    assert SignInFailure.objects.count() == 0
    assert Event.objects.count() == before


def test_a_scope_is_capped_by_the_role_when_it_is_made(project: Project, vic: User, ana: User) -> None:
    with pytest.raises(NotAllowed, match="viewer"):
        make_token(membership=membership(vic, project), name="x", scope=Scope.REVIEW, actor=vic)
    with pytest.raises(NotAllowed, match="reviewer"):
        make_token(membership=membership(ana, project), name="x", scope=Scope.MANAGE, actor=ana)
    answer = signed_in(ana).post(page(project), {"name": "x", "scope": Scope.MANAGE})
    assert answer.status_code == 422
    assert not Token.objects.exists()


def test_a_member_who_is_made_less_takes_the_token_along(project: Project, ana: User, mia: User) -> None:
    robot = program(ana, project)
    assert robot.asks("/transcripts").status_code == 200
    Membership.objects.filter(user=ana).delete()
    assert robot.asks("/transcripts").status_code == 404


def test_a_token_ends_when_it_is_revoked_runs_out_or_its_person_is_shut_out(
    project: Project, ana: User, mia: User
) -> None:
    one, words = make_token(membership=membership(ana, project), name="x", scope=Scope.READ, actor=ana)
    assert token_of(words) is not None
    revoke_token(token=one, actor=ana)
    revoke_token(token=one, actor=ana)
    assert token_of(words) is None
    assert Event.objects.filter(verb="token.revoked").count() == 1
    two, words = make_token(
        membership=membership(ana, project), name="y", scope=Scope.READ, actor=ana,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    assert token_of(words) is not None
    Token.objects.filter(pk=two.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert token_of(words) is None
    _, words = make_token(membership=membership(ana, project), name="z", scope=Scope.READ, actor=ana)
    actions.set_active(membership=membership(ana, project), active=False, actor=mia)
    assert token_of(words) is None


def test_too_many_wrong_secrets_make_even_the_right_one_wait(project: Project, ana: User) -> None:
    _, words = make_token(membership=membership(ana, project), name="x", scope=Scope.READ, actor=ana)
    wrong = words[:-1] + ("A" if words[-1] != "A" else "B")
    for _ in range(MOST_FAILURES):
        assert Program(wrong).asks("/me").status_code == 401
    assert Program(wrong).asks("/me").status_code == 429
    assert Program(words).asks("/me").status_code == 429
    assert SignInFailure.objects.count() == MOST_FAILURES
    SignInFailure.objects.update(at=timezone.now() - timedelta(minutes=16))
    assert Program(words).asks("/me").status_code == 200


def test_last_use_is_noted_to_the_hour(project: Project, ana: User) -> None:
    robot = program(ana, project)
    robot.gets("/me")
    first = Token.objects.get().used_at
    assert first is not None
    robot.gets("/me")
    assert Token.objects.get().used_at == first
    Token.objects.update(used_at=first - timedelta(hours=2))
    robot.gets("/me")
    assert Token.objects.get().used_at != first - timedelta(hours=2)


def test_one_sees_ones_own_tokens_and_an_owner_sees_all(
    project: Project, ana: User, bo: User, mia: User
) -> None:
    program(ana, project)
    assert "auditor_" not in signed_in(bo).get(page(project)).content.decode()
    token = Token.objects.get()
    assert token.key in signed_in(ana).get(page(project)).content.decode()
    assert token.key in signed_in(mia).get(page(project)).content.decode()
    assert token.name in signed_in(ana).get(reverse("accounts:profile")).content.decode()
    address = reverse("accounts:revoke_token", args=[project.slug, token.pk])
    assert signed_in(bo).post(address).status_code == 404
    assert signed_in(mia).post(address).status_code == 302
    assert not Token.objects.usable().exists()


def test_a_person_has_so_many_tokens_and_no_more(project: Project, ana: User) -> None:
    for _ in range(MOST_TOKENS):
        make_token(membership=membership(ana, project), name="x", scope=Scope.READ, actor=ana)
    with pytest.raises(NotAllowed, match="enough"):
        make_token(membership=membership(ana, project), name="x", scope=Scope.READ, actor=ana)


def test_a_read_token_changes_nothing_and_says_why(project: Project, mia: User) -> None:
    answer = program(mia, project, "read").sends(
        "/webhooks", {"url": "https://example.org/", "kinds": ["case.*"]}
    )
    assert answer.status_code == 403
    assert read(answer)["errors"][0]["field"] == "token"


def test_the_command_makes_lists_and_revokes(project: Project, ana: User) -> None:
    def run(*words: str) -> str:
        out = StringIO()
        call_command("api_token", *words, stdout=out)
        return out.getvalue().strip()

    asked = (
        "make",
        "--email",
        "ANA@example.org",
        "--project",
        project.slug,
        "--name",
        "nightly",
        "--days",
        "3",
    )
    words = run(*asked, "--scope", "review")
    assert Program(words).gets("/me")["token"]["name"] == "nightly"
    listed = run("list", "--project", project.slug)
    assert "nightly" in listed
    assert words not in listed
    key = Token.objects.get().key
    assert "no more" in run("revoke", key)
    assert token_of(words) is None
    with pytest.raises(CommandError, match="no token"):
        run("revoke", key)
    with pytest.raises(CommandError, match="cannot make"):
        run(*asked, "--scope", "manage")
    with pytest.raises(CommandError, match="no active member"):
        run("make", "--email", "x@example.org", "--project", project.slug, "--name", "x")


def test_the_ledger_knows_who_made_what(project: Project, ana: User) -> None:
    program(ana, project)
    event = Event.objects.get(verb="token.made")
    assert (event.actor_id, event.project_id, event.detail["scope"]) == (ana.pk, project.pk, "review")
