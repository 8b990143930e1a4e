"""The lists of cases, and the way to the next one."""

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.web.keyset import BadCursor, page_of
from auditor.web.pages import render_page
from labeling.adjudication import actions, queries
from labeling.adjudication.docket import axis_words, entries_of
from labeling.adjudication.forms import NarrowingForm
from labeling.adjudication.models import Case
from labeling.adjudication.queries import Narrowing
from labeling.adjudication.reasons import CODES
from labeling.queues.queries import rounds_of

PAGE = 50
MANAGED = 12  # newest rounds whose rules are one click away


@require_GET
def cases(request: HttpRequest, project: str) -> HttpResponse:
    """The disagreements that wait for a ruling."""
    membership = access_project(request, project, role=Role.ADJUDICATOR)
    return _list(request, membership, queries.cases_for(membership, narrowing_of(request)), "open", "place")


@require_GET
def returned(request: HttpRequest, project: str) -> HttpResponse:
    """The cases that were sent back to their reviewers."""
    membership = access_project(request, project, role=Role.ADJUDICATOR)
    rows = queries.returned_for(membership, narrowing_of(request))
    return _list(request, membership, rows, "returned", "returned_at")


@require_GET
def settled(request: HttpRequest, project: str) -> HttpResponse:
    """The cases that have a ruling."""
    membership = access_project(request, project, role=Role.ADJUDICATOR)
    rows = queries.settled_for(membership, narrowing_of(request))
    return _list(request, membership, rows, "settled", "settled_at")


@require_POST
def next_case(request: HttpRequest, project: str) -> HttpResponse:
    """On to the next case that nobody has open; the one before is left to others."""
    membership = access_project(request, project, role=Role.ADJUDICATOR)
    leaving = request.POST.get("leaving", "")
    after = None
    if leaving.isascii() and leaving.isdigit() and len(leaving) < 19:
        after = queries.cases_of(membership.project.pk).filter(pk=int(leaving)).first()
    found = actions.take_next(queue=queries.cases_for(membership), adjudicator=membership.user, after=after)
    return to_case(membership, found)


def to_case(membership: Membership, case: Case | None) -> HttpResponse:
    """To that case, or to the list when there is none."""
    if case is None:
        return redirect("adjudication:cases", project=membership.project.slug)
    return redirect("adjudication:case", project=membership.project.slug, pk=case.pk)


def narrowing_of(request: HttpRequest) -> Narrowing:
    """The filters in the address; what is no filter narrows nothing."""
    form = NarrowingForm(request.GET)
    form.is_valid()
    given = form.cleaned_data
    return Narrowing(
        round_id=given.get("round"),
        axis=given.get("axis", ""),
        code=given.get("code", ""),
        words=given.get("q", ""),
    )


def _list(
    request: HttpRequest, membership: Membership, rows: QuerySet[Case], state: str, key: str
) -> HttpResponse:
    try:
        page = page_of(
            rows.order_by(),
            key=key,
            descending=key == "settled_at",
            cursor=request.GET.get("after", ""),
            size=PAGE,
        )
    except (BadCursor, ValidationError, TypeError) as problem:  # TypeError: a value of another kind
        raise Http404(str(problem)) from problem
    narrowing = narrowing_of(request)
    held = queries.held_by_others(page.rows, membership.user)
    axes = queries.axes_of(queries.cases_for(membership)) if state != "settled" else []
    context = {
        "counts": queries.counts_of(membership),
        "entries": entries_of(page.rows, held),
        "page": page,
        "state": state,
        "narrowing": narrowing,
        "narrowed": narrowing != Narrowing(),
        "rounds": queries.rounds_with_cases(membership),
        "axes": [(axis, axis_words(axis)) for axis in axes],
        "codes": CODES,
        "manageable": list(rounds_of(membership.project.pk)[:MANAGED]) if membership.can_manage else [],
    }
    return render_page(request, "labeling/adjudication/cases.html", context, partial="rows")
