"""One probe: its card in words, what it is worth, and the words of this corpus on which it is high."""

from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.evidence.queries import SCOPES, Sight, visible_to
from auditor.evidence.summaries import summary
from auditor.interp import queries
from auditor.interp.actions.naming import CannotDo
from auditor.interp.actions.probes import SameProbe, archive_probe, import_probe
from auditor.interp.card import Card
from auditor.interp.cases import cases_of
from auditor.interp.forms_probes import ProbeForm
from auditor.interp.labelled import by_label
from auditor.interp.models import Probe
from auditor.interp.views import controls

CAPTURES = 20  # newest that are listed


@require_GET
def probe(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project)
    found = queries.access_probe(membership, pk)
    sight = visible_to(membership.user)
    context: dict[str, Any] = {
        "probe": found, "card": Card.from_json(found.card),
        "versions": queries.probes_of(membership.project_id).filter(slug=found.slug).order_by("-number"),
        "trainings": queries.trainings_of(membership.project_id).filter(probe=found).defer("examples", "result")[:5],
        "captures": queries.captures_of(membership.project_id).filter(instruments__probe=found)[:CAPTURES],
        **about(request, found.channel, sight),
    }  # fmt: skip
    return render(request, "auditor/interp/probe.html", context)


def about(request: HttpRequest, channel: Any, sight: Sight) -> dict[str, Any]:
    """What the pages of probes and features have in common: controls, spread, transcripts, labels."""
    context = controls.shown(channel.project_id, channel)
    asked = request.GET.get("draw", "")
    draw = int(asked) if asked.isdecimal() and len(asked) < 6 else 0
    chosen = context["alarms"].threshold
    return context | {
        "channel": channel, "summary": summary(channel, sight),
        "cases": cases_of(channel, sight, threshold=chosen.value if chosen else None, draw=draw), "next_draw": draw + 1,
        "labels": by_label(channel, sight, threshold=chosen.value if chosen else None),
        "left_out": sight.n_veiled(channel.project_id, SCOPES),
    }  # fmt: skip


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Bring in a probe from a file and its card."""
    membership = access_project(request, project, role=Role.MANAGER)
    form = ProbeForm(
        request.POST or None, request.FILES or None, subjects=queries.ready_subjects(membership.project_id)
    )
    same: Probe | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = import_probe(
                project=membership.project, data=form.data_of_file, file_name=form.file_name, card=form.card,
                name=form.cleaned_data["name"], subject=form.cleaned_data["subject"], actor=membership.user,
            )  # fmt: skip
        except SameProbe as problem:
            same = problem.probe
            form.add_error("file", str(problem))
        except CannotDo as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
        else:
            return redirect("interp:probe", project=project, pk=made.pk)
    context = {"form": form, "same": same}
    return render(request, "auditor/interp/new_probe.html", context, status=422 if form.errors else 200)


@require_GET
def download(request: HttpRequest, project: str, pk: int) -> HttpResponseBase:
    """The probe with its card, as it can be brought in elsewhere."""
    found = queries.access_probe(access_project(request, project), pk)
    name = f"{found.slug}-v{found.number}.safetensors"
    if not default_storage.exists(found.weights):
        raise Http404("its file is gone")
    file = default_storage.open(found.weights, "rb")
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/octet-stream")


@require_POST
def archive(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_probe(membership, pk)
    archive_probe(probe=found, actor=membership.user, archived=request.POST.get("archived") == "1")
    return redirect("interp:probe", project=project, pk=found.pk)
