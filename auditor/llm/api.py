"""Endpoints for programs. A key goes in and never comes out."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.llm import actions, queries
from auditor.llm.models import MOST_AT_ONCE, Endpoint, Trial
from auditor.llm.prices import Model, read_models, read_price, written
from auditor.llm.secret import LONGEST
from auditor.llm.tasks import start_trial
from auditor.llm.trying import CannotTry
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem

router = Router(tags=["Endpoints"])
Price = Annotated[str, Field(max_length=20, description="Per million tokens, as 2.50; empty: not known")]
Count = Annotated[int, Field(ge=1, le=actions.MOST_A_MINUTE)]


class ModelIO(Schema):
    """A model that an endpoint offers."""

    name: str = Field(max_length=actions.LONGEST_MODEL)
    context: int = Field(ge=1, le=actions.LARGEST_CONTEXT, description="Tokens of prompt and answer together")
    price_in: Price = ""
    price_out: Price = ""

    def read(self) -> Model:
        """The model.

        Raises:
            Problem: a price that is none.
        """
        try:
            return Model(self.name, self.context, read_price(self.price_in), read_price(self.price_out))
        except ValueError as problem:
            raise Problem(422, f"{self.name[:60]}: {problem}", field="models") from problem


class EndpointIn(Schema):
    """What an endpoint is to be."""

    name: str = Field(max_length=actions.LONGEST_NAME)
    base_url: str = Field(max_length=2000, description="What /chat/completions is added to")
    models: list[ModelIO] = Field(max_length=actions.MOST_MODELS)
    currency: str = Field("USD", max_length=3)
    requests_per_minute: Count | None = Field(None, description="null: no limit")
    tokens_per_minute: Count | None = Field(
        None, description="Of prompts and answers together; null: no limit"
    )
    concurrency: int = Field(8, ge=1, le=MOST_AT_ONCE, description="Calls of one run at once")
    timeout: int = Field(120, ge=1, le=actions.LONGEST_TIMEOUT, description="Seconds that one try may take")
    key: str = Field("", max_length=LONGEST, description="Kept encrypted, never given back; empty: as it is")

    def wanted(self) -> actions.Wanted:
        """The same without the key."""
        return actions.Wanted(
            name=self.name, base_url=self.base_url, models=[model.read() for model in self.models], currency=self.currency,
            requests_per_minute=self.requests_per_minute, tokens_per_minute=self.tokens_per_minute, concurrency=self.concurrency,
            timeout=self.timeout,
        )  # fmt: skip


class EndpointOut(Schema):
    """Where models are called."""

    id: int
    name: str
    base_url: str
    has_key: bool
    models: list[ModelIO]
    currency: str
    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrency: int
    timeout: int
    output: str = Field(description="Best structured output that it is known to take: schema, object or text")
    created_at: datetime

    @classmethod
    def of(cls, row: Endpoint) -> "EndpointOut":
        models = [
            ModelIO(
                name=one.name,
                context=one.context,
                price_in=written(one.price_in),
                price_out=written(one.price_out),
            )
            for one in read_models(row.models)
        ]
        return cls(
            id=row.pk, name=row.name, base_url=row.base_url, has_key=row.has_key, models=models, currency=row.currency,
            requests_per_minute=row.requests_per_minute, tokens_per_minute=row.tokens_per_minute, concurrency=row.concurrency,
            timeout=row.timeout, output=row.output, created_at=row.created_at,
        )  # fmt: skip


class KeyIn(Schema):
    """A key of the endpoint's provider."""

    key: str = Field(min_length=1, max_length=LONGEST)


class TrialIn(Schema):
    """Which model to try."""

    model: str = Field(max_length=actions.LONGEST_MODEL)


class TrialOut(Schema):
    """What one tiny call showed."""

    id: int
    run: int
    model: str
    state: str = Field(description="waiting or done")
    works: bool | None = Field(description="It answered")
    words: str = Field(description="Why it did not")
    latency_ms: int | None
    takes: str = Field(description="schema, object or text; empty while waiting")
    keeps_schema: bool | None
    gives_logprobs: bool | None
    answer: str

    @classmethod
    def of(cls, row: Trial) -> "TrialOut":
        return cls(
            id=row.pk, run=row.run_id, model=row.model, state=row.state, works=row.works, words=row.words, latency_ms=row.latency_ms,
            takes=row.takes, keeps_schema=row.keeps_schema, gives_logprobs=row.gives_logprobs, answer=row.answer,
        )  # fmt: skip


@router.get("/endpoints", response=Listed[EndpointOut], summary="The project's endpoints")
def endpoints(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[EndpointOut]:
    membership = access_caller(request, role=Role.MANAGER)
    rows = Endpoint.objects.standing().filter(project_id=membership.project_id)
    return listed(rows, EndpointOut.of, after=after, limit=limit)


@router.post("/endpoints", response={201: EndpointOut}, summary="A new endpoint")
def new_endpoint(request: HttpRequest, body: EndpointIn) -> EndpointOut:
    """Nothing is sent to it before it is tried or used."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        made = actions.add(
            project=membership.project, wanted=body.wanted(), key=body.key, actor=membership.user
        )
    except actions.CannotSave as problem:
        raise _refusal(problem) from problem
    return EndpointOut.of(made)


@router.get("/endpoints/{int:pk}", response=EndpointOut, summary="One endpoint")
def endpoint(request: HttpRequest, pk: int) -> EndpointOut:
    return EndpointOut.of(queries.access_endpoint(access_caller(request, role=Role.MANAGER), pk))


@router.put("/endpoints/{int:pk}", response=EndpointOut, summary="Other values")
def change_endpoint(request: HttpRequest, pk: int, body: EndpointIn) -> EndpointOut:
    """Its key is kept, unless another is given or the address leads elsewhere: then it is removed."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_endpoint(membership, pk)
    try:
        actions.change(endpoint=found, wanted=body.wanted(), key=body.key, actor=membership.user)
    except actions.CannotSave as problem:
        raise _refusal(problem) from problem
    return EndpointOut.of(queries.access_endpoint(membership, pk))


@router.put("/endpoints/{int:pk}/key", response=EndpointOut, summary="Another key")
def set_key(request: HttpRequest, pk: int, body: KeyIn) -> EndpointOut:
    return _keyed(request, pk, body.key)


@router.delete("/endpoints/{int:pk}/key", response=EndpointOut, summary="Remove the key")
def remove_key(request: HttpRequest, pk: int) -> EndpointOut:
    return _keyed(request, pk, "")


@router.post("/endpoints/{int:pk}/trials", response={202: TrialOut}, summary="Try it with one tiny call")
def try_endpoint(request: HttpRequest, pk: int, body: TrialIn) -> TrialOut:
    """A worker makes the call; look at the trials until its state is done."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_endpoint(membership, pk)
    try:
        trial = start_trial(endpoint=found, model=body.model, actor=membership.user)
    except CannotTry as problem:
        raise Problem(422, str(problem), field="model") from problem
    trial.refresh_from_db()
    return TrialOut.of(trial)


@router.get("/endpoints/{int:pk}/trials", response=Listed[TrialOut], summary="What it can do, newest first")
def trials(request: HttpRequest, pk: int, after: After = "", limit: Limit = 50) -> Listed[TrialOut]:
    found = queries.access_endpoint(access_caller(request, role=Role.MANAGER), pk)
    return listed(queries.trials_of(found), TrialOut.of, after=after, limit=limit)


@router.delete("/endpoints/{int:pk}", response={204: None}, summary="Put it away")
def archive_endpoint(request: HttpRequest, pk: int) -> None:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    actions.archive(endpoint=queries.access_endpoint(membership, pk), actor=membership.user)


def _keyed(request: HttpRequest, pk: int, key: str) -> EndpointOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_endpoint(membership, pk)
    try:
        actions.set_key(endpoint=found, key=key, actor=membership.user)
    except actions.CannotSave as problem:
        raise _refusal(problem) from problem
    return EndpointOut.of(queries.access_endpoint(membership, pk))


def _refusal(problem: actions.CannotSave) -> Problem:
    if problem.existing is not None:
        return Problem(409, str(problem), field=problem.field, existing=problem.existing)
    return Problem(422, str(problem), field=problem.field)
