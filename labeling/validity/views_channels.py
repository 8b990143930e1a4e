"""Pages of channels against what is known: all of them, one of them, and the drawings and figures as files."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Channel
from auditor.web.templatetags.words import score
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Round
from labeling.validity import actions, downloads, plots, showing
from labeling.validity import report_queries as queries
from labeling.validity.contrasts import NoContrast
from labeling.validity.references import Reference
from labeling.validity.report_queries import Shown
from labeling.validity.scored import LEAST
from labeling.validity.showing import Asked
from labeling.validity.tasks import queue_report


@require_GET
def channels(request: HttpRequest, project: str) -> HttpResponse:
    """How far each kind of evidence can be trusted: every channel on one question."""
    membership = access_project(request, project)
    reference, some = queries.access_reference(membership, request.GET.get("reference", ""))
    context: dict[str, Any] = {
        "reference": reference,
        "references": some,
        "least": LEAST,
        "sorts": showing.SORTS,
    }
    if reference is not None:
        shown = queries.shown_report(reference, membership.user)
        context |= _state(membership, reference, shown)
        if shown is not None:
            asked = _asked(request, shown)
            known = queries.channels_named(membership.project_id, showing.channel_ids(shown.row))
            kind, sort = request.GET.get("kind", ""), request.GET.get("sort", "")
            context |= {
                "questions": showing.questions(shown.row), "asked": asked, "kinds": showing.kinds_of(known),
                "kind": kind, "sort": sort if sort in showing.SORTS else showing.SORTS[0],
                "rows": showing.rows_of(shown.row, asked, known, kind=kind, sort=sort) if asked else [],
                "scanned": showing.scanned(shown.row, asked) if asked else 0,
                "ticks": [(plots.across(value), f"{value:g}") for value in plots.TICKS],
                "sides": _sides(reference, membership),
            }  # fmt: skip
    return render(request, "labeling/validity/channels.html", context)


@require_GET
def channel(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One channel: its curve, thresholds, calibration, words, parts, and other channels beside it."""
    membership = access_project(request, project)
    row = queries.access_measured(membership, pk)
    reference, some = queries.access_reference(membership, request.GET.get("reference", ""))
    context: dict[str, Any] = {
        "channel": row, "kind": kind_of(row.kind), "is_feature": showing.is_feature(row), "reference": reference,
        "references": some, "least": LEAST,
    }  # fmt: skip
    shown = queries.shown_report(reference, membership.user) if reference is not None else None
    if reference is not None:
        context |= _state(membership, reference, shown)
    if shown is not None and reference is not None:
        asked, restricted = _asked(request, shown), bool(request.GET.get("restricted"))
        details = queries.details_of(shown.row, row)
        context |= {"questions": showing.questions(shown.row), "asked": asked, "details": details}
        if asked is not None:
            key = asked.restricted if restricted and asked.restricted else asked.key
            context |= {"question": key, "restricted": key != asked.key}
            if key in details:
                context |= _contents(membership, shown, row, asked, key, details, reference)
    return render(request, "labeling/validity/channel.html", context)


@require_POST
def compute(request: HttpRequest, project: str) -> HttpResponse:
    """Measure every channel anew in the background, with one more contrast if it is asked for."""
    membership = access_project(request, project, role=Role.MANAGER)
    reference, _ = queries.access_reference(membership, request.POST.get("reference", ""))
    if reference is None:
        raise Http404("nothing to hold channels against")
    contrast = request.POST.get("contrast", "").strip()
    if not contrast and (request.POST.get("positive") or request.POST.get("negative")):
        contrast = f"{_side(request.POST.getlist('positive'))}~{_side(request.POST.getlist('negative'))}"
    try:
        row = actions.open_report(
            project=membership.project, reference=reference, actor=membership.user, contrast=contrast
        )
    except NoContrast as problem:
        messages.error(request, str(problem))
    else:
        queue_report(row)
    address = reverse("validity:channels", args=[project])
    return redirect(f"{address}?{urlencode({'reference': reference.key})}")


@require_GET
def download(request: HttpRequest, project: str) -> StreamingHttpResponse:
    """Every listed channel's area on every question, as CSV."""
    membership, shown, _ = _access_shown(request, project)
    known = queries.channels_named(membership.project_id, showing.channel_ids(shown.row))
    return downloads.csv_file(downloads.overview(shown.row, known), f"validity-{project}")


@require_GET
def forest(request: HttpRequest, project: str) -> HttpResponse:
    """The overview of one question as a drawing."""
    membership, shown, _ = _access_shown(request, project)
    asked = _asked(request, shown)
    if asked is None:
        raise Http404("no question")
    known = queries.channels_named(membership.project_id, showing.channel_ids(shown.row))
    rows = showing.rows_of(shown.row, asked, known, kind=request.GET.get("kind", ""), sort=request.GET.get("sort", ""))  # fmt: skip
    drawing = plots.forest([(one.channel.name, one.hue, one.line["auroc"]) for one in rows], asked.words)
    return downloads.svg_file(drawing, f"validity-{project}")


@require_GET
def channel_sheet(request: HttpRequest, project: str, pk: int) -> StreamingHttpResponse:
    """One channel's figures on every question as CSV; `of` says which."""
    membership, shown, _ = _access_shown(request, project)
    row = queries.access_measured(membership, pk)
    of = request.GET.get("of", "figures")
    if of not in downloads.SHEETS:
        raise Http404("no such sheet")
    return downloads.csv_file(downloads.sheet(of, queries.details_of(shown.row, row)), f"validity-{of}-{pk}")


@require_GET
def channel_plot(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One of a channel's drawings as a file; `of` says which."""
    membership, shown, reference = _access_shown(request, project)
    row = queries.access_measured(membership, pk)
    key, of = request.GET.get("question", ""), request.GET.get("of", "roc")
    detail = queries.details_of(shown.row, row).get(key)
    if detail is None:
        raise Http404("no such figures")
    words = {name: said for name, said, *_ in shown.row.figures["questions"]}
    line = _line(shown, row, key)
    drawings = _drawings(row, detail, _label_words(reference, shown), line, words.get(key, ""))
    if drawings.get(of) is None:
        raise Http404("no such drawing")
    return downloads.svg_file(drawings[of], f"validity-{of}-{pk}")


def _contents(
    membership: Membership, shown: Shown, channel: Channel, asked: Asked, key: str,
    details: dict[str, dict[str, Any]], reference: Reference,
) -> dict[str, Any]:  # fmt: skip
    detail = details[key]
    hue = kind_of(channel.kind).hue
    known = queries.channels_named(membership.project_id, showing.channel_ids(shown.row))
    line = _line(shown, channel, key)
    drawings = _drawings(channel, detail, _label_words(reference, shown), line, asked.words)
    figures = showing.main_figures(detail)
    return {
        "detail": detail, "line": line, "figures": figures, "auroc": figures[0], "parts": showing.parts(detail, hue),
        "thresholds": showing.thresholds(detail, held_out=False), "held_out": showing.thresholds(detail, held_out=True),
        "roc": drawings.get("roc"), "calibration": drawings.get("calibration"), "heat": drawings.get("confusion"),
        "crossed": drawings.get("threshold"),
        "pairs": showing.pairs_of(shown.row, key, channel.pk, known), "scanned": showing.scanned(shown.row, asked),
        "marks": showing.marks(detail),
    }  # fmt: skip


def _line(shown: Shown, channel: Channel, question: str) -> Any:
    """The channel on a question as the overview has it."""
    some = (one for one in shown.row.figures["lines"] if one["channel"] == channel.pk)
    return next((one for one in some if one["question"] == question), None)


def _drawings(
    channel: Channel, detail: dict[str, Any], words: dict[str, str], line: Any, asked: str
) -> dict[str, Any]:
    """A channel's drawings by name; None where there is nothing to draw."""
    hue = kind_of(channel.kind).hue
    found: dict[str, Any] = {
        "confusion": plots.heat(detail["met"], f"What {channel.name} said, and what was", words),
    }
    if line is not None and line["at"] is not None and (at := line["at"]["found"]) is not None:
        title = f"{channel.name} at its threshold, and what was"
        found["threshold"] = plots.crossed(at, score(at["threshold"]), asked, title)
    if detail["curve"]:
        found["roc"] = plots.roc(detail["curve"], showing.marks(detail), f"ROC curve of {channel.name}")
    if detail["is_probability"] and detail["bins"]:
        found["calibration"] = plots.calibration(detail["bins"], f"Calibration of {channel.name}")
    cut = [one for one in detail["figures"] if one["cut"] != "all"]
    if cut:
        found["parts"] = plots.forest(
            [(one["part"], hue, one) for one in cut], f"AUROC of {channel.name} by part"
        )
    return found


def _state(membership: Membership, reference: Reference, shown: Shown | None) -> dict[str, Any]:
    """What stands, what is under way, and what may be asked for."""
    hidden = None
    if shown is None:
        rows = queries.reports_of(membership.project_id, reference.key).filter(computed_at__isnull=False)
        hidden = rows.first()
    return {
        "shown": shown,
        "in_work": queries.report_in_work(membership.project_id, reference.key),
        "failed": _failed(membership, reference, shown),
        "withheld": hidden is not None,
        "can_compute": membership.can_manage,
    }


def _failed(membership: Membership, reference: Reference, shown: Shown | None) -> Any:
    """The newest report if its run did not come to an end, so that the page says why."""
    newest = queries.reports_of(membership.project_id, reference.key).first()
    if newest is None or newest.computed_at is not None or newest.run is None:
        return None
    if newest.asked_by_id != membership.user.pk or newest.run.status not in ("failed", "cancelled"):
        return None
    return newest.run


def _asked(request: HttpRequest, shown: Shown) -> Asked | None:
    """The question asked for, or the first."""
    some = showing.questions(shown.row)
    wanted = request.GET.get("contrast", "")
    return next((one for one in some if one.key == wanted), some[0] if some else None)


def _access_shown(request: HttpRequest, project: str) -> tuple[Membership, Shown, Reference]:
    """The report that stands for this person.

    Raises:
        Http404: there is none, or none for them.
    """
    membership = access_project(request, project)
    reference, _ = queries.access_reference(membership, request.GET.get("reference", ""))
    shown = queries.shown_report(reference, membership.user) if reference is not None else None
    if shown is None or reference is None:
        raise Http404("not computed, or not yet for you")
    return membership, shown, reference


def _sides(reference: Reference, membership: Membership) -> list[tuple[str, str]]:
    """What a new contrast may be made of: groups and labels by key, in words."""
    if reference.codebook is None:
        return []
    newest = reference.codebook.versions.order_by("-number").first()
    if newest is None:
        return []
    book = definition_of(newest)
    return [(f"group.{one.key}", f"{one.words} (group)") for one in book.groups] + [
        (f"label.{one.code}", f"{one.words} ({one.code})") for one in book.labels
    ]


def _side(chosen: list[str]) -> str:
    """One side from what was ticked: labels together, or one group or condition."""
    if len(chosen) > 1 and all(one.startswith("label.") for one in chosen):
        return "label." + "+".join(one.removeprefix("label.") for one in chosen)
    return chosen[0] if len(chosen) == 1 else "+".join(chosen)


def _label_words(reference: Reference, shown: Shown) -> dict[str, str]:
    """The codebook's labels in words."""
    round = Round.objects.filter(pk__in=shown.row.rounds).select_related("codebook_version").order_by("-pk").first()  # fmt: skip
    if reference.codebook is None or round is None:
        return {}
    return {one.code: one.words for one in definition_of(round.codebook_version).labels}
