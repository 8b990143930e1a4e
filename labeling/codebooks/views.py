"""Pages of a codebook: the guide that reviewers read, and the file behind it."""

import yaml
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from labeling.codebooks.guide import guide_to
from labeling.codebooks.queries import access_version, definition_of, versions_of


@require_GET
def version(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One version, as a guide."""
    membership = access_project(request, project)
    found = access_version(membership, pk)
    context = {
        "version": found,
        "guide": guide_to(definition_of(found)),
        "versions": versions_of(membership.project.pk)[:50],
    }
    return render(request, "labeling/codebooks/version.html", context)


@require_GET
def download(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One version as the YAML file that makes an equal codebook."""
    found = access_version(access_project(request, project), pk)
    text = yaml.safe_dump(found.definition, sort_keys=False, allow_unicode=True, width=100)
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = (
        f'attachment; filename="codebook-{found.codebook_id}-v{found.number}.yaml"'
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response
