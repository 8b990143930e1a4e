"""Two datasets side by side: what is new, gone, labelled otherwise, or in another split; as page, CSV and JSON."""

import csv
import io
from collections.abc import Iterator
from itertools import chain, islice

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership
from auditor.web.sheets import safe
from labeling.datasets import queries
from labeling.datasets.differing import COLUMNS, KINDS, Change, changes, counts
from labeling.datasets.models import Release

SHOWN = 500  # changes on the page; the files have all


@require_GET
def diff(request: HttpRequest, project: str, pk: int) -> HttpResponseBase:
    """`?from=ID` is the older dataset, `?as=csv` or `json` the form."""
    membership = access_project(request, project)
    after = _opened(membership, pk)
    said = request.GET.get("from", "")
    if not said.isdecimal() or len(said) > 18:
        return redirect("datasets:release", project=project, pk=pk)
    before = _opened(membership, int(said))
    form = request.GET.get("as", "")
    if form == "csv":
        return _csv(before, after)
    if form == "json":
        return JsonResponse({
            "from": _named(before), "to": _named(after), "counts": counts(changes(before, after)),
            "changes": [one.plain() for one in changes(before, after)],
        })  # fmt: skip
    kind = request.GET.get("kind", "")
    some = (one for one in changes(before, after) if kind not in KINDS or kind in one.kinds)
    found = counts(changes(before, after))
    context = {
        "release": after, "before": before, "rows": list(islice(some, SHOWN)), "most": SHOWN,
        "counts": [(key, KINDS[key], n) for key, n in found.items()], "kind": kind,
        "n": found.get(kind, sum(found.values())), "others": queries.others_to_compare(after),
    }  # fmt: skip
    return render(request, "labeling/datasets/diff.html", context)


def _opened(membership: Membership, pk: int) -> Release:
    found = queries.access_release(membership, pk)
    if found.built_at is None or queries.hidden_from(found, membership.user):
        raise Http404("not built, or not for you yet")
    return found


def _named(release: Release) -> dict[str, object]:
    return {"id": release.pk, "name": release.name, "as_of": release.as_of}


def _csv(before: Release, after: Release) -> HttpResponse | StreamingHttpResponse:
    def lines(some: Iterator[Change]) -> Iterator[str]:
        for cells in chain([list(COLUMNS)], (one.row() for one in some)):
            out = io.StringIO()
            csv.writer(out, lineterminator="\n").writerow(
                ["" if cell is None else safe(cell) for cell in cells]
            )
            yield out.getvalue()

    answer = StreamingHttpResponse(lines(changes(before, after)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="diff-{before.pk}-{after.pk}.csv"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
