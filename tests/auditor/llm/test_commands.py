"""Endpoints on the command line; a key comes by standard input or the environment."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from auditor.accounts.models import Project
from auditor.llm import keys
from auditor.llm.models import Endpoint
from bench.scripted import Script

KEY = "sk-from-outside-0123456789"


def endpoint(*words: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command("endpoint", *words, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_it_is_added_listed_changed_tried_and_put_away(
    project: Project, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--project", project.slug)
    monkeypatch.setenv("PROVIDER_KEY", f"{KEY}\n")
    (made,) = endpoint(
        "add",
        "Local",
        *where,
        "--url",
        server.url,
        "--model",
        "ok,8192,0.50,2",
        "--model",
        "mute,4096",
        "--requests-per-minute",
        "60",
        "--key-env",
        "PROVIDER_KEY",
    )
    assert made["has_key"] is True
    assert KEY not in json.dumps(made)
    assert made["models"][0] == {"name": "ok", "context": 8192, "price_in": "0.5", "price_out": "2"}
    row = Endpoint.objects.get()
    assert keys.unseal(row.key_sealed).reveal() == KEY
    (changed,) = endpoint(
        "change", "Local", *where, "--requests-per-minute", "0", "--concurrency", "4", "--rename", "Mine"
    )
    assert (changed["name"], changed["requests_per_minute"], changed["concurrency"], changed["has_key"]) == (
        "Mine",
        None,
        4,
        True,
    )
    assert changed["models"] == made["models"]
    assert endpoint("list", *where) == [changed]
    (found,) = endpoint("try", "Mine", *where)
    assert (found["model"], found["works"], found["keeps_schema"], found["gives_logprobs"]) == (
        "ok",
        True,
        True,
        True,
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-by-standard-input\n"))
    endpoint("key", "Mine", *where, "--key-stdin")
    row.refresh_from_db()
    assert keys.unseal(row.key_sealed).reveal() == "sk-by-standard-input"
    assert endpoint("key", "Mine", *where, "--remove")[0]["has_key"] is False
    call_command("endpoint", "archive", "Mine", *where, stdout=io.StringIO())
    assert endpoint("list", *where) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "X", "--url", "https://192.0.32.10/v1", "--model", "m"), "NAME,CONTEXT"),
        (("add", "X", "--url", "https://192.0.32.10/v1", "--model", "m,8,1"), "both prices or neither"),
        (("add", "X", "--url", "https://10.0.0.1/v1", "--model", "m,8"), "not a public address"),
        (("add", "X", "--url", "https://192.0.32.10/v1", "--model", "m,8", "--key-env", "NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE is not set"),
        (("try", "X"), "no endpoint “X”"),
        (("key", "Known"), "or say --remove"),
        (("try", "Known", "--model", "other"), "has no model other"),
        (("archive", "Known", "--as", "nobody@example.org"), "nobody@example.org manages"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(project: Project, words: tuple[str, ...], reason: str) -> None:
    endpoint("add", "Known", "--project", project.slug, "--url", "https://192.0.32.10/v1", "--model", "m,8")
    with pytest.raises(CommandError, match=reason):
        endpoint(*words, "--project", project.slug)
    assert Endpoint.objects.count() == 1


def test_an_endpoint_that_does_not_answer_ends_the_command_with_the_reason(
    project: Project, server: Script
) -> None:
    endpoint("add", "Local", "--project", project.slug, "--url", server.url, "--model", "404,8192")
    with pytest.raises(CommandError, match="HTTP 404"):
        endpoint("try", "Local", "--project", project.slug)
