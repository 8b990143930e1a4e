"""One subject model: registering it, what its check found, and how it reads a conversation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.interp import queries, tasks
from auditor.interp.actions.naming import CannotDo
from auditor.interp.actions.subjects import archive_subject
from auditor.interp.forms import SubjectForm
from auditor.interp.modelfolders import listed
from auditor.interp.models import UNCHECKED
from auditor.interp.tokenview import pieces_of
from auditor.runs.queries import worker_is_alive
from auditor.web.pages import wants_fragment

OVER = 286  # the answer at which htmx stops polling
POLLED = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Register a model; the worker for models then checks it."""
    membership = access_project(request, project, role=Role.MANAGER)
    form = SubjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = tasks.queue_subject(project=membership.project, actor=membership.user, **form.cleaned_data)
        except CannotDo as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
        else:
            return redirect("interp:subject", project=project, subject=made.slug)
    context = {"form": form, "folders": listed(settings.MODEL_FOLDERS), "allowed": settings.MODEL_FOLDERS, "hub": settings.ALLOW_HUB}  # fmt: skip
    return render(request, "auditor/interp/new_subject.html", context, status=422 if form.errors else 200)


@require_GET
def subject(request: HttpRequest, project: str, subject: str) -> HttpResponse:
    """The page polls its own address for `state` until the check is over."""
    membership = access_project(request, project)
    found = queries.access_subject(membership, subject)
    fragment = wants_fragment(request)
    checking = found.state == UNCHECKED and found.run is not None and not found.run.rests
    context: dict[str, Any] = {
        "subject": found, "run": found.run, "fragment": fragment, "checking": checking,
        "alive": found.run is None or worker_is_alive(found.run.task),
    }  # fmt: skip
    if not fragment:
        example = found.detail.get("example") or {}
        context["pieces"] = pieces_of(example) if example else []
        captures = queries.captures_of(membership.project_id).filter(subject=found)
        context["captures"] = [(one, queries.tally_of(one)) for one in queries.with_states(captures)[:20]]
    over = fragment and not checking
    template = "auditor/interp/subject.html" + ("#state" if fragment else "")
    response = render(request, template, context, status=OVER if over else 200)
    if over:
        response["HX-Refresh"] = "true"  # what the check found is on the page
    patch_vary_headers(response, POLLED)
    return response


@require_POST
def check(request: HttpRequest, project: str, subject: str) -> HttpResponse:
    """Have it checked once more."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_subject(membership, subject)
    try:
        tasks.queue_check(subject=found, actor=membership.user)
    except CannotDo as problem:
        context = {"subject": found, "run": found.run, "problem": str(problem), "alive": True}
        return render(request, "auditor/interp/subject.html", context, status=409)
    return redirect("interp:subject", project=project, subject=subject)


@require_POST
def archive(request: HttpRequest, project: str, subject: str) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_subject(membership, subject)
    archive_subject(subject=found, actor=membership.user, archived=request.POST.get("archived") == "1")
    return redirect("interp:subject", project=project, subject=subject)
