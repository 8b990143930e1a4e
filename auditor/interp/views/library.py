"""What a project has to look inside models with, and where to begin."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.interp import queries
from auditor.interp.actions.captures import CAPTURE_TASK
from auditor.runs.queries import worker_is_alive

LISTED = 20  # captures, and trainings


@require_GET
def library(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project)
    pk = membership.project_id
    subjects, dictionaries = list(queries.subjects_of(pk)), list(queries.dictionaries_of(pk))
    probes = list(queries.probes_of(pk)[:200])
    context: dict[str, Any] = {
        "subjects": [one for one in subjects if one.archived_at is None],
        "dictionaries": [one for one in dictionaries if one.archived_at is None],
        "probes": [one for one in probes if one.archived_at is None],
        "archived_subjects": [one for one in subjects if one.archived_at is not None],
        "archived_dictionaries": [one for one in dictionaries if one.archived_at is not None],
        "captures": [
            (one, queries.tally_of(one)) for one in queries.with_states(queries.captures_of(pk))[:LISTED]
        ],
        "trainings": list(queries.trainings_of(pk).defer("examples", "result")[:LISTED]),
        "alive": worker_is_alive(CAPTURE_TASK),
    }
    context["can_capture"] = any(one.state == "ready" for one in context["subjects"]) and bool(
        context["dictionaries"] or context["probes"]
    )
    return render(request, "auditor/interp/library.html", context)


@require_GET
def job(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """From a job of the list of all jobs to the page of what it is about."""
    membership = access_project(request, project)
    name, row = queries.access_job(membership, pk)
    if name == "subject":
        return redirect("interp:subject", project=project, subject=row)
    if name == "dictionary":
        return redirect("interp:dictionary", project=project, dictionary=row)
    if name == "controls":
        return redirect("interp:of", project=project, pk=row)
    return redirect(f"interp:{name}", project=project, pk=row)
