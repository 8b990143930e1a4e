"""A project's settings: archive it and bring it back, or delete it with all that belongs to it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts import actions as accounts
from auditor.accounts.access import access_project
from auditor.accounts.models import Project, Role
from auditor.runs.models import Run
from labeling.overview import actions
from labeling.overview.tasks import queue_removal


@require_GET
def settings(request: HttpRequest, project: str) -> HttpResponse:
    """What an owner may do with the whole project."""
    membership = access_project(request, project, role=Role.OWNER)
    return render(request, "labeling/overview/settings.html", _context(membership.project_id))


@require_POST
def archive(request: HttpRequest, project: str) -> HttpResponse:
    """Read only and out of the lists, or back."""
    membership = access_project(request, project, role=Role.OWNER, resting=True)
    try:
        if request.POST.get("back"):
            accounts.bring_back(project=membership.project, actor=membership.user)
            messages.success(request, "It can be written in again.")
        else:
            actions.archive(project=membership.project, actor=membership.user)
            messages.success(request, "It is archived: read only, and out of the lists.")
    except (actions.NotAllowed, accounts.NotAllowed) as problem:
        messages.warning(request, str(problem))
    return redirect("overview:settings", project=project)


@require_POST
def remove(request: HttpRequest, project: str) -> HttpResponse:
    """Ask for it to go, by its typed name."""
    membership = access_project(request, project, role=Role.OWNER, resting=True)
    try:
        run = actions.ask_removal(
            project=membership.project, typed=request.POST.get("name", ""), actor=membership.user
        )
    except actions.NotAllowed as problem:
        context = {**_context(membership.project_id), "problem": str(problem)}
        return render(request, "labeling/overview/settings.html", context, status=422)
    queue_removal(run)
    messages.success(request, f"{membership.project} is being deleted. The trail keeps that it was.")
    return redirect("overview:home")


def _context(project_id: int) -> dict[str, object]:
    here = Project.objects.get(pk=project_id)
    run = Run.objects.filter(project=here, kind="removal").order_by("-pk").first()
    return {"kept": actions.kept_by(here), "here": here, "removal": run}
