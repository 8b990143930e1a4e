"""Pages of anchoring: what evidence did to the labels of a round, and the labels behind each number."""

import csv
import io
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, User
from auditor.web.sheets import safe
from labeling.queues.models import Round
from labeling.validity import queries
from labeling.validity.anchoring import WAYS


@require_GET
def anchoring(request: HttpRequest, project: str) -> HttpResponse:
    """How often, and toward which evidence, labels moved once it was shown."""
    membership = access_project(request, project)
    rounds, withheld = queries.rounds_for(membership)
    chosen = _chosen(request, rounds, withheld)
    context: dict[str, Any] = {
        "rounds": [one for one in rounds if one.pk not in withheld],
        "n_withheld": len(withheld),
        "round": chosen,
        "reversed": _reversed(request),
    }
    if chosen is not None:
        context["found"] = queries.anchoring_of(chosen, membership.user, context["reversed"])
        context["flows"] = queries.flows_in(context["found"])
    return render(request, "labeling/validity/anchoring.html", context)


@require_GET
def moved(request: HttpRequest, project: str) -> HttpResponse:
    """The labels that went one way beside one channel, or all that changed."""
    membership = access_project(request, project)
    chosen = _access_chosen(request, membership)
    channel, way = request.GET.get("channel", ""), request.GET.get("way", "")
    found = queries.anchoring_of(chosen, membership.user, _reversed(request))
    names = dict(
        User.objects.filter(label_revisions__item__round=chosen).distinct().values_list("pk", "name")
    )
    rows, n = queries.moved(found, membership.user, channel, way if way in WAYS else WAYS[0], names)
    name = next((one.name for one, _ in found.pulls if one.key == channel), "")
    context = {"round": chosen, "rows": rows, "n": n, "most": queries.LISTED, "channel": name, "way": way}
    return render(request, "labeling/validity/moved.html", context)


@require_GET
def flows(request: HttpRequest, project: str) -> HttpResponse:
    """The flows of a round as a drawing, or as rows where the address ends so."""
    membership = access_project(request, project)
    chosen = _access_chosen(request, membership)
    found = queries.flows_in(queries.anchoring_of(chosen, membership.user))
    if found is None:
        raise Http404("nothing has moved yet")
    if request.path.endswith(".csv"):
        rows = [
            ("stage", "from", "to", "labels"),
            *((one.stage, one.source, one.target, one.n) for one in found.ribbons),
        ]
        lines = io.StringIO()
        csv.writer(lines).writerows([[safe(cell) for cell in row] for row in rows])
        return _file(
            HttpResponse(lines.getvalue(), content_type="text/csv; charset=utf-8"),
            f"flows-{project}-{chosen.pk}.csv",
        )
    title = f"{chosen.name}: {found.n} labels from blind to final to ruling"
    answer = render(
        request, "labeling/validity/flows_file.svg", {"flows": found, "title": title},
        content_type="image/svg+xml; charset=utf-8",
    )  # fmt: skip
    return _file(answer, f"flows-{project}-{chosen.pk}.svg")


def _file(answer: HttpResponse, name: str) -> HttpResponse:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _chosen(request: HttpRequest, rounds: list[Round], withheld: set[int]) -> Round | None:
    """The round asked for, if it may be seen; the newest that may, if none was asked for."""
    asked = request.GET.get("round", "")
    seen = [one for one in rounds if one.pk not in withheld]
    if not asked:
        return seen[0] if seen else None
    return next((one for one in seen if str(one.pk) == asked), None)


def _access_chosen(request: HttpRequest, membership: Membership) -> Round:
    """The round asked for.

    Raises:
        Http404: no such round in which evidence is revealed, or withheld from this person.
    """
    chosen = _chosen(request, *queries.rounds_for(membership))
    if chosen is None:
        raise Http404("no such round for you")
    return chosen


def _reversed(request: HttpRequest) -> list[str]:
    return request.GET.getlist("reversed")[:50]
