"""Runs of judges for programs: what they would cost, how far they are, what was said."""

from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.evidence.queries import visible_to
from auditor.judging import actions, queries, tasks
from auditor.judging.models import (
    JudgeRun,
    Preflight,
    Verdict,
    VerdictCall,
)
from auditor.sampling.api_chosen import ChosenIn, chosen_in
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.web.shapes import Id

router = Router(tags=["Judges"])
REPLIED = ("key", "raw", "logprobs", "prompt_tokens", "completion_tokens", "cost", "latency_ms")
Amount = Annotated[int, Field(ge=1, le=10**15, description="Millionths of the endpoint's currency")]


class RunIn(ChosenIn):
    """A version over these transcripts."""

    version: Id
    cap: Amount | None = None
    concurrency: int | None = Field(None, ge=1, le=256)


class PreflightIn(ChosenIn):
    """What a version over these transcripts would cost."""

    version: Id


class CapIn(Schema):
    """How much a run may spend; null: as much as it needs."""

    cap: Amount | None


class PreflightOut(Schema):
    """What is expected; empty until its run is done."""

    id: int
    run: int
    status: str
    version: int
    result: dict[str, Any]

    @classmethod
    def of(cls, row: Preflight) -> "PreflightOut":
        return cls(
            id=row.pk, run=row.run_id, status=row.run.status, version=row.version_id, result=row.result
        )


class JudgeRunOut(Schema):
    """One version over chosen transcripts, and how far it is."""

    id: int
    run: int = Field(description="To pause, resume or cancel it: /runs/{run}/…")
    status: str
    note: str
    version: int
    judge: str
    number: int
    chosen: str
    transcripts: int
    verdicts: dict[str, int] = Field(
        description="How many are in each state; those waiting in a run that is over are missing"
    )
    cap: int | None
    spent: int
    currency: str
    cached: int
    repeated: int = Field(description="Calls that were sent again because no reply was stored")
    throttled: int
    left_out: dict[str, int]

    @classmethod
    def of(cls, row: JudgeRun) -> "JudgeRunOut":
        endpoint = row.version.endpoint
        return cls(
            id=row.pk, run=row.run_id, status=row.run.status, note=row.run.note, version=row.version_id,
            judge=row.version.judge.slug, number=row.version.number, chosen=row.in_words,
            transcripts=row.n_transcripts, verdicts=queries.states_of(row).counts, cap=row.cap, spent=row.spent,
            currency=endpoint.currency if endpoint is not None else "", cached=row.cached, repeated=row.repeated,
            throttled=row.throttled, left_out=row.left_out,
        )  # fmt: skip


class VerdictOut(Schema):
    """What one vote said of one transcript."""

    id: int
    transcript: int
    vote: int
    state: str
    words: str
    label: str
    values: dict[str, Any]
    rationale: str
    quotes: list[dict[str, Any]]
    unsupported: bool
    unread: list[dict[str, Any]]
    detail: dict[str, Any]

    @classmethod
    def of(cls, row: Verdict) -> "VerdictOut":
        return cls(
            id=row.pk, transcript=row.transcript_id, vote=row.vote, state=row.state, words=row.words,
            label=row.label, values=row.values, rationale=row.rationale, quotes=row.quotes,
            unsupported=row.unsupported, unread=row.unread, detail=row.detail,
        )  # fmt: skip


class CallOut(Schema):
    """One call behind a verdict: what came back, as it came."""

    ask: int
    chunk: int
    sends: int
    cached: bool
    key: str | None
    raw: Any
    logprobs: Any
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: int | None
    latency_ms: int | None

    @classmethod
    def of(cls, row: VerdictCall) -> "CallOut":
        reply = row.reply
        said = dict.fromkeys(REPLIED) if reply is None else {name: getattr(reply, name) for name in REPLIED}
        return cls(ask=row.ask, chunk=row.chunk, sends=row.sends, cached=row.cached, **said)


class RetriedOut(Schema):
    """How many verdicts are asked for again."""

    retried: int


@router.post("/judge-preflights", response={202: PreflightOut}, summary="Ask what a run would cost")
def preflight(request: HttpRequest, said: PreflightIn) -> PreflightOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_version(membership, said.version)
    try:
        made = tasks.queue_preflight(
            version=found, chosen=chosen_in(said, membership.project_id), actor=membership.user
        )
    except actions.CannotJudge as problem:
        raise Problem(422, str(problem), field="version") from problem
    return PreflightOut.of(made)


@router.get("/judge-preflights/{int:pk}", response=PreflightOut, summary="What a run would cost")
def preflighted(request: HttpRequest, pk: int) -> PreflightOut:
    """Of the transcripts tried, only those whose evidence the token's person may see."""
    membership = access_caller(request, role=Role.MANAGER)
    return PreflightOut.of(
        queries.without_veiled(queries.access_preflight(membership, pk), visible_to(membership.user))
    )


@router.get("/judge-runs", response=Listed[JudgeRunOut], summary="The project's judge runs, newest first")
def runs(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[JudgeRunOut]:
    rows = queries.with_states(queries.runs_of(access_caller(request, role=Role.MANAGER).project_id))
    return listed(rows, JudgeRunOut.of, after=after, limit=limit)


@router.post("/judge-runs", response={202: JudgeRunOut}, summary="Let a version judge")
def judge(request: HttpRequest, said: RunIn) -> JudgeRunOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_version(membership, said.version)
    try:
        made = tasks.queue_judging(
            version=found, chosen=chosen_in(said, membership.project_id), actor=membership.user, cap=said.cap,
            concurrency=said.concurrency,
        )  # fmt: skip
    except actions.CannotJudge as problem:
        raise Problem(422, str(problem)) from problem
    return JudgeRunOut.of(queries.access_judging(membership, made.pk))


@router.get("/judge-runs/{int:pk}", response=JudgeRunOut, summary="One judge run")
def run(request: HttpRequest, pk: int) -> JudgeRunOut:
    return JudgeRunOut.of(queries.access_judging(access_caller(request, role=Role.MANAGER), pk))


@router.post("/judge-runs/{int:pk}/cap", response=JudgeRunOut, summary="Let it spend more")
def cap(request: HttpRequest, pk: int, said: CapIn) -> JudgeRunOut:
    """A run that stopped at its cap is resumed at /runs/{run}/resume."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_judging(membership, pk)
    try:
        actions.raise_cap(judging=found, cap=said.cap, actor=membership.user)
    except actions.CannotJudge as problem:
        raise Problem(422, str(problem), field="cap") from problem
    return JudgeRunOut.of(queries.access_judging(membership, pk))


@router.post("/judge-runs/{int:pk}/retry", response=RetriedOut, summary="Ask again where no reply came")
def retry(request: HttpRequest, pk: int) -> RetriedOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_judging(membership, pk)
    return RetriedOut(retried=tasks.queue_retry(judging=found, actor=membership.user))


@router.get(
    "/judge-runs/{int:pk}/verdicts", response=Listed[VerdictOut], summary="A run's verdicts, newest first"
)
def verdicts(
    request: HttpRequest, pk: int, state: str = "", after: After = "", limit: Limit = 50
) -> Listed[VerdictOut]:
    """Only on transcripts whose evidence the token's person may see."""
    membership = access_caller(request)
    rows = queries.verdicts(visible_to(membership.user), queries.access_judging(membership, pk))
    wanted = Q(state=state) if state else Q()
    return listed(rows.filter(wanted).order_by("-pk"), VerdictOut.of, after=after, limit=limit)


@router.get(
    "/verdicts/{int:pk}/calls", response=list[CallOut], summary="The replies behind a verdict, as they came"
)
def calls(request: HttpRequest, pk: int) -> list[CallOut]:
    membership = access_caller(request)
    found = queries.access_verdict(membership, visible_to(membership.user), pk)
    return [CallOut.of(one) for one in queries.calls_of(found)]
