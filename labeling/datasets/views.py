"""Pages of datasets: the list, a new one, one release with its files, and the files themselves."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.evidence.queries import visible_to
from auditor.interp.actions.naming import CannotDo
from auditor.interp.queries import ready_subjects
from auditor.judging.actions import SameVersion
from auditor.judging.definition import DefinitionProblem
from auditor.web.keyset import BadCursor, page_of
from auditor.web.pages import render_page
from labeling.datasets import actions, queries
from labeling.datasets.card import agreement_rows, attachments_in_words
from labeling.datasets.carrying import FOLDER
from labeling.datasets.citing import citation
from labeling.datasets.forms import ProbeForm, TeachForm
from labeling.datasets.forms_release import PRESETS, ReleaseForm
from labeling.datasets.planning import plan
from labeling.datasets.probing import CannotProbe
from labeling.datasets.serving import sent
from labeling.datasets.tasks import queue_build
from labeling.datasets.teaching import CannotTeach

PAGE = 50


@require_GET
def list_releases(request: HttpRequest, project: str) -> HttpResponse:
    """The datasets of a project, newest first."""
    membership = access_project(request, project)
    rows = queries.releases_of(membership.project.pk)
    try:
        page = page_of(
            rows, key="created_at", descending=True, cursor=request.GET.get("after", ""), size=PAGE
        )
    except (BadCursor, ValidationError, TypeError) as problem:  # TypeError: a value of another kind
        raise Http404(str(problem)) from problem
    return render_page(request, "labeling/datasets/list.html", {"page": page}, partial="rows")


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Ask what goes into a new dataset, and begin it."""
    membership = access_project(request, project, role=Role.MANAGER)
    chosen = PRESETS.get(request.GET.get("preset", ""), ("", {}))[1]
    there = queries.rounds_to_release(membership.project.pk)
    named = request.GET.get("round", "")
    newest = list(there.values_list("pk", flat=True)[:1])
    initial = {**chosen, "rounds": [named] if named.isdecimal() else newest}
    data = request.POST if request.method == "POST" else None
    sight = visible_to(membership.user)
    form = ReleaseForm(data, project_id=membership.project.pk, sight=sight, initial=initial)
    if data is not None and form.is_valid():
        given = form.cleaned_data
        try:
            release = actions.open_release(
                project=membership.project, name=given["name"], rounds=list(given["rounds"]),
                parameters=form.parameters(), actor=membership.user,
            )  # fmt: skip
        except actions.CannotRelease as problem:
            form.show(problem)
        else:
            queue_build(release)
            return redirect("datasets:release", project=project, pk=release.pk)
    context = {
        "form": form, "has_rounds": bool(newest),
        "presets": [(key, words) for key, (words, _) in PRESETS.items()], "preset": request.GET.get("preset", "cite"),
    }  # fmt: skip
    return render(request, "labeling/datasets/new.html", context, status=422 if form.errors else 200)


@require_POST
def preview(request: HttpRequest, project: str) -> HttpResponse:
    """What a dataset of these choices would hold now: records, exclusions by reason, sizes of splits."""
    membership = access_project(request, project, role=Role.MANAGER)
    sight = visible_to(membership.user)
    form = ReleaseForm(request.POST, project_id=membership.project.pk, sight=sight, initial={})
    form.fields["name"].required = False
    context: dict[str, Any] = {"problems": []}
    if form.is_valid():
        rounds = list(form.cleaned_data["rounds"])
        try:
            definition = actions.checked(
                project=membership.project, rounds=rounds, parameters=form.parameters(), actor=membership.user
            )
        except actions.CannotRelease as problem:
            context["problems"] = [str(problem)]
        else:
            moment = definition.moment or timezone.now()
            planned = plan(rounds, definition, membership.user, moment, near=False)
            left_out = [
                (words, n) for reason, words in planned.words.items() if (n := planned.exclusions[reason])
            ]
            sizes = planned.sizes()
            context |= {
                "n": len(planned.chosen), "items": planned.items, "left_out": left_out,
                "splits": [(one.name, sizes.get(one.name, 0)) for one in definition.splits],
            }  # fmt: skip
    else:
        context["problems"] = [
            f"{form[name].label if name in form.fields else ''}: {problem}".removeprefix(": ")
            for name, some in form.errors.items() for problem in some
        ]  # fmt: skip
    return render(request, "labeling/datasets/_preview.html", context)


@require_GET
def release(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One release: how far it is, then its files, splits, exclusions, and where it comes from."""
    membership = access_project(request, project)
    found = queries.access_release(membership, pk)
    hidden = queries.hidden_from(found, membership.user)
    built = found.built_at is not None and not hidden
    context = {
        "release": found,
        "hidden": hidden,
        "files": list(found.files.exclude(name__startswith=f"{FOLDER}/")) if built else [],
        "attachments": attachments_in_words(found.manifest) if built else "",
        "cite": citation(found.manifest) if built else "",
        "labels": [one for one in found.manifest["labels"] if one["n"]] if built else [],
        "agreement": agreement_rows(found.manifest) if built else [],
        "rounds": list(found.rounds.order_by("pk")),
        "others": queries.others_to_compare(found) if built else [],
    }
    return render_page(request, "labeling/datasets/release.html", context, partial="body")


@require_POST
def build_again(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Try once more to build what failed."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_release(membership, pk)
    try:
        queue_build(actions.build_again(release=found, actor=membership.user))
    except actions.CannotRelease as problem:
        messages.warning(request, str(problem))
    return redirect("datasets:release", project=project, pk=found.pk)


@require_http_methods(["GET", "POST"])
def teach(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Labels of a release as a judge's examples: which judge, and what it should answer on each label."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_release(membership, pk)
    versions = queries.judges_to_teach(membership.project_id)
    said = request.POST if request.method == "POST" else request.GET
    form = TeachForm(
        said if "version" in said else None, versions=versions, labels=queries.labels_in(found),
        initial={"version": versions[0].pk if versions else None},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.teach_judge(release=found, actor=membership.user, **form.said())
        except (CannotTeach, DefinitionProblem, SameVersion) as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, f"{made} has {len(made.examples)} examples, which it will never judge.")
            return redirect("judging:judge", project=project, slug=made.judge.slug)
    context = {"release": found, "form": form, "versions": versions}
    status = 422 if request.method == "POST" else 200
    return render(request, "labeling/datasets/teach.html", context, status=status)


@require_http_methods(["GET", "POST"])
def probe(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Labels of a release train a probe: which are told apart, and by which model."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_release(membership, pk)
    subjects = ready_subjects(membership.project_id)
    hidden = queries.hidden_from(found, membership.user)
    form = ProbeForm(
        request.POST if request.method == "POST" else None, subjects=subjects, labels=queries.labels_in(found),
        apart=queries.apart_in(found) if found.built_at and not hidden else [],
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.train_probe(release=found, actor=membership.user, **form.cleaned_data)
        except CannotProbe as problem:
            form.add_error(None, str(problem))
        except CannotDo as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
        else:
            return redirect("interp:training", project=project, pk=made.pk)
    context = {"release": found, "form": form, "hidden": hidden, "has_subjects": subjects.exists()}
    status = 422 if request.method == "POST" else 200
    return render(request, "labeling/datasets/probe.html", context, status=status)


@require_GET
def download(request: HttpRequest, project: str, pk: int, name: str) -> HttpResponseBase:
    """One file of a release, whole or a range of bytes, for those who may see what is in it."""
    return sent(request, queries.access_file(access_project(request, project), pk, name))
