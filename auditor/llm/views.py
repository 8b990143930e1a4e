"""Endpoints of a project: the list, a new one, what it is and what it can do."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.llm import actions, queries
from auditor.llm.forms import MORE_ROWS, EndpointForm, ModelRows, initial_of, initial_rows, models_of
from auditor.llm.models import Endpoint
from auditor.llm.tasks import start_trial
from auditor.llm.trying import CannotTry
from auditor.runs.queries import worker_is_alive
from auditor.web.pages import wants_fragment

OVER = 286  # the answer at which htmx stops polling
MOST_ROWS = actions.MOST_MODELS


@require_GET
def endpoints(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    return render(
        request, "auditor/llm/list.html", {"endpoints": queries.endpoints_of(membership.project.pk)}
    )


@never_cache
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """A new endpoint; its key is taken and never given back."""
    membership = access_project(request, project, role=Role.MANAGER)
    form, rows = EndpointForm(request.POST or None), ModelRows(_with_more_rows(request))
    if _is_sent(request) and form.is_valid() and rows.is_valid():
        key = form.cleaned_data.pop("key")
        try:
            wanted = actions.Wanted(**form.cleaned_data, models=models_of(rows))
            made = actions.add(project=membership.project, wanted=wanted, key=key, actor=membership.user)
        except actions.CannotSave as problem:
            _say(form, problem)
        else:
            messages.success(request, "Added. Try it: one tiny call shows what it can do.")
            return redirect("llm:endpoint", project=project, pk=made.pk)
    return render(request, "auditor/llm/new.html", _context(form, rows), status=_status(request, form, rows))


@never_cache
@require_http_methods(["GET", "POST"])
def endpoint(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One endpoint: what it can do, and on POST other values. Polls itself for `trial` while one is under way."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_endpoint(membership, pk)
    if wants_fragment(request):
        return _trial(request, found)
    form = EndpointForm(request.POST or None, initial=initial_of(found), has_key=found.has_key)
    rows = ModelRows(_with_more_rows(request), initial=initial_rows(found))
    if _is_sent(request) and form.is_valid() and rows.is_valid():
        key = form.cleaned_data.pop("key")
        try:
            wanted = actions.Wanted(**form.cleaned_data, models=models_of(rows))
            lost = actions.change(endpoint=found, wanted=wanted, key=key, actor=membership.user)
        except actions.CannotSave as problem:
            _say(form, problem)
        else:
            if lost:
                messages.warning(
                    request,
                    "Saved. The address leads elsewhere now, so its key was removed: enter the one that belongs to it.",
                )
            else:
                messages.success(request, "Saved.")
            return redirect("llm:endpoint", project=project, pk=pk)
    context = {**_context(form, rows), **_trial_context(found)}
    return render(request, "auditor/llm/endpoint.html", context, status=_status(request, form, rows))


@require_POST
def remove_key(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    actions.set_key(endpoint=queries.access_endpoint(membership, pk), key="", actor=membership.user)
    messages.success(request, "The key was removed.")
    return redirect("llm:endpoint", project=project, pk=pk)


@require_POST
def start(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Try one model of it."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_endpoint(membership, pk)
    try:
        start_trial(endpoint=found, model=request.POST.get("model", ""), actor=membership.user)
    except CannotTry as problem:
        messages.error(request, str(problem))
    return redirect("llm:endpoint", project=project, pk=pk)


@require_POST
def archive(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    actions.archive(endpoint=queries.access_endpoint(membership, pk), actor=membership.user)
    messages.success(request, "Put away. What it answered stays.")
    return redirect("llm:list", project=project)


@require_GET
def tried(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """From the run of a trial to the endpoint that was tried."""
    membership = access_project(request, project, role=Role.MANAGER)
    trial = queries.trials_in(membership.project_id).filter(run=pk).first()
    if trial is None:
        raise Http404("no such trial")
    return redirect("llm:endpoint", project=project, pk=trial.endpoint_id)


def _trial(request: HttpRequest, found: Endpoint) -> HttpResponse:
    context = _trial_context(found)
    trial = context["trial"]
    over = trial is None or trial.state == "done" or trial.run.is_over
    response = render(request, "auditor/llm/endpoint.html#trial", context, status=OVER if over else 200)
    patch_vary_headers(response, ("HX-Request", "HX-Boosted", "HX-History-Restore-Request"))
    return response


def _trial_context(found: Endpoint) -> dict[str, Any]:
    return {"endpoint": found, "trial": queries.trials_of(found).first(), "alive": worker_is_alive()}


def _context(form: EndpointForm, rows: Any) -> dict[str, Any]:
    return {"form": form, "rows": rows}


def _is_sent(request: HttpRequest) -> bool:
    """Whether the form is to be saved: a button may ask for more rows instead."""
    return request.method == "POST" and "more" not in request.POST


def _with_more_rows(request: HttpRequest) -> QueryDict | None:
    """What was sent, with more empty rows for models where they were asked for."""
    if request.method != "POST" or "more" not in request.POST:
        return request.POST or None
    data = request.POST.copy()
    sent = data.get("form-TOTAL_FORMS", "")
    data["form-TOTAL_FORMS"] = str(
        min(MOST_ROWS, (int(sent) if sent.isdecimal() and len(sent) < 6 else 0) + MORE_ROWS)
    )
    return data


def _say(form: EndpointForm, problem: actions.CannotSave) -> None:
    form.add_error(problem.field if problem.field in form.fields else None, str(problem))


def _status(request: HttpRequest, form: EndpointForm, rows: Any) -> int:
    if not _is_sent(request):
        return 200
    return 422 if form.errors or not rows.is_valid() else 200
