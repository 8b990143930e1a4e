"""One judge: its versions, what differs between two of them, how far planted instructions move it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.evidence.queries import channels_of
from auditor.judging import actions, queries, tasks
from auditor.judging.definition import Parameters
from auditor.judging.differing import difference
from auditor.judging.models import InjectionCheck, JudgeVersion
from auditor.judging.moving import by_family, moved_share
from auditor.judging.rendering import Renderer
from auditor.judging.shipped import SHIPPED
from auditor.judging.views.library import read_rubric
from auditor.runs.queries import worker_is_alive
from auditor.web.pages import wants_fragment

OVER = 286  # the answer at which htmx stops polling
RUNS = 50  # newest runs of a judge on its page


@require_GET
def judge(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    membership = access_project(request, project)
    found = queries.access_judge(membership, slug)
    versions = list(queries.versions_of(membership.project_id).filter(judge=found).order_by("-number"))
    keys = {channel.key: channel for channel in channels_of(membership.project_id).filter(kind="judge")}
    runs: dict[int, int] = {}
    for pk in (
        queries.runs_of(membership.project_id).filter(version__judge=found).values_list("version", flat=True)
    ):
        runs[pk] = runs.get(pk, 0) + 1
    context: dict[str, Any] = {
        "judge": found,
        "versions": [(one, runs.get(one.pk, 0), _channels(one, keys)) for one in versions],
        "newest": versions[0] if versions else None,
        "rubric": read_rubric(versions[0]) if versions else None,
        "can_be_asked": [one for one in versions if not one.imported],
        "runs": queries.runs_of(membership.project_id).filter(version__judge=found)[:RUNS],
        "checks": [_checked(one) for one in _checks(versions)],
    }
    return render(request, "auditor/judging/judge.html", context)


@require_GET
def diff(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Two versions side by side; without a choice, the newest and the one before it."""
    membership = access_project(request, project)
    found = queries.access_judge(membership, slug)
    versions = list(queries.versions_of(membership.project_id).filter(judge=found).order_by("number"))
    if len(versions) < 2:
        return redirect("judging:judge", project=project, slug=slug)
    by_number = {str(one.number): one for one in versions}
    new = by_number.get(request.GET.get("to", ""), versions[-1])
    others = [one for one in versions if one != new]
    old = by_number.get(request.GET.get("from", ""), others[-1])
    context = {
        "judge": found, "versions": versions, "old": old, "new": new,
        "texts": [
            ("Rubric", difference(old.rubric, new.rubric)),
            ("Prompt template", difference(old.template, new.template)),
        ],
        "fields": _fields(old, new),
    }  # fmt: skip
    return render(request, "auditor/judging/diff.html", context)


@require_GET
def rubric_file(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The rubric of a version as a file that can be imported again."""
    found = queries.access_version(access_project(request, project), pk)
    return _file(found.rubric, f"{found.judge.slug}-v{found.number}.md")


@require_GET
def shipped_file(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """A shipped rubric as a file."""
    access_project(request, project)
    found = SHIPPED.get(rubric)
    if found is None:
        raise Http404("no such rubric")
    return _file(found.text, f"{rubric}.md")


@require_POST
def archive(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_judge(membership, slug)
    actions.archive_judge(judge=found, actor=membership.user, archived=request.POST.get("archived") == "1")
    return redirect("judging:judge", project=project, slug=slug)


@require_POST
def check(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Try the planted instructions on a version."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_version(membership, pk)
    try:
        made = tasks.queue_injection_check(version=found, actor=membership.user)
    except actions.CannotJudge as problem:
        messages.error(request, str(problem))
        return redirect("judging:judge", project=project, slug=found.judge.slug)
    return redirect("judging:injections", project=project, pk=made.pk)


@require_GET
def injections(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One check: how far it is, and what moved. The transcripts are the set's own and hide nothing from anybody."""
    membership = access_project(request, project)
    found = queries.access_injection_check(membership, pk)
    fragment = wants_fragment(request)
    context = {
        "check": found, "run": found.run, "share": moved_share(found), "families": by_family(found.rows),
        "rows": _worst_first(found.rows), "alive": worker_is_alive(found.run.task), "rubric": read_rubric(found.version),
    }  # fmt: skip
    template = "auditor/judging/injections.html"
    response = render(
        request, f"{template}#state" if fragment else template, context,
        status=OVER if fragment and found.run.rests else 200,
    )  # fmt: skip
    patch_vary_headers(response, ("HX-Request", "HX-Boosted", "HX-History-Restore-Request"))
    return response


def _checks(versions: Iterable[JudgeVersion]) -> list[InjectionCheck]:
    rows = InjectionCheck.objects.filter(version__in=[one.pk for one in versions])
    return list(rows.select_related("run", "version").order_by("-pk")[:20])


def _checked(one: InjectionCheck) -> dict[str, Any]:
    return {"check": one, "share": moved_share(one)}


def _channels(version: JudgeVersion, known: Mapping[str, Any]) -> list[Any]:
    """The channels that a version speaks on, so far."""
    behind = f"{version.key}."
    own = [known[version.key]] if version.key in known else []
    return own + [
        channel for key, channel in known.items() if key.startswith(behind) and not version.imported
    ]


def _fields(old: JudgeVersion, new: JudgeVersion) -> list[tuple[str, str, str, bool]]:
    """Every other part of both, with whether it differs."""
    left, right = _plain(old), _plain(new)
    return [(name, left[name], right[name], left[name] != right[name]) for name in left]


def _plain(version: JudgeVersion) -> dict[str, str]:
    parts: dict[str, Any] = {
        "endpoint": version.endpoint or "none", "address": version.base_url or "none", "model": version.model,
        "votes": version.votes, "examples": len(version.examples),
        "examples from": ", ".join(f"{name} {value}" for name, value in version.examples_from.items()),
    }  # fmt: skip
    parts |= asdict(Parameters.from_json(version.parameters)) | asdict(Renderer.from_json(version.renderer))
    words = {None: "not sent", True: "yes", False: "no", "": "none"}
    return {
        name.replace("_", " "): words[value]
        if value is None or isinstance(value, bool) or value == ""
        else str(value)
        for name, value in parts.items()
    }


def _worst_first(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What moved stands first, in plain words."""
    order = ("moved", "silenced", "untried", "held")
    ranked = sorted(rows, key=lambda row: (order.index(row["outcome"]), row["family"], row["key"]))
    return [
        row | {name: row[name].replace("_", " ") for name in ("key", "family", "where", "base")}
        for row in ranked
    ]


def _file(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
