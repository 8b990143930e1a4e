"""Runs of a judge: what one would cost, how far one is, and what came of it."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.evidence.filters import FilterError
from auditor.evidence.queries import MACHINE, visible_to
from auditor.judging import actions, queries, tasks
from auditor.judging.beside import spoken
from auditor.judging.forms import StartForm
from auditor.judging.leftout import left_out
from auditor.judging.models import STATES, JudgeRun, Preflight, Verdict
from auditor.judging.progress import counted, distributions, left
from auditor.judging.prompts import shown
from auditor.judging.rubric import parse_rubric
from auditor.judging.states import IN_WORDS
from auditor.runs.queries import worker_is_alive
from auditor.runs.tasks import queue_again
from auditor.sampling.asked import chosen_from, query_of
from auditor.sampling.choosing import Chosen, transcripts_of
from auditor.sampling.queries import samples_of
from auditor.web.keyset import BadCursor, page_of
from auditor.web.pages import wants_fragment

OVER = 286  # the answer at which htmx stops polling
PAGE = 50
POLLED = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")


@require_GET
def job(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """From a job of the list of all jobs to the page of what it is about."""
    membership = access_project(request, project)
    name, row = queries.access_job(membership, pk)
    return redirect(f"judging:{name}", project=project, pk=row)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Which version, over which transcripts: a sample, or the filter that the list handed over. Then its preflight."""
    membership = access_project(request, project, role=Role.MANAGER)
    versions = queries.versions_of(membership.project_id).filter(imported=False, judge__archived_at=None)
    sight = visible_to(membership.user)
    context: dict[str, Any] = {"versions": versions, "samples": samples_of(membership.project_id)[:200]}
    try:
        chosen = chosen_from(request, membership)
        rows, veiled = transcripts_of(chosen, project_id=membership.project_id, sight=sight)
        context |= {"chosen": chosen, "query": query_of(chosen), "n": rows.count(), "veiled": veiled}
    except FilterError as problem:
        context["problem"] = str(problem)
        return render(request, "auditor/judging/start.html", context, status=422)
    wanted = request.POST.get("version", "") or request.GET.get("version", "")
    version = versions.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 19 else None
    context["version"] = version
    if request.method == "POST":
        if version is None:
            context["missing"] = "Choose a judge."
            return render(request, "auditor/judging/start.html", context, status=422)
        try:
            made = tasks.queue_preflight(version=version, chosen=chosen, actor=membership.user)
        except actions.CannotJudge as problem:
            context["missing"] = str(problem)
            return render(request, "auditor/judging/start.html", context, status=422)
        return redirect("judging:preflight", project=project, pk=made.pk)
    return render(request, "auditor/judging/start.html", context)


@require_http_methods(["GET", "POST"])
def preflight(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What a run would cost, with what was tried; on POST the run is started."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_preflight(membership, pk)
    form = StartForm(request.POST or None, initial={})
    if request.method == "POST" and form.is_valid():
        try:
            made = tasks.queue_judging(
                version=found.version, chosen=Chosen.from_json(found.chosen), actor=membership.user,
                cap=form.cleaned_data["cap"], concurrency=form.cleaned_data["concurrency"],
            )  # fmt: skip
        except actions.CannotJudge as problem:
            form.add_error("cap", str(problem))
        else:
            return redirect("judging:run", project=project, pk=made.pk)
    fragment = wants_fragment(request) and request.method == "GET"
    context = {
        "preflight": found, "version": found.version, "run": found.run, "form": form, "alive": worker_is_alive(found.run.task),
        "tried": _tried(found, membership.user), "chosen": Chosen.from_json(found.chosen),
        "result": found.result, "fragment": fragment,
    }  # fmt: skip
    template = "auditor/judging/preflight.html"
    status = OVER if fragment and found.run.rests else 422 if form.errors else 200
    response = render(request, f"{template}#state" if fragment else template, context, status=status)
    patch_vary_headers(response, POLLED)
    return response


@require_GET
def run(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The page polls its own address for `progress` until the run rests; what was said is fetched less often."""
    membership = access_project(request, project)
    found = queries.access_judging(membership, pk)
    sight = visible_to(membership.user)
    fragment = wants_fragment(request)
    part = request.GET.get("part", "progress") if fragment else ""
    context: dict[str, Any] = {
        "judging": found,
        "run": found.run,
        "version": found.version,
        "fragment": fragment,
    }
    if part in ("", "progress"):
        states = queries.states_of(found)
        rate = float(found.pace.get("rate") or 0)
        asks = len(parse_rubric(found.version.rubric).asks)
        context |= {
            "states": states, "counted": counted(states), "rate": rate, "asks": asks,
            "left": left(states, rate=rate, asks=asks), "alive": worker_is_alive(found.run.task),
            "again": states.counts["failed"] + states.counts["timed_out"],
            "unsupported": queries.verdicts(sight, found).filter(unsupported=True).count(),
        }  # fmt: skip
    if part in ("", "said"):
        context["distributions"] = distributions(
            parse_rubric(found.version.rubric), queries.values_of(sight, found)
        )
    if part in ("", "verdicts"):
        try:
            context |= _listed(request, queries.verdicts(sight, found), found)
        except BadCursor:
            return redirect("judging:run", project=project, pk=pk)
        context["hidden"] = sight.is_veiled_anywhere(membership.project_id, [MACHINE])
    names = {"progress": "#progress", "said": "#said", "verdicts": "#verdicts"}
    over = part in ("progress", "said") and found.run.rests
    response = render(
        request, "auditor/judging/run.html" + names.get(part, ""), context, status=OVER if over else 200
    )
    patch_vary_headers(response, POLLED)
    return response


def _listed(request: HttpRequest, rows: QuerySet[Verdict], found: JudgeRun) -> dict[str, Any]:
    """One page of a run's verdicts, narrowed as the address asks.

    Raises:
        BadCursor: the address of the page is damaged.
    """
    state, said = request.GET.get("state", ""), request.GET.get("said", "").replace("\0", "")
    unsupported = request.GET.get("unsupported", "") == "1"
    if state in STATES:
        rows = rows.filter(state=state)
    if said:
        rows = rows.filter(label=said)
    if unsupported:
        rows = rows.filter(unsupported=True)
    page = page_of(
        rows.order_by(), key="id", descending=False, cursor=request.GET.get("after", ""), size=PAGE
    )
    rubric = parse_rubric(found.version.rubric)
    labels = [(one.key, one.name) for one in rubric.labels]
    words = [(one, IN_WORDS["missing" if one == "waiting" and found.run.is_over else one]) for one in STATES]
    named = dict(labels)
    shown = [(one, named.get(one.label, one.label), spoken(one.values, rubric)) for one in page.rows]
    return {
        "page": page, "rows": shown, "state": state, "said": said, "only_unsupported": unsupported, "labels": labels,
        "state_words": words, "narrowed": bool(state or said or unsupported),
    }  # fmt: skip


@require_POST
def retry(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Ask again where no reply came; what was answered stays."""
    membership = access_project(request, project, role=Role.MANAGER)
    n = tasks.queue_retry(judging=queries.access_judging(membership, pk), actor=membership.user)
    messages.info(request, f"{n:,} verdicts are asked for again." if n else "Every verdict got a reply.")
    return redirect("judging:run", project=project, pk=pk)


@require_POST
def cap(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Let a run spend more; one that stopped at its cap goes on."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_judging(membership, pk)
    form = StartForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The cap is a number, as 2.50, or empty.")
        return redirect("judging:run", project=project, pk=pk)
    try:
        actions.raise_cap(judging=found, cap=form.cleaned_data["cap"], actor=membership.user)
    except actions.CannotJudge as problem:
        messages.error(request, str(problem))
        return redirect("judging:run", project=project, pk=pk)
    if found.run.status == "paused":
        queue_again(run=found.run, actor=membership.user)
    messages.success(request, "The cap is changed.")
    return redirect("judging:run", project=project, pk=pk)


def _tried(found: Preflight, person: Any) -> list[dict[str, Any]]:
    """What was tried on transcripts whose evidence the person may see, with the prompts as far as they are shown."""
    rubric = parse_rubric(found.version.rubric)
    names = {one.key: one.name for one in rubric.labels}
    kept = queries.without_veiled(found, visible_to(person)).result.get("tried", [])
    return [
        one | {
            "calls": [
                call | {"turns": [shown(turn["role"], turn["content"]) for turn in call["turns"]]}
                for call in one["calls"]
            ],
            "left_out": left_out(one["verdict"].get("unread", [])),
            "label": names.get(one["verdict"].get("label", ""), one["verdict"].get("label", "")),
            "values": spoken(one["verdict"].get("values", {}), rubric),
        }
        for one in kept
    ]  # fmt: skip
