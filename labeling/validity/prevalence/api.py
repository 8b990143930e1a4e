"""Prevalence for programs: ask for a report, and read every figure of one with the frame it speaks of."""

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.web.problems import Problem
from labeling.validity.prevalence import actions, queries
from labeling.validity.prevalence.models import PrevalenceReport
from labeling.validity.prevalence.queries import CannotAsk
from labeling.validity.tasks import queue_prevalence

router = Router(tags=["Prevalence"])


class AskIn(Schema):
    """What to count, and by which judge."""

    target: str = Field(description="`label:D` or `group:intent` of the round's codebook", max_length=50)
    channel: str = Field(
        "", description="Key of a channel that helps; empty for labels alone", max_length=200
    )
    cut: float | None = Field(None, description="Values from here on say yes; null: the middle of its scale")
    below: bool = Field(False, description="Values up to the cut say yes instead")
    labels: list[str] = Field(
        [], description="The channel's labels that say yes, instead of a cut", max_length=50
    )
    together: bool = Field(False, description="With the draws that the round's sample excluded, as one")


class FrameOut(Schema):
    """The transcripts that the rates speak of."""

    filter: str
    at: str = Field(description="When it was taken")
    size: int
    sample: int
    digest: str = Field(description="sha256 over the records of the sample's own frame")
    without: list[str] = Field(description="Earlier samples whose transcripts are not in it")
    together_with: list[str] = Field(description="Earlier samples that speak for it with this one")


class ReportOut(Schema):
    """A report as it is listed."""

    id: int
    round: int
    target: str
    channel: str
    says_yes: str = Field(description="When the channel says yes, in words")
    together: bool
    state: str = Field(description="computed, or what its run is")
    computed_at: str | None

    @classmethod
    def of(cls, row: PrevalenceReport) -> "ReportOut":
        asked = queries.asked_by(row)
        state = "computed" if row.computed_at else row.run.status if row.run else "failed"
        return cls(
            id=row.pk, round=row.round_id, target=row.target, channel=asked.channel.key if asked.channel else "",
            says_yes=asked.rule, together=row.together, state=state,
            computed_at=row.computed_at.isoformat() if row.computed_at else None,
        )  # fmt: skip


class PrevalenceOut(Schema):
    """Every figure of a report."""

    report: ReportOut
    outdated: bool = Field(description="Rulings or readings have come since; ask for it again")
    frame: FrameOut
    drawn: int
    labelled: int = Field(description="Of the drawn, with a ruling that holds")
    judged: int = Field(description="Of the frame, with a verdict that can be read")
    cite: str = Field(
        description="The estimator to cite: `powered` (PPI++), else `labels`; empty if neither is there"
    )
    lines: list[dict[str, Any]] = Field(
        description="One figure each, by `estimator`, `cut` and `part`; a value of null is undefined, and `reason` says why. "
        "`judge` is the judge's own share and no estimate."
    )
    differences: list[dict[str, Any]] = Field(
        description="a less b; `sure`: for all pairs of the cut together"
    )
    bounds: list[dict[str, Any]] = Field(description="If all that is missing were no, and if it were yes")
    more_labels: dict[str, int | None] = Field(
        description="By estimator, labels that would halve its interval"
    )
    sensitivity: float | None
    specificity: float | None
    weight: float | None = Field(description="Of the judge in `powered`, tuned: 0 leaves it out")


class OpenedOut(Schema):
    """A report that was asked for."""

    id: int
    state: str


@router.get(
    "/rounds/{int:pk}/prevalence", response=list[ReportOut], summary="Reports of prevalence of a round"
)
def of_round(request: HttpRequest, pk: int) -> list[ReportOut]:
    """The newest first; those that are hidden from the token's person are left out."""
    membership = access_caller(request)
    round = queries.access_round(membership, pk)
    rows = queries.reports_of([round])[: queries.LISTED]
    return [
        ReportOut.of(row) for row in rows if not queries.is_withheld(queries.asked_by(row), membership.user)
    ]


@router.get("/prevalence/{int:pk}", response=PrevalenceOut, summary="A report of prevalence")
def one(request: HttpRequest, pk: int) -> PrevalenceOut:
    """404 while labels or evidence on its frame are hidden from the token's person; 409 until it is computed."""
    membership = access_caller(request)
    row = queries.access_report(membership, pk)
    asked = queries.asked_by(row)
    if queries.is_withheld(asked, membership.user):
        raise Http404("not yet for you")
    kept = queries.kept(row)
    if kept is None:
        raise Problem(409, "It has not been computed yet.")
    made, frame = kept.report, queries.frame_words(asked)
    plain = made.plain()
    return PrevalenceOut(
        report=ReportOut.of(row), outdated=kept.outdated,
        frame=FrameOut(
            filter=frame.words, at=frame.sample.frame_at.isoformat(), size=frame.size, sample=frame.sample.pk,
            digest=frame.sample.frame_digest, without=list(frame.without), together_with=list(frame.with_),
        ),
        drawn=made.drawn, labelled=made.labelled, judged=made.judged, cite=made.default.estimator if made.default else "",
        lines=list(plain["lines"]), differences=list(plain["differences"]), bounds=list(plain["bounds"]),
        more_labels=dict(made.more), sensitivity=made.sensitivity, specificity=made.specificity, weight=made.lam,
    )  # fmt: skip


@router.post("/rounds/{int:pk}/prevalence", response={202: OpenedOut}, summary="Have prevalence computed")
def ask(request: HttpRequest, pk: int, said: AskIn) -> OpenedOut:
    """By a worker; read it at `/prevalence/{id}`."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        asked = queries.asked_of(
            queries.access_round(membership, pk), said.target, membership.user, channel=said.channel,
            cut="" if said.cut is None else repr(said.cut), below=said.below, yes=said.labels, together=said.together,
        )  # fmt: skip
    except CannotAsk as problem:
        raise Problem(422, str(problem)) from problem
    if queries.is_withheld(asked, membership.user):
        raise Http404("not yet for you")
    row = actions.open_report(asked=asked, actor=membership.user)
    queue_prevalence(row)
    row.refresh_from_db()
    return OpenedOut(id=row.pk, state=ReportOut.of(row).state)
