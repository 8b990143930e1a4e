"""Pages of agreement: the rounds, one report, the items behind a figure, and the figures as a file."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role, User
from labeling.agreement import actions, queries, reading
from labeling.agreement.dawid_skene import WHY_NOT
from labeling.agreement.downloads import csv_of
from labeling.agreement.items import SHOWN, asked, items_behind
from labeling.agreement.measures import Measure
from labeling.agreement.models import AgreementReport
from labeling.agreement.queries import Scope
from labeling.agreement.report import Report
from labeling.agreement.resampling import RESAMPLES
from labeling.agreement.tasks import queue_report


@dataclass(frozen=True)
class Shown:
    """The report that a page shows, and what it has to say about it."""

    report: Report | None
    row: AgreementReport | None  # where it is stored
    outdated: bool = False
    in_work: AgreementReport | None = None


@require_GET
def rounds(request: HttpRequest, project: str) -> HttpResponse:
    """Every round, and the codebooks that several rounds share."""
    membership = access_project(request, project)
    rows, withheld = queries.rounds_for(membership)
    by_codebook: dict[int, list[Any]] = {}
    for one in rows:
        by_codebook.setdefault(one.codebook_version.codebook_id, []).append(one)
    shared = [
        (some[0].codebook_version.codebook, len(some), any(one.pk in withheld for one in some))
        for some in by_codebook.values()
        if len(some) > 1
    ]
    context = {"rounds": rows, "withheld": withheld, "shared": shared}
    return render(request, "labeling/agreement/rounds.html", context)


@require_GET
def report(request: HttpRequest, project: str, pk: int, of: str) -> HttpResponse:
    """How far the reviewers of a round, or of a codebook's rounds, say the same."""
    membership = access_project(request, project)
    scope = queries.access_scope(membership, of, pk)
    context: dict[str, Any] = {"scope": scope, "of": of, "pk": pk}
    if queries.is_withheld(scope, membership.user):
        return render(request, "labeling/agreement/withheld.html", context)
    wanted = asked(request.GET.dict(), scope)
    shown = _shown(scope, wanted.measure)
    context |= {"shown": shown, "small": queries.size_of(scope) <= queries.SMALL, "resamples": RESAMPLES}
    context |= _addresses(membership, of, pk)
    if shown.report is not None:
        context |= _contents(shown.report, scope, wanted.measure, wanted.stage, request.GET.get("pair", ""))
        gold = queries.gold_of(scope, membership)
        reviewers = reading.reviewers(shown.report, scope.measures[0], _names(scope), gold)
        context |= {"reviewers": reviewers, "knows_gold": any(one.gold for one in reviewers)}
    return render(request, "labeling/agreement/report.html", context)


@require_GET
def items(request: HttpRequest, project: str, pk: int, of: str) -> HttpResponse:
    """The items that a figure counts."""
    membership = access_project(request, project)
    scope = queries.access_scope(membership, of, pk)
    context: dict[str, Any] = {"scope": scope, "of": of, "pk": pk, **_addresses(membership, of, pk)}
    if queries.is_withheld(scope, membership.user):
        return render(request, "labeling/agreement/withheld.html", context)
    wanted = asked(request.GET.dict(), scope)
    names = _names(scope)
    part = ""
    if wanted.part:
        try:
            part = reading.part_words(wanted.cut, wanted.part, names)
        except ValueError as problem:
            raise Http404("no such part") from problem
    context |= {
        "wanted": wanted,
        "found": items_behind(scope, membership.user, wanted, names),
        "part": part,
        "cell": tuple(wanted.measure.word(value) for value in wanted.cell) if wanted.cell else (),
        "most": SHOWN,
    }
    return render(request, "labeling/agreement/items.html", context)


@require_POST
def compute(request: HttpRequest, project: str, pk: int, of: str) -> HttpResponse:
    """Compute and keep a report: at once if it is small, else in the background."""
    membership = access_project(request, project, role=Role.MANAGER)
    scope = queries.access_scope(membership, of, pk)
    if queries.size_of(scope) <= queries.SMALL:
        actions.compute_now(scope=scope, actor=membership.user)
        messages.success(request, "The figures are computed and kept.")
    else:
        queue_report(actions.open_report(scope=scope, actor=membership.user))
    return redirect(f"agreement:{of}", project=project, pk=pk)


@require_GET
def download(request: HttpRequest, project: str, pk: int, of: str) -> StreamingHttpResponse:
    """Every figure as CSV: of a small scope as the labels stand, of a large one as they were computed last."""
    membership = access_project(request, project)
    scope = queries.access_scope(membership, of, pk)
    if queries.is_withheld(scope, membership.user):
        raise Http404("not yet for you")
    digest = queries.digest_of(scope)
    stored = queries.stored_report(scope, digest)
    if stored is not None and not stored.outdated:
        made = stored.report
    elif queries.size_of(scope) <= queries.SMALL:
        made = queries.made_now(scope, [measure.key for measure in scope.measures], digest)
    elif stored is not None:
        made = stored.report
    else:
        raise Http404("not computed yet")
    measures = {measure.key: measure for measure in (*scope.measures, *scope.spans)}
    answer = StreamingHttpResponse(
        csv_of(made, measures, _names(scope)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="agreement-{project}-{of}-{pk}.csv"'
    answer["Cache-Control"] = "private, no-store"
    return answer


@require_GET
def course(request: HttpRequest, project: str, pk: int, of: str) -> HttpResponse:
    """How far they agree from week to week, or over the tenths of the work, as a drawing of its own."""
    membership = access_project(request, project)
    scope = queries.access_scope(membership, of, pk)
    if queries.is_withheld(scope, membership.user):
        raise Http404("not yet for you")
    wanted = asked(request.GET.dict(), scope)
    made = _shown(scope, wanted.measure).report
    tables = reading.cut_tables(made, wanted.measure, wanted.stage, _names(scope)) if made is not None else []
    found = next(
        (one for one in tables if one.cut == request.GET.get("cut") and one.course is not None), None
    )
    if found is None:
        raise Http404("no such course")
    title = f"{scope}: {wanted.measure.name}, {found.main}, {found.title.lower()}"
    answer = render(
        request, "labeling/agreement/course_file.svg", {"course": found.course, "title": title},
        content_type="image/svg+xml; charset=utf-8",
    )  # fmt: skip
    answer["Content-Disposition"] = f'attachment; filename="agreement-{project}-{of}-{pk}-{found.cut}.svg"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _shown(scope: Scope, measure: Measure) -> Shown:
    """What is stored if it is of these labels; else made now, if that is quick; else what is stored."""
    digest = queries.digest_of(scope)
    stored = queries.stored_report(scope, digest)
    if stored is not None and not stored.outdated:
        return Shown(stored.report, stored.row)
    if queries.size_of(scope) <= queries.SMALL:
        return Shown(queries.made_now(scope, [measure.key], digest), None)
    in_work = queries.report_in_work(scope)
    if stored is not None:
        return Shown(stored.report, stored.row, outdated=True, in_work=in_work)
    return Shown(None, None, in_work=in_work)


def _contents(made: Report, scope: Scope, measure: Measure, stage: str, pair: str) -> dict[str, Any]:
    names = _names(scope)
    pairs = reading.pairs(made, measure, stage)
    chosen = pair if pair in pairs else (pairs[0] if pairs else "")
    return {
        "report": made,
        "measure": measure,
        "stage": stage,
        "stages": made.stages,
        "items": made.items.get(stage, 0),
        "compared": made.compared.get(stage, 0),
        "overview": reading.overview(made, scope.measures, stage),
        "silent": reading.silent(made, scope.measures, stage),
        "marked": reading.marked(made, scope.spans, stage),
        "coefficients": reading.coefficients(made, measure, stage),
        "cuts": reading.cut_tables(made, measure, stage, names),
        "pairs": [(one, reading.part_words("pair", one, names)) for one in pairs],
        "pair": chosen,
        "pair_names": [names.get(int(one), one) for one in chosen.split(".")] if chosen else [],
        "grid": reading.confusion(made, measure, stage, chosen) if chosen else None,
        "why_no_judges": WHY_NOT,
    }


def _addresses(membership: Membership, of: str, pk: int) -> dict[str, str]:
    here = [membership.project.slug, pk]
    return {
        "report_url": reverse(f"agreement:{of}", args=here),
        "items_url": reverse(f"agreement:{of}_items", args=here),
        "compute_url": reverse(f"agreement:{of}_compute", args=here) if membership.can_manage else "",
        "course_url": reverse(f"agreement:{of}_course", args=here),
        "csv_url": reverse(f"agreement:{of}_csv", args=here),
    }


def _names(scope: Scope) -> dict[int, str]:
    """Names of everybody who labelled."""
    rows = User.objects.filter(label_revisions__item__round__in=scope.rounds).distinct()
    return {pk: name or email for pk, name, email in rows.values_list("pk", "name", "email")}
