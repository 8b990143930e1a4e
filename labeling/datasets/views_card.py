"""The card as a page to read, print and write; freezing, keeping and checking a dataset."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from labeling.datasets import actions, queries
from labeling.datasets.cardpage import pieces
from labeling.datasets.forms_release import ProseForm
from labeling.datasets.tasks import queue_check


@require_http_methods(["GET", "POST"])
def card(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The card; managers write beside its figures until it is frozen."""
    membership = access_project(
        request, project, role=Role.MANAGER if request.method == "POST" else Role.VIEWER
    )
    found = queries.access_release(membership, pk)
    if found.built_at is None or queries.hidden_from(found, membership.user):
        raise Http404("no card for you")
    form = ProseForm(request.POST if request.method == "POST" else None, initial=found.prose)
    if request.method == "POST" and form.is_valid():
        try:
            actions.write_prose(release=found, prose=form.cleaned_data, actor=membership.user)
        except actions.CannotRelease as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, "The card says so now.")
            return redirect("datasets:card", project=project, pk=pk)
    context = {
        "release": found, "pieces": pieces(found.manifest, found.prose), "form": form,
        "writes": membership.can_manage and found.frozen_at is None,
    }  # fmt: skip
    return render(request, "labeling/datasets/card.html", context, status=422 if form.errors else 200)


@require_POST
def freeze(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """From now on the card's words stand too."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_release(membership, pk)
    try:
        actions.freeze(release=found, actor=membership.user)
    except actions.CannotRelease as problem:
        messages.warning(request, str(problem))
    else:
        messages.success(request, f"{found.name} is frozen: no file of it changes any more.")
    return redirect("datasets:release", project=project, pk=pk)


@require_POST
def keep(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """It must be kept, or no longer must."""
    membership = access_project(request, project, role=Role.OWNER)
    found = queries.access_release(membership, pk)
    actions.keep(release=found, kept=request.POST.get("kept") == "1", actor=membership.user)
    return redirect("datasets:release", project=project, pk=pk)


@require_POST
def check(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Build it once more and compare every byte."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_release(membership, pk)
    try:
        queue_check(actions.open_check(release=found, actor=membership.user))
    except actions.CannotRelease as problem:
        messages.warning(request, str(problem))
    return redirect("datasets:release", project=project, pk=pk)
