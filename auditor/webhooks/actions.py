"""Subscribing, making deliveries from the trail, and sending those that are due."""

import json
import secrets
from collections.abc import Iterable
from datetime import timedelta
from random import SystemRandom
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.ledger.actions import record
from auditor.ledger.models import Event
from auditor.webhooks import horizon, queries
from auditor.webhooks.addresses import Forbidden, read, resolve
from auditor.webhooks.backoff import GIVE_UP_AFTER, SHUT_OFF_AFTER, hold_for, retry_in
from auditor.webhooks.kinds import KINDS, message
from auditor.webhooks.models import Delivery, Subscription
from auditor.webhooks.sending import Answer, send
from auditor.webhooks.signing import signature

MOST = 20  # subscriptions of a project
AT_ONCE = 500  # events turned into deliveries by one sweep, for one subscription
MOST_WAITING = 2000  # deliveries; events beyond wait in the trail
CLAIM = timedelta(seconds=90)  # longer than any batch; a worker that died is followed by another after it
BATCH = 30.0  # seconds that one batch of sending may begin further tries
KEPT = timedelta(days=30)  # deliveries in the log
GONE = 410
chance = SystemRandom().random


class CannotSubscribe(ValueError):
    """The subscription cannot be stored like this; the message says why, `field` where."""

    def __init__(self, reason: str, *, field: str, existing: int | None = None) -> None:
        super().__init__(reason)
        self.field = field
        self.existing = existing  # the subscription that is there already


def subscribe(*, project: Project, url: str, kinds: Iterable[str], actor: User) -> Subscription:
    """A new subscription, told of what happens from now on; show its `secret` once.

    Raises:
        CannotSubscribe: an address that nothing is sent to, no kinds or unknown ones, too many, or one
            that is there already: sent twice it would be told everything twice.
    """
    chosen = _chosen(kinds)
    _check(url)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # so that the count holds
        standing = Subscription.objects.standing().filter(project=project)
        if same := standing.filter(url=url, kinds=chosen).first():
            raise CannotSubscribe("There is such a webhook already.", field="url", existing=same.pk)
        if standing.count() >= MOST:
            raise CannotSubscribe(
                f"{MOST} webhooks are enough for one project: remove one first.", field="url"
            )
        made = Subscription.objects.create(
            project=project, url=url, kinds=chosen, salt=secrets.token_hex(16), created_by=actor,
            cursor=horizon.newest(),
        )  # fmt: skip
        record(
            verb="webhook.made", subject=made, actor=actor, project_id=project.pk, kinds=chosen,
            host=read(url, allowed=settings.ALLOWED_HOOK_HOSTS).host,
        )  # fmt: skip  # the address itself may hold a secret of the receiver's
    return made


def change(*, subscription: Subscription, url: str, kinds: Iterable[str], actor: User) -> None:
    """Another address or other kinds; the secret stays.

    Raises:
        CannotSubscribe: as for `subscribe`.
    """
    chosen = _chosen(kinds)
    _check(url)
    with transaction.atomic():
        row = Subscription.objects.select_for_update().get(pk=subscription.pk)
        row.url, row.kinds = url, chosen
        row.save(update_fields=["url", "kinds"])
        record(verb="webhook.changed", subject=row, actor=actor, project_id=row.project_id, kinds=chosen)


def remove(*, subscription: Subscription, actor: User) -> None:
    """Nothing is sent any more, and the log is not shown; safe to repeat."""
    with transaction.atomic():
        if Subscription.objects.standing().filter(pk=subscription.pk).update(removed_at=timezone.now()):
            record(
                verb="webhook.removed", subject=subscription, actor=actor, project_id=subscription.project_id
            )


def switch(*, subscription: Subscription, on: bool, actor: User | None, because: str = "") -> None:
    """Off: nothing is sent. On again: told of what happens from now on, and of what was waiting; safe to repeat."""
    with transaction.atomic():
        row = Subscription.objects.select_for_update().get(pk=subscription.pk)
        if row.is_active is on or row.removed_at is not None:
            return
        now = timezone.now()
        row.disabled_at, row.disabled_because = (None, "") if on else (now, because[:300])
        row.failures, row.failing_since, row.held_until = 0, None, now
        if on:
            row.cursor = horizon.newest()
        row.save()
        verb = "webhook.switched_on" if on else "webhook.switched_off"
        record(verb=verb, subject=row, actor=actor, project_id=row.project_id, because=row.disabled_because)


def send_again(*, delivery: Delivery, actor: User) -> None:
    """Put a delivery up once more, whatever became of it."""
    with transaction.atomic():
        now = timezone.now()
        Delivery.objects.filter(pk=delivery.pk).update(
            state="waiting", due_at=now, give_up_at=now + GIVE_UP_AFTER
        )
        resting = Subscription.objects.filter(pk=delivery.subscription_id, failures__gt=0)
        resting.update(held_until=now)
        record(
            verb="webhook.sent_again", subject=delivery, actor=actor,
            project_id=delivery.subscription.project_id, event=delivery.event_id,
        )  # fmt: skip


def sweep() -> list[int]:
    """Make the deliveries that the trail calls for; the ids of subscriptions with something due."""
    whole = horizon.advance()
    for subscription in Subscription.objects.active().filter(cursor__lt=whole):
        _fill(subscription, whole)
    return queries.due_now()


def forget() -> int:
    """Shorten the log; what is still to be sent stays. Returns how many deliveries went."""
    old = Delivery.objects.filter(made_at__lt=timezone.now() - KEPT).exclude(state="waiting")
    return old.delete()[0]


def _fill(subscription: Subscription, whole: int) -> None:
    with transaction.atomic():
        row = Subscription.objects.select_for_update(skip_locked=True).filter(pk=subscription.pk).first()
        if row is None or row.deliveries.filter(state="waiting").count() >= MOST_WAITING:
            return
        events = list(queries.events_for(row, whole).values_list("id", "verb")[:AT_ONCE])
        give_up_at = timezone.now() + GIVE_UP_AFTER
        Delivery.objects.bulk_create(
            [
                Delivery(subscription=row, event_id=pk, kind=verb, give_up_at=give_up_at)
                for pk, verb in events
            ],
            ignore_conflicts=True,
        )
        row.cursor = events[-1][0] if len(events) == AT_ONCE else whole
        row.save(update_fields=["cursor"])


def deliver_due(*, subscription_id: int) -> int:
    """Send what is due for one subscription, until one fails or the time is up; returns how many were tried.

    Whoever comes while somebody sends, or while the address rests, goes away again.
    """
    now = timezone.now()
    claimed = Subscription.objects.active().filter(pk=subscription_id, held_until__lte=now)
    if not claimed.update(held_until=now + CLAIM):
        return 0
    began, tried = monotonic(), 0
    hold = timedelta(0)
    while monotonic() - began < BATCH:
        delivery = queries.next_due(subscription_id)
        if delivery is None:
            break
        answer = _try(delivery)
        tried += 1
        if not answer.is_success:
            hold = _failed(delivery, answer)
            break
        _received(delivery, answer)
    Subscription.objects.filter(pk=subscription_id).update(held_until=timezone.now() + hold)
    return tried


def _try(delivery: Delivery) -> Answer:
    subscription = delivery.subscription
    event = Event.objects.get(pk=delivery.event_id)
    body = json.dumps(
        message(
            id=event.pk, verb=event.verb, at=event.at, project=subscription.project.slug,
            subject=event.subject, subject_id=event.subject_id, detail=event.detail,
        ),
        separators=(",", ":"),
    ).encode()  # fmt: skip
    at = int(timezone.now().timestamp())
    headers = {
        "Content-Type": "application/json", "User-Agent": "Auditor-Webhooks/1", "Auditor-Event": event.verb,
        "Auditor-Delivery": str(delivery.pk), "Auditor-Timestamp": str(at),
        "Auditor-Signature": signature(subscription.secret, at, body),
    }  # fmt: skip
    try:
        target = resolve(subscription.url, allowed=settings.ALLOWED_HOOK_HOSTS)
    except Forbidden as problem:
        return Answer(None, 0, str(problem)[:500])
    except OSError as problem:
        return Answer(None, 0, f"The name cannot be looked up: {problem}"[:500])
    return send(target, body, headers)


def _received(delivery: Delivery, answer: Answer) -> None:
    _note(delivery, answer, state="delivered")
    Subscription.objects.filter(pk=delivery.subscription_id).exclude(failures=0).update(
        failures=0, failing_since=None
    )


def _failed(delivery: Delivery, answer: Answer) -> timedelta:
    """Write the failure down, and say how long the address rests."""
    now = timezone.now()
    again = now + retry_in(delivery.attempts + 1, chance)
    over = again > delivery.give_up_at
    _note(delivery, answer, state="given_up" if over else "waiting", due_at=again)
    rows = Subscription.objects.filter(pk=delivery.subscription_id)
    rows.filter(failing_since__isnull=True).update(failing_since=now)
    rows.update(failures=F("failures") + 1)
    row = rows.get()
    since = row.failing_since or now
    if answer.status == GONE:
        switch(subscription=row, on=False, actor=None, because="The receiver says that it is gone (410).")
    elif now - since >= SHUT_OFF_AFTER:
        switch(
            subscription=row, on=False, actor=None,
            because=f"Nothing was received for a day; {row.failures} tries in a row failed.",
        )  # fmt: skip
    return hold_for(row.failures, chance)


def _note(delivery: Delivery, answer: Answer, **changes: object) -> None:
    """What became of a try: bookkeeping of the log, which leaves no event."""
    Delivery.objects.filter(pk=delivery.pk).update(
        attempts=F("attempts") + 1, tried_at=timezone.now(), status=answer.status,
        milliseconds=answer.milliseconds, said=answer.said.replace("\0", "\ufffd"), **changes,
    )  # fmt: skip


def _chosen(kinds: Iterable[str]) -> list[str]:
    given = set(kinds)
    if unknown := sorted(given - set(KINDS)):
        raise CannotSubscribe(
            f"There is no kind {unknown[0][:60]}: choose among {', '.join(KINDS)}.", field="kinds"
        )
    if not given:
        raise CannotSubscribe("Choose what to be told of.", field="kinds")
    return [kind for kind in KINDS if kind in given]


def _check(url: str) -> None:
    """An address that could be sent to; a name that cannot be looked up now may be there tomorrow."""
    try:
        resolve(url, allowed=settings.ALLOWED_HOOK_HOSTS)
    except Forbidden as problem:
        raise CannotSubscribe(str(problem), field="url") from problem
    except OSError:
        return
