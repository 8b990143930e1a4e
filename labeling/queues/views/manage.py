"""What a manager does with a round: each a form on its page, each answered by that page."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role, User
from auditor.sampling.models import Sample
from auditor.web.templatetags.words import count_of
from labeling.queues import actions, queries
from labeling.queues.models import Round

Change = Callable[[HttpRequest, Membership, Round], str]


def _changes(change: Change) -> Callable[..., HttpResponse]:
    """A manager's change of a round; what it says is shown on the round's page, and so is why it was refused."""

    @require_POST
    @wraps(change)
    def view(request: HttpRequest, project: str, pk: int) -> HttpResponse:
        membership = access_project(request, project, role=Role.MANAGER)
        found = queries.access_round(membership, pk)
        try:
            said = change(request, membership, found)
        except (actions.CannotChange, actions.CannotOpen, actions.RoundClosed) as problem:
            messages.error(request, str(problem))
        else:
            if said:
                messages.success(request, said)
        return redirect("queues:round", project=project, pk=pk)

    return view


@_changes
def close(request: HttpRequest, membership: Membership, round: Round) -> str:
    actions.close_round(round=round, actor=membership.user)
    return ""


@_changes
def pause(request: HttpRequest, membership: Membership, round: Round) -> str:
    """Pause, or with `go_on` resume."""
    if request.POST.get("go_on"):
        actions.resume_round(round=round, actor=membership.user)
        return "The round goes on."
    actions.pause_round(round=round, actor=membership.user)
    return "The round is paused: nothing is handed out. What lies on desks can be finished."


@_changes
def due(request: HttpRequest, membership: Membership, round: Round) -> str:
    said = request.POST.get("due_on", "").strip()
    try:
        due_on = date.fromisoformat(said) if said else None
    except ValueError as problem:
        raise actions.CannotChange("Write the due date as year-month-day.") from problem
    actions.set_due(round=round, due_on=due_on, actor=membership.user)
    return "The due date is changed." if due_on else "The round has no due date any more."


@_changes
def add(request: HttpRequest, membership: Membership, round: Round) -> str:
    """One more reviewer; with `share` a fair part of what nobody has begun goes to them."""
    user = _person(request, membership, "user")
    actions.add_member(round=round, user=user, actor=membership.user)
    if not request.POST.get("share"):
        return f"{user} reviews in this round now, and gets what others give back."
    moved = actions.share_out(round=round, actor=membership.user)
    return f"{user} reviews in this round now; {count_of(moved, 'place')} moved."


@_changes
def share(request: HttpRequest, membership: Membership, round: Round) -> str:
    moved = actions.share_out(round=round, actor=membership.user)
    return f"Shared out: {count_of(moved, 'place')} moved." if moved else "What is left is level already."


@_changes
def reassign(request: HttpRequest, membership: Membership, round: Round) -> str:
    giver, taker = _person(request, membership, "giver"), _person(request, membership, "taker")
    said = request.POST.get("count", "").strip()
    if said and not (said.isdecimal() and len(said) < 10 and int(said) > 0):
        raise actions.CannotChange("Say how many items, or leave it empty for all.")
    moved = actions.reassign(
        round=round, giver=giver, taker=taker, count=int(said) if said else None, actor=membership.user
    )
    return f"{count_of(moved, 'item')} moved from {giver} to {taker}."


@_changes
def drop(request: HttpRequest, membership: Membership, round: Round) -> str:
    user = _person(request, membership, "user")
    moved = actions.drop_member(round=round, user=user, actor=membership.user)
    return f"{user} reviews here no longer; {count_of(moved, 'place')} went to the others."


@_changes
def resume(request: HttpRequest, membership: Membership, round: Round) -> str:
    user = _person(request, membership, "user")
    actions.resume_member(round=round, user=user, actor=membership.user)
    return f"{user} goes on."


@_changes
def extend(request: HttpRequest, membership: Membership, round: Round) -> str:
    """More labels for every item, or with `sample` the items of a larger draw."""
    if chosen := request.POST.get("sample", ""):
        sample: Sample = get_object_or_404(
            queries.extensions_of(round), pk=int(chosen) if chosen.isdecimal() else 0
        )
        n = actions.extend_items(round=round, sample=sample, actor=membership.user)
        return f"{count_of(n, 'item')} came to the round."
    said = request.POST.get("overlap", "")
    n = actions.extend_overlap(
        round=round, overlap=int(said) if said.isdecimal() and len(said) < 4 else 0, actor=membership.user
    )
    return f"{count_of(n, 'item')} will get more labels."


def _person(request: HttpRequest, membership: Membership, name: str) -> User:
    chosen: Any = request.POST.get(name, "")
    rows = Membership.objects.select_related("user").filter(project=membership.project)
    return get_object_or_404(rows, user_id=int(chosen) if chosen.isdecimal() and len(chosen) < 18 else 0).user
