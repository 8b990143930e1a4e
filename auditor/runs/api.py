"""Long jobs for programs: how far they are, and how to stop one."""

from datetime import datetime

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.runs import actions, queries
from auditor.runs.models import Run
from auditor.runs.tasks import queue_again
from auditor.web.listed import After, Limit, Listed, listed

router = Router(tags=["Runs"])


class RunOut(Schema):
    """One long job."""

    id: int
    kind: str
    title: str
    status: str = Field(description="queued, running, paused, done, failed or cancelled")
    done: int
    total: int | None
    unit: str
    note: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Run) -> "RunOut":
        return cls(
            id=row.pk, kind=row.kind, title=row.title, status=row.status, done=row.done, total=row.total,
            unit=row.unit, note=row.note, created_at=row.created_at, finished_at=row.finished_at,
        )  # fmt: skip


@router.get("/runs", response=Listed[RunOut], summary="The project's long jobs, newest first")
def runs(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[RunOut]:
    rows = queries.runs_of(access_caller(request, role=Role.MANAGER).project_id)
    return listed(rows, RunOut.of, after=after, limit=limit)


@router.get("/runs/{int:pk}", response=RunOut, summary="One long job")
def run(request: HttpRequest, pk: int) -> RunOut:
    return RunOut.of(_access(access_caller(request, role=Role.MANAGER), pk))


@router.post("/runs/{int:pk}/cancel", response=RunOut, summary="Ask it to stop")
def cancel(request: HttpRequest, pk: int) -> RunOut:
    """A queued one stops at once, a running one soon; safe to repeat."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    actions.cancel_run(run=_access(membership, pk), actor=membership.user)
    return RunOut.of(_access(membership, pk))


@router.post("/runs/{int:pk}/pause", response=RunOut, summary="Ask it to wait")
def pause(request: HttpRequest, pk: int) -> RunOut:
    """A queued one waits at once, a running one soon; safe to repeat."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    actions.pause_run(run=_access(membership, pk), actor=membership.user)
    return RunOut.of(_access(membership, pk))


@router.post("/runs/{int:pk}/resume", response=RunOut, summary="Let one that rests go on")
def resume(request: HttpRequest, pk: int) -> RunOut:
    """One that was paused, cancelled or failed is carried on; safe to repeat."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    queue_again(run=_access(membership, pk), actor=membership.user)
    return RunOut.of(_access(membership, pk))


def _access(membership: Membership, pk: int) -> Run:
    """A run of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = queries.runs_of(membership.project_id).filter(pk=pk).first()
    if found is None:
        raise Http404("no such run")
    return found
