"""The channels of a project: what each measures, how it spreads, and what may be said for it."""

import json
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.evidence.filters import CHANNEL
from auditor.evidence.heat import scale_of, spread
from auditor.evidence.queries import SCOPES, visible_to
from auditor.evidence.summaries import MOST, access_channel, extremes, summaries, summary


@require_GET
def channels(request: HttpRequest, project: str) -> HttpResponse:
    """Every channel, by kind."""
    membership = access_project(request, project)
    sight = visible_to(membership.user)
    named = request.GET.get("q", "").replace("\0", "").strip()
    found = summaries(membership.project_id, sight, named=named)
    context = {
        "found": found,
        "named": named,
        "cut": len(found) == MOST,
        "left_out": sight.n_veiled(membership.project_id, SCOPES),
    }
    return render(request, "auditor/evidence/channels.html", context)


@require_GET
def channel(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One channel: its declaration, its spread, and the transcripts at either end."""
    membership = access_project(request, project)
    sight = visible_to(membership.user)
    row = access_channel(membership, pk)
    context = {
        "summary": summary(row, sight),
        "ends": extremes(row, sight),
        "detail": json.dumps(row.detail, indent=2, ensure_ascii=False) if row.detail else "",
        "in_list": urlencode({CHANNEL + row.key: ".."}),
        "sorted_list": urlencode({"sort": f"-{CHANNEL}{row.key}"}),
    }
    return render(request, "auditor/evidence/channel.html", context)


@require_GET
def spread_of(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What is usual on a channel: percentiles over the transcripts that the person may see it on."""
    membership = access_project(request, project)
    sight = visible_to(membership.user)
    row = access_channel(membership, pk)
    scale, found = scale_of(sight, row), spread(sight, row)
    marks = [
        (share, value, None if value is None else scale.level(value)) for share, value in found.percentiles
    ]
    return render(request, "auditor/evidence/spread.html", {"spread": found, "marks": marks})
