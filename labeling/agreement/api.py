"""Agreement for programs: every figure with its interval, withheld while colleagues' labels are."""

from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.web.problems import Problem
from labeling.agreement import actions, queries
from labeling.agreement.queries import Scope as Asked
from labeling.agreement.report import Report
from labeling.agreement.tasks import queue_report

router = Router(tags=["Agreement"])


class AgreementOut(Schema):
    """Agreement of one round, or of all rounds by one codebook."""

    seed: int = Field(description="Of every interval: the same labels and seed give the same interval")
    outdated: bool = Field(description="Labels have come since; compute it again")
    stages: list[str]
    items: dict[str, int] = Field(description="By stage, items with a label")
    compared: dict[str, int] = Field(description="By stage, items with two labels or more")
    reviewers: list[int]
    lines: list[dict[str, Any]] = Field(
        description="One figure each; a value of null is undefined, which is neither 0 nor 1, and `reason` says why"
    )
    confusions: list[dict[str, Any]]
    shares: dict[str, float] = Field(description="Of the labels, by the model of the reviewers")
    entropy: float | None = Field(description="Mean uncertainty of an item by the model, in bits")

    @classmethod
    def of(cls, made: Report, *, outdated: bool) -> "AgreementOut":
        plain = made.plain()
        return cls(
            seed=made.seed, outdated=outdated, stages=plain["stages"], items=plain["items"],
            compared=plain["compared"], reviewers=plain["reviewers"], lines=plain["lines"],
            confusions=plain["confusions"], shares=dict(made.shares), entropy=made.entropy,
        )  # fmt: skip


class ComputeOut(Schema):
    """What became of a report that was asked for."""

    state: Literal["computed", "queued"]


@router.get("/rounds/{int:pk}/agreement", response=AgreementOut, summary="Agreement of a round")
def of_round(request: HttpRequest, pk: int) -> AgreementOut:
    """404 while labels of colleagues on any of its transcripts are hidden from the token's person."""
    return _agreement(access_caller(request), "round", pk)


@router.get(
    "/codebooks/{int:pk}/agreement", response=AgreementOut, summary="Agreement over all rounds by a codebook"
)
def of_codebook(request: HttpRequest, pk: int) -> AgreementOut:
    """As of a round."""
    return _agreement(access_caller(request), "codebook", pk)


@router.post("/rounds/{int:pk}/agreement", response={202: ComputeOut}, summary="Compute and keep it")
def compute(request: HttpRequest, pk: int) -> ComputeOut:
    """At once where it is small, else by a worker."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    scope = queries.access_scope(membership, "round", pk)
    if queries.size_of(scope) <= queries.SMALL:
        actions.compute_now(scope=scope, actor=membership.user)
        return ComputeOut(state="computed")
    queue_report(actions.open_report(scope=scope, actor=membership.user))
    return ComputeOut(state="queued")


def _agreement(membership: Membership, of: str, pk: int) -> AgreementOut:
    scope = queries.access_scope(membership, of, pk)
    if queries.is_withheld(scope, membership.user):
        raise Http404("not yet for you")
    made, outdated = _report(scope)
    return AgreementOut.of(made, outdated=outdated)


def _report(scope: Asked) -> tuple[Report, bool]:
    """The figures of the labels as they stand; of many labels, as they were computed last."""
    digest = queries.digest_of(scope)
    stored = queries.stored_report(scope, digest)
    if stored is not None and not stored.outdated:
        return stored.report, False
    if queries.size_of(scope) <= queries.SMALL:
        return queries.made_now(scope, [measure.key for measure in scope.measures], digest), False
    if stored is not None:
        return stored.report, True
    raise Problem(409, "It has not been computed yet: these are many labels. Ask for it first.")
