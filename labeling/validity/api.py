"""Validity for programs: what channels are worth on each contrast, with counts, intervals and seeds."""

from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.web.problems import Problem
from labeling.validity import actions
from labeling.validity import report_queries as queries
from labeling.validity.contrasts import NoContrast
from labeling.validity.references import Reference
from labeling.validity.report_queries import Shown
from labeling.validity.tasks import queue_report

router = Router(tags=["Validity"])


class QuestionOut(Schema):
    """A contrast, of all units or of false statements alone."""

    key: str
    words: str
    positive: int = Field(description="Units on the first side, whether or not a channel speaks of them")
    negative: int


class ValidityOut(Schema):
    """Every listed channel against one reference."""

    reference: str
    rests_on: str = Field(description="On which labels, in words")
    adjudicated: bool = Field(description="Whether people ruled here; else the label came with the data")
    computed_at: datetime
    outdated: bool = Field(description="Labels or readings have come since; compute it again")
    seed: int = Field(description="The same labels, readings and seed give the same intervals")
    split_seed: int = Field(description="Of the halves on which thresholds are chosen and reported")
    notes: list[str]
    questions: list[QuestionOut]
    lines: list[dict[str, Any]] = Field(
        description="One channel on one question; a value of null is undefined, and `reason` says why"
    )
    pairs: list[dict[str, Any]] = Field(description="Two channels on the units of which both speak")
    scanned: dict[str, int] = Field(description="Features over which q values are corrected, by question")


class ChannelValidityOut(Schema):
    """Every figure of one channel: thresholds, curve, bins of scores, and what its words met."""

    reference: str
    computed_at: datetime
    outdated: bool
    questions: dict[str, dict[str, Any]]


class ComputeIn(Schema):
    """What to hold channels against."""

    reference: str = Field(
        "", description="codebook:ID, meta:FIELD, condition:NAME or channel:ID; empty: the first"
    )
    contrast: str = Field("", description="One more contrast, such as label.D~label.K; it is kept")


class ComputeOut(Schema):
    """What became of a report that was asked for."""

    state: Literal["queued"]
    run: int


@router.get("/validity", response=ValidityOut, summary="What channels are worth")
def validity(request: HttpRequest, reference: str = "") -> ValidityOut:
    """404 while labels or evidence on its transcripts are hidden from the token's person."""
    membership = access_caller(request)
    shown, known = _shown(membership, reference)
    row = shown.row
    return ValidityOut(
        reference=known.key, rests_on=row.basis["words"], adjudicated=known.is_adjudicated,
        computed_at=_moment(shown), outdated=shown.outdated, seed=row.figures["seed"],
        split_seed=row.figures["split_seed"], notes=row.basis["notes"],
        questions=[
            QuestionOut(key=key, words=words, positive=yes, negative=no)
            for key, words, _, yes, no in row.figures["questions"]
        ],
        lines=row.figures["lines"], pairs=row.figures["pairs"], scanned=row.figures["scanned"],
    )  # fmt: skip


@router.get("/channels/{int:pk}/validity", response=ChannelValidityOut, summary="What one channel is worth")
def of_channel(request: HttpRequest, pk: int, reference: str = "") -> ChannelValidityOut:
    """As of all channels; empty for one that is not listed."""
    membership = access_caller(request)
    channel = queries.access_measured(membership, pk)
    shown, known = _shown(membership, reference)
    return ChannelValidityOut(
        reference=known.key, computed_at=_moment(shown), outdated=shown.outdated,
        questions=queries.details_of(shown.row, channel),
    )  # fmt: skip


@router.post("/validity", response={202: ComputeOut}, summary="Measure every channel")
def compute(request: HttpRequest, payload: ComputeIn) -> ComputeOut:
    """By a worker; progress and cancel are the run's."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    reference, _ = queries.access_reference(membership, payload.reference)
    if reference is None:
        raise Problem(409, "There is nothing to hold channels against yet.")
    try:
        row = actions.open_report(
            project=membership.project,
            reference=reference,
            actor=membership.user,
            contrast=payload.contrast.strip(),
        )
    except NoContrast as problem:
        raise Problem(422, str(problem)) from problem
    queue_report(row)
    return ComputeOut(state="queued", run=row.run_id or 0)


def _shown(membership: Membership, key: str) -> tuple[Shown, Reference]:
    reference, _ = queries.access_reference(membership, key)
    shown = queries.shown_report(reference, membership.user) if reference is not None else None
    if shown is None or reference is None:
        raise Http404("not computed, or not yet for you")
    return shown, reference


def _moment(shown: Shown) -> datetime:
    assert shown.row.computed_at is not None
    return shown.row.computed_at
