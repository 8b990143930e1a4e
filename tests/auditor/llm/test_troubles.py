"""Whatever an endpoint does, a call is tried as often as makes sense, and then it is said why there is no answer."""

from functools import partial
from time import monotonic

import pytest

from auditor.ledger.models import Event
from auditor.llm.calls import FAILED, TIMED_OUT
from auditor.llm.engine import EndpointDown, backoff, running, sending
from auditor.llm.engine.pace import Circuit
from auditor.llm.limits import held_for, hold
from auditor.llm.models import Endpoint, Reply
from bench.scripted import Script
from tests import make
from tests.auditor.llm.conftest import Caller

SCHEMA = {"type": "object", "properties": {"answer": {"type": "boolean"}}, "required": ["answer"]}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST", 0.005)


@pytest.mark.parametrize("mode", ["500", "503", "cut", "drop", "garbage", "empty", "429-bare"])
def test_what_passes_is_tried_again(caller: Caller, server: Script, mode: str) -> None:
    tally = caller.run([make.call(number, model=f"{mode}*2") for number in range(3)], concurrency=1)
    assert (tally.answered, tally.sent, tally.retries) == (3, 9, 6)
    assert tally.throttled == (6 if mode == "429-bare" else 0)
    assert set(Reply.objects.values_list("attempts", flat=True)) == {3}


def test_what_does_not_pass_is_given_up_after_six_tries(caller: Caller, server: Script) -> None:
    tally = caller.run([make.call(0, model="500"), make.call(1)], concurrency=1)
    assert (tally.failed, tally.answered, server.modes["500"]) == (1, 1, 6)
    (failed,) = [one for one in caller.outcomes if one.failure]
    assert failed.failure == FAILED
    assert failed.reply is None
    assert failed.words == "HTTP 500: This is 500. (6 tries)"


def test_no_answer_in_time_is_tried_once_more(caller: Caller, server: Script, endpoint: Endpoint) -> None:
    endpoint.timeout = 1
    endpoint.save()
    tally = caller.run([make.call(0, model="hang"), make.call(1)])
    assert (tally.timed_out, tally.failed, tally.answered, server.modes["hang"]) == (1, 0, 1, 2)
    (late,) = [one for one in caller.outcomes if one.failure]
    assert (late.failure, late.words) == (TIMED_OUT, "No answer within 1 s.")


@pytest.mark.parametrize("mode", ["400", "403", "404", "422"])
def test_what_no_try_mends_is_not_tried_again(caller: Caller, server: Script, mode: str) -> None:
    tally = caller.run([make.call(0, model=mode), make.call(1)])
    assert (tally.failed, tally.answered, tally.retries) == (1, 1, 0)
    (failed,) = [one for one in caller.outcomes if one.failure]
    assert failed.words == f"HTTP {mode}: This is {mode}."


@pytest.mark.parametrize(
    ("mode", "content", "refusal", "finish"),
    [
        ("refusal", "", "I cannot help with that.", "stop"),
        ("filter", "", "", "content_filter"),
        ("length", "Fi", "", "length"),
        ("malformed", '{"answer": yes, and here is why', "", "stop"),
        ("wrong", '{"colour": "blue"}', "", "stop"),
    ],
)
def test_an_answer_that_is_not_what_was_hoped_for_is_an_answer(
    caller: Caller, mode: str, content: str, refusal: str, finish: str
) -> None:
    caller.run([make.call(model=mode, schema=SCHEMA if mode in ("malformed", "wrong") else None)])
    row = Reply.objects.get()
    assert (row.content, row.refusal, row.finish_reason) == (content, refusal, finish)


def test_who_is_told_to_wait_waits_and_all_workers_with_them(
    caller: Caller, server: Script, endpoint: Endpoint
) -> None:
    server.plan.extend(["429"])
    server.retry_after = "0.6"
    caller.run([make.call(number) for number in range(3)], concurrency=1)
    first, second = server.asked[0], server.asked[1]
    assert second.at - first.at >= 0.6
    endpoint.refresh_from_db()
    assert endpoint.held_until is not None
    assert held_for(endpoint) <= 0.6


def test_a_hold_of_another_worker_is_kept(caller: Caller, server: Script, endpoint: Endpoint) -> None:
    caller.run([make.call(99)])  # the client is imported once and for all
    server.forget()
    caller.marked.clear()
    began = monotonic()
    hold(endpoint, 3.0)
    hold(endpoint, 0.1)
    marked_before = []
    caller.on_beat = lambda tally: (
        marked_before.append(len(caller.marked)) if monotonic() - began < 2.5 else None
    )
    caller.run([make.call()])
    assert server.asked[0].at - began >= 3.0
    assert set(marked_before) == {0}, "what cannot go is not marked"


def test_fewer_are_sent_at_once_where_there_are_too_many(
    caller: Caller, server: Script, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST", 0.5)
    endpoint.concurrency = 32
    endpoint.save()
    server.latency, server.most_at_once = 0.02, 6
    tally = caller.run([make.call(number) for number in range(300)])
    assert tally.answered == 300
    assert tally.failed == 0
    assert tally.throttled > 0
    assert min(one.concurrency_now for one in caller.tallies) < 32
    assert server.modes["429-bare"] < 150, "it learns"


def test_an_endpoint_that_takes_no_schema_is_asked_for_less_and_remembered(
    caller: Caller, server: Script, endpoint: Endpoint
) -> None:
    server.takes = "text"
    tally = caller.run([make.call(number, schema=SCHEMA) for number in range(20)])
    assert (tally.answered, tally.failed) == (20, 0)
    endpoint.refresh_from_db()
    assert endpoint.output == "text"
    lowered = Event.objects.filter(verb="endpoint.output_lowered").order_by("pk")
    assert [event.detail["output"] for event in lowered] == ["object", "text"]
    before = server.requests
    caller.endpoint = endpoint
    caller.run([make.call(number, schema=SCHEMA) for number in range(20, 25)])
    assert server.requests == before + 5


def test_an_object_is_asked_for_where_a_schema_is_not_taken(
    caller: Caller, server: Script, endpoint: Endpoint
) -> None:
    server.takes = "object"
    caller.run([make.call(schema=SCHEMA)])
    endpoint.refresh_from_db()
    assert endpoint.output == "object"
    assert server.asked[-1].body["response_format"] == {"type": "json_object"}


def test_a_schema_is_asked_for_strictly(caller: Caller, server: Script) -> None:
    caller.run([make.call(schema=SCHEMA)])
    wanted = server.asked[0].body["response_format"]["json_schema"]
    assert (wanted["strict"], wanted["schema"]) == (True, SCHEMA)
    assert Reply.objects.get().content == '{"answer": true}'


def test_a_model_that_wants_another_name_for_the_most_tokens_gets_it(caller: Caller, server: Script) -> None:
    server.renames = True
    tally = caller.run([make.call(number) for number in range(20)], concurrency=1)
    assert (tally.answered, tally.sent) == (20, 21)
    assert server.asked[-1].body["max_completion_tokens"] == 10


@pytest.mark.parametrize("mode", ["401", "402"])
def test_a_refused_key_ends_the_run_and_fails_no_call(caller: Caller, server: Script, mode: str) -> None:
    with pytest.raises(EndpointDown, match=f"HTTP {mode}"):
        caller.run([make.call(number, model=mode) for number in range(500)])
    assert server.requests <= 8
    assert caller.outcomes == []
    assert len(caller.marked) < 40


def test_an_endpoint_that_fails_is_asked_ever_more_rarely_and_then_given_up(
    caller: Caller, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "Circuit", partial(Circuit, down_after=1.5, first_pause=0.2))
    caller_calls = [make.call(number) for number in range(20)] + [
        make.call(number, model="503") for number in range(20, 500)
    ]
    with pytest.raises(EndpointDown, match="HTTP 503: This is 503"):
        caller.run(caller_calls)
    assert len([one for one in caller.outcomes if one.reply]) == 20
    assert not [one for one in caller.outcomes if one.failure], "no call is at fault"
    assert server.modes["503"] <= 8 + 7 + 5, "those that were out when it opened, and single ones after"


def test_an_endpoint_that_comes_back_is_used_again(
    caller: Caller, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "Circuit", partial(Circuit, down_after=30.0, first_pause=0.05))
    server.plan.extend(["drop"] * 12)
    tally = caller.run([make.call(number) for number in range(50)])
    assert (tally.answered, tally.failed, tally.timed_out) == (50, 0, 0)
    assert server.modes["drop"] == 12


def test_a_broken_thread_is_no_silence(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(line: object) -> None:
        raise OSError("no sockets left")

    monkeypatch.setattr(sending, "Client", broken)
    with pytest.raises(RuntimeError, match="broke"):
        caller.run([make.call()])
