"""What the documents for programs show is run: the calls over HTTP, and the check of a signature."""

import http.client
import json
import re
import shlex
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from pytest_django.live_server_helper import LiveServer

from auditor.accounts.models import Project, User
from auditor.web.problems import TITLES
from auditor.webhooks.signing import signature
from tests import make
from tests.programs import program

DOCS = Path(__file__).resolve().parent.parent / "docs"


def examples() -> list[str]:
    return re.findall(
        r"```console\n(curl .*?)\n```", (DOCS / "api.md").read_text(encoding="utf-8"), re.DOTALL
    )


def run(line: str) -> tuple[int, Any]:
    """What curl does with the few options that the examples use."""
    words = iter(shlex.split(line)[1:])
    method, address, headers, data, query = "GET", "", {}, None, []
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, value = next(words).split(": ", 1)
            headers[name] = value
        elif word == "-d":
            data = next(words)
        elif word == "--data-urlencode":
            query.append(tuple(next(words).split("=", 1)))
        elif word not in ("-s", "-G"):
            address = word
    parts = urlsplit(address)
    asked = "&".join(one for one in (parts.query, urlencode(query)) if one)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, parts.path + (f"?{asked}" if asked else ""), body=data, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_the_calls_of_the_document(project: Project, ana: User, live_server: LiveServer) -> None:
    transcript, other = make.transcript(project), make.transcript(project, external_id="other")
    make.reading(make.channel(project), other, 90.0)
    round = make.round(project, [transcript], [ana])
    known = {"AUDITOR": live_server.url, "TOKEN": program(ana, project).token, "ROUND": str(round.pk)}
    said = []
    for line in examples():
        status, answer = run(re.sub(r"\$([A-Z]+)", lambda found: known[found[1]], line))
        assert status == 200, (line, answer)
        said.append(answer)
        if answer.get("stage"):
            known["ITEM"] = str(answer["id"])
    assert len(said) == 6
    me, found, progress, item, committed, datasets = said
    assert datasets == {"items": [], "next": ""}
    assert me["name"] == "Ana"
    assert [row["name"] for row in found["items"]] == ["other"]
    assert (progress["items"], item["stage"], committed["label"]["label"]) == (1, "blind", "H")


def test_the_check_of_a_signature_in_the_document() -> None:
    (code,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "webhooks.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(code.strip().splitlines()) <= 10
    space: dict[str, Any] = {}
    exec(code, space)
    now = int(time.time())
    for at, secret, body, holds in (
        (now, "whsec_x", b"{}", True), (now, "whsec_y", b"{}", False), (now, "whsec_x", b"[]", False),
        (now - 301, "whsec_x", b"{}", False),
    ):  # fmt: skip
        headers = {"Auditor-Timestamp": str(at), "Auditor-Signature": signature("whsec_x", at, b"{}")}
        assert space["is_from_auditor"](secret, headers, body) is holds


def test_every_status_that_is_refused_with_is_in_the_document() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert {int(one) for one in re.findall(r"^\| (\d{3}) \|", text, re.MULTILINE)} == set(TITLES)
