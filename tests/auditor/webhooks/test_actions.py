"""From an event of the trail to a message received: once made, tried until received, never a label inside."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditor.accounts.models import Project, User
from auditor.ledger.actions import record
from auditor.ledger.models import Event
from auditor.webhooks import actions, horizon
from auditor.webhooks.backoff import HOLDS, STEPS, hold_for, retry_in
from auditor.webhooks.kinds import covers, message
from auditor.webhooks.models import Delivery, Horizon, Subscription
from auditor.webhooks.signing import verify
from auditor.webhooks.tasks import sweep
from labeling.adjudication.actions import settle
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import Content
from labeling.queues.actions import close_round, take_next
from labeling.queues.models import Item
from tests import make
from tests.auditor.webhooks.receiver import Receiver, receiver

ALL = ["round.*", "case.*", "item.ruled", "label.committed", "release.*"]


@pytest.fixture
def there(settings: Settings) -> Iterator[Receiver]:
    settings.ALLOWED_HOOK_HOSTS = ["127.0.0.1"]
    with receiver() as listening:
        yield listening


@pytest.fixture
def hook(project: Project, mia: User, there: Receiver) -> Subscription:
    return actions.subscribe(project=project, url=there.url, kinds=ALL, actor=mia)


def happens(project: Project, verb: str = "round.opened", **detail: object) -> Event:
    with transaction.atomic():
        return record(verb=verb, subject=project, project_id=project.pk, **detail)


def deliver(hook: Subscription) -> int:
    """One sweep and what follows from it, as the worker does it."""
    actions.sweep()
    return actions.deliver_due(subscription_id=hook.pk)


def soon(hook: Subscription) -> None:
    """As if the time of every retry had come."""
    Subscription.objects.filter(pk=hook.pk).update(held_until=timezone.now())
    Delivery.objects.filter(subscription=hook, state="waiting").update(due_at=timezone.now())


def test_an_event_arrives_signed_and_once(project: Project, hook: Subscription, there: Receiver) -> None:
    event = happens(project, name="Hidden", round=7, items=12)
    assert deliver(hook) == 1
    assert deliver(hook) == 0
    (got,) = there.got
    told = json.loads(got.body)
    assert told == {
        "id": event.pk, "kind": "round.opened", "at": event.at.isoformat(), "project": project.slug,
        "subject": {"kind": "accounts.project", "id": str(project.pk)}, "detail": {"round": 7, "items": 12},
    }  # fmt: skip
    at, sign = got.headers["Auditor-Timestamp"], got.headers["Auditor-Signature"]
    assert verify(hook.secret, at, sign, got.body, now=timezone.now().timestamp())
    row = Delivery.objects.get()
    assert (row.state, row.status, row.attempts, row.said) == ("delivered", 200, 1, "thanks")


def test_only_what_was_asked_for_in_this_project_from_now_on(
    project: Project, mia: User, there: Receiver
) -> None:
    happens(project)
    hook = actions.subscribe(project=project, url=there.url, kinds=["round.*"], actor=mia)
    with transaction.atomic():
        record(verb="round.opened", subject=project, project_id=project.pk + 1)
    happens(project, "case.opened")
    happens(project, "rounds")
    happens(project, "round.closed")
    deliver(hook)
    assert [one.headers["Auditor-Event"] for one in there.got] == ["round.closed"]


def test_a_whole_round_is_told_without_a_word_of_what_was_said(
    project: Project, ana: User, bo: User, mia: User, hook: Subscription, there: Receiver
) -> None:
    transcript = make.transcript(project, external_id="canary-name")
    round = make.round(project, [transcript], [ana, bo], name="canary-round")
    for reviewer, truth in ((ana, "true"), (bo, "unverifiable")):
        lease = take_next(round=round, reviewer=reviewer)
        assert lease is not None
        said = Content.of(answers={"truth": truth}, rationale="canary-rationale")
        commit_blind(item=lease.item, reviewer=reviewer, content=said)
        commit_final(item=lease.item, reviewer=reviewer, content=said, base=0)
    settle(item=Item.objects.get())
    close_round(round=round, actor=mia)
    deliver(hook)
    kinds = [json.loads(one.body)["kind"] for one in there.got]
    assert kinds[0] == "round.opened"
    assert kinds.count("label.committed") == 4
    assert {"case.opened", "round.closed"} <= set(kinds)
    for one in there.got:
        whole = one.body.decode() + str(one.headers)
        for secret in (
            "canary",
            "true",
            "unverifiable",
            "Ana",
            "Bo",
            '"rule"',
            '"took"',
            '"cites"',
            '"actor',
        ):
            assert secret not in whole.replace('"late":true', ""), (whole, secret)


def test_a_failure_is_tried_again_later_and_rests_the_address(
    project: Project, hook: Subscription, there: Receiver
) -> None:
    there.status = 503
    happens(project)
    happens(project, "round.closed")
    assert deliver(hook) == 1, "one failure is enough to let the address rest"
    first = Delivery.objects.order_by("pk").first()
    assert first is not None
    assert (first.state, first.status, first.attempts) == ("waiting", 503, 1)
    assert first.due_at > timezone.now() + timedelta(seconds=7)
    soon(hook)
    there.status = 204
    assert deliver(hook) == 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    hook.refresh_from_db()
    assert (hook.failures, hook.failing_since) == (0, None)


def test_a_delivery_is_given_up_after_a_day(project: Project, hook: Subscription, there: Receiver) -> None:
    there.status = 500
    happens(project)
    deliver(hook)
    Delivery.objects.update(give_up_at=timezone.now())
    soon(hook)
    deliver(hook)
    assert Delivery.objects.get().state == "given_up"
    soon(hook)
    assert deliver(hook) == 0


def test_a_day_of_failures_switches_it_off_with_a_notice(
    project: Project, hook: Subscription, there: Receiver
) -> None:
    there.status = 500
    happens(project)
    deliver(hook)
    assert Subscription.objects.active().count() == 1
    Subscription.objects.update(failing_since=timezone.now() - timedelta(days=1))
    soon(hook)
    deliver(hook)
    hook.refresh_from_db()
    assert not hook.is_active
    assert "for a day; 2 tries" in hook.disabled_because
    assert Event.objects.filter(verb="webhook.switched_off", actor_id=None).count() == 1
    there.status = 200
    soon(hook)
    assert deliver(hook) == 0


def test_gone_switches_it_off_at_once(project: Project, hook: Subscription, there: Receiver) -> None:
    there.status = 410
    happens(project)
    deliver(hook)
    hook.refresh_from_db()
    assert "410" in hook.disabled_because


def test_switched_on_again_it_hears_what_happens_from_then_on(
    project: Project, mia: User, hook: Subscription, there: Receiver
) -> None:
    actions.switch(subscription=hook, on=False, actor=mia)
    happens(project)
    assert deliver(hook) == 0
    actions.switch(subscription=hook, on=True, actor=mia)
    actions.switch(subscription=hook, on=True, actor=mia)
    assert deliver(hook) == 0
    happens(project, "round.closed")
    assert deliver(hook) == 1
    assert Event.objects.filter(verb="webhook.switched_on").count() == 1


def test_it_can_be_sent_again(project: Project, mia: User, hook: Subscription, there: Receiver) -> None:
    happens(project)
    deliver(hook)
    actions.send_again(delivery=Delivery.objects.get(), actor=mia)
    assert deliver(hook) == 1
    assert there.got[0].body == there.got[1].body
    assert there.got[0].headers["Auditor-Delivery"] == there.got[1].headers["Auditor-Delivery"]


def test_while_one_worker_sends_another_goes_away(
    project: Project, hook: Subscription, there: Receiver
) -> None:
    happens(project)
    actions.sweep()
    Subscription.objects.update(held_until=timezone.now() + timedelta(seconds=30))
    assert actions.deliver_due(subscription_id=hook.pk) == 0
    Subscription.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    assert actions.deliver_due(subscription_id=hook.pk) == 1


def test_many_events_come_in_order_over_several_sweeps(
    project: Project, hook: Subscription, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "AT_ONCE", 3)
    made = [happens(project, "label.committed", item=n).pk for n in range(8)]
    while deliver(hook):
        pass
    assert [json.loads(one.body)["id"] for one in there.got] == made


def test_a_name_that_turns_private_is_not_called(
    project: Project, hook: Subscription, there: Receiver, settings: Settings
) -> None:
    settings.ALLOWED_HOOK_HOSTS = []
    happens(project)
    deliver(hook)
    row = Delivery.objects.get()
    assert there.got == []
    assert row.status is None
    assert "https" in row.said
    Subscription.objects.update(url=there.url.replace("http:", "https:"))
    soon(hook)
    deliver(hook)
    assert "not a public address" in Delivery.objects.get().said
    assert there.got == []


def test_a_removed_subscription_is_told_nothing(
    project: Project, mia: User, hook: Subscription, there: Receiver
) -> None:
    happens(project)
    actions.remove(subscription=hook, actor=mia)
    actions.remove(subscription=hook, actor=mia)
    assert deliver(hook) == 0
    assert Event.objects.filter(verb="webhook.removed").count() == 1


def test_no_row_holds_the_secret(hook: Subscription) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT s::text FROM webhooks_subscription s")
        (row,) = cursor.fetchone()
    assert hook.secret.removeprefix("whsec_") not in row
    assert hook.secret == Subscription.objects.get().secret


@pytest.mark.parametrize(
    ("url", "kinds", "field"),
    [
        ("https://127.0.0.2/", ["round.*"], "url"),
        ("http://8.8.8.8/", ["round.*"], "url"),
        ("https://8.8.8.8/", [], "kinds"),
        ("https://8.8.8.8/", ["member.*"], "kinds"),
    ],
)
def test_what_cannot_be_subscribed(
    project: Project, mia: User, url: str, kinds: list[str], field: str
) -> None:
    with pytest.raises(actions.CannotSubscribe) as refused:
        actions.subscribe(project=project, url=url, kinds=kinds, actor=mia)
    assert refused.value.field == field
    assert not Subscription.objects.exists()


def test_a_project_has_so_many_and_no_more(
    project: Project, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST", 2)
    for number in range(2):
        actions.subscribe(project=project, url=f"https://8.8.8.8/{number}", kinds=["case.*"], actor=mia)
    with pytest.raises(actions.CannotSubscribe, match="enough"):
        actions.subscribe(project=project, url="https://8.8.8.8/2", kinds=["case.*"], actor=mia)
    with pytest.raises(actions.CannotSubscribe, match="already") as refused:
        actions.subscribe(project=project, url="https://8.8.8.8/1", kinds=["case.*"], actor=mia)
    assert refused.value.existing == Subscription.objects.get(url="https://8.8.8.8/1").pk


def test_the_log_forgets_what_is_old_and_over(project: Project, hook: Subscription, there: Receiver) -> None:
    happens(project)
    happens(project, "round.closed")
    actions.sweep()
    old = timezone.now() - timedelta(days=31)
    one = Delivery.objects.order_by("pk")[0]
    Delivery.objects.update(made_at=old)
    Delivery.objects.filter(pk=one.pk).update(state="delivered")
    assert actions.forget() == 1
    assert Delivery.objects.get().state == "waiting"


def test_the_sweep_rings_for_what_is_due(
    project: Project, hook: Subscription, there: Receiver, django_capture_on_commit_callbacks: object
) -> None:
    happens(project)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        sweep.run()
    assert len(there.got) == 1


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_is_not_passed_over() -> None:
    def event(verb: str) -> int:
        with transaction.atomic():
            return Event.objects.create(verb=verb, subject="x", subject_id="1", project_id=1).pk

    begun, go = threading.Event(), threading.Event()
    late: list[int] = []

    def slow() -> None:
        with transaction.atomic():
            late.append(Event.objects.create(verb="late", subject="x", subject_id="1", project_id=1).pk)
            begun.set()
            go.wait(20)
        connections.close_all()

    first = event("first")
    horizon.advance()
    thread = threading.Thread(target=slow)
    thread.start()
    assert begun.wait(20)
    after = event("after")
    assert after > late[0]
    assert horizon.advance() < late[0]
    assert horizon.advance() < late[0], "however often one looks while it is being written"
    event("more")
    assert Horizon.objects.get().whole == first
    go.set()
    thread.join()
    assert horizon.advance() >= after
    assert set(Event.objects.filter(pk__lte=horizon.advance()).values_list("verb", flat=True)) >= {
        "late",
        "after",
    }


def test_kinds_cover_their_verbs_and_no_others() -> None:
    assert covers(["round.*"], "round.opened")
    assert covers(["item.ruled"], "item.ruled")
    assert not covers(["round.*"], "rounds.opened")
    assert not covers(["round.*"], "round")
    assert not covers(["item.ruled"], "item.ruled_again")


def test_a_detail_is_told_only_if_it_is_a_number_or_a_stage() -> None:
    detail = {
        "item": 1, "stage": "blind", "round": "a name", "items": [1, 2], "case": None, "label": "D", "name": "x", "late": True,
    }  # fmt: skip
    told = message(id=1, verb="x", at=timezone.now(), project="p", subject="s", subject_id="1", detail=detail)
    assert told["detail"] == {"item": 1, "stage": "blind", "late": True}


def test_tries_grow_rarer_and_fill_a_day() -> None:
    middle = [retry_in(n, lambda: 0.5).total_seconds() for n in range(1, 12)]
    assert middle[:8] == [float(step) for step in STEPS]
    assert middle[-1] == STEPS[-1]
    assert retry_in(1, lambda: 0.0) == timedelta(seconds=8)
    assert retry_in(1, lambda: 1.0) == timedelta(seconds=12)
    assert hold_for(1, lambda: 0.5) == timedelta(0)
    assert hold_for(99, lambda: 0.5) == timedelta(seconds=HOLDS[-1])
