"""Prices, pauses, pace, and what an endpoint says: pure, by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.llm import prices
from auditor.llm.engine import backoff
from auditor.llm.engine.answers import Answer, Kind, Trouble, read
from auditor.llm.engine.pace import Circuit, Pace
from auditor.llm.secret import Key

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


def test_a_cost_by_hand() -> None:
    # 1000 tokens at 2.50 a million are 0.0025, and 200 at 10 are 0.002: 4500 millionths.
    model = prices.Model("m", 8192, Decimal("2.50"), Decimal("10"))
    assert prices.cost(model, 1000, 200) == 4500
    assert prices.cost(model, 0, 0) == 0
    # 3 tokens at 0.15 are 0.45 millionths: rounded up.
    assert prices.cost(prices.Model("m", 1, Decimal("0.15"), Decimal(0)), 3, 5) == 1
    assert prices.cost(prices.Model("m", 1), 3, 5) is None
    assert prices.cost(prices.Model("m", 1, Decimal(1), None), 3, 5) is None


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("2.50", "2.50"),
        (" 0 ", "0"),
        ("0.000001", "0.000001"),
        ("1000000", "1000000"),
        ("", None),
        ("  ", None),
    ],
)
def test_prices_that_can_be_read(text: str, price: str | None) -> None:
    assert prices.read_price(text) == (None if price is None else Decimal(price))


@pytest.mark.parametrize("text", ["two", "-1", "1000001", "0.0000001", "NaN", "inf", "1e99", "1,5"])
def test_prices_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="price"):
        prices.read_price(text)


@given(st.decimals(0, 1_000_000, places=6))
def test_a_price_is_read_as_it_was_written(price: Decimal) -> None:
    assert prices.read_price(prices.written(price)) == price
    assert "E" not in prices.written(price)


def test_pauses_grow_to_a_bound_and_are_anything_up_to_it() -> None:
    assert [backoff.pause(tries, lambda: 1.0) for tries in (1, 2, 3, 6, 7, 60)] == [
        1.0,
        2.0,
        4.0,
        30.0,
        30.0,
        30.0,
    ]
    assert backoff.pause(5, lambda: 0.0) == 0.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0), ({"retry-after": "0.5"}, 0.5), ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 26 Nov 2026 12:00:30 GMT"}, 30.0), ({"retry-after": "Thu, 26 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "86400"}, 600.0), ({"retry-after": "soon"}, None), ({}, None), ({"retry-after-ms": "nan"}, None),
    ],
)  # fmt: skip
def test_what_an_endpoint_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert backoff.retry_after(headers, NOW) == seconds


def test_the_pace_halves_for_a_429_and_grows_by_one_for_a_window_of_successes() -> None:
    pace = Pace(16)
    assert pace.limit == 16
    pace.throttled(10.0)
    pace.throttled(10.9)
    assert pace.limit == 8, "those that were out together count once"
    pace.throttled(11.0)
    assert pace.limit == 4
    for _ in range(3):
        pace.succeeded()
    assert pace.limit == 4
    pace.succeeded()
    assert pace.limit == 5
    for _ in range(1000):
        pace.succeeded()
    assert pace.limit == 16
    for second in range(20, 40):
        pace.throttled(float(second))
    assert pace.limit == 1


def test_the_owner_may_allow_more_or_fewer_meanwhile() -> None:
    pace = Pace(8)
    pace.allow(12)
    assert pace.limit == 12
    pace.throttled(0.0)
    pace.allow(4)
    assert pace.limit == 4
    pace.throttled(5.0)
    pace.allow(64)
    assert (pace.limit, pace.ceiling) == (2, 64), "what the endpoint bears is not what is allowed"


def test_the_circuit_opens_after_eight_failures_in_a_row() -> None:
    circuit = Circuit()
    for _ in range(7):
        assert not circuit.failed(0.0, single=False)
    circuit.succeeded()
    for _ in range(7):
        circuit.failed(0.0, single=False)
    assert not circuit.is_open
    circuit.failed(5.0, single=False)
    assert circuit.is_open
    assert circuit.next_at == 6.0
    circuit.failed(5.5, single=False)
    assert circuit.next_at == 6.0, "those that were out when it opened change nothing"
    at, pauses = 6.0, []
    while not circuit.failed(at, single=True):
        pauses.append(circuit.next_at - at)
        at = circuit.next_at
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert at - 5.0 >= 120.0
    circuit.succeeded()
    assert not circuit.is_open


def body(**message: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }


def said(status: int, data: Any, **headers: str) -> Answer | Trouble:
    raw = data if isinstance(data, bytes) else orjson.dumps(data)
    return read(status, headers, raw, Key(""), NOW)


def test_an_answer_is_read_whatever_shape_its_content_has() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    for content, text in (("ab", "ab"), (parts, "ab"), (None, ""), (7, "")):
        answer = said(200, body(content=content))
        assert isinstance(answer, Answer)
        assert answer.content == text
    refused = said(200, body(content=None, refusal="No."))
    assert isinstance(refused, Answer)
    assert refused.refusal == "No."


@pytest.mark.parametrize("count", [-1, True, "12", 2**31, None, 1.5])
def test_a_count_that_is_none_is_not_taken(count: Any) -> None:
    answer = said(200, {**body(content="x"), "usage": {"prompt_tokens": count, "completion_tokens": 1}})
    assert isinstance(answer, Answer)
    assert answer.prompt_tokens is None


@pytest.mark.parametrize(
    ("status", "data", "kind"),
    [
        (200, b"", Kind.AGAIN), (200, b"[]", Kind.AGAIN), (200, {"error": {"message": "overloaded"}}, Kind.AGAIN),
        (200, {"choices": [{"message": "text"}]}, Kind.AGAIN), (200, b'{"a":' * 5000, Kind.AGAIN), (500, b"", Kind.AGAIN), (408, {}, Kind.AGAIN),
        (429, {"error": {"message": "slow down"}}, Kind.LATER), (429, {"error": {"code": "insufficient_quota"}}, Kind.HOPELESS),
        (401, {}, Kind.HOPELESS), (402, {}, Kind.HOPELESS), (403, {}, Kind.REFUSED), (404, {}, Kind.REFUSED), (301, {}, Kind.REFUSED),
        (400, {"error": "context length exceeded"}, Kind.UNFIT), (422, {"detail": "no"}, Kind.UNFIT),
        (400, {"error": {"message": "response_format json_schema is unsupported"}}, Kind.PLAINER),
        (400, {"message": "use max_completion_tokens"}, Kind.RENAMED),
    ],
)  # fmt: skip
def test_what_a_trouble_calls_for(status: int, data: Any, kind: Kind) -> None:
    trouble = said(status, data)
    assert isinstance(trouble, Trouble)
    assert trouble.kind is kind


def test_a_schema_that_is_at_fault_says_nothing_of_the_endpoint() -> None:
    trouble = said(
        400, {"error": {"message": "Invalid schema for response_format 'answer': 'required' is missing"}}
    )
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, trouble.lasts) == (Kind.PLAINER, False)


def test_words_of_an_endpoint_are_one_short_line() -> None:
    trouble = said(500, {"error": {"message": "one\ntwo\x1b[31m" + "x" * 1000}})
    assert isinstance(trouble, Trouble)
    assert trouble.words.startswith("HTTP 500: one two [31mxxx")
    assert len(trouble.words) <= 420
