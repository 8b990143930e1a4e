"""Endpoints on pages and for programs: managers only, their models as rows, and what one tiny call shows."""

from typing import Any

import pytest
from django.urls import reverse
from pytest_django.fixtures import Settings

from auditor.accounts.models import Project, User
from auditor.ledger.models import Event
from auditor.llm import actions, trying
from auditor.llm.models import Endpoint, Trial
from auditor.llm.prices import Model
from bench.scripted import Script
from tests import make
from tests.people import signed_in
from tests.programs import program, read

ROWS = {"form-TOTAL_FORMS": "3", "form-INITIAL_FORMS": "0"}
FORM = {
    "name": "Provider", "base_url": "https://192.0.32.10/v1/chat/completions", "key": "sk-not-shown-again", "currency": "eur",
    "requests_per_minute": "600", "tokens_per_minute": "", "concurrency": "16", "timeout": "60", **ROWS,
    "form-0-name": "large", "form-0-context": "128000", "form-0-price_in": "2.50", "form-0-price_out": "10",
    "form-1-name": "small", "form-1-context": "8192",
}  # fmt: skip


def new(project: Project) -> str:
    return reverse("llm:new", args=[project.slug])


def test_an_endpoint_is_added(project: Project, mia: User) -> None:
    browser = signed_in(mia)
    assert "No endpoints yet" in browser.get(reverse("llm:list", args=[project.slug])).content.decode()
    assert browser.post(new(project), FORM).status_code == 302
    row = Endpoint.objects.get()
    assert (row.name, row.base_url, row.currency) == ("Provider", "https://192.0.32.10/v1", "EUR")
    assert (row.requests_per_minute, row.tokens_per_minute, row.concurrency, row.timeout) == (
        600,
        None,
        16,
        60,
    )
    assert row.models == [
        {"name": "large", "context": 128000, "price_in": "2.5", "price_out": "10"},
        {"name": "small", "context": 8192, "price_in": "", "price_out": ""},
    ]
    page = browser.get(reverse("llm:endpoint", args=[project.slug, row.pk])).content.decode()
    assert "sk-not-shown-again" not in page
    assert "There is one." in page
    assert 'value="large"' in page
    listed = browser.get(reverse("llm:list", args=[project.slug])).content.decode()
    assert "600 requests a minute" in listed
    event = Event.objects.get(verb="endpoint.added")
    assert event.detail == {"name": "Provider", "host": "192.0.32.10", "has_key": True}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_url": "https://169.254.169.254/v1"}, "not a public address"), ({"name": " "}, "required"), ({"currency": "12x"}, "three letters"),
        ({"key": "two words"}, "A key is one line"), ({"concurrency": "257"}, "less than or equal to 256"), ({"timeout": "0"}, "greater than or equal to 1"),
        ({"form-0-name": "", "form-1-name": ""}, "Which model is this?"), ({"form-1-context": ""}, "How many tokens"),
        ({"form-0-price_in": "dear"}, "A price is a number"), ({"form-0-price_out": ""}, "both prices or neither"), ({"form-1-name": "large"}, "stands there twice"),
        ({"form-TOTAL_FORMS": "x"}, "missing or"),
        ({"form-0-name": "", "form-0-context": "", "form-0-price_in": "", "form-0-price_out": "", "form-1-name": "", "form-1-context": ""}, "at least one model"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_is(
    project: Project, mia: User, changes: dict[str, str], words: str
) -> None:
    answer = signed_in(mia).post(new(project), {**FORM, **changes})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Endpoint.objects.exists()


def test_more_rows_are_given_without_losing_what_was_typed(project: Project, mia: User) -> None:
    answer = signed_in(mia).post(new(project), {**FORM, "more": "1"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'name="form-5-name"' in page
    assert 'value="large"' in page
    assert "sk-not-shown-again" not in page
    assert not Endpoint.objects.exists()


def test_it_is_changed_and_its_key_replaced_removed_or_kept(project: Project, mia: User) -> None:
    browser = signed_in(mia)
    browser.post(new(project), FORM)
    row = Endpoint.objects.get()
    sealed = bytes(row.key_sealed)
    address = reverse("llm:endpoint", args=[project.slug, row.pk])
    changed = {
        **FORM,
        "key": "",
        "form-INITIAL_FORMS": "2",
        "form-TOTAL_FORMS": "5",
        "form-1-name": "",
        "form-1-context": "",
        "timeout": "90",
    }
    assert browser.post(address, changed).status_code == 302
    row.refresh_from_db()
    assert (bytes(row.key_sealed), row.timeout, [one["name"] for one in row.models]) == (
        sealed,
        90,
        ["large"],
    )
    assert Event.objects.get(verb="endpoint.changed").detail == {
        "changed": ["models", "timeout"],
        "host": "192.0.32.10",
        "key": "kept",
    }
    browser.post(address, {**changed, "key": "sk-another-key-altogether"})
    row.refresh_from_db()
    assert bytes(row.key_sealed) != sealed
    elsewhere = browser.post(address, {**changed, "base_url": "https://192.0.32.11/v1"}, follow=True)
    assert "its key was removed" in elsewhere.content.decode()
    row.refresh_from_db()
    assert not row.has_key
    browser.post(reverse("llm:remove_key", args=[project.slug, row.pk]))
    assert Event.objects.filter(verb="endpoint.key_removed").count() == 1


def test_it_is_put_away_and_its_name_is_free_again(project: Project, mia: User) -> None:
    browser = signed_in(mia)
    browser.post(new(project), FORM)
    row = Endpoint.objects.get()
    assert "of this name already" in browser.post(new(project), FORM).content.decode()
    kept = make.reply(row)
    assert browser.post(reverse("llm:archive", args=[project.slug, row.pk])).status_code == 302
    assert browser.get(reverse("llm:endpoint", args=[project.slug, row.pk])).status_code == 404
    assert browser.post(new(project), FORM).status_code == 302
    kept.refresh_from_db()
    actions.archive(endpoint=row, actor=mia)
    assert Event.objects.filter(verb="endpoint.archived").count() == 1


def test_who_does_not_manage_gets_404(project: Project, ada: User, mia: User) -> None:
    row = make.endpoint(project)
    browser = signed_in(ada)
    for name, args in (("list", []), ("new", []), ("endpoint", [row.pk])):
        assert browser.get(reverse(f"llm:{name}", args=[project.slug, *args])).status_code == 404
    for name in ("endpoint", "remove_key", "try", "archive"):
        assert browser.post(reverse(f"llm:{name}", args=[project.slug, row.pk]), FORM).status_code == 404
    assert program(ada, project).asks("/endpoints").status_code == 404
    row.refresh_from_db()
    assert not row.is_archived


def test_a_project_has_so_many_and_no_more(
    project: Project, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST", 2)
    wanted = actions.Wanted(name="", base_url="https://192.0.32.10/v1", models=[Model("m", 10)])
    for number in range(2):
        actions.add(
            project=project, wanted=actions.Wanted(**{**vars(wanted), "name": str(number)}), key="", actor=mia
        )
    with pytest.raises(actions.CannotSave, match="enough"):
        actions.add(
            project=project, wanted=actions.Wanted(**{**vars(wanted), "name": "one more"}), key="", actor=mia
        )


def tried(project: Project, mia: User, endpoint: Endpoint, model: str, capture: Any) -> Trial:
    with capture(execute=True):
        answer = signed_in(mia).post(reverse("llm:try", args=[project.slug, endpoint.pk]), {"model": model})
    assert answer.status_code == 302
    return Trial.objects.order_by("-pk")[0]


@pytest.mark.parametrize(
    ("model", "takes", "keeps", "odds"),
    [
        ("ok", "schema", True, True),
        ("wrong", "schema", False, True),
        ("malformed", "object", False, True),
        ("mute", "text", False, False),
        ("no-logprobs", "schema", True, False),
    ],
)
def test_one_tiny_call_shows_what_it_can_do(
    project: Project, mia: User, endpoint: Endpoint, server: Script, django_capture_on_commit_callbacks: Any,
    model: str, takes: str, keeps: bool, odds: bool,
) -> None:  # fmt: skip
    server.takes, server.latency = takes, 0.02
    endpoint.models.append({"name": model, "context": 10, "price_in": "", "price_out": ""})
    endpoint.save()
    trial = tried(project, mia, endpoint, model, django_capture_on_commit_callbacks)
    assert (trial.state, trial.works, trial.words) == ("done", True, "")
    assert (trial.takes, trial.keeps_schema, trial.gives_logprobs) == (takes, keeps, odds)
    assert trial.latency_ms is not None
    assert trial.latency_ms >= 20
    assert trial.run.status == "done"
    page = signed_in(mia).get(reverse("llm:endpoint", args=[project.slug, endpoint.pk])).content.decode()
    assert ("the answer keeps to it" in page) is keeps
    assert ("told, with alternatives" in page) is odds
    event = Event.objects.get(verb="endpoint.tried")
    assert (event.detail["works"], event.detail["takes"], event.actor_id) == (True, takes, mia.pk)


def test_what_goes_wrong_is_shown_escaped(
    project: Project, mia: User, endpoint: Endpoint, server: Script, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(
        "bench.scripted._refused", lambda *_: (b"403 No", b'{"error": "<script>alert(1)</script>"}', b"")
    )
    trial = tried(project, mia, endpoint, "ok", django_capture_on_commit_callbacks)
    assert (trial.works, trial.keeps_schema) == (False, None)
    page = signed_in(mia).get(reverse("llm:endpoint", args=[project.slug, endpoint.pk])).content.decode()
    assert "HTTP 403: &lt;script&gt;alert(1)" in page


def test_each_trial_asks_anew_and_one_that_has_its_answer_does_not(
    project: Project, mia: User, endpoint: Endpoint, server: Script, django_capture_on_commit_callbacks: Any
) -> None:
    first = tried(project, mia, endpoint, "ok", django_capture_on_commit_callbacks)
    tried(project, mia, endpoint, "ok", django_capture_on_commit_callbacks)
    assert server.requests == 2
    trying.carry(first.run)
    assert server.requests == 2


def test_the_page_asks_again_while_a_trial_is_under_way(
    project: Project, mia: User, endpoint: Endpoint
) -> None:
    trial = trying.open_trial(endpoint=endpoint, model="ok", actor=mia)
    address = reverse("llm:endpoint", args=[project.slug, endpoint.pk])
    browser = signed_in(mia)
    assert 'hx-trigger="every 1s"' in browser.get(address).content.decode()
    fragment = browser.get(address, headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert fragment.content.decode().strip().startswith('<div id="trial"')
    Trial.objects.filter(pk=trial.pk).update(state="done", works=True, takes="schema")
    assert browser.get(address, headers={"HX-Request": "true"}).status_code == 286
    assert browser.get(reverse("llm:tried", args=[project.slug, trial.run_id])).headers["Location"] == address


def test_a_model_that_the_endpoint_does_not_have_is_not_tried(
    project: Project, mia: User, endpoint: Endpoint
) -> None:
    page = signed_in(mia).post(
        reverse("llm:try", args=[project.slug, endpoint.pk]), {"model": "<b>"}, follow=True
    )
    assert "has no model &lt;b&gt;" in page.content.decode()
    assert not Trial.objects.exists()


BODY = {
    "name": "Provider", "base_url": "https://192.0.32.10/v1", "models": [{"name": "m", "context": 8192, "price_in": "1", "price_out": "2.50"}],
    "tokens_per_minute": 90_000, "key": "sk-not-shown-again",
}  # fmt: skip


def test_programs_do_all_of_it(project: Project, mia: User) -> None:
    robot = program(mia, project)
    made = robot.does("/endpoints", BODY)
    assert made["models"] == [{"name": "m", "context": 8192, "price_in": "1", "price_out": "2.5"}]
    assert (made["has_key"], made["output"], made["concurrency"]) == (True, "schema", 8)
    assert "key" not in made
    again = robot.sends("/endpoints", BODY)
    assert (again.status_code, read(again)["existing"]) == (409, made["id"])
    changed = robot.does(f"/endpoints/{made['id']}", {**BODY, "key": "", "concurrency": 3}, method="PUT")
    assert (changed["concurrency"], changed["has_key"]) == (3, True)
    assert robot.does(f"/endpoints/{made['id']}/key", method="DELETE")["has_key"] is False
    assert robot.does(f"/endpoints/{made['id']}/key", {"key": "sk-another"}, method="PUT")["has_key"] is True
    assert robot.sends(f"/endpoints/{made['id']}/key", {"key": "two words"}, method="PUT").status_code == 422
    bad = robot.sends(
        "/endpoints", {**BODY, "name": "x", "models": [{"name": "m", "context": 1, "price_in": "dear"}]}
    )
    assert (bad.status_code, read(bad)["errors"][0]["field"]) == (422, "models")
    assert [one["name"] for one in robot.gets("/endpoints")["items"]] == ["Provider"]
    trial = robot.does(f"/endpoints/{made['id']}/trials", {"model": "m"})
    assert trial["state"] == "waiting"
    assert robot.gets(f"/endpoints/{made['id']}/trials")["items"][0]["run"] == trial["run"]
    assert robot.sends(f"/endpoints/{made['id']}/trials", {"model": "other"}).status_code == 422
    assert robot.sends(f"/endpoints/{made['id']}", method="DELETE").status_code == 204
    assert robot.asks(f"/endpoints/{made['id']}").status_code == 404


def test_a_token_that_may_only_read_changes_nothing(project: Project, mia: User) -> None:
    robot = program(mia, project, "read")
    assert robot.sends("/endpoints", BODY).status_code == 403
    assert not Endpoint.objects.exists()


def test_an_address_of_ones_own_network_is_named_by_the_deployment(
    project: Project, mia: User, settings: Settings
) -> None:
    local = {**BODY, "base_url": "http://10.1.2.3:11434/v1"}
    refused = program(mia, project).sends("/endpoints", local)
    assert refused.status_code == 422
    assert "AUDITOR_ALLOWED_MODEL_HOSTS" in read(refused)["detail"]
    settings.ALLOWED_MODEL_HOSTS = ["10.1.2.3"]
    assert program(mia, project).sends("/endpoints", local).status_code == 201
