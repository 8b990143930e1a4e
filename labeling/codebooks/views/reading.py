"""Pages that read codebooks: the list, a version as a guide and as a file, and what changed between two."""

from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from labeling.codebooks import actions
from labeling.codebooks.differences import count, differences
from labeling.codebooks.forms import NewForm
from labeling.codebooks.guide import guide_to
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.queries import (
    access_version,
    codebooks_of,
    definition_of,
    version_before,
    versions_of,
)
from labeling.codebooks.written import raw_difference, write_text

SHOWN = 200  # codebooks on the list, and versions of one


@require_GET
def codebooks(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project)
    rows = codebooks_of(membership.project.pk)[:SHOWN]
    return render(request, "labeling/codebooks/list.html", {"codebooks": rows})


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """A codebook begins as a draft of a text that is there already."""
    membership = access_project(request, project, role=Role.MANAGER)
    form = NewForm(request.POST or None, request.FILES or None, project=membership.project)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.create(
                project=membership.project, name=form.cleaned_data["name"], text=form.cleaned_data["text"],
                actor=membership.user,
            )  # fmt: skip
        except IntegrityError:
            form.add_error("name", "This project has a codebook of that name.")
        else:
            return redirect("codebooks:draft", project=project, pk=made.pk)
    status = 422 if form.errors else 200
    return render(request, "labeling/codebooks/new.html", {"form": form}, status=status)


@require_GET
def version(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One version, as a guide."""
    membership = access_project(request, project)
    found = access_version(membership, pk)
    others = versions_of(membership.project.pk).filter(codebook_id=found.codebook_id)
    context = {
        "version": found,
        "guide": guide_to(definition_of(found)),
        "versions": others[:SHOWN],
        "first": version_before(found) is None,
    }
    return render(request, "labeling/codebooks/version.html", context)


@require_GET
def download(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One version as the YAML file that makes an equal codebook."""
    found = access_version(access_project(request, project), pk)
    return as_file(write_text(definition_of(found)), f"codebook-{found.codebook_id}-v{found.number}.yaml")


@require_GET
def changes(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What a version says otherwise than an earlier one: the one before it, unless `from` names another."""
    membership = access_project(request, project)
    found = access_version(membership, pk)
    versions = list(versions_of(membership.project.pk).filter(codebook_id=found.codebook_id)[:SHOWN])
    before = _chosen(request, versions) or version_before(found)
    old, after = (definition_of(before) if before is not None else None), definition_of(found)
    sections = differences(old, after)
    context = {
        "version": found,
        "before": before,
        "versions": [one for one in versions if one.pk != found.pk],
        "sections": sections,
        "count": count(sections),
        "raw": raw_difference(write_text(old) if old is not None else "", write_text(after)),
    }
    return render(request, "labeling/codebooks/changes.html", context)


def _chosen(request: HttpRequest, versions: list[CodebookVersion]) -> CodebookVersion | None:
    asked = request.GET.get("from", "")
    if not asked:
        return None
    found = next((one for one in versions if asked == str(one.pk)), None)
    if found is None:
        raise Http404("no such version of this codebook")
    return found


def as_file(text: str, name: str) -> HttpResponse:
    """A YAML file to keep."""
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
