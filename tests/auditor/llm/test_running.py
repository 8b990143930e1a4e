"""Calls are made once, in the order given as far as there is room, and each is told of once."""

import pytest
from django.db import Error, transaction

from auditor.llm.calls import Tally
from auditor.llm.models import Endpoint, Reply
from bench.scripted import Script
from tests import make
from tests.auditor.llm.conftest import Caller


def test_each_call_is_answered_stored_and_told_of_once(caller: Caller, server: Script) -> None:
    calls = [make.call(number) for number in range(60)]
    tally = caller.run(calls)
    assert (tally.answered, tally.sent, tally.done, tally.in_flight) == (60, 60, 60, 0)
    assert server.requests == 60
    assert [call.ident for call in caller.marked] == list(range(60))
    found = caller.by_number()
    assert {one.reply.pk for one in found.values() if one.reply} == set(
        Reply.objects.values_list("pk", flat=True)
    )
    assert not any(one.cached or one.failure or one.words for one in found.values())


def test_what_was_answered_is_not_asked_again(caller: Caller, server: Script) -> None:
    caller.run([make.call(number) for number in range(10)])
    tally = caller.run([make.call(number) for number in range(15)])
    assert (tally.cached, tally.answered, server.requests) == (10, 5, 15)
    again = caller.outcomes[10:]
    assert [one.cached for one in sorted(again, key=lambda one: one.call.ident)] == [True] * 10 + [False] * 5
    assert all(one.reply is not None and one.reply.content == "Fine." for one in again)


def test_calls_that_ask_the_same_are_asked_and_paid_for_once(caller: Caller, server: Script) -> None:
    server.latency = 0.05
    same = [make.call(number, key="a" * 64, text="the same") for number in range(5)]
    tally = caller.run([*same, make.call(9)])
    assert server.requests == 2
    assert (tally.answered, tally.cached, tally.spent) == (2, 4, 2 * Reply.objects.all()[0].cost)
    assert len({one.reply.pk for one in caller.outcomes if one.reply}) == 2
    assert len(caller.by_number()) == 6


def test_a_reply_keeps_what_was_said_and_what_it_cost(caller: Caller, server: Script) -> None:
    server.latency = 0.03
    caller.run([make.call(body={**make.call().body, "logprobs": True, "top_logprobs": 3})])
    row = Reply.objects.get()
    assert (row.model, row.content, row.refusal, row.finish_reason) == ("ok", "Fine.", "", "stop")
    # "question 0" is 2 words and 4 more for the message; "Fine." is a word and a stop: 6 * 2 + 2 * 10.
    assert (row.prompt_tokens, row.completion_tokens, row.cost) == (6, 2, 32)
    assert row.logprobs["content"][0]["token"] == "Fine"
    assert len(row.logprobs["content"][0]["top_logprobs"]) == 3
    assert row.raw["usage"]["total_tokens"] == 8
    assert "logprobs" not in row.raw["choices"][0]
    assert row.attempts == 1
    assert 30 <= row.latency_ms < 5000


def test_without_a_price_there_is_no_cost(caller: Caller) -> None:
    tally = caller.run([make.call(model="free")])
    assert Reply.objects.get().cost is None
    assert tally.spent == 0


def test_a_reply_stands_for_ever(caller: Caller) -> None:
    caller.run([make.call()])
    for change in (lambda: Reply.objects.update(content="Other."), lambda: Reply.objects.all().delete()):
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            change()


def test_no_more_than_the_endpoint_allows_are_out_at_once(
    caller: Caller, server: Script, endpoint: Endpoint
) -> None:
    server.latency = 0.02
    endpoint.concurrency = 5
    endpoint.save()
    caller.run([make.call(number) for number in range(60)])
    assert server.most_seen == 5
    caller.run([make.call(number) for number in range(100, 130)], concurrency=2)
    server.most_seen = 0
    caller.run([make.call(number) for number in range(200, 230)], concurrency=2)
    assert server.most_seen == 2


def test_nothing_is_asked_of_nobody(caller: Caller, server: Script) -> None:
    tally = caller.run([])
    assert tally == Tally(concurrency_now=8)
    assert server.requests == 0
    assert len(caller.tallies) >= 1
