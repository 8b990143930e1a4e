"""Captures for programs: asking for one, how far it is, and what could not be read."""

from typing import Annotated, Literal

from django.db.models import Q
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.evidence.queries import visible_to
from auditor.interp import queries, tasks
from auditor.interp.actions.captures import MOST_INSTRUMENTS, MOST_TOP, USUAL_TOP, Wanted
from auditor.interp.actions.naming import CannotDo
from auditor.interp.api import refused
from auditor.interp.models import Capture, CapturedTranscript, Instrument
from auditor.interp.progress import pace_of
from auditor.sampling.api_chosen import ChosenIn, chosen_in
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem

router = Router(tags=["White box"])


class InstrumentIn(Schema):
    """A probe by its channel's key, or a dictionary by its short name."""

    probe: str = Field("", max_length=200, description="probe.SLUG.v1")
    dictionary: str = Field("", max_length=60)
    mode: Literal["watch", "full"] = "watch"
    features: list[Annotated[int, Field(ge=0, lt=1 << 31)]] | None = Field(
        None, max_length=512, description="Those that get a track each; null: those that are pinned"
    )
    top: int = Field(USUAL_TOP, ge=1, le=MOST_TOP, description="Strongest kept for each token; in full only")


class CaptureIn(ChosenIn):
    """A subject model over these transcripts, with these instruments."""

    subject: str = Field(max_length=60, description="Its short name")
    instruments: list[InstrumentIn] = Field(min_length=1, max_length=MOST_INSTRUMENTS)


class InstrumentOut(Schema):
    """What a capture looks with."""

    probe: str
    dictionary: str
    mode: str
    features: list[int]
    top: int

    @classmethod
    def of(cls, row: Instrument) -> "InstrumentOut":
        probe = f"probe.{row.probe.slug}.v{row.probe.number}" if row.probe is not None else ""
        dictionary = row.dictionary.slug if row.dictionary is not None else ""
        return cls(probe=probe, dictionary=dictionary, mode=row.mode, features=row.features, top=row.top)


class CaptureOut(Schema):
    """One capture, and how far it is."""

    id: int
    run: int = Field(description="To pause, resume or cancel it: /runs/{run}/…")
    status: str
    note: str
    subject: str
    chosen: str
    instruments: list[InstrumentOut]
    transcripts: dict[str, int] = Field(description="How many are waiting, done, not_fit and failed")
    tokens: int
    tokens_a_second: float | None
    bytes_a_token: float | None
    seconds_left: float | None
    left_out: dict[str, int]

    @classmethod
    def of(cls, row: Capture) -> "CaptureOut":
        pace = pace_of(row)
        return cls(
            id=row.pk, run=row.run_id, status=row.run.status, note=row.run.note, subject=row.subject.slug,
            chosen=row.in_words, instruments=[InstrumentOut.of(one) for one in row.instruments.all()],
            transcripts=queries.tally_of(row).plain(), tokens=row.n_tokens, tokens_a_second=pace.tokens_a_second,
            bytes_a_token=pace.bytes_a_token, seconds_left=pace.seconds_left, left_out=row.left_out,
        )  # fmt: skip


class RowOut(Schema):
    """What became of one transcript."""

    transcript: int
    state: str
    words: str
    tokens: int
    left_out: int = Field(description="Characters that the chat template does not show the model")

    @classmethod
    def of(cls, row: CapturedTranscript) -> "RowOut":
        return cls(
            transcript=row.transcript_id,
            state=row.state,
            words=row.words,
            tokens=row.n_tokens,
            left_out=row.left_out,
        )


class RetriedOut(Schema):
    """How many transcripts are read again."""

    retried: int


@router.get("/captures", response=Listed[CaptureOut], summary="The project's captures, newest first")
def captures(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[CaptureOut]:
    rows = queries.with_states(queries.captures_of(access_caller(request).project_id))
    return listed(rows, CaptureOut.of, after=after, limit=limit)


@router.post("/captures", response={202: CaptureOut}, summary="Let a model read, and look")
def capture(request: HttpRequest, said: CaptureIn) -> CaptureOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    subject = queries.access_subject(membership, said.subject)
    try:
        made = tasks.queue_capture(
            project=membership.project, subject=subject, wanted=[_wanted(membership, one) for one in said.instruments],
            chosen=chosen_in(said, membership.project_id), actor=membership.user,
        )  # fmt: skip
    except CannotDo as problem:
        raise refused(problem) from problem
    return CaptureOut.of(queries.access_capture(membership, made.pk))


def _wanted(membership: Membership, one: InstrumentIn) -> Wanted:
    if bool(one.probe) == bool(one.dictionary):
        raise Problem(422, "An instrument is a probe or a dictionary.", field="instruments")
    if one.probe:
        probe = queries.probes_of(membership.project_id).filter(channel__key=one.probe).first()
        if probe is None:
            raise Problem(422, f"There is no probe {one.probe}.", field="instruments")
        return Wanted(probe=probe)
    dictionary = queries.access_dictionary(membership, one.dictionary)
    return Wanted(dictionary=dictionary, mode=one.mode, features=one.features, top=one.top)


@router.get("/captures/{int:pk}", response=CaptureOut, summary="One capture")
def one_capture(request: HttpRequest, pk: int) -> CaptureOut:
    return CaptureOut.of(queries.access_capture(access_caller(request), pk))


@router.post("/captures/{int:pk}/retry", response=RetriedOut, summary="Read again what failed")
def retry(request: HttpRequest, pk: int) -> RetriedOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_capture(membership, pk)
    return RetriedOut(retried=tasks.queue_retry(capture=found, actor=membership.user))


@router.get(
    "/captures/{int:pk}/transcripts", response=Listed[RowOut], summary="What became of each transcript"
)
def rows(
    request: HttpRequest, pk: int, state: str = "", after: After = "", limit: Limit = 50
) -> Listed[RowOut]:
    """Only of transcripts whose evidence the token's person may see."""
    membership = access_caller(request)
    found = queries.rows_of(visible_to(membership.user), queries.access_capture(membership, pk))
    return listed(found.filter(Q(state=state) if state else Q()), RowOut.of, after=after, limit=limit)
