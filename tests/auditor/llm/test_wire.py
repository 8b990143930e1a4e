"""Calls go to addresses that were looked at, follow nobody elsewhere, and read no more than can be held."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django.fixtures import Settings

from auditor.llm import addresses
from auditor.llm.engine import EndpointDown, answers, wire
from auditor.llm.models import Endpoint, Reply
from bench.scripted import Script
from tests import make
from tests.auditor.llm.conftest import Caller

NAME = "models.example.org"


@pytest.fixture
def leads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where `NAME` leads; change it at will."""
    found = ["127.0.0.1"]
    real = socket.getaddrinfo

    def looked_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host in (NAME, NAME.encode()):
            return [
                (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
                for ip in found
            ]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return found


def at_name(endpoint: Endpoint, server: Script) -> Endpoint:
    endpoint.base_url = server.url.replace("127.0.0.1", NAME)
    endpoint.save()
    return endpoint


@pytest.mark.parametrize(
    "ips", [["127.0.0.1"], ["192.0.32.10", "127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"], ["::1"]]
)
def test_a_name_that_leads_to_a_private_address_is_not_called(
    endpoint: Endpoint, server: Script, leads: list[str], settings: Settings, ips: list[str]
) -> None:
    settings.ALLOWED_MODEL_HOSTS = []
    leads[:] = ips
    with pytest.raises(EndpointDown, match=f"{NAME} is .*which is not a public address"):
        Caller(at_name(endpoint, server)).run([make.call()])
    assert server.requests == 0


def test_a_host_that_the_deployment_names_is_called_by_its_name(
    endpoint: Endpoint, server: Script, leads: list[str], settings: Settings
) -> None:
    settings.ALLOWED_MODEL_HOSTS = [NAME]
    leads[:] = ["127.0.0.2", "127.0.0.1"]  # nobody listens at the first
    Caller(at_name(endpoint, server)).run([make.call()])
    assert server.asked[0].headers["host"].startswith(NAME)


def test_a_name_that_is_not_known_passes_perhaps(
    endpoint: Endpoint, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    endpoint.base_url = "https://nowhere.example.org/v1"
    endpoint.save()
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr("auditor.llm.engine.backoff.FIRST", 0.001)
    tally = Caller(endpoint).run([make.call()])
    assert (tally.failed, tally.sent) == (1, 6)


def test_nobody_is_followed_elsewhere(caller: Caller, server: Script) -> None:
    caller.run([make.call(model="302")])
    (outcome,) = caller.outcomes
    assert outcome.words == "HTTP 302: This is 302."
    assert server.requests == 1


def test_an_answer_larger_than_can_be_held_is_not_read(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_BODY", 100)
    caller.run([make.call()])
    assert "more than" in caller.outcomes[0].words


def test_a_packed_answer_is_not_unpacked(caller: Caller, server: Script) -> None:
    caller.run([make.call(model="packed")])
    assert "packed" in caller.outcomes[0].words
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_of_a_long_answer_only_so_much_is_kept_whole(
    caller: Caller, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_RAW", 500)
    server.answer = lambda body: "word " * 1000
    caller.run([make.call()])
    row = Reply.objects.get()
    assert len(row.content) == 5000
    assert set(row.raw) == {"left_out"}


def test_what_cannot_be_stored_is_replaced(caller: Caller, server: Script) -> None:
    server.answer = lambda body: "nul \x00 and half a face \ud83d."
    caller.run([make.call()])
    assert Reply.objects.get().content == "nul \ufffd and half a face \ufffd."


def test_what_cannot_be_sent_is_said(caller: Caller, server: Script) -> None:
    caller.run([make.call(text="half a face \ud83d", key="e" * 64)])
    assert caller.outcomes[0].words.startswith("This cannot be sent")
    assert server.requests == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://10.0.0.1/v1", "AUDITOR_ALLOWED_MODEL_HOSTS"), ("http://192.0.32.10/v1", "https:// only"), ("ftp://x.org", "https://"),
        ("https://name:secret@192.0.32.10/v1", "the key says who is calling"), ("https://192.0.32.10/v1?key=1", "neither"), ("", "begins with"),
    ],
)  # fmt: skip
def test_addresses_that_are_no_endpoint(url: str, words: str, settings: Settings) -> None:
    settings.ALLOWED_MODEL_HOSTS = []
    with pytest.raises(addresses.Forbidden, match=words):
        addresses.check(url)


@pytest.mark.parametrize(
    "url", ["https://192.0.32.10/v1", "http://ollama.internal:11434/v1", "http://10.0.0.7/v1/"]
)
def test_addresses_that_may_be_one(url: str, settings: Settings) -> None:
    settings.ALLOWED_MODEL_HOSTS = ["ollama.internal", "10.0.0.7"]
    addresses.check(url)


def test_what_people_paste_is_tidied() -> None:
    assert addresses.tidy(" https://x.org/v1/chat/completions/ ") == "https://x.org/v1"
    assert addresses.tidy("https://x.org/v1/") == "https://x.org/v1"


def test_the_web_process_does_not_load_the_client() -> None:
    code = (
        "import django, sys; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns; import auditor.llm.engine;"
        " print(sorted({name.split('.')[0] for name in sys.modules} & {'openai', 'httpx2', 'httpcore2'}))"
    )
    root = Path(configured.BASE_DIR)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "auditor.config.settings"},
    )
    assert done.stdout.strip() == "[]", done.stderr[-2000:]
