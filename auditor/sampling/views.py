"""Drawing samples and looking at what was drawn."""

from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.evidence.filters import Filter, FilterError, matching
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import channels_of, visible_to
from auditor.sampling import actions, queries
from auditor.sampling.forms import DrawForm
from auditor.sampling.models import Sample

SHOWN = 200  # items of a sample on its page


@require_GET
def samples(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project)
    return render(
        request, "auditor/sampling/list.html", {"samples": queries.samples_of(membership.project.pk)[:200]}
    )


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """The frame is whatever the list's filter matches; the query string carries it here."""
    membership = access_project(request, project, role=Role.MANAGER)
    sight = visible_to(membership.user)
    try:
        chosen = Filter.from_query(request.GET)
        matched = matching(chosen, project_id=membership.project.pk, sight=sight)
    except FilterError as problem:
        return render(request, "auditor/sampling/new.html", {"problem": problem}, status=422)
    channels = channels_of(membership.project.pk).exclude(kind=HUMAN)
    form = DrawForm(request.POST or None, channels=channels)
    if request.method == "POST" and form.is_valid():
        try:
            sample = actions.draw_sample(
                project=membership.project, actor=membership.user, filter=chosen,
                **{**form.cleaned_data, "channels": _wanted(form)},
            )  # fmt: skip
        except actions.CannotDraw as problem:
            form.add_error(None, str(problem))
        except IntegrityError:
            form.add_error("name", "This project has a sample of that name.")
        else:
            return redirect("sampling:sample", project=project, pk=sample.pk)
    context = {
        "form": form,
        "filter": chosen,
        "frame_size": matched.rows.count(),
        "left_out": matched.left_out,
    }
    return render(request, "auditor/sampling/new.html", context, status=422 if form.errors else 200)


def _wanted(form: DrawForm) -> list[object]:
    return [] if form.cleaned_data["design"] == actions.UNIFORM else list(form.cleaned_data["channels"])


@require_GET
def sample(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What was drawn, from what, with which odds; odds of veiled items would tell their stratum."""
    membership = access_project(request, project)
    found = access_sample(membership, pk)
    items = list(found.items.select_related("transcript").order_by("order")[:SHOWN])
    veiled = visible_to(membership.user).veiled_ids([item.transcript_id for item in items])
    context = {
        "sample": found,
        "filter": Filter.from_json(found.filter),
        "items": [(item, item.transcript_id in veiled) for item in items],
        "n_items": found.items.count(),
    }
    return render(request, "auditor/sampling/sample.html", context)


def access_sample(membership: Membership, pk: int) -> Sample:
    """A sample of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = Sample.objects.filter(pk=pk, project=membership.project).select_related("created_by").first()
    if found is None:
        raise Http404("no such sample")
    return found
