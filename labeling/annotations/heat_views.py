"""The review desk: channels over the words, and what fires on some of them, as far as they were revealed."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.browse.asked import Asked, anchor_of
from auditor.browse.features import firing
from labeling.annotations.heat import heat_of, points_of, revealed_blocks
from labeling.annotations.queries import access_standing


@require_GET
def heat(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The panel of what is laid over the words, with the values of the whole transcript."""
    membership = access_project(request, project, role=Role.REVIEWER)
    standing = access_standing(membership, pk)
    asked = Asked.from_query(request.GET.dict())
    shown = heat_of(standing, membership.user, (asked.heat_key, asked.heat2_key), asked.threshold)
    context = {
        "heat": shown, "points": points_of(standing, membership.user, shown), "packets": True,
        "panel_url": request.path,
    }  # fmt: skip
    return render(request, "auditor/browse/heat.html", context)


@require_GET
def features(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What fires on the words at `at=3.text.0-12`; only after the reveal."""
    membership = access_project(request, project, role=Role.REVIEWER)
    standing = access_standing(membership, pk)
    place = anchor_of(request.GET.get("at", ""))
    if place is None or not place.part or standing.reveal is None:
        raise Http404("no such place")
    found = firing(standing.item.transcript, place, revealed_blocks(standing, membership.user))
    return render(request, "auditor/browse/features.html", {"found": found, "place": place})
