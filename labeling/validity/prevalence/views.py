"""Pages of prevalence: what to count and by which judge, the kept reports, one report, and its files."""

from typing import Any, TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Round
from labeling.validity.prevalence import actions, queries, reading
from labeling.validity.prevalence.downloads import csv_of
from labeling.validity.prevalence.queries import Asked, CannotAsk, Kept
from labeling.validity.prevalence.rogan_gladen import LEAST_YOUDEN
from labeling.validity.tasks import queue_prevalence

MOST_YES = 50
Answer = TypeVar("Answer", HttpResponse, StreamingHttpResponse)


@require_GET
def prevalence(request: HttpRequest, project: str) -> HttpResponse:
    """What to count of which round, and the reports that are kept."""
    membership = access_project(request, project)
    rounds, withheld = queries.rounds_for(membership)
    seen = [one for one in rounds if one.pk not in withheld]
    chosen = _chosen(request, seen)
    context: dict[str, Any] = {"rounds": seen, "n_withheld": len(withheld), "round": chosen}
    if chosen is not None:
        context |= {
            "targets": queries.targets_of(definition_of(chosen.codebook_version)),
            "judges": queries.judges_of(membership.project_id),
            "excludes": chosen.sample.excludes.exists(),
            "kept": [(one, queries.asked_by(one)) for one in queries.reports_of([chosen])[: queries.LISTED]],
            "why_not": chosen.sample.why_not,
        }
    return render(request, "labeling/validity/prevalence/choose.html", context)


@require_POST
def compute(request: HttpRequest, project: str) -> HttpResponse:
    """Have a report computed in the background."""
    membership = access_project(request, project, role=Role.MANAGER)
    try:
        asked = _asked(request, membership)
    except CannotAsk as problem:
        messages.error(request, str(problem))
        number = request.POST.get("round", "")
        return redirect(
            f"{reverse('validity:prevalence', args=[project])}?round={number if number.isdecimal() else ''}"
        )
    if queries.is_withheld(asked, membership.user):
        raise Http404("not yet for you")
    row = actions.open_report(asked=asked, actor=membership.user)
    queue_prevalence(row)
    return redirect("validity:prevalence_report", project=project, pk=row.pk)


@require_GET
def report(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """How common it is, by four estimates."""
    membership = access_project(request, project)
    row = queries.access_report(membership, pk)
    asked = queries.asked_by(row)
    if queries.is_withheld(asked, membership.user):
        return render(request, "labeling/validity/prevalence/withheld.html", {"asked": asked})
    kept = queries.kept(row)
    context: dict[str, Any] = {"row": row, "asked": asked, "frame": queries.frame_words(asked), "kept": kept}
    if kept is not None:
        context |= _contents(kept)
    return render(request, "labeling/validity/prevalence/report.html", context)


@require_GET
def download_csv(request: HttpRequest, project: str, pk: int) -> StreamingHttpResponse:
    """Every figure as CSV."""
    asked, kept = _access_kept(request, project, pk)
    answer = StreamingHttpResponse(
        csv_of(kept.report, asked, queries.frame_words(asked)), content_type="text/csv; charset=utf-8"
    )
    return _as_file(answer, f"prevalence-{project}-{pk}.csv")


@require_GET
def download_svg(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The estimates, and those by model and condition, as one drawing."""
    asked, kept = _access_kept(request, project, pk)
    titles = reading.titles_of(kept.report)
    tables = [
        reading.estimates(kept.report), *reading.parts(kept.report, titles), *reading.differences(kept.report, titles)
    ]  # fmt: skip
    context = {
        "asked": asked,
        "frame": queries.frame_words(asked),
        "sheet": reading.sheet(tables),
        "kept": kept,
    }
    answer = render(
        request,
        "labeling/validity/prevalence/forest.svg",
        context,
        content_type="image/svg+xml; charset=utf-8",
    )
    return _as_file(answer, f"prevalence-{project}-{pk}.svg")


def _contents(kept: Kept) -> dict[str, Any]:
    made, titles = kept.report, reading.titles_of(kept.report)
    cited = made.default
    return {
        "report": made, "cited": cited, "estimates": reading.estimates(made), "parts": reading.parts(made, titles),
        "differences": reading.differences(made, titles), "missing": reading.missing(made), "beside": reading.beside(made),
        "more": made.more.get(cited.estimator) if cited else None, "in_case": kept.row.figures["in_case"],
        "waiting": made.drawn - made.labelled, "silent": made.size - made.judged, "least_youden": LEAST_YOUDEN,
    }  # fmt: skip


def _access_kept(request: HttpRequest, project: str, pk: int) -> tuple[Asked, Kept]:
    """A computed report that the person may see.

    Raises:
        Http404: none, or not yet for them.
    """
    membership = access_project(request, project)
    row = queries.access_report(membership, pk)
    asked, kept = queries.asked_by(row), queries.kept(row)
    if kept is None or queries.is_withheld(asked, membership.user):
        raise Http404("not yet, or not for you")
    return asked, kept


def _asked(request: HttpRequest, membership: Membership) -> Asked:
    """The question that was put.

    Raises:
        CannotAsk: it makes no sense.
        Http404: no such round.
    """
    said = request.POST
    number = said.get("round", "")
    if not number.isdecimal() or len(number) > 18:
        raise CannotAsk("Choose a round.")
    return queries.asked_of(
        queries.access_round(membership, int(number)), said.get("target", ""), membership.user,
        channel=said.get("channel", ""), cut=said.get("cut", ""), below="below" in said,
        yes=[*said.getlist("label"), *said.get("yes", "").split(",")][:MOST_YES], together="together" in said,
    )  # fmt: skip


def _chosen(request: HttpRequest, rounds: list[Round]) -> Round | None:
    """The round asked for, if it may be seen; the newest that may, if none was asked for."""
    asked = request.GET.get("round", "")
    if not asked:
        return rounds[0] if rounds else None
    return next((one for one in rounds if str(one.pk) == asked), None)


def _as_file(answer: Answer, name: str) -> Answer:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer
