"""One long job on its page: how far it is, how to stop it, what comes next."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.runs import actions, queries
from auditor.runs.models import Run
from auditor.runs.tasks import queue_again
from auditor.web.pages import wants_fragment

OVER = 286  # the answer at which htmx stops polling
LISTED = 100  # newest runs on one page
NEXT = {  # kind of run -> URL name of its result, given the project and the run; and the words for it
    "import": ("intake:result", "See what came in"),
    "evidence": ("intake:result", "See what was attached"),
    "undo": ("intake:result", "See the import"),
    "judging": ("judging:job", "See what it said"),
    "preflight": ("judging:job", "See what it would cost"),
    "injections": ("judging:job", "See what moved"),
    "subject": ("interp:job", "See the model"),
    "capture": ("interp:job", "See what it read"),
    "controls": ("interp:job", "See how often it fires"),
    "training": ("interp:job", "See what was learned"),
    "explanations": ("interp:job", "See the dictionary"),
    "trial": ("llm:tried", "See what it can do"),
    "release": ("datasets:job", "See the dataset"),
    "release import": ("datasets:job", "See what came in"),
}


@require_GET
def runs(request: HttpRequest, project: str) -> HttpResponse:
    """The newest runs of the project."""
    membership = access_project(request, project, role=Role.MANAGER)
    rows = queries.runs_of(membership.project.pk)[:LISTED]
    return render(request, "auditor/runs/list.html", {"runs": rows, "listed": LISTED})


@require_GET
def run(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The page polls its own address for the fragment `progress` until the run is over."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = access_run(membership, pk)
    fragment = wants_fragment(request)
    context = {
        "run": found,
        "fragment": fragment,
        "alive": queries.worker_is_alive(found.task),
        "next": _next(found, project),
    }
    template = "auditor/runs/run.html#progress" if fragment else "auditor/runs/run.html"
    response = render(request, template, context, status=OVER if fragment and found.rests else 200)
    patch_vary_headers(response, ("HX-Request", "HX-Boosted", "HX-History-Restore-Request"))
    return response


@require_POST
def cancel(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = access_run(membership, pk)
    actions.cancel_run(run=found, actor=membership.user)
    return _back(request, found, project)


@require_POST
def pause(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = access_run(membership, pk)
    actions.pause_run(run=found, actor=membership.user)
    return _back(request, found, project)


@require_POST
def resume(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Let a run that rests go on from where it is."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = access_run(membership, pk)
    queue_again(run=found, actor=membership.user)
    return _back(request, found, project)


def access_run(membership: Membership, pk: int) -> Run:
    """A run of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = Run.objects.select_related("created_by").filter(pk=pk, project=membership.project).first()
    if found is None:
        raise Http404("no such run")
    return found


def _back(request: HttpRequest, found: Run, project: str) -> HttpResponse:
    """To the run, or to the page of its kind where the form stands on that."""
    result = _next(found, project) if request.POST.get("back") == "page" else None
    return redirect(result[0]) if result else redirect("runs:run", project=project, pk=found.pk)


def _next(run: Run, slug: str) -> tuple[str, str] | None:
    """Where the result stands and the words for it, if its kind has a page."""
    name, words = NEXT.get(run.kind, ("", ""))
    try:
        return (reverse(name, args=[slug, run.pk]), words) if name else None
    except NoReverseMatch:
        return None
