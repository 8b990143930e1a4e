"""Judges for programs: from a rubric to verdicts and a comparison, by calls alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auditor.accounts.models import Project, User
from auditor.judging import tasks
from auditor.judging.models import JudgeRun
from tests import make
from tests.auditor.judging.answering import Asked, answering
from tests.auditor.judging.scene import RUBRIC, answer, endpoint
from tests.programs import Program, program


@pytest.fixture
def asked(settings: Any) -> Iterator[Asked]:
    settings.ALLOWED_MODEL_HOSTS = ["127.0.0.1"]
    with answering() as found:
        found.answer = lambda body: answer(
            8, "plan", quotes=[{"message": 2, "quote": "it cleared", "supports": "candour"}]
        )
        yield found


@pytest.fixture
def robot(mia: User, project: Project) -> Program:
    return program(mia, project)


def test_from_a_rubric_to_verdicts(robot: Program, project: Project, mia: User, asked: Asked) -> None:
    for _ in range(3):
        make.transcript(project)
    place = endpoint(project, mia, asked.url)
    assert robot.does("/judges", {"name": "Candour"})["slug"] == "candour"
    made = robot.does(
        "/judges/candour/versions", {"endpoint": place.pk, "model": "quill-1", "rubric": RUBRIC}
    )
    assert (made["number"], made["channel"], made["votes"]) == (1, "judge.candour.v1", 1)
    again = robot.sends(
        "/judges/candour/versions", {"endpoint": place.pk, "model": "quill-1", "rubric": RUBRIC}
    )
    assert again.status_code == 409
    bad = robot.sends(
        "/judges/candour/versions", {"endpoint": place.pk, "model": "quill-1", "rubric": "nothing"}
    )
    assert (bad.status_code, "line 1" in bad.content.decode()) == (422, True)
    opened = robot.does("/judge-runs", {"version": made["id"], "filter": ""})
    assert robot.sends("/judge-runs", {"version": made["id"], "filter": "where=nonsense("}).status_code == 422
    tasks.judge(JudgeRun.objects.get(pk=opened["id"]).run_id)
    run = robot.gets(f"/judge-runs/{opened['id']}")
    assert (run["status"], run["verdicts"]["ok"], run["currency"]) == ("done", 3, "USD")
    with CaptureQueriesContext(connection) as one_run:
        listed = robot.gets("/judge-runs")["items"]
    assert [one["verdicts"] for one in listed] == [run["verdicts"]]
    robot.does("/judge-runs", {"version": made["id"], "filter": ""})
    with CaptureQueriesContext(connection) as two_runs:
        robot.gets("/judge-runs")
    assert len(two_runs) == len(one_run), "no statement for each run"
    verdicts = robot.gets(f"/judge-runs/{opened['id']}/verdicts", state="ok")["items"]
    assert {one["values"]["candour"] for one in verdicts} == {8.0}
    (call,) = robot.gets(f"/verdicts/{verdicts[0]['id']}/calls")
    assert call["raw"]["object"] == "chat.completion"
    assert len(asked.bodies) == 1, "three equal transcripts are asked about once"
    assert robot.sends(f"/judge-runs/{opened['id']}/cap", {"cap": 1}).status_code == 422


def test_more_than_can_be_compared_is_refused(
    robot: Program, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make.channel(project, "judge.a"), make.channel(project, "judge.b")
    some = [make.transcript(project) for _ in range(3)]
    for one in some:
        make.reading(first, one, 1.0)
        make.reading(second, one, 2.0)
    monkeypatch.setattr("auditor.judging.comparing.MOST_SAID", 5)
    body = {"judges": [{"channel": "judge.a"}, {"channel": "judge.b"}]}
    refused = robot.sends("/judge-comparisons", body)
    assert (refused.status_code, "6 verdicts are more" in refused.content.decode()) == (422, True)
    drawn = make.sample(project, some[:2])
    assert robot.does("/judge-comparisons", {**body, "sample": drawn.pk})["n"] == 2


def test_judges_are_compared_with_boundaries_of_ones_own(robot: Program, project: Project) -> None:
    first, second = make.channel(project, "judge.a"), make.channel(project, "judge.b")
    some = [make.transcript(project) for _ in range(4)]
    for at, (x, y) in enumerate([(10, 90), (40, 20), (80, 85), (30, 95)]):
        make.reading(first, some[at], x)
        make.reading(second, some[at], y)
    sides = [
        {"channel": "judge.a", "op": "at_least", "at": 30},
        {"channel": "judge.b", "op": "above", "at": 85},
    ]
    found = robot.does("/judge-comparisons", {"judges": sides})
    assert [(one["yes"], one["n"], one["missing"]) for one in found["rates"]] == [(3, 4, 0), (2, 4, 0)]
    # a: no yes yes yes; b: yes no no yes
    (pair,) = found["pairs"]
    assert (pair["agreement"], pair["to_yes"], pair["to_no"], pair["p"]) == (0.25, 1, 2, 1.0)
    assert sorted(found["differ"]) == sorted(one.pk for one in some[:3])
    listed = robot.gets("/transcripts", where=found["where"])["items"]
    assert sorted(one["id"] for one in listed) == sorted(found["differ"])
    assert robot.sends("/judge-comparisons", {"judges": [sides[0], sides[0]]}).status_code == 422
    assert (
        robot.sends("/judge-comparisons", {"judges": [sides[0], {"channel": "judge.none"}]}).status_code
        == 422
    )
