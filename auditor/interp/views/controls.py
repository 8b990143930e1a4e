"""How often a channel fires on honest texts: asking for it, and choosing from where on it fires."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.evidence.models import Channel
from auditor.evidence.summaries import access_channel
from auditor.interp import tasks
from auditor.interp.actions.controls import CONTROLS_TASK, choose_threshold
from auditor.interp.actions.naming import CannotDo
from auditor.interp.controls import FalseAlarms, PackRate, false_alarms_of, instrument_of
from auditor.interp.models import SubjectModel
from auditor.interp.packs import PACKS, PLAIN
from auditor.interp.plots import Drawn, drawn
from auditor.interp.queries import ready_subjects
from auditor.runs.models import Run
from auditor.runs.queries import worker_is_alive

REACHES = 1e30  # what a threshold may be


@dataclass(frozen=True)
class Shown:
    """A pack's rate as it is drawn."""

    one: PackRate
    drawn: Drawn


def shown(project_id: int, channel: Channel) -> dict[str, Any]:
    """What the section on controls needs."""
    alarms = false_alarms_of([channel.pk])[channel.pk]
    working = Run.objects.filter(
        project=project_id, task=CONTROLS_TASK, control_scores__channel=channel, status__in=["queued", "running", "paused"]
    )  # fmt: skip
    return {
        "alarms": alarms, "rates": [Shown(one, drawn(one.rate)) for one in alarms.packs],
        "nominal": None if alarms.nominal is None else drawn(alarms.nominal),
        "packs": list(PACKS.values()), "plain": PLAIN, "readers": list(ready_subjects(project_id)[:50]),
        "scoring": working.distinct().first(), "scorer_alive": worker_is_alive(CONTROLS_TASK),
    }  # fmt: skip


@require_GET
def of(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """From a channel to the page of what speaks on it."""
    membership = access_project(request, project)
    return redirect(page_of(project, access_channel(membership, pk)))


def page_of(project: str, channel: Channel) -> str:
    """Where the controls of a channel stand: of one beside another, the other's page."""
    main = channel
    if "of" in channel.detail:
        main = Channel.objects.filter(project=channel.project_id, key=channel.detail["of"]).first() or channel
    try:
        found = instrument_of(main)
    except CannotDo:
        return reverse("evidence:channel", args=[project, channel.pk])
    if found.probe is not None:
        return reverse("interp:probe", args=[project, found.probe.pk])
    assert found.feature is not None
    return reverse("interp:feature", args=[project, found.feature.dictionary.slug, found.feature.index])


@require_POST
def score(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Have a model read the control packs."""
    membership = access_project(request, project, role=Role.MANAGER)
    channel = access_channel(membership, pk)
    subject = _subject(membership, request.POST.get("subject", ""))
    try:
        tasks.queue_scoring(
            channels=[channel], subject=subject, actor=membership.user, packs=_packs(request, "packs")
        )
    except CannotDo as problem:
        messages.error(request, str(problem))
    return redirect(page_of(project, channel) + "#controls")


@require_POST
def threshold(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Choose from where on it fires."""
    membership = access_project(request, project, role=Role.MANAGER)
    channel = access_channel(membership, pk)
    alarms: FalseAlarms = false_alarms_of([channel.pk])[channel.pk]
    try:
        if alarms.subject is None:
            raise CannotDo("Score the control packs first: a threshold names what it was chosen on.")
        wanted, value = _number(request, "wanted", 0.01), _number(request, "value", 1)
        if request.POST.get("by") == "value":
            wanted = None
        else:
            value = None
        made = choose_threshold(
            channel=channel, subject=alarms.subject, actor=membership.user, wanted=wanted, value=value,
            packs=_packs(request, "packs") or [PLAIN],
        )  # fmt: skip
    except CannotDo as problem:
        messages.error(request, str(problem))
    else:
        messages.success(
            request, f"It fires from {made.value:.4g} on: {made.fired} of {made.n} of {made.control}."
        )
    return redirect(page_of(project, channel) + "#controls")


def _number(request: HttpRequest, name: str, unit: float) -> float | None:
    text = request.POST.get(name, "").strip()
    try:
        value = float(text) * unit if text else None
    except ValueError as problem:
        raise CannotDo(f"{text[:40]} is no number.", field=name) from problem
    if value is not None and not abs(value) < REACHES:
        raise CannotDo(f"{text[:40]} is no such number.", field=name)
    return value


def _packs(request: HttpRequest, name: str) -> Sequence[str]:
    return [key for key in request.POST.getlist(name) if key in PACKS]


def _subject(membership: Membership, asked: str) -> SubjectModel:
    found = SubjectModel.objects.filter(
        project=membership.project_id, pk=int(asked) if asked.isdecimal() and len(asked) < 10 else 0
    )
    if (subject := found.first()) is None:
        raise Http404("no such model")
    return subject
