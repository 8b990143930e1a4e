"""The first page of the app, and the first page of a project."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from auditor.accounts.access import access_project, person
from auditor.accounts.queries import memberships_of
from labeling.overview import actions, queries
from labeling.overview.dashboard import dashboard_of
from labeling.overview.forms import ProjectForm
from labeling.overview.items import STATES, items_of, rows_for
from labeling.queues.queries import access_round


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The projects one is in; straight to the project where there is only one."""
    user = person(request)
    memberships = list(memberships_of(user))
    if len(memberships) == 1 and "all" not in request.GET:
        return redirect("overview:project", project=memberships[0].project.slug)
    context = {"memberships": memberships, "archived": list(memberships_of(user, archived=True))}
    return render(request, "labeling/overview/home.html", context)


@require_http_methods(["GET", "POST"])
def new_project(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = actions.begin_project(owner=person(request), **form.cleaned_data)
        except actions.NotAllowed as problem:
            form.add_error(None, str(problem))
        else:
            return redirect("overview:project", project=project.slug)
    return render(
        request, "labeling/overview/new_project.html", {"form": form}, status=422 if form.errors else 200
    )


@require_GET
def project(request: HttpRequest, project: str) -> HttpResponse:
    """Where the audit stands and what to do next; on the sample audit also the tour."""
    membership = access_project(request, project)
    figures = queries.figures_of(membership)
    steps = queries.steps_of(membership, figures)
    following = next((step.number for step in steps if not step.done), 0)
    context = {"figures": figures, "steps": steps, "following": following}
    return render(request, "labeling/overview/project.html", context)


@require_GET
def dashboard(request: HttpRequest, project: str) -> HttpResponse:
    """How the open rounds stand."""
    membership = access_project(request, project)
    return render(request, "labeling/overview/dashboard.html", {"board": dashboard_of(membership)})


@require_GET
def items(request: HttpRequest, project: str) -> HttpResponse:
    """The items behind a number: ?round=&state=&reviewer=, a page of them beyond ?after=."""
    membership = access_project(request, project)
    round = access_round(membership, _whole(request, "round") or 0)
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    seat = round.members.select_related("user").filter(user=_whole(request, "reviewer") or 0).first()
    found = items_of(membership, round, state=state, reviewer=seat.user_id if seat is not None else None)
    rows, more = rows_for(membership, found, after=_whole(request, "after") or 0)
    context = {
        "round": round, "rows": rows, "total": found.count(), "state": state, "states": STATES.items(),
        "words": STATES[state], "person": seat.user if seat is not None else None,
        "after": rows[-1].item.order + 1 if more else None,
    }  # fmt: skip
    return render(request, "labeling/overview/items.html", context)


def _whole(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
