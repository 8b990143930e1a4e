"""Every call of the API: without a token nothing, for a stranger nothing, and for who is blind no evidence.

The calls come from the API itself, so one that is added is tested, or this fails.
"""

import json
import re
from collections.abc import Iterator
from typing import cast

import pytest
from django.http import HttpResponse
from django.test import Client

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, User
from auditor.config.api import api
from labeling.codebooks.models import CodebookVersion
from labeling.discussion.actions import open_thread
from tests.doors import MACHINE, PEOPLE
from tests.doors import scene as pages
from tests.programs import Program, program

__all__ = ["pages"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# The word before a number in an address -> which row of the scene it is.
ROW = {
    "transcripts": "transcript", "samples": "sample", "codebooks": "book", "codebook-versions": "codebook",
    "rounds": "round", "items": "item", "cases": "case", "threads": "thread", "runs": "run", "webhooks": "webhook", "endpoints": "endpoint", "deliveries": "delivery",
    "probes": "probe",
    "judges": "judge", "judge-versions": "version", "judge-runs": "judging", "judge-preflights": "preflight",
    "injection-checks": "check", "verdicts": "verdict",
    "subject-models": "subject", "dictionaries": "dictionary", "explanations": "handed", "captures": "capture",
    "channels": "channel", "prevalence": "counted", "releases": "release", "files": "release", "diff": "release",
}  # fmt: skip
LIFTS = ("/rounds/{pk}/close",)  # whoever manages may end the blindness for all, and the trail says so
QUERIES = (
    "", "?q=cleared", "?ch.judge.quill=0..100", f"?ch.judge.quill=={MACHINE}", "?sort=-ch.judge.quill", "?where=judge.quill+>+0",
    "?where=has+meta.note+or+not+labeled", "?label=D", "?col=judge.quill&col=meta.note", "?after=0", "?limit=1", "?by=oversight&a=on&b=off",
)  # fmt: skip


def calls() -> Iterator[tuple[str, str]]:
    """Each method and address of the API, as OpenAPI writes it."""
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method in methods:
            if method.upper() in METHODS:
                yield method.upper(), path.removeprefix("/api/v1")


def address(path: str, rows: dict[str, int]) -> str:
    """The address with the scene's rows in it."""

    def number(found: re.Match[str]) -> str:
        word = found[1]
        assert word in ROW, f"say in ROW which row a number after {word} in {path} is"
        return f"/{word}/{rows[ROW[word]]}"

    return re.sub(r"/([a-z-]+)/\{[a-z_]+\}", number, path)


@pytest.fixture
def scene(pages: dict[str, int], project: Project, bo: User) -> dict[str, int]:
    """The scene of the pages, with what only calls of the API number."""
    thread = open_thread(project=project, author=bo, text=PEOPLE, transcript_id=pages["transcript"])
    book = CodebookVersion.objects.get(pk=pages["codebook"]).codebook_id
    return {**pages, "thread": thread.pk, "book": book}


@pytest.fixture
def stranger(cy: User) -> Program:
    """The owner of another project."""
    return program(cy, accounts.create_project(name="Elsewhere", owner=cy))


def send(robot: Program | Client, method: str, path: str) -> HttpResponse:
    client = robot.client if isinstance(robot, Program) else robot
    sent = client.generic(method, "/api/v1" + path, "{}", content_type="application/json")
    return cast(HttpResponse, sent)


def test_without_a_token_nothing_is_answered(project: Project, scene: dict[str, int]) -> None:
    n = 0
    for method, path in calls():
        answer = send(Client(), method, address(path, scene))
        assert answer.status_code == 401, (method, path, answer.status_code)
        n += 1
    assert n > 5


def test_a_stranger_learns_nothing(project: Project, scene: dict[str, int], stranger: Program) -> None:
    for method, path in calls():
        answer = send(stranger, method, address(path, scene))
        known = answer.content.decode()
        for canary in (MACHINE, PEOPLE, "the-one", "Ledger audit", "Long ago", "ana@example.org"):
            assert canary not in known, (method, path, canary)
        if "{" in path:
            may = (404,) if method in ("GET", "DELETE") else (404, 422)
            assert answer.status_code in may, (method, path, answer.status_code)


@pytest.mark.parametrize("who", ["ana", "mia"])
def test_who_is_blind_is_told_nothing(
    project: Project, scene: dict[str, int], who: str, request: pytest.FixtureRequest
) -> None:
    robot = program(request.getfixturevalue(who), project)
    seen = 0
    for method, path in sorted(calls()):  # every GET before the first write
        if path in LIFTS:
            continue
        for query in QUERIES if method == "GET" else ("",):
            answer = send(robot, method, address(path, scene) + query)
            assert answer.status_code < 500, (method, path, query)
            seen += answer.status_code == 200
            # a refusal may repeat what was asked for
            for canary in (PEOPLE,) if MACHINE in query else (MACHINE, PEOPLE):
                assert canary not in answer.content.decode(), (method, path, query, canary)
    assert seen > 20


def test_what_a_filter_finds_does_not_tell(
    project: Project, scene: dict[str, int], ana: User, bo: User
) -> None:
    asked = (
        {"ch.judge.quill": "0..100"}, {"sort": "-ch.judge.quill"}, {"label": "none"}, {"where": "judge.quill > 0"},
        {"where": "not labeled"},
    )  # fmt: skip
    robot = program(ana, project)
    for query in asked:
        found = robot.gets("/transcripts", **query)
        assert "the-one" not in json.dumps(found), query
        assert found["left_out"] == 1, query
    assert "the-one" in json.dumps(robot.gets("/transcripts"))
    assert "the-one" in json.dumps(program(bo, project).gets("/transcripts", **asked[0]))


def test_the_canaries_do_sing(project: Project, scene: dict[str, int]) -> None:
    olga = program(User.objects.get(name="Olga"), project)
    assert MACHINE in json.dumps(olga.gets(f"/transcripts/{scene['transcript']}"))
