"""However a run of calls ends, what was paid for is stored, and nothing more is sent."""

from collections.abc import Sequence
from time import monotonic

import pytest
from django.db import OperationalError, connection

from auditor.llm import actions
from auditor.llm.calls import Outcome, Tally
from auditor.llm.engine import BudgetSpent, EndpointDown, NoPrice, delivery
from auditor.llm.models import Endpoint, Reply
from bench.scripted import Script
from tests import make
from tests.auditor.llm.conftest import Caller

COST = 32  # of a made call: 6 tokens of prompt at 2 and 2 of answer at 10, while 10 and 10 were estimated
WORST = 120


class Enough(Exception):
    """Whoever watches has had enough."""


def calls(count: int) -> list[make.Call]:
    return [make.call(number) for number in range(count)]


def test_who_stops_it_at_a_beat_gets_what_was_under_way(caller: Caller, server: Script) -> None:
    server.latency = 0.3

    def stop(tally: Tally) -> None:
        if tally.answered >= 8:
            raise Enough

    caller.on_beat = stop
    with pytest.raises(Enough):
        caller.run(calls(400))
    assert 8 <= server.requests < 60
    assert Reply.objects.count() == server.requests == len(caller.outcomes)
    assert len(caller.marked) >= server.requests, "marked calls that never went out have no outcome"


@pytest.mark.parametrize("cap", [COST, 10 * COST, 10 * COST + 1, 10 * COST - 1, 1000])
def test_a_budget_is_passed_by_one_call_at_most(caller: Caller, server: Script, cap: int) -> None:
    with pytest.raises(BudgetSpent, match="budget is spent"):
        caller.run(calls(60), cap=cap)
    spent = sum(row.cost or 0 for row in Reply.objects.all())
    assert spent == COST * server.requests
    assert cap <= spent < cap + COST


def test_what_was_spent_before_counts(caller: Caller, server: Script) -> None:
    with pytest.raises(BudgetSpent):
        caller.run(calls(60), cap=1000, spent=1000 - 2 * COST)
    assert server.requests == 2
    server.forget()
    with pytest.raises(BudgetSpent):
        caller.run(calls(60), cap=1000, spent=1000)
    assert server.requests == 0


def test_a_budget_that_is_enough_ends_nothing(caller: Caller) -> None:
    tally = caller.run(calls(20), cap=20 * COST, spent=0)
    assert (tally.answered, tally.spent) == (20, 20 * COST)


def test_many_go_at_once_while_the_worst_that_they_cost_is_within_the_budget(
    caller: Caller, server: Script
) -> None:
    server.latency = 0.1
    with pytest.raises(BudgetSpent):
        caller.run(calls(60), cap=4 * WORST)
    assert server.most_seen == 4


def test_a_budget_without_a_price_is_refused_at_once(caller: Caller, server: Script) -> None:
    with pytest.raises(NoPrice, match="'free'"):
        caller.run([make.call(model="free")], cap=1000)
    assert server.requests == 0


def test_where_the_caller_cannot_store_the_replies_are_kept(caller: Caller, server: Script) -> None:
    server.latency = 0.1

    def broken(outcomes: Sequence[Outcome]) -> None:
        Endpoint.objects.filter(pk=caller.endpoint.pk).update(name="half a write")
        raise Enough

    caller.on_store = broken
    with pytest.raises(Enough):
        caller.run(calls(50))
    assert Reply.objects.count() == server.requests > 0
    assert not Endpoint.objects.filter(name="half a write").exists(), (
        "the caller's own writes are rolled back"
    )
    caller.on_store = lambda outcomes: None
    caller.run(calls(50))
    assert server.requests == 50


def test_rows_of_the_caller_commit_with_the_replies(caller: Caller) -> None:
    depth = []
    caller.on_store = lambda outcomes: depth.append(
        (connection.in_atomic_block, all(one.reply.pk for one in outcomes))
    )
    caller.run(calls(3))
    assert set(depth) == {(True, True)}


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_costs_no_answer(
    caller: Caller, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PAUSE", 0.05)
    troubles = iter([OperationalError("the server closed the connection"), OperationalError("no route")])

    def stumbles(outcomes: Sequence[Outcome]) -> None:
        if trouble := next(troubles, None):
            raise trouble

    caller.on_store = stumbles
    tally = caller.run(calls(20))
    assert (tally.answered, server.requests, Reply.objects.count()) == (20, 20, 20)


def test_an_endpoint_that_is_put_away_is_not_called_any_more(
    caller: Caller, server: Script, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.latency = 0.1

    def put_away(tally: Tally) -> None:
        if tally.answered >= 5:
            actions.archive(endpoint=endpoint, actor=endpoint.created_by)

    caller.on_beat = put_away
    with pytest.raises(EndpointDown, match="put away"):
        caller.run(calls(2000))
    assert server.requests == Reply.objects.count() < 500


def test_the_run_beats_while_it_waits(caller: Caller, server: Script) -> None:
    server.latency = 1.6
    caller.run([make.call()])
    assert len(caller.tallies) >= 3
    assert caller.tallies[-1].answered == 1


def test_who_hangs_is_waited_for_no_longer_than_a_try_may_take(
    caller: Caller, server: Script, endpoint: Endpoint
) -> None:
    endpoint.timeout = 1
    endpoint.save()

    def stop(tally: Tally) -> None:
        if tally.in_flight:
            raise Enough

    caller.on_beat = stop
    began = monotonic()
    with pytest.raises(Enough):
        caller.run([make.call(number, model="hang") for number in range(5)])
    assert monotonic() - began < 5
    assert caller.outcomes == [], "they are as they were: nobody was told that they failed"


def test_a_process_that_is_told_to_end_waits_for_nobody(caller: Caller, server: Script) -> None:
    def end(tally: Tally) -> None:
        if tally.answered >= 4:
            raise SystemExit

    caller.on_beat = end
    began = monotonic()
    with pytest.raises(SystemExit):
        caller.run(
            [make.call(number) for number in range(4)]
            + [make.call(number, model="hang") for number in range(4, 20)]
        )
    assert monotonic() - began < 10
    assert Reply.objects.count() == 4
