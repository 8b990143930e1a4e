"""Rounds: the list, a new one, and how far each is."""

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project, person
from auditor.accounts.models import Membership, Role
from auditor.sampling.queries import samples_of
from labeling.queues import actions, queries
from labeling.queues.forms import POLICY_WORDS, RoundForm

SHOWN = 200  # rounds on the list


@require_GET
def rounds(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project)
    rows = list(queries.rounds_of(membership.project.pk)[:SHOWN])
    mine = queries.seats_of(membership.user, rows)
    return render(request, "labeling/queues/rounds.html", {"rounds": rows, "mine": mine})


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    initial = {"sample": request.GET.get("sample", "")}
    form = RoundForm(request.POST or None, project=membership.project, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            round = actions.open_round(project=membership.project, actor=membership.user, **form.cleaned_data)
        except actions.CannotOpen as problem:
            form.add_error(None, str(problem))
        except IntegrityError:
            form.add_error("name", "This project has a round of that name.")
        else:
            return redirect("queues:round", project=project, pk=round.pk)
    has_samples = samples_of(membership.project.pk).exists()
    context = {"form": form, "has_samples": has_samples}
    return render(request, "labeling/queues/new.html", context, status=422 if form.errors else 200)


@require_GET
def round(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project)
    found = queries.access_round(membership, pk)
    progress = queries.progress(found)
    seated = {one.user.pk for one in progress.reviewers}
    context = {
        "round": found,
        "progress": progress,
        "policy": dict(POLICY_WORDS)[found.policy],
        "mine": membership.user.pk in seated,
        "addable": queries.reviewers_to_add(found) if membership.can_manage and found.is_open else [],
    }
    return render(request, "labeling/queues/round.html", context)


@require_POST
def close(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_round(membership, pk)
    actions.close_round(round=found, actor=person(request))
    return redirect("queues:round", project=project, pk=pk)


@require_POST
def add(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_round(membership, pk)
    chosen = request.POST.get("user", "")
    member = get_object_or_404(
        Membership.objects.select_related("user"),
        project=membership.project,
        user_id=int(chosen) if chosen.isdecimal() else 0,
    )
    try:
        actions.add_member(round=found, user=member.user, actor=membership.user)
    except (actions.RoundClosed, actions.CannotOpen) as problem:
        return HttpResponse(str(problem), status=409, content_type="text/plain; charset=utf-8")
    return redirect("queues:round", project=project, pk=pk)
