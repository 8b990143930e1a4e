"""The reading room: the list of transcripts, the counts beside it, and the list as a file."""

from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.browse import queries
from auditor.browse.arrangement import Arrangement
from auditor.browse.columns import brushes, chips, demands, headings
from auditor.browse.grammar import FIELD_NAMES, fix_of, names_for_help
from auditor.browse.queries import Wanted
from auditor.browse.sheet import file_name, sheet
from auditor.corpus.search import index_state
from auditor.evidence.estimates import tallied
from auditor.evidence.facets import facets
from auditor.evidence.filters import Filter, FilterError, check_names
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import channels_by_key, channels_of, visible_to
from auditor.evidence.rewriting import as_text
from auditor.web.pages import render_page, wants_fragment

LIST = "auditor/browse/list.html"
SIDE = "auditor/browse/facets.html"


@require_GET
def transcripts(request: HttpRequest, project: str) -> HttpResponse:
    """The list; its whole state is in the address, which is put into its shortest form."""
    membership = access_project(request, project)
    saved = queries.views_of(membership.project_id, membership.user)
    first = next((view for view in saved if view.first), None)
    if first is not None and first.query and not request.GET and not wants_fragment(request):
        return redirect(f"{request.path}?{first.query}")
    try:
        context = _list(request, membership)
    except FilterError as problem:
        context = _problem(request, membership, problem)
        status = 200 if wants_fragment(request) else 422
        return render_page(request, LIST, {**context, "views": saved}, partial="results", status=status)
    here = context["here"] or ("sort=-id" if first is not None else "")
    address = f"{request.path}?{here}" if here else request.path
    if not wants_fragment(request) and "" in _asked(request):
        return redirect(address)
    response = render_page(request, LIST, {**context, "views": saved}, partial="results")
    response["HX-Push-Url"] = address
    return response


def _arranged(request: HttpRequest, membership: Membership) -> tuple[Arrangement, dict[str, Channel]]:
    channels = channels_by_key(membership.project_id)
    arrangement = Arrangement.from_query(request.GET, Filter.from_query(request.GET))
    return arrangement.settled(channels, queries.columns_of(membership.project_id)), channels


def _list(request: HttpRequest, membership: Membership) -> dict[str, Any]:
    began = perf_counter()
    project_id, sight = membership.project_id, visible_to(membership.user)
    arrangement, channels = _arranged(request, membership)
    given = request.GET
    wanted = Wanted(given.get("after", ""), given.get("before", ""), "last" in given)
    indexed, total = index_state(project_id)
    page = queries.listing(
        arrangement, project_id=project_id, sight=sight, channels=channels, wanted=wanted, total=total
    )
    columns = arrangement.shown_columns(channels)
    more = {"after": wanted.after, "before": wanted.before, "last": "1" if wanted.last else ""}
    filter = arrangement.filter
    return {
        **_frame(membership, total),
        "arrangement": arrangement, "filter": filter, "page": page, "indexed": indexed,
        "headings": headings(arrangement, columns), "columns": columns,
        "notices": {c.channel.name: c.channel.notice for c in columns if c.channel and c.channel.notice},
        "chosen": [c.text for c in columns] if arrangement.columns else [],
        "chips": chips(arrangement, channels),
        "as_text": "?" + arrangement.filtered(as_text(filter)).to_query() if filter.chips else "",
        "labelled": any(channel.kind == HUMAN for channel in channels.values()),
        "here": arrangement.to_query(**more), "view_query": arrangement.to_query(),
        "first_url": "?" + (arrangement.to_query() or "sort=-id"), "last_url": "?" + arrangement.to_query(last="1"),
        "next_url": "?" + arrangement.to_query(after=page.after) if page.after else "",
        "previous_url": "?" + arrangement.to_query(before=page.before) if page.before else "",
        "list_url": request.path, "row_query": "?" + urlencode({"q": filter.words}) if filter.words else "",
        "fragment": wants_fragment(request),
        "milliseconds": round(1000 * (perf_counter() - began)),
    }  # fmt: skip


def _frame(membership: Membership, total: int) -> dict[str, Any]:
    return {
        "total": total,
        "manages": membership.at_least(Role.MANAGER),
        "import_url": reverse("intake:upload", args=[membership.project.slug]),
        "field_names": FIELD_NAMES,
    }


def _problem(request: HttpRequest, membership: Membership, problem: FilterError) -> dict[str, Any]:
    """The page with the boxes as they were filled in, and what is wrong with them."""
    return {
        **_frame(membership, queries.n_transcripts(membership.project_id)),
        "problem": problem,
        "fix": fix_of(request.GET, problem),
        "filter": _given(request, problem),
        "fragment": wants_fragment(request),
    }


def _given(request: HttpRequest, problem: FilterError) -> Filter:
    """The filter as it was asked for, even where its expression cannot be read."""
    words, where = request.GET.get("q", ""), request.GET.get("where", "")
    if problem.parameter not in ("where", "q"):
        return Filter(words=words, where=where)
    others = request.GET.copy()
    others.pop("where", None)
    try:
        return replace(Filter.from_query(others), where=where.strip())
    except FilterError:
        return Filter(words=words, where=where)


@require_GET
def counts(request: HttpRequest, project: str) -> HttpResponse:
    """How many match, and the facets with their counts: asked for by the list once its rows are there."""
    membership = access_project(request, project)
    project_id, sight = membership.project_id, visible_to(membership.user)
    try:
        arrangement, channels = _arranged(request, membership)
        check_names(arrangement.filter, project_id=project_id, sight=sight)
        arrangement.filter.scopes_named(channels)
        total = queries.n_transcripts(project_id)
        matched = tallied(
            arrangement.filter, project_id=project_id, sight=sight, channels=channels, total=total
        )
        columns = arrangement.shown_columns(channels)
        found = facets(
            arrangement.filter, project_id=project_id, sight=sight, channels=channels, total=total,
            shown=arrangement.histogram_channels(channels),
            fields=[column.name.path for column in columns if column.name.sort == "meta"],
        )  # fmt: skip
    except FilterError as problem:
        context = {"problem": problem, "fix": fix_of(request.GET, problem)}
        return render_page(
            request, SIDE, context, partial="facets", status=200 if wants_fragment(request) else 422
        )
    context = {
        "arrangement": arrangement, "filter": arrangement.filter, "facets": found, "matched": matched, "total": total,
        "brushes": brushes(arrangement, found.histograms), "demands": demands(arrangement, found),
        "fragment": wants_fragment(request),
    }  # fmt: skip
    return render_page(request, SIDE, context, partial="facets")


@require_GET
def grammar(request: HttpRequest, project: str) -> HttpResponse:
    """What can be written in both boxes, with the names that this project has."""
    membership = access_project(request, project)
    channels = channels_of(membership.project_id)
    names = names_for_help(membership.project_id, visible_to(membership.user), channels)
    return render_page(request, "auditor/browse/grammar.html", {"names": names}, partial="grammar")


@require_GET
def export(request: HttpRequest, project: str) -> HttpResponse | StreamingHttpResponse:
    """The list as CSV; what is veiled to the person is left out or hidden, as on the page."""
    membership = access_project(request, project)
    project_id, sight = membership.project_id, visible_to(membership.user)
    try:
        arrangement, channels = _arranged(request, membership)
        check_names(arrangement.filter, project_id=project_id, sight=sight)
        left_out = queries.left_out(arrangement, project_id, sight, channels)
        walk = queries.walker(arrangement, project_id=project_id, sight=sight, channels=channels)
        next(walk(1, 1), [])  # what cannot be read is said before the file begins
    except FilterError as problem:
        context = _problem(request, membership, problem)
        return render_page(request, LIST, context, partial="results", status=422)
    n = f"{left_out:,}" if left_out < queries.MOST_LEFT_OUT else f"more than {left_out - 1:,}"
    note = f"{n} transcripts that you have yet to label blind are left out." if left_out else ""
    lines = sheet(arrangement, walk, sight=sight, channels=channels, note=note)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name(membership.project.slug)}"'
    return response


def _asked(request: HttpRequest) -> list[str]:
    """The values of every parameter that may not be empty in a tidy address."""
    return [value for name, values in request.GET.lists() for value in values if name != "model"]
