"""One feature of a dictionary: what others believe of it, and what this corpus shows."""

from typing import Any

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.evidence.queries import visible_to
from auditor.interp import queries
from auditor.interp.models import Explanation, Feature
from auditor.interp.views.probes import CAPTURES, about


@require_GET
def feature(request: HttpRequest, project: str, dictionary: str, index: int) -> HttpResponse:
    """Any feature that the dictionary has; one that nobody explained or pinned says so."""
    membership = access_project(request, project)
    found = queries.access_dictionary(membership, dictionary)
    if index >= found.d_sae:
        raise Http404("no such feature")
    row = Feature.objects.filter(dictionary=found, index=index).select_related("channel").first()
    explained = Explanation.objects.filter(feature__dictionary=found, feature__index=index).order_by(
        F("score").desc(nulls_last=True), "pk"
    )
    context: dict[str, Any] = {
        "dictionary": found, "index": index, "feature": row, "explanations": list(explained[:100]),
        "captures": queries.captures_of(membership.project_id).filter(
            instruments__dictionary=found, instruments__features__contains=[index]
        )[:CAPTURES],
    }  # fmt: skip
    if row is not None and row.channel is not None:
        context |= about(request, row.channel, visible_to(membership.user))
    return render(request, "auditor/interp/feature.html", context)
