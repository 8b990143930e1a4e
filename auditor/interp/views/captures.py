"""Captures: asking for one, how far one is, and which transcripts it could not read."""

from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.evidence.filters import FilterError
from auditor.evidence.queries import MACHINE, Sight, visible_to
from auditor.interp import queries, tasks
from auditor.interp.actions.captures import CAPTURE_TASK
from auditor.interp.actions.naming import CannotDo
from auditor.interp.forms import CaptureForm
from auditor.interp.models import DONE, FAILED, NOT_FIT, WAITING, Capture
from auditor.interp.progress import pace_of
from auditor.runs.queries import worker_is_alive
from auditor.sampling.asked import chosen_from, query_of
from auditor.sampling.choosing import Chosen, transcripts_of
from auditor.sampling.queries import samples_of
from auditor.web.keyset import BadCursor, page_of
from auditor.web.pages import wants_fragment
from auditor.web.templatetags.words import duration

OVER = 286  # the answer at which htmx stops polling
PAGE = 50
POLLED = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")
IN_WORDS = {NOT_FIT: "does not fit", FAILED: "failed", WAITING: "waiting", DONE: "read"}


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Which model, looking with what, over which transcripts: a sample, or the filter that the list handed over."""
    membership = access_project(request, project, role=Role.MANAGER)
    context: dict[str, Any] = {
        "samples": samples_of(membership.project_id)[:200], "alive": worker_is_alive(CAPTURE_TASK)
    }  # fmt: skip
    try:
        chosen = chosen_from(request, membership)
        rows, veiled = transcripts_of(
            chosen, project_id=membership.project_id, sight=visible_to(membership.user)
        )
        n, characters = rows.count(), rows.aggregate(n=Sum("n_chars"))["n"] or 0
    except FilterError as problem:
        context["problem"] = str(problem)
        return render(request, "auditor/interp/new_capture.html", context, status=422)
    form = _form(request, membership, n=n, characters=characters)
    if request.method == "POST" and form.is_valid():
        try:
            made = _opened(membership, form, chosen)
        except CannotDo as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
        else:
            return redirect("interp:capture", project=project, pk=made.pk)
    context |= {"chosen": chosen, "query": query_of(chosen), "n": n, "veiled": veiled, "form": form}
    context["ready"] = form.has_subjects
    context["instruments"] = bool(form.probes or form.dictionaries)
    return render(request, "auditor/interp/new_capture.html", context, status=422 if form.errors else 200)


def _form(request: HttpRequest, membership: Membership, *, n: int, characters: int) -> CaptureForm:
    pk = membership.project_id
    dictionaries = list(queries.dictionaries_of(pk).filter(archived_at=None))
    subjects = []
    for one in queries.ready_subjects(pk)[:50]:
        expected = queries.estimate(one, transcripts=n, characters=characters)
        how_long = "how long is not known before its first capture"
        if expected.seconds is not None:
            how_long = f"about {duration(expected.seconds)} for {expected.tokens:,} tokens"
        subjects.append((one.slug, f"{one.name}: {how_long}"))
    return CaptureForm(
        request.POST or None, subjects=subjects, dictionaries=dictionaries,
        probes=queries.probes_of(pk).filter(archived_at=None),
        pinned={one.pk: queries.pinned_indices(one) for one in dictionaries},
        initial={"subject": request.GET.get("subject", "")},
    )  # fmt: skip


def _opened(membership: Membership, form: CaptureForm, chosen: Chosen) -> Capture:
    subject = queries.access_subject(membership, form.cleaned_data["subject"])
    return tasks.queue_capture(
        project=membership.project,
        subject=subject,
        wanted=form.wanted(),
        chosen=chosen,
        actor=membership.user,
    )


@require_GET
def capture(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The page polls its own address for `progress` until the capture rests."""
    membership = access_project(request, project)
    found = queries.access_capture(membership, pk)
    fragment = wants_fragment(request)
    rows = request.GET.get("part", "") == "rows"
    context: dict[str, Any] = {
        "capture": found, "run": found.run, "subject": found.subject, "fragment": fragment,
        "instruments": found.instruments.all(),
    }  # fmt: skip
    if not (fragment and rows):
        tally = queries.tally_of(found)
        context |= {"tally": tally, "pace": pace_of(found), "alive": worker_is_alive(found.run.task)}
    if rows or not fragment:
        sight = visible_to(membership.user)
        try:
            context |= _listed(request, sight, found)
        except BadCursor:
            return redirect("interp:capture", project=project, pk=pk)
        context["hidden"] = sight.n_veiled_upto(membership.project_id, [MACHINE], 1)
    part = ("#rows" if rows else "#progress") if fragment else ""
    over = fragment and not rows and found.run.rests
    response = render(request, f"auditor/interp/capture.html{part}", context, status=OVER if over else 200)
    patch_vary_headers(response, POLLED)
    return response


def _listed(request: HttpRequest, sight: Sight, found: Capture) -> dict[str, Any]:
    """One page of a capture's rows: those that were not read, unless the address asks for others.

    Raises:
        BadCursor: the address of the page is damaged.
    """
    state = request.GET.get("state", "")
    rows = queries.rows_of(sight, found)
    rows = rows.filter(state=state) if state in IN_WORDS else rows.filter(state__in=[NOT_FIT, FAILED])
    page = page_of(rows, key="id", descending=False, cursor=request.GET.get("after", ""), size=PAGE)
    return {
        "page": page, "rows": [(one, IN_WORDS[one.state]) for one in page.rows], "state": state,
        "state_words": list(IN_WORDS.items()),
    }  # fmt: skip


@require_POST
def retry(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Read again what failed; what was read, or does not fit, stays."""
    membership = access_project(request, project, role=Role.MANAGER)
    n = tasks.queue_retry(capture=queries.access_capture(membership, pk), actor=membership.user)
    messages.info(request, f"{n:,} transcripts are read again." if n else "No transcript failed.")
    return redirect("interp:capture", project=project, pk=pk)
