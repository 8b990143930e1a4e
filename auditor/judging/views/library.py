"""The judges of a project, and what one begins from."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.judging import queries
from auditor.judging.models import InjectionCheck, Judge, JudgeVersion
from auditor.judging.rubric import Rubric, RubricProblem, parse_rubric
from auditor.judging.shipped import SHIPPED
from auditor.llm.models import Endpoint


@dataclass(frozen=True)
class Entry:
    """A judge as the library lists it."""

    judge: Judge
    version: JudgeVersion | None  # the newest
    rubric: Rubric | None
    check: InjectionCheck | None  # the newest finished one of that version


@require_GET
def library(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project)
    pk = membership.project_id
    entries = _entries(pk)
    context: dict[str, Any] = {
        "entries": [one for one in entries if one.judge.archived_at is None],
        "archived": [one for one in entries if one.judge.archived_at is not None],
        "shipped": list(SHIPPED.values()),
        "has_endpoint": Endpoint.objects.standing().filter(project=pk).exists(),
        "runs": queries.runs_of(pk)[:10],
        "comparable": sum(one.version is not None for one in entries) > 1,
    }
    return render(request, "auditor/judging/library.html", context)


def _entries(project_id: int) -> list[Entry]:
    newest: dict[int, JudgeVersion] = {}
    for version in queries.versions_of(project_id):
        newest.setdefault(version.judge_id, version)  # they come with the newest first
    checks = {one.version_id: one for one in queries.finished_checks([v.pk for v in newest.values()])}
    found = []
    for judge in queries.judges_of(project_id):
        of = newest.get(judge.pk)
        found.append(Entry(judge, of, read_rubric(of), checks.get(of.pk) if of else None))
    return found


def read_rubric(version: JudgeVersion | None) -> Rubric | None:
    """The version's rubric; None where it came in without one that reads."""
    if version is None or not version.rubric:
        return None
    try:
        return parse_rubric(version.rubric)
    except RubricProblem:
        return None
