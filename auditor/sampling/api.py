"""Samples for programs: the draws, what was drawn, a new draw, a larger one."""

import secrets
from datetime import datetime
from typing import Annotated, Any, Literal

from django.db import IntegrityError
from django.http import HttpRequest, QueryDict
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.evidence.filters import Filter, FilterError
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import channels_of, visible_to
from auditor.sampling import actions, queries
from auditor.sampling.designs.design import By, Design
from auditor.sampling.frames import CannotDraw
from auditor.sampling.models import Sample, SampleItem
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.web.shapes import Id

router = Router(tags=["Samples"])
Key = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


class ByIn(Schema):
    """One way to cut the frame into strata; several are crossed."""

    by: Literal["filters", "channel", "spread", "labels"]
    filters: list[Annotated[str, Field(max_length=4000)]] = Field(default=[], max_length=100)
    channels: list[Key] = Field(default=[], max_length=50)
    bins: int = Field(4, ge=1, le=100)
    edges: list[float] = Field(default=[], max_length=100)


class DesignIn(Schema):
    """What to draw from the frame."""

    n: int = Field(0, ge=0, le=10_000_000, description="At random, besides the top")
    strata: list[ByIn] = Field(default=[], max_length=5)
    allocation: Literal["equal", "proportional", "hand"] = "equal"
    hand: list[Count] = Field(default=[], max_length=500)
    selection: Literal["srs", "poisson", "systematic"] = "srs"
    size_by: str = Field("", max_length=200, description="Channel that odds are proportional to")
    floor: float | None = None
    top: int = Field(0, ge=0, le=10_000_000, description="This many with the highest values are taken")
    top_by: str = Field("", max_length=200)

    def read(self) -> Design:
        """As a design, unchecked."""
        strata = tuple(
            By(one.by, tuple(one.filters), tuple(one.channels), one.bins, tuple(one.edges))
            for one in self.strata
        )
        return Design(
            n=self.n, strata=strata, allocation=self.allocation, hand=tuple(self.hand), selection=self.selection,
            size_by=self.size_by, floor=self.floor, top=self.top, top_by=self.top_by,
        )  # fmt: skip


class SampleIn(Schema):
    """A draw from the transcripts that match a filter now."""

    name: str = Field(min_length=1, max_length=150)
    filter: str = Field("", max_length=8000, description="As in the list's address: q=…&where=…")
    design: DesignIn
    seed: int | None = Field(None, ge=0, le=actions.MAX_SEED, description="Left out: one is chosen and kept")
    excludes: list[Id] = Field(
        default=[], max_length=50, description="Earlier samples, whose items are left out"
    )


class ExtendIn(Schema):
    """A larger draw by the same design and seed, which holds the earlier one."""

    name: str = Field(min_length=1, max_length=150)
    n: int = Field(0, ge=0, le=10_000_000)
    hand: list[Count] = Field(default=[], max_length=500)


class SampleOut(Schema):
    """One draw."""

    id: int
    name: str
    design: str
    in_words: str
    seed: int
    frame_size: int
    frame_at: datetime
    frame_digest: str
    left_out: int = Field(description="Matched, but hidden from whoever drew")
    carries_back: bool
    why_not: str
    extends: int | None

    @classmethod
    def of(cls, row: Sample) -> "SampleOut":
        return cls(
            id=row.pk, name=row.name, design=row.design, in_words=row.in_words(), seed=row.seed,
            frame_size=row.frame_size, frame_at=row.frame_at, frame_digest=row.frame_digest,
            left_out=row.left_out, carries_back=row.carries_back, why_not=row.why_not, extends=row.extends_id,
        )  # fmt: skip


class SampleItemOut(Schema):
    """A drawn transcript; odds of one that is hidden from the token's person would tell its stratum."""

    transcript: int
    order: int
    stratum: str | None
    probability: float | None


@router.get("/samples", response=Listed[SampleOut], summary="The project's samples, newest first")
def samples(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[SampleOut]:
    rows = queries.samples_of(access_caller(request).project_id)
    return listed(rows, SampleOut.of, after=after, limit=limit)


@router.post("/samples", response={201: SampleOut}, summary="Draw a sample")
def draw(request: HttpRequest, body: SampleIn) -> SampleOut:
    """The frame is what the token's person may filter by; what is hidden from them is left out and counted."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    design = body.design.read()
    machine = channels_of(membership.project_id).exclude(kind=HUMAN).values_list("key", flat=True)
    if unknown := sorted(set(design.channels) - set(machine)):
        raise Problem(422, f"There is no channel {unknown[0]} to draw by.", field="design")
    excluded = list(queries.samples_of(membership.project_id).filter(pk__in=body.excludes))
    if len(excluded) != len(set(body.excludes)):
        raise Problem(422, "One of these samples is not in the project.", field="excludes")
    try:
        design.check()
        drawn = actions.draw_sample(
            project=membership.project, name=body.name, design=design, actor=membership.user,
            seed=secrets.randbelow(actions.MAX_SEED) if body.seed is None else body.seed,
            filter=Filter.from_query(QueryDict(body.filter)), excludes=excluded,
        )  # fmt: skip
    except FilterError as problem:
        raise Problem(422, str(problem), field="filter") from problem
    except (CannotDraw, ValueError) as problem:
        raise Problem(422, str(problem), field="design") from problem
    except IntegrityError as problem:
        raise _named(membership.project_id, body.name) from problem
    return SampleOut.of(drawn)


@router.get("/samples/{int:pk}", response=SampleOut, summary="One sample")
def sample(request: HttpRequest, pk: int) -> SampleOut:
    return SampleOut.of(queries.access_sample(access_caller(request), pk))


@router.post("/samples/{int:pk}/extend", response={201: SampleOut}, summary="Draw a larger one that holds it")
def extend(request: HttpRequest, pk: int, body: ExtendIn) -> SampleOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_sample(membership, pk)
    try:
        larger = actions.extend_sample(
            sample=found, name=body.name, actor=membership.user, n=body.n, hand=tuple(body.hand)
        )
    except CannotDraw as problem:
        raise Problem(422, str(problem), field="n") from problem
    except IntegrityError as problem:
        raise _named(membership.project_id, body.name) from problem
    return SampleOut.of(larger)


@router.get("/samples/{int:pk}/items", response=Listed[SampleItemOut], summary="What was drawn, in order")
def items(request: HttpRequest, pk: int, after: After = "", limit: Limit = 100) -> Listed[SampleItemOut]:
    membership = access_caller(request)
    found = queries.access_sample(membership, pk)
    page = listed(
        found.items.all(), lambda item: item, after=after, limit=limit, key="order", descending=False
    )
    veiled = visible_to(membership.user).veiled_ids([item.transcript_id for item in page.items])
    shown = [_item(found, item, hidden=item.transcript_id in veiled) for item in page.items]
    return Listed(items=shown, next=page.next)


def _item(sample: Sample, item: SampleItem, *, hidden: bool) -> SampleItemOut:
    stratum: dict[str, Any] = sample.strata[item.stratum] if item.stratum < len(sample.strata) else {}
    return SampleItemOut(
        transcript=item.transcript_id,
        order=item.order,
        stratum=None if hidden else str(stratum.get("name", "")),
        probability=None if hidden else item.probability,
    )


def _named(project_id: int, name: str) -> Problem:
    """A draw of this name is there: perhaps the same one, sent twice."""
    there = (
        Sample.objects.filter(project_id=project_id, name=name.strip()).values_list("pk", flat=True).first()
    )
    return Problem(409, "This project has a sample of that name.", field="name", existing=there)
