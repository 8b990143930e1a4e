"""The reading room: transcripts side by side."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.browse.compare import access_transcripts, compare
from auditor.browse.media import media_urls
from auditor.evidence.queries import visible_to


@require_GET
def comparison(request: HttpRequest, project: str) -> HttpResponse:
    """Two to four transcripts, `ids=1,2` or `ids=1&ids=2`; fewer than two are a page that says what to do."""
    membership = access_project(request, project)
    given = [one.strip() for value in request.GET.getlist("ids") for one in value.split(",")]
    rows = access_transcripts(membership, given)
    context = {"ids": ",".join(str(row.pk) for row in rows), "chosen": rows}
    if len(rows) < 2:
        return render(request, "auditor/browse/compare.html", context, status=422)
    page = compare(
        rows,
        sight=visible_to(membership.user),
        at=request.GET.get("at", ""),
        with_prefix="prefix" in request.GET,
        heat_key=request.GET.get("heat", ""),
        media=media_urls(membership.project.slug),
    )
    return render(request, "auditor/browse/compare.html", {**context, "page": page})
