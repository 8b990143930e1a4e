"""The review desk: one item, one stage, one rail; the server decides what may be shown."""

from typing import Any

import orjson
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project, person
from auditor.accounts.models import Membership, Role
from auditor.web.pages import wants_fragment
from labeling.annotations import actions, queries
from labeling.annotations.content import BadContent, Content, parse, read
from labeling.annotations.desk_page import DESK, PART, page_of, part_of, rail_of, wants_part
from labeling.annotations.differences import differences
from labeling.annotations.models import BLIND
from labeling.annotations.queries import Standing
from labeling.annotations.rail import Rail
from labeling.codebooks.queries import definition_of
from labeling.queues import actions as queues
from labeling.queues.models import REVEAL, TRAINING, Item, Round
from labeling.queues.queries import access_desk, desk_of, desks_of
from labeling.queues.skipping import OTHER, WORDS

MINE = 500  # own labels on one page
LIGHT = 40_000  # characters up to which the page after the next is made while a commit waits for its answer


@require_GET
def home(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project, role=Role.REVIEWER)
    desks = desks_of(membership.project.pk, membership.user)
    return render(request, "labeling/annotations/home.html", {"desks": desks})


@require_GET
def desk(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The item on the desk; nothing is taken by looking, so without one there is a button that takes it."""
    membership = access_project(request, project, role=Role.REVIEWER)
    found = desk_of(access_desk(membership, pk), membership.user)
    if found.held is not None:
        return redirect("annotations:item", project=project, pk=found.held)
    return render(request, "labeling/annotations/desk.html", {"desk": found, "round": found.round})


@require_POST
def take(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.REVIEWER)
    return redirect(_next(access_desk(membership, pk), request, project))


@require_GET
def mine(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One's own finished items, to look at again or to revise."""
    membership = access_project(request, project, role=Role.REVIEWER)
    round = access_desk(membership, pk)
    codebook = definition_of(round.codebook_version)
    rows = [
        (label, codebook.by_code[label.label]) for label in queries.own_labels(round, membership.user)[:MINE]
    ]
    return render(
        request, "labeling/annotations/mine.html", {"round": round, "rows": rows, "codebook": codebook}
    )


@require_GET
def item(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.REVIEWER)
    standing = queries.access_standing(membership, pk)
    if standing.lease.reason == "skipped" and standing.lease.state == "released" and standing.blind is None:
        return redirect("annotations:desk", project=project, pk=standing.round.pk)
    if not wants_part(request):
        return render(request, DESK, {"layout": "base.html", **page_of(request, standing, membership)})
    answer = HttpResponse(part_of(request, standing, membership))
    # Never to be shown in place of the whole page, which has the same address.
    patch_vary_headers(answer, [PART])
    patch_cache_control(answer, no_store=True)
    return answer


@require_POST
def draft(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Keep what was typed; with `rail` in the form, answer with the rail that follows from it."""
    membership = access_project(request, project, role=Role.REVIEWER)
    standing = queries.access_standing(membership, pk)
    try:
        sent = parse(request.body)
        content = read(sent.get("content"))
        saves = actions.save_draft(
            item=standing.item, reviewer=membership.user, stage=str(sent.get("stage")), base=_number(sent, "base"),
            content=content, saves=_number(sent, "saves"), active_seconds=_number(sent, "active"),
        )  # fmt: skip
    except BadContent as problem:
        return JsonResponse({"problem": str(problem)}, status=422)
    except (actions.OldCopy, actions.NotOnDesk) as problem:
        newest = standing.draft.saves if standing.draft is not None else 0
        return JsonResponse({"problem": str(problem), "saves": newest}, status=409)
    if not sent.get("rail"):
        return JsonResponse({"saves": saves})
    rail = rail_of(standing, content, reopened=str(sent.get("open") or ""), unit=_number(sent, "unit"))
    return _fragment(request, standing, content, rail, status=200)


@require_POST
def commit(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Commit the present stage; then the same item with its evidence, or the next item.

    The desk's script gets with the answer what it would ask for next: the page that it shows then, or, where it has
    that one already (`kept`), the page after it.
    """
    membership = access_project(request, project, role=Role.REVIEWER)
    content = Content()
    try:
        sent = _sent(request)
        content = read(sent.get("content"))
        done = _commit(Item(pk=pk), membership, content, sent)
    except (BadContent, actions.NotAllowed, actions.NotOnDesk) as problem:
        return _refused(request, membership, pk, content, str(problem), status=422)
    except actions.StaleCommit as problem:
        standing = queries.access_standing(membership, pk)
        said = _difference(standing, content, problem)
        return _refused(request, membership, pk, content, said, status=409, reload=True)
    except actions.Decided as problem:
        return _refused(request, membership, pk, content, str(problem), status=409, reload=True)
    if done.revision.late:
        messages.warning(
            request, "Kept, and marked as late: the item went to somebody else while it lay here."
        )
    round = done.revision.item.round
    revealed = done.revision.stage == BLIND and round.policy == REVEAL
    if not revealed and done.revision.item.role == TRAINING and not done.revision.late:
        return _go(request, reverse("queues:feedback", args=[project, pk]))
    if not wants_part(request):
        here = reverse("annotations:item", args=[project, pk])
        return _go(request, here if revealed else _next(round, request, project))
    if revealed:
        return _brought(request, membership, pk)
    # What is to be said of a late label is said on a page made now.
    kept = 0 if done.revision.late else _number(sent, "kept")
    return _brought_next(request, membership, round, kept=kept)


def _brought_next(request: HttpRequest, membership: Membership, round: Round, *, kept: int) -> HttpResponse:
    """The next item's page or, where that is the one the script has kept, the page of the item after it."""
    try:
        with transaction.atomic():
            leases = queues.take_up(round=round, reviewer=membership.user, most=2 if kept else 1)
            for lease in leases:
                actions.open_up(lease=lease, round=round)
    except queues.RoundClosed:
        leases = ()
    if not leases:
        return _go(request, reverse("annotations:desk", args=[membership.project.slug, round.pk]))
    pk = leases[0].item_id
    if pk != kept:
        return _brought(request, membership, pk)
    coming = queries.access_standing(membership, leases[1].item_id) if leases[1:] else None
    if coming is None or coming.item.transcript.n_chars > LIGHT:
        return _told(_url(membership, pk))
    return _told(_url(membership, pk), ahead=_ahead(request, membership, coming, after=pk))


def _brought(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    standing = queries.access_standing(membership, pk)
    return _told(_url(membership, pk), page=part_of(request, standing, membership))


def _ahead(request: HttpRequest, membership: Membership, coming: Standing, *, after: int) -> dict[str, Any]:
    """The page of an item that is fetched while `after` is worked on."""
    pk = coming.item.pk
    return {
        "item": pk,
        "url": _url(membership, pk),
        "page": part_of(request, coming, membership, after=after),
    }


def _told(url: str, **more: Any) -> HttpResponse:
    """What the script is told: where it goes on, and what it needs there."""
    said = orjson.dumps({"url": url, **more})
    return HttpResponse(said, content_type="application/json", headers={"Cache-Control": "no-store"})


def _url(membership: Membership, pk: int) -> str:
    return reverse("annotations:item", args=[membership.project.slug, pk])


def _commit(item: Item, membership: Membership, content: Content, sent: dict[str, Any]) -> actions.Committed:
    said: dict[str, Any] = {
        "item": item, "reviewer": membership.user, "content": content, "active_seconds": _number(sent, "active"),
        "project_id": membership.project_id,
    }  # fmt: skip
    if str(sent.get("stage")) == BLIND:
        return actions.commit_blind(**said)
    return actions.commit_final(**said, base=_number(sent, "base"))


@require_POST
def skip(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.REVIEWER)
    standing = queries.access_standing(membership, pk)
    note = request.POST.get("note", "").strip()
    why = request.POST.get("why", OTHER)
    if not note and (why == OTHER or why not in WORDS):
        messages.error(request, "Say in a word why; whoever gets the item next is helped by it.")
        return redirect("annotations:item", project=project, pk=pk)
    try:
        queues.skip(lease=standing.lease, note=note, why=why)
    except queues.LeaseLost as problem:
        messages.warning(request, str(problem))
    return redirect(_next(standing.round, request, project))


@require_POST
def alive(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The page is open and somebody works on it."""
    membership = access_project(request, project, role=Role.REVIEWER)
    standing = queries.access_standing(membership, pk)
    try:
        queues.keep_alive(lease=standing.lease)
    except queues.LeaseLost as problem:
        return JsonResponse({"problem": str(problem)}, status=409)
    return HttpResponse(status=204)


@require_POST
def ahead(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Hold the item after this one; where it is, and its page, which takes the place of this one's after the commit."""
    membership = access_project(request, project, role=Role.REVIEWER)
    standing = queries.access_standing(membership, pk)
    try:
        with transaction.atomic():
            lease = queues.reserve_next(round=standing.round, reviewer=membership.user)
            if lease is not None:
                actions.open_up(lease=lease, round=standing.round)
    except queues.RoundClosed:
        lease = None
    if lease is None or lease.item_id == pk:
        return HttpResponse(status=204)
    coming = queries.access_standing(membership, lease.item_id)
    return _told(**_ahead(request, membership, coming, after=pk))


def _fragment(
    request: HttpRequest, standing: Standing, content: Content, rail: Rail, *, status: int, **more: Any
) -> HttpResponse:
    context = {"standing": standing, "content": content, "rail": rail, "codebook": standing.codebook, **more}
    return render(request, f"{DESK}#rail", context, status=status)


def _refused(
    request: HttpRequest,
    membership: Membership,
    pk: int,
    content: Content,
    problem: str,
    *,
    status: int,
    reload: bool = False,
) -> HttpResponse:
    standing = queries.access_standing(membership, pk)
    rail = rail_of(standing, content)
    return _fragment(request, standing, content, rail, status=status, problem=problem, reload=reload)


def _difference(standing: Standing, content: Content, stale: actions.StaleCommit) -> str:
    """What stands, against what this page says."""
    found = differences(standing.codebook, queries.content_of(stale.standing), content)
    return f"A label was committed from another tab: {'; '.join(found)}. Nothing was overwritten."


def _next(round: Round, request: HttpRequest, project: str) -> str:
    """The address of the reviewer's next item, or of the desk that says that nothing is left."""
    try:
        with transaction.atomic():
            lease = queues.take_next(round=round, reviewer=person(request))
            if lease is not None:
                actions.open_up(lease=lease, round=round)
    except queues.RoundClosed:
        lease = None
    if lease is None:
        return reverse("annotations:desk", args=[project, round.pk])
    return reverse("annotations:item", args=[project, lease.item_id])


def _go(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect; for the desk's script the address in a header, as htmx does it."""
    if not wants_fragment(request):
        return redirect(url)
    return HttpResponse(status=204, headers={"HX-Redirect": url})


def _sent(request: HttpRequest) -> dict[str, Any]:
    """The form: JSON as the desk's script sends it, or fields with the content as JSON in one of them."""
    if request.content_type == "application/json":
        return parse(request.body)
    fields: dict[str, Any] = {name: request.POST.get(name, "") for name in ("stage", "base", "active")}
    return {**fields, "content": parse(request.POST.get("content", ""))}


def _number(sent: dict[str, Any], name: str) -> int:
    """A whole number of the form; anything else counts as 0."""
    value = sent.get(name)
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0
