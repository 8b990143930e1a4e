"""Probes, control packs and thresholds for programs."""

import base64
import binascii
import json
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.evidence.models import Channel
from auditor.interp import queries, tasks
from auditor.interp.actions.controls import MOST_CHANNELS, choose_threshold
from auditor.interp.actions.naming import CannotDo
from auditor.interp.actions.probes import SameProbe, import_probe
from auditor.interp.controls import FalseAlarms, false_alarms_of
from auditor.interp.models import Probe
from auditor.interp.packs import PLAIN
from auditor.interp.probe_file import MOST_BYTES
from auditor.interp.rates import Rate
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem

router = Router(tags=["White box"])


class ProbeOut(Schema):
    """A version of a probe, without its numbers."""

    id: int
    slug: str
    number: int
    name: str
    kind: str
    card: dict[str, Any]
    channel: str
    subject: str = Field(description="The subject model it reads; empty: not said")
    digest: str
    size: int
    archived: bool

    @classmethod
    def of(cls, row: Probe) -> "ProbeOut":
        return cls(
            id=row.pk, slug=row.slug, number=row.number, name=row.name, kind=row.kind, card=row.card,
            channel=row.channel.key, subject=row.subject.slug if row.subject else "", digest=row.digest,
            size=row.size, archived=row.archived_at is not None,
        )  # fmt: skip


class ProbeIn(Schema):
    """A probe: its file in base64, or its direction as numbers, and its card."""

    name: str = Field("", max_length=150)
    card: dict[str, Any] | None = Field(None, description="Every field of a card, unless the file carries it")
    file: str = Field(
        "", max_length=MOST_BYTES * 4 // 3 + 4, description="safetensors, .npy or .npz in base64"
    )
    direction: list[float] = Field([], max_length=131_072)
    bias: float = 0.0
    mean: list[float] | None = Field(None, max_length=131_072)
    scale: list[float] | None = Field(None, max_length=131_072)
    subject: str = Field("", max_length=60, description="A subject model of the project")

    def data(self) -> bytes:
        """The bytes of a file that says the same.

        Raises:
            Problem: neither or both of file and direction, or no base64.
        """
        if bool(self.file) == bool(self.direction):
            raise Problem(422, "Send either a file or a direction.", field="file")
        if self.file:
            try:
                return base64.b64decode(self.file, validate=True)
            except (binascii.Error, ValueError) as problem:
                raise Problem(422, "The file is no base64.", field="file") from problem
        held = {"direction": self.direction, "bias": self.bias, "mean": self.mean, "scale": self.scale}
        return json.dumps({key: value for key, value in held.items() if value is not None}).encode()


class RateOut(Schema):
    """A share with its exact 95% interval; nulls where there is nothing to count."""

    fired: int
    n: int
    rate: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, rate: Rate) -> "RateOut":
        return cls(fired=rate.fired, n=rate.n, rate=rate.value, low=rate.low, high=rate.high)


class PackOut(Schema):
    """How often a channel fires on one control pack."""

    pack: str
    fires: RateOut
    alarming: bool = Field(description="More than five times what the threshold promises")
    outdated: bool = Field(description="The pack has other texts now")


class ThresholdOut(Schema):
    """From where on a channel fires, and the control set it was chosen on."""

    value: float
    control: str
    wanted: float | None
    source: str
    fires: RateOut


class ControlsOut(Schema):
    """What is known of how often a channel fires on honest texts."""

    channel: str
    scored: bool = Field(description="Whether any pack was read with it")
    subject: str = Field(description="The model that read the packs; empty: none did")
    threshold: ThresholdOut | None
    packs: list[PackOut]

    @classmethod
    def of(cls, channel: Channel, known: FalseAlarms) -> "ControlsOut":
        chosen = None
        if known.threshold is not None and known.nominal is not None:
            row = known.threshold
            chosen = ThresholdOut(
                value=row.value, control=row.control, wanted=row.wanted, source=row.source, fires=RateOut.of(known.nominal)
            )  # fmt: skip
        return cls(
            channel=channel.key, scored=known.scored, subject=known.subject.slug if known.subject else "", threshold=chosen,
            packs=[
                PackOut(pack=one.pack.key, fires=RateOut.of(one.rate), alarming=one.alarming, outdated=one.outdated)
                for one in known.packs
            ],
        )  # fmt: skip


class ScoringIn(Schema):
    """Which channels to try on which packs, read by which model."""

    channels: list[str] = Field(
        min_length=1, max_length=MOST_CHANNELS, description="Keys of probes' and features' channels"
    )
    subject: str = Field(max_length=60)
    packs: list[str] = Field([], max_length=50, description="Left out: all of them")


class ScoringOut(Schema):
    """The run that reads the packs."""

    run: int


class ThresholdIn(Schema):
    """A threshold by the rate that may fire, or given; always on control packs."""

    channel: str = Field(max_length=200)
    subject: str = Field(max_length=60)
    packs: list[str] = Field([PLAIN], min_length=1, max_length=50)
    wanted: float | None = Field(
        None, ge=0, lt=1, description="Share of the packs' conversations that may fire"
    )
    value: float | None = Field(None, ge=-1e30, le=1e30)


def _refused(problem: CannotDo) -> Problem:
    return Problem(409 if isinstance(problem, SameProbe) else 422, str(problem), field=problem.field)


def _channel(membership: Membership, key: str) -> Channel:
    found = Channel.objects.filter(project=membership.project_id, key=key).first()
    if found is None:
        raise Problem(422, f"The project has no channel {key[:200]}.", field="channel")
    return found


@router.get("/probes", response=Listed[ProbeOut], summary="The project's probes, newest first")
def all_probes(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[ProbeOut]:
    return listed(queries.probes_of(access_caller(request).project_id), ProbeOut.of, after=after, limit=limit)


@router.post("/probes", response={201: ProbeOut}, summary="Bring in a probe")
def add_probe(request: HttpRequest, said: ProbeIn) -> ProbeOut:
    """An equal version is refused (409). Files of torch, joblib and scikit-learn are refused: convert them first."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    subject = queries.access_subject(membership, said.subject) if said.subject else None
    try:
        made = import_probe(
            project=membership.project, data=said.data(), file_name=said.name or "probe", card=said.card, name=said.name,
            subject=subject, actor=membership.user,
        )  # fmt: skip
    except CannotDo as problem:
        raise _refused(problem) from problem
    return ProbeOut.of(made)


@router.get("/probes/{int:pk}", response=ProbeOut, summary="One version of a probe")
def one_probe(request: HttpRequest, pk: int) -> ProbeOut:
    return ProbeOut.of(queries.access_probe(access_caller(request), pk))


@router.get("/controls", response=ControlsOut, summary="How often a channel fires on honest texts")
def controls(request: HttpRequest, channel: str = "") -> ControlsOut:
    found = _channel(access_caller(request), channel)
    return ControlsOut.of(found, false_alarms_of([found.pk])[found.pk])


@router.post("/controls", response={202: ScoringOut}, summary="Have a model read the control packs")
def score(request: HttpRequest, said: ScoringIn) -> ScoringOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    subject = queries.access_subject(membership, said.subject)
    channels = [_channel(membership, key) for key in dict.fromkeys(said.channels)]
    try:
        run = tasks.queue_scoring(channels=channels, subject=subject, actor=membership.user, packs=said.packs)
    except CannotDo as problem:
        raise _refused(problem) from problem
    return ScoringOut(run=run.pk)


@router.post("/thresholds", response={201: ControlsOut}, summary="Choose from where on a channel fires")
def threshold(request: HttpRequest, said: ThresholdIn) -> ControlsOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = _channel(membership, said.channel)
    try:
        choose_threshold(
            channel=found, subject=queries.access_subject(membership, said.subject), actor=membership.user, packs=said.packs,
            wanted=said.wanted, value=said.value,
        )  # fmt: skip
    except CannotDo as problem:
        raise _refused(problem) from problem
    return ControlsOut.of(found, false_alarms_of([found.pk])[found.pk])
