"""The first page of the app, and the first page of a project."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from auditor.accounts.access import access_project, person
from auditor.accounts.queries import memberships_of
from labeling.overview import actions, queries
from labeling.overview.forms import ProjectForm


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The projects one is in; straight to the project where there is only one."""
    user = person(request)
    memberships = list(memberships_of(user))
    if len(memberships) == 1 and "all" not in request.GET:
        return redirect("overview:project", project=memberships[0].project.slug)
    return render(request, "labeling/overview/home.html", {"memberships": memberships})


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
