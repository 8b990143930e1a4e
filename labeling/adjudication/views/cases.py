"""One disagreement side by side, and the decision on it."""

from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.web.pages import render_page
from labeling.adjudication import actions, queries
from labeling.adjudication.actions.ruling import OWN_LABEL
from labeling.adjudication.casefile import MIX, OWN, Choice, open_file
from labeling.adjudication.docket import entries_of
from labeling.adjudication.forms import DecisionForm
from labeling.adjudication.models import Case
from labeling.adjudication.own import read_answers
from labeling.adjudication.reasons import CODES
from labeling.adjudication.views.lists import to_case
from labeling.annotations.models import LabelRevision
from labeling.codebooks.queries import definition_of

BESIDE = 30  # disagreements listed beside an open case
FIELD = "f-"  # names of the form's fields that say whose answer to take


@dataclass
class Typed:
    """What the adjudicator has put in so far, to be shown again."""

    choice: Choice = field(default_factory=Choice)
    reason: str = ""
    reason_code: str = ""
    example: bool = False
    example_case: str = ""
    question: str = ""
    error: str = ""
    form: DecisionForm = field(default_factory=DecisionForm)


def open_case(request: HttpRequest, project: str, pk: int) -> tuple[Membership, Case]:
    """The case, if this member may look at it.

    Raises:
        Http404: not in this project, or a member whose role is too low.
        Veiled: see `queries.access_case`.
    """
    membership = access_project(request, project, role=Role.ADJUDICATOR)
    return membership, queries.access_case(membership, pk)


@require_http_methods(["GET", "POST"])
def case(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One disagreement, held by whoever opens it, and the decision on it."""
    try:
        membership, found = open_case(request, project, pk)
    except queries.Veiled:
        return render(request, "labeling/adjudication/veiled.html", status=404)
    if request.method == "GET":
        return case_page(request, membership, found, Typed(), barred=_take_up(membership, found))
    typed = _typed(request, found)
    if "follow" in request.POST:  # asks what follows from the answers so far; writes nothing
        return case_page(request, membership, found, typed)
    if not typed.form.is_valid():
        typed.error = " ".join(str(error) for errors in typed.form.errors.values() for error in errors)
        return case_page(request, membership, found, typed, status=422)
    choice = typed.choice
    try:
        ruling = actions.rule(
            case=found, adjudicator=membership.user, took=_taken(found, choice.take),
            mixed=_mixed(found, choice) if choice.take == MIX else None, answers=choice.answers,
            kept=choice.kept, units=choice.units, label=choice.label, grade=choice.grade, reason=typed.reason,
            reason_code=typed.form.cleaned_data["reason_code"], stamp=typed.form.cleaned_data["stamp"],
            example=typed.example_case if typed.example else None,
        )  # fmt: skip
    except actions.CannotRule as problem:
        typed.error = str(problem)
        stale = isinstance(problem, actions.Stale | actions.Occupied)
        return case_page(request, membership, found, typed, status=409 if stale else 422)
    words = definition_of(ruling.codebook_version).by_code[ruling.label].words
    messages.success(request, f"{found.item.transcript.name}: {words}, {ruling.grade}.")
    queue = queries.cases_for(membership)
    following = actions.take_next(queue=queue, adjudicator=membership.user, after=found)
    return to_case(membership, following)


@require_POST
def send_back(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Ask the reviewers; the case waits for their answers, and the next one is opened."""
    membership, found = _posted(request, project, pk)
    to = [int(value) for value in request.POST.getlist("to") if _is_id(value)]
    try:
        actions.send_back(
            case=found, adjudicator=membership.user, question=request.POST.get("question", ""), to=to
        )
    except actions.CannotRule as problem:
        typed = Typed(error=str(problem), question=request.POST.get("question", ""))
        stale = isinstance(problem, actions.Stale | actions.Occupied)
        return case_page(request, membership, found, typed, status=409 if stale else 422)
    messages.success(request, f"{found.item.transcript.name}: sent back. It returns once they have answered.")
    queue = queries.cases_for(membership)
    return to_case(membership, actions.take_next(queue=queue, adjudicator=membership.user, after=found))


@require_POST
def example(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The ruling that holds becomes an example in the codebook's draft."""
    membership, found = _posted(request, project, pk)
    ruling = queries.latest_ruling(found.item)
    if ruling is None or found.settled_at is None:
        raise Http404("no ruling yet")
    try:
        actions.make_example(
            ruling=ruling, excerpt=request.POST.get("example_case", ""), actor=membership.user
        )
    except actions.CannotRule as problem:
        return case_page(request, membership, found, Typed(error=str(problem)), status=422)
    messages.success(request, "Added to the draft of the codebook as an example.")
    return redirect("adjudication:case", project=membership.project.slug, pk=found.pk)


@require_POST
def hold(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """A sign of life of whoever has the case open; 409 once it is a colleague's."""
    membership, found = _posted(request, project, pk)
    barred = _take_up(membership, found)
    context = {"case": found, "barred": barred}
    template = "labeling/adjudication/case.html#held"
    return render(request, template, context, status=409 if barred else 200)


@require_POST
def leave(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Leave the case open to others."""
    membership, found = _posted(request, project, pk)
    actions.let_go(case=found, adjudicator=membership.user)
    return redirect("adjudication:cases", project=membership.project.slug)


@require_POST
def priority(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """A manager puts the case before others, or back among them."""
    access_project(request, project, role=Role.MANAGER)
    membership, found = _posted(request, project, pk)
    given = request.POST.get("priority", "")
    if given not in ("0", "1", "2"):
        raise Http404("no such priority")
    actions.set_priority(case=found, priority=int(given), actor=membership.user)
    return redirect("adjudication:case", project=membership.project.slug, pk=found.pk)


def _posted(request: HttpRequest, project: str, pk: int) -> tuple[Membership, Case]:
    """As `open_case`, for addresses that show nothing of their own."""
    try:
        return open_case(request, project, pk)
    except queries.Veiled as problem:
        raise Http404("not for you yet") from problem


def _take_up(membership: Membership, case: Case) -> str:
    """Hold the case for this person; says why they may only look, empty if they may rule."""
    if case.settled_at is not None:
        return ""
    if queries.is_barred(case, membership.user):
        return OWN_LABEL
    try:
        actions.hold(case=case, adjudicator=membership.user)
    except actions.Occupied as problem:
        return str(problem)
    return ""


def _typed(request: HttpRequest, case: Case) -> Typed:
    codebook = definition_of(case.item.round.codebook_version)
    post = request.POST
    fields = {name: post.getlist(name) for name in post}
    mixed = {
        name.removeprefix(FIELD): int(post[name])
        for name in post
        if name.startswith(FIELD) and _is_id(post[name])
    }
    return Typed(
        choice=Choice(
            take=post.get("take", ""),
            mixed=mixed,
            answers=read_answers(codebook, fields),
            kept=[int(pk) for pk in post.getlist("kept") if _is_id(pk)] if "spans" in post else None,
            units=[int(pk) for pk in post.getlist("unit") if _is_id(pk)],
            label=post.get("label", ""),
            grade=post.get("grade", ""),
        ),
        reason=post.get("reason", ""),
        reason_code=post.get("reason_code", ""),
        example="example" in post,
        example_case=post.get("example_case", ""),
        form=DecisionForm(post),
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19


def _taken(case: Case, take: str) -> LabelRevision | None:
    """The label to take over; None for a mixture and for the adjudicator's own."""
    if take in (OWN, MIX):
        return None
    found = LabelRevision.objects.filter(item=case.item, pk=int(take)).first() if _is_id(take) else None
    if found is None:
        raise Http404("no such label on this item")
    return found


def _mixed(case: Case, choice: Choice) -> dict[str, LabelRevision]:
    """Whose answer to take for each question."""
    rows = LabelRevision.objects.filter(item=case.item).in_bulk(set(choice.mixed.values()))
    if set(choice.mixed.values()) - rows.keys():
        raise Http404("no such label on this item")
    return {key: rows[pk] for key, pk in choice.mixed.items()}


def case_page(
    request: HttpRequest,
    membership: Membership,
    case: Case,
    typed: Typed,
    *,
    barred: str = "",
    status: int = 200,
) -> HttpResponse:
    """The case, with what was put in so far."""
    waiting = list(queries.cases_for(membership)[: BESIDE + 1])
    beside = waiting[:BESIDE]
    file = open_file(case, membership.user, typed.choice)
    if not typed.example_case:
        typed = replace(typed, example_case=file.excerpt)
    context = {
        "file": file,
        "beside": entries_of(beside, queries.held_by_others(beside, membership.user)),
        "more": len(waiting) > BESIDE,
        "typed": typed,
        "choice": typed.choice,
        "case": case,
        "barred": barred,
        "codes": CODES,
    }
    return render_page(request, "labeling/adjudication/case.html", context, partial="own", status=status)
