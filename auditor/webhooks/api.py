"""Webhooks for programs."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.webhooks import actions, queries
from auditor.webhooks.models import Delivery, Subscription
from auditor.webhooks.tasks import ring_deliveries

router = Router(tags=["Webhooks"])


class WebhookIn(Schema):
    """Where to, and of what."""

    url: str = Field(max_length=2000, description="https:// only")
    kinds: list[Annotated[str, Field(max_length=60)]] = Field(
        max_length=20, description="round.*, case.*, item.ruled, label.committed, release.*"
    )


class WebhookOut(Schema):
    """An address that is told of some events."""

    id: int
    url: str
    kinds: list[str]
    active: bool
    off_because: str
    failures: int = Field(description="Tries in a row that failed")
    created_at: datetime

    @classmethod
    def of(cls, row: Subscription) -> "WebhookOut":
        return cls(
            id=row.pk, url=row.url, kinds=row.kinds, active=row.is_active, off_because=row.disabled_because,
            failures=row.failures, created_at=row.created_at,
        )  # fmt: skip


class WebhookMadeOut(WebhookOut):
    """A new webhook, with the secret that its messages are signed with: shown this once."""

    secret: str


class SwitchIn(Schema):
    """Whether it is told of events."""

    on: bool


class DeliveryOut(Schema):
    """One event for one webhook, and what became of the last try."""

    id: int
    event: int
    kind: str
    state: str = Field(description="waiting, delivered or given_up")
    attempts: int
    due_at: datetime
    tried_at: datetime | None
    status: int | None = Field(description="HTTP status of the last try; null: no answer")
    milliseconds: int | None
    said: str = Field(description="The answer's first 500 characters, or what went wrong")

    @classmethod
    def of(cls, row: Delivery) -> "DeliveryOut":
        return cls(
            id=row.pk, event=row.event_id, kind=row.kind, state=row.state, attempts=row.attempts,
            due_at=row.due_at, tried_at=row.tried_at, status=row.status, milliseconds=row.milliseconds,
            said=row.said,
        )  # fmt: skip


@router.get("/webhooks", response=Listed[WebhookOut], summary="The project's webhooks")
def webhooks(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[WebhookOut]:
    membership = access_caller(request, role=Role.MANAGER)
    rows = queries.subscriptions_of(membership.project_id)
    return listed(rows, WebhookOut.of, after=after, limit=limit)


@router.post("/webhooks", response={201: WebhookMadeOut}, summary="A new webhook")
def new_webhook(request: HttpRequest, body: WebhookIn) -> WebhookMadeOut:
    """It is told of what happens from now on."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        made = actions.subscribe(
            project=membership.project, url=body.url, kinds=body.kinds, actor=membership.user
        )
    except actions.CannotSubscribe as problem:
        raise _refusal(problem) from problem
    return WebhookMadeOut(**WebhookOut.of(made).dict(), secret=made.secret)


@router.get("/webhooks/{int:pk}", response=WebhookOut, summary="One webhook")
def webhook(request: HttpRequest, pk: int) -> WebhookOut:
    return WebhookOut.of(queries.access_subscription(access_caller(request, role=Role.MANAGER), pk))


@router.put("/webhooks/{int:pk}", response=WebhookOut, summary="Another address, or other kinds")
def change_webhook(request: HttpRequest, pk: int, body: WebhookIn) -> WebhookOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_subscription(membership, pk)
    try:
        actions.change(subscription=found, url=body.url, kinds=body.kinds, actor=membership.user)
    except actions.CannotSubscribe as problem:
        raise _refusal(problem) from problem
    return WebhookOut.of(queries.access_subscription(membership, pk))


@router.post("/webhooks/{int:pk}/switch", response=WebhookOut, summary="Switch it on or off")
def switch_webhook(request: HttpRequest, pk: int, body: SwitchIn) -> WebhookOut:
    """Switched on again it is told of what happens from then on, and of what was waiting."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_subscription(membership, pk)
    actions.switch(subscription=found, on=body.on, actor=membership.user)
    return WebhookOut.of(queries.access_subscription(membership, pk))


@router.delete("/webhooks/{int:pk}", response={204: None}, summary="Remove it")
def remove_webhook(request: HttpRequest, pk: int) -> None:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    actions.remove(subscription=queries.access_subscription(membership, pk), actor=membership.user)


@router.get(
    "/webhooks/{int:pk}/deliveries", response=Listed[DeliveryOut], summary="What was sent, newest first"
)
def deliveries(request: HttpRequest, pk: int, after: After = "", limit: Limit = 50) -> Listed[DeliveryOut]:
    found = queries.access_subscription(access_caller(request, role=Role.MANAGER), pk)
    return listed(found.deliveries.all(), DeliveryOut.of, after=after, limit=limit)


@router.post("/deliveries/{int:pk}/again", response=DeliveryOut, summary="Send it once more")
def send_again(request: HttpRequest, pk: int) -> DeliveryOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    delivery = queries.access_delivery(membership, pk)
    actions.send_again(delivery=delivery, actor=membership.user)
    ring_deliveries(delivery.subscription_id)
    return DeliveryOut.of(queries.access_delivery(membership, pk))


def _refusal(problem: actions.CannotSubscribe) -> Problem:
    if problem.existing is not None:
        return Problem(409, str(problem), field=problem.field, existing=problem.existing)
    return Problem(422, str(problem), field=problem.field)
