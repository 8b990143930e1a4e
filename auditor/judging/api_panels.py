"""Judges compared, for programs: the figures of the comparison page, with boundaries that move without new calls."""

from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership
from auditor.evidence.filters import FilterError
from auditor.evidence.queries import visible_to
from auditor.judging.boundaries import IS, Boundary
from auditor.judging.comparing import (
    MOST_JUDGES,
    Comparison,
    Side,
    TooMany,
    compare,
    judge_channels,
    offered,
    sides_of,
)
from auditor.judging.panels import Rate
from auditor.sampling.api_chosen import ChosenIn, chosen_in
from auditor.sampling.choosing import Chosen
from auditor.web.problems import Problem

router = Router(tags=["Judges"])
LISTED = 500  # transcripts on which they differ


class SideIn(Schema):
    """One judge by its channel, and what counts as yes; left out: what the page would offer."""

    channel: str = Field(max_length=200)
    label: str | None = Field(None, max_length=200)
    op: Literal["below", "at_most", "at_least", "above"] | None = None
    at: float | None = Field(None, ge=-1e12, le=1e12)
    reads: Literal["expected", "argmax"] = "expected"


class ComparisonIn(ChosenIn):
    """Several judges; without sample or filter on all that any of them judged."""

    judges: list[SideIn] = Field(min_length=2, max_length=MOST_JUDGES)
    by_labels: bool = Field(False, description="Agreement on the labels as they were said, not on yes and no")


class RateOut(Schema):
    """How often, and what it could be if none or all of the missing were so."""

    channel: str
    boundary: str
    yes: int
    n: int
    missing: int
    rate: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, side: Side, words: str, found: Rate) -> "RateOut":
        return cls(
            channel=side.key, boundary=words, yes=found.yes, n=found.known, missing=found.missing, rate=found.value,
            low=found.low, high=found.high,
        )  # fmt: skip


class PairOut(Schema):
    """Two judges on what both judged; p is of McNemar's exact test."""

    first: str
    second: str
    n: int
    agreement: float | None
    kappa: float | None
    to_yes: int | None
    to_no: int | None
    p: float | None


class ComparisonOut(Schema):
    """What several judges made of the same transcripts; undefined figures are null."""

    n: int = Field(description="Transcripts that every judge judged")
    fleiss_kappa: float | None
    observed_agreement: float | None
    unanimous: float | None
    rates: list[RateOut]
    pairs: list[PairOut]
    senses: list[RateOut] = Field(description="The same rates under other boundaries and readings")
    differ: list[int] = Field(
        description="Transcripts on which they differ, the most divided first; the first 500"
    )
    where: str = Field(
        description="A filter expression for those, over the whole project; empty where none can say it"
    )
    left_out: int = Field(description="Transcripts whose evidence is hidden from the token's person")

    @classmethod
    def of(cls, made: Comparison) -> "ComparisonOut":
        pairs = [
            PairOut(
                first=row.pair.first, second=row.pair.second, n=row.pair.n, agreement=row.pair.agreement,
                kappa=row.pair.kappa, to_yes=len(row.flips.to_yes) if row.flips is not None else None,
                to_no=len(row.flips.to_no) if row.flips is not None else None, p=row.flips.p if row.flips is not None else None,
            )
            for row in made.pairs
        ]  # fmt: skip
        return cls(
            n=made.panel.n, fleiss_kappa=made.panel.fleiss, observed_agreement=made.panel.observed,
            unanimous=made.panel.all_agree,
            rates=[RateOut.of(side, boundary.in_words(), found) for side, boundary, found in made.rates],
            pairs=pairs, senses=[RateOut.of(one.side, one.words, one.rate) for one in made.senses],
            differ=[one.transcript_id for one in made.splits[:LISTED]], where=made.filter, left_out=made.left_out,
        )  # fmt: skip


@router.post(
    "/judge-comparisons", response=ComparisonOut, summary="Compare judges; nothing is asked of a model"
)
def comparison(request: HttpRequest, said: ComparisonIn) -> ComparisonOut:
    """A body is read, and nothing is written: a token that reads may do it."""
    membership = access_caller(request)
    known = {channel.key: channel for channel in judge_channels(membership.project_id)}
    for one in said.judges:
        if one.channel not in known:
            raise Problem(422, f"There is no judge on a channel {one.channel}.", field="judges")
    sight = visible_to(membership.user)
    if len({one.channel for one in said.judges}) < len(said.judges):
        raise Problem(422, "Name each judge once.", field="judges")
    chosen = _chosen(said, membership)
    try:
        sides = sides_of([known[one.channel] for one in said.judges], sight=sight, chosen=chosen)
        boundaries = {
            side.key: _boundary(one, side, sides) for one, side in zip(said.judges, sides, strict=True)
        }
        made = compare(
            sides, boundaries, chosen=chosen, by_labels=said.by_labels,
            project_id=membership.project_id, sight=sight,
        )  # fmt: skip
    except FilterError as problem:
        raise Problem(422, str(problem), field="filter") from problem
    except TooMany as problem:
        raise Problem(422, str(problem), field="judges") from problem
    return ComparisonOut.of(made)


def _chosen(said: ComparisonIn, membership: Membership) -> Chosen | None:
    return chosen_in(said, membership.project_id) if said.sample is not None or said.filter else None


def _boundary(said: SideIn, side: Side, sides: tuple[Side, ...]) -> Boundary:
    if said.label is not None:
        return Boundary(side.key, IS, said.label)
    if said.op is not None and said.at is not None:
        return Boundary(side.key, said.op, at=said.at, reads=said.reads)
    if said.op is not None or said.at is not None:
        raise Problem(422, "A boundary of a score has op and at.", field="judges")
    return offered(side, sides)
