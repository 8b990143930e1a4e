"""Rounds: the list, a new one, how far each is, and what a reviewer learns in training."""

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.sampling.queries import samples_of
from labeling.codebooks.queries import definition_of
from labeling.queues import actions, gold_queries, queries
from labeling.queues.forms import ORDER_WORDS, POLICY_WORDS, RoundForm

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
    progress = queries.progress(found, membership.user)
    seated = {one.user.pk for one in progress.reviewers if one.seat.dropped_at is None}
    manages = membership.can_manage and found.is_open
    context = {
        "round": found,
        "progress": progress,
        "policy": dict(POLICY_WORDS)[found.policy],
        "order": dict(ORDER_WORDS)[found.order].partition(" (")[0],
        "mine": membership.user.pk in seated,
        "manages": manages,
        "seated": [one for one in progress.reviewers if one.seat.dropped_at is None],
        "addable": queries.reviewers_to_add(found) if manages else [],
        "extensions": queries.extensions_of(found) if manages else [],
        "shows_gold": found.gold_set_id is not None
        and membership.can_manage
        and membership.user.pk not in seated,
    }
    return render(request, "labeling/queues/round.html", context)


@require_GET
def feedback(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What an item of the training is known to be, after one's own label."""
    membership = access_project(request, project, role=Role.REVIEWER)
    result = gold_queries.access_feedback(membership, pk)
    codebook = definition_of(result.item.round.codebook_version)
    context = {
        "result": result,
        "round": result.item.round,
        "yours": codebook.by_code.get(result.label),
        "expected": [codebook.by_code[code] for code in result.expected if code in codebook.by_code],
        "desk": queries.desk_of(result.item.round, membership.user),
    }
    return render(request, "labeling/queues/feedback.html", context)
