"""Drawing samples and looking at what was drawn."""

from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.evidence.filters import Filter, FilterError, matching
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import channels_of, visible_to
from auditor.sampling import actions, queries
from auditor.sampling.builder import ROWS, Look, look_at
from auditor.sampling.designs.design import Design
from auditor.sampling.downloads import csv_of
from auditor.sampling.forms import BY_WORDS, DrawForm, ExtendForm
from auditor.sampling.frames import CannotDraw
from auditor.sampling.models import Sample
from auditor.sampling.planning import plan_extension
from auditor.web.pages import render_page, wants_fragment

SHOWN = 200  # items of a sample on its page


@require_GET
def samples(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project)
    found = queries.samples_of(membership.project.pk)[:200]
    return render(request, "auditor/sampling/list.html", {"samples": found})


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """The frame is whatever the list's filter matches; the query string carries it here.

    A fragment, or the button "Look", is the preview: nothing is drawn by it.
    """
    membership = access_project(request, project, role=Role.MANAGER)
    sight = visible_to(membership.user)
    try:
        chosen = Filter.from_query(request.GET)
        matched = matching(chosen, project_id=membership.project.pk, sight=sight)
    except FilterError as problem:
        return render(request, "auditor/sampling/new.html", {"problem": problem}, status=422)
    looking = wants_fragment(request) or "look" in request.POST
    form = _draw_form(request, membership, looking)
    look = Look()
    if request.method == "POST" and form.is_valid():
        look = look_at(form, chosen, project_id=membership.project.pk, sight=sight, proposing=looking)
        if look.planned and not looking:
            try:
                sample = actions.draw_sample(
                    project=membership.project, actor=membership.user, filter=chosen, design=look.planned.design,
                    name=form.cleaned_data["name"], seed=form.cleaned_data["seed"], excludes=form.cleaned_data["excludes"],
                )  # fmt: skip
            except CannotDraw as problem:
                form.add_error(None, str(problem))
            except IntegrityError:
                form.add_error("name", "This project has a sample of that name.")
            else:
                return redirect("sampling:sample", project=project, pk=sample.pk)
    context = {
        "form": form, "filter": chosen, "look": look, "look_only": looking, "by_words": BY_WORDS.items(),
        "frame_size": matched.rows.count(), "left_out": matched.left_out,
    }  # fmt: skip
    status = 422 if form.errors and not looking else 200
    return render_page(request, "auditor/sampling/new.html", context, partial="preview", status=status)


def _draw_form(request: HttpRequest, membership: Membership, looking: bool) -> DrawForm:
    form = DrawForm(
        request.POST if request.method == "POST" else None,
        channels=channels_of(membership.project.pk).exclude(kind=HUMAN),
        samples=queries.samples_of(membership.project.pk),
        initial={"excludes": request.GET.getlist("exclude")},
    )
    form.fields["name"].required = not looking
    return form


@require_http_methods(["GET", "POST"])
def extend(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """A larger draw that holds this one: only the number is asked."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_sample(membership, pk)
    design = Design.from_json(found.parameters) if found.parameters else None
    by_hand = design is not None and design.allocation == "hand"
    looking = wants_fragment(request) or "look" in request.POST
    form = ExtendForm(
        request.POST or None, sample=found, design=design, initial={"name": f"{found.name}, extended"}
    )
    form.fields["name"].required = not looking
    look = Look()
    if request.method == "POST" and form.is_valid():
        larger: dict[str, Any] = (
            {"hand": form.cleaned_data["hand"]} if by_hand else {"n": form.cleaned_data["n"]}
        )
        try:
            look = Look(planned=plan_extension(sample=found, **larger))
            if not looking:
                sample = actions.extend_sample(
                    sample=found, name=form.cleaned_data["name"], actor=membership.user, **larger
                )
                return redirect("sampling:sample", project=project, pk=sample.pk)
        except CannotDraw as problem:
            form.add_error(None, str(problem))
        except IntegrityError:
            form.add_error("name", "This project has a sample of that name.")
    context = {
        "sample": found,
        "form": form,
        "look": look,
        "look_only": looking,
        "by_hand": by_hand,
        "why_not": queries.why_not_extend(found),
    }
    status = 422 if form.errors and not looking else 200
    return render_page(request, "auditor/sampling/extend.html", context, partial="preview", status=status)


@require_GET
def sample(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What was drawn, from what, with which odds; odds of veiled items would tell their stratum."""
    membership = access_project(request, project)
    found = queries.access_sample(membership, pk)
    items = list(found.items.select_related("transcript").order_by("order")[:SHOWN])
    veiled = visible_to(membership.user).veiled_ids([item.transcript_id for item in items])
    excluded = list(found.excludes.defer("frame_ids").order_by("pk"))
    chosen = Filter.from_json(found.filter)
    context = {
        "sample": found,
        "strata": found.strata[:ROWS],
        "filter": chosen,
        "items": [(item, item.transcript_id in veiled) for item in items],
        "n_items": found.items.count(),
        "excluded": excluded,
        "extensions": found.extensions.defer("frame_ids").order_by("pk"),
        "why_not_extend": queries.why_not_extend(found),
        "exclude_query": _excluding(chosen, [found, *excluded]),
        "overall_differs": bool(excluded) and not found.overall_note,
    }
    return render(request, "auditor/sampling/sample.html", context)


def _excluding(chosen: Filter, taken: list[Sample]) -> str:
    """The address form of a new draw from the same transcripts without what these drew."""
    return "&".join([*([chosen.to_query()] if chosen else []), *(f"exclude={one.pk}" for one in taken)])


@require_GET
def download(request: HttpRequest, project: str, pk: int) -> StreamingHttpResponse:
    """Ids and odds as CSV; those of veiled items are empty, as on the page."""
    membership = access_project(request, project)
    found = queries.access_sample(membership, pk)
    response = StreamingHttpResponse(
        csv_of(found, visible_to(membership.user)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="sample-{found.pk}.csv"'
    return response
