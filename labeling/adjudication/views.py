"""Pages of adjudication: the list of disagreements, and one of them side by side."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.web.keyset import BadCursor, page_of
from auditor.web.pages import render_page
from labeling.adjudication import actions, queries
from labeling.adjudication.casefile import open_file
from labeling.adjudication.docket import entries_of
from labeling.adjudication.forms import OWN, DecisionForm
from labeling.adjudication.models import Case
from labeling.adjudication.own import read_answers
from labeling.annotations.models import LabelRevision
from labeling.codebooks.queries import definition_of

PAGE = 50
BESIDE = 30  # disagreements listed beside an open case


@require_GET
def cases(request: HttpRequest, project: str) -> HttpResponse:
    """The disagreements that wait for a ruling."""
    return _list(request, project, settled=False)


@require_GET
def settled(request: HttpRequest, project: str) -> HttpResponse:
    """The cases that have a ruling."""
    return _list(request, project, settled=True)


def _list(request: HttpRequest, project: str, *, settled: bool) -> HttpResponse:
    membership = access_project(request, project, role=Role.ADJUDICATOR)
    rows = queries.settled_for(membership) if settled else queries.cases_for(membership)
    try:
        page = page_of(
            rows.order_by(), key="settled_at" if settled else "opened_at", descending=settled,
            cursor=request.GET.get("after", ""), size=PAGE,
        )  # fmt: skip
    except (BadCursor, ValidationError, TypeError) as problem:  # TypeError: a value of another kind
        raise Http404(str(problem)) from problem
    context = {
        "counts": queries.counts_of(membership),
        "entries": entries_of(page.rows),
        "page": page,
        "settled": settled,
    }
    return render_page(request, "labeling/adjudication/cases.html", context, partial="rows")


@dataclass
class _Typed:
    """What the adjudicator has put in so far, to be shown again."""

    take: str = ""
    reason: str = ""
    error: str = ""
    answers: dict[str, Any] | None = None
    label: str = ""
    grade: str = ""
    form: DecisionForm = field(default_factory=DecisionForm)


@require_http_methods(["GET", "POST"])
def case(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One disagreement, and the decision on it."""
    membership = access_project(request, project, role=Role.ADJUDICATOR)
    try:
        found = queries.access_case(membership, pk)
    except queries.Veiled:
        return render(request, "labeling/adjudication/veiled.html", status=404)
    if request.method == "GET":
        return _case_page(request, membership, found, _Typed())
    typed = _typed(request, found)
    if "follow" in request.POST:  # asks what follows from the answers so far; writes nothing
        return _case_page(request, membership, found, typed)
    if not typed.form.is_valid():
        typed.error = " ".join(str(error) for errors in typed.form.errors.values() for error in errors)
        return _case_page(request, membership, found, typed, status=422)
    try:
        ruling = actions.rule(
            case=found, adjudicator=membership.user, took=_taken(found, typed.take), answers=typed.answers,
            label=typed.label, grade=typed.grade, reason=typed.reason, stamp=typed.form.cleaned_data["stamp"],
        )  # fmt: skip
    except actions.CannotRule as problem:
        typed.error = str(problem)
        return _case_page(
            request, membership, found, typed, status=409 if isinstance(problem, actions.Stale) else 422
        )
    words = definition_of(ruling.codebook_version).by_code[ruling.label].words
    messages.success(request, f"{found.item.transcript.name}: {words}, {ruling.grade}.")
    following = queries.next_case(membership, found.pk)
    if following is None:
        return redirect("adjudication:cases", project=membership.project.slug)
    return redirect("adjudication:case", project=membership.project.slug, pk=following.pk)


def _typed(request: HttpRequest, case: Case) -> _Typed:
    codebook = definition_of(case.item.round.codebook_version)
    fields = {name: request.POST.getlist(name) for name in request.POST}
    return _Typed(
        take=request.POST.get("take", ""),
        reason=request.POST.get("reason", ""),
        answers=read_answers(codebook, fields),
        label=request.POST.get("label", ""),
        grade=request.POST.get("grade", ""),
        form=DecisionForm(request.POST),
    )


def _taken(case: Case, take: str) -> LabelRevision | None:
    """The label to take over; None for the adjudicator's own."""
    if take == OWN:
        return None
    found = (
        LabelRevision.objects.filter(item=case.item, pk=int(take)).first()
        if take.isascii() and take.isdigit()
        else None
    )
    if found is None:
        raise Http404("no such label on this item")
    return found


def _case_page(
    request: HttpRequest, membership: Membership, case: Case, typed: _Typed, *, status: int = 200
) -> HttpResponse:
    waiting = list(queries.cases_for(membership)[: BESIDE + 1])
    context = {
        "file": open_file(case, membership.user, answers=typed.answers, label=typed.label, grade=typed.grade),
        "beside": entries_of(waiting[:BESIDE]),
        "more": len(waiting) > BESIDE,
        "typed": typed,
        "case": case,
    }
    return render_page(request, "labeling/adjudication/case.html", context, partial="own", status=status)
