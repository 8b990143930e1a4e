"""Pages that bring a dataset in, and the one that hands all of a dataset out as an archive."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.corpus.sources import incoming
from auditor.web.pages import render_page
from labeling.datasets import actions, queries
from labeling.datasets.models import ReleaseImport
from labeling.datasets.serving import archived
from labeling.datasets.tasks import queue_import

SHOWN = 20  # earlier imports on the page
TOO_LARGE = "That makes {:,.0f} MB; an upload may have {:,.0f} MB. manage.py release import reads releases of any size on the server."


@require_http_methods(["GET", "POST"])
def bring(request: HttpRequest, project: str) -> HttpResponse:
    """Take in the archive of a release, and begin to import it."""
    membership = access_project(request, project, role=Role.MANAGER)
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        if file is None:
            error = "Choose the archive of a release first."
        elif (file.size or 0) > settings.MAX_UPLOAD_BYTES:
            error = TOO_LARGE.format((file.size or 0) / 1e6, settings.MAX_UPLOAD_BYTES / 1e6)
        else:
            path = incoming()
            try:
                with path.open("wb") as out:
                    for chunk in file.chunks():
                        out.write(chunk)
                made = actions.open_import(
                    project=membership.project,
                    path=path,
                    file_name=file.name or "release.zip",
                    actor=membership.user,
                )
            finally:
                path.unlink(missing_ok=True)
            queue_import(made)
            return redirect("datasets:imported", project=project, pk=made.pk)
    context = {
        "error": error,
        "limit": settings.MAX_UPLOAD_BYTES,
        "earlier": queries.imports_of(membership.project_id)[:SHOWN],
    }
    return render(request, "labeling/datasets/bring.html", context, status=422 if error else 200)


@require_GET
def imported(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One import: how far it is, then what it brought or why it was refused."""
    found = access_import(access_project(request, project, role=Role.MANAGER), pk)
    context = {"into": found, "rounds": list(found.rounds.order_by("pk")), "facts": queries.brought_by(found)}
    return render_page(request, "labeling/datasets/imported.html", context, partial="body")


@require_GET
def archive(request: HttpRequest, project: str, pk: int) -> HttpResponseBase:
    """All files of a dataset as one archive, for those who may see what is in it."""
    membership = access_project(request, project)
    found = queries.access_release(membership, pk)
    if found.built_at is None or queries.hidden_from(found, membership.user):
        raise Http404("not for you yet")
    return archived(found)


@require_GET
def job(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """From a job of the list of all jobs to the page of what it is about."""
    membership = access_project(request, project)
    made = queries.releases_of(membership.project_id).filter(run=pk).values_list("pk", flat=True).first()
    if made is not None:
        return redirect("datasets:release", project=project, pk=made)
    brought = queries.imports_of(membership.project_id).filter(run=pk).values_list("pk", flat=True).first()
    if brought is None:
        raise Http404("no such job")
    return redirect("datasets:imported", project=project, pk=brought)


def access_import(membership: Membership, pk: int) -> ReleaseImport:
    """An import of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = queries.imports_of(membership.project_id).filter(pk=pk).first()
    if found is None:
        raise Http404("no such import")
    return found
