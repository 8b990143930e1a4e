"""Limits by the minute: kept to the call by arithmetic, and shared by workers through the database."""

import threading
from time import monotonic

import pytest
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from auditor.llm import limits
from auditor.llm.allowance import Allowance, grant
from auditor.llm.models import Bucket, Endpoint
from bench.scripted import Script
from tests import make
from tests.auditor.llm.conftest import Caller


def times(limit: int, blocks: list[int]) -> list[float]:
    """When calls go out that are asked for in blocks, as soon as they may."""
    allowance = Allowance.of_requests(limit)
    now, level, gone = 0.0, float(allowance.most), []
    for block in blocks:
        left = block
        while left:
            granted = grant({"requests": allowance}, {"requests": level}, [0] * left)
            gone += [now] * granted.calls
            left -= granted.calls
            level = allowance.filled(granted.levels["requests"], granted.wait)
            now += granted.wait
    return gone


@given(limit=st.integers(1, 5000), blocks=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_no_sixty_seconds_hold_more_than_the_limit(limit: int, blocks: list[int]) -> None:
    gone = times(limit, blocks)
    for place, at in enumerate(gone):
        beyond = place + limit
        if beyond < len(gone):
            assert gone[beyond] - at >= 60.0 - 1e-6


@pytest.mark.parametrize("limit", [1, 2, 59, 60, 61, 600, 3_000])
def test_a_limit_is_nearly_used_up(limit: int) -> None:
    gone = times(limit, [4 * limit])
    assert gone[-1] <= 4 * 60 / 0.98


def test_worked_example_by_hand() -> None:
    # 120 a minute: the bucket holds 2, and 119 a minute come in, which is one in 60/119 s.
    allowance = Allowance.of_requests(120)
    assert (allowance.most, allowance.per_second) == (2, 119 / 60)
    first = grant({"requests": allowance}, {"requests": 2.0}, [1, 1, 1])
    assert (first.calls, first.levels) == (2, {"requests": 0.0})
    assert first.wait == pytest.approx(60 / 119)
    assert allowance.filled(0.0, 1.0) == pytest.approx(119 / 60)
    assert allowance.filled(1.5, 60.0) == 2
    assert allowance.filled(1.5, -5.0) == 1.5


def test_a_call_larger_than_the_bucket_goes_when_it_is_full_and_leaves_a_debt() -> None:
    # 6000 a minute: the bucket holds 100, and 5900 a minute come in.
    allowance = Allowance.of_tokens(6000)
    first = grant({"tokens": allowance}, {"tokens": 100.0}, [700, 10])
    assert (first.calls, first.levels) == (1, {"tokens": -600.0})
    assert first.wait == pytest.approx(610 / (5900 / 60))


def test_the_tighter_of_two_limits_counts() -> None:
    both = {"requests": Allowance.of_requests(600), "tokens": Allowance.of_tokens(6000)}
    granted = grant(both, {"requests": 10.0, "tokens": 100.0}, [60, 30, 60])
    assert (granted.calls, granted.levels) == (2, {"requests": 8.0, "tokens": 10.0})
    assert grant({}, {}, [5] * 1000).calls == 1000


def test_buckets_are_rows(endpoint: Endpoint) -> None:
    assert limits.take(endpoint, [10] * 5) == limits.Permits(5, 0.0)
    assert not Bucket.objects.exists(), "without limits there is nothing to keep"
    endpoint.requests_per_minute, endpoint.tokens_per_minute = 120, 6000
    permits = limits.take(endpoint, [10] * 5)
    assert permits.calls == 2
    assert 0.4 < permits.wait < 0.6
    assert limits.take(endpoint, [10]).calls == 0
    tokens = Bucket.objects.get(endpoint=endpoint, kind="tokens")
    before = tokens.level
    limits.give_back(endpoint, 5)
    tokens.refresh_from_db()
    assert tokens.level == before + 5
    limits.give_back(endpoint, 10**6)
    tokens.refresh_from_db()
    assert tokens.level == 100


def in_two_threads(endpoint: Endpoint, each: int) -> None:
    """Two workers, each with its own connection to the database."""
    broken: list[BaseException] = []

    def work(first: int) -> None:
        try:
            Caller(Endpoint.objects.get(pk=endpoint.pk)).run(
                [make.call(first + number) for number in range(each)]
            )
        except BaseException as problem:
            broken.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not broken, broken


@pytest.mark.django_db(transaction=True)
def test_two_workers_together_keep_the_limit_of_requests(endpoint: Endpoint, server: Script) -> None:
    endpoint.requests_per_minute = 600  # 10 in the bucket, and 591 a minute
    endpoint.save()
    in_two_threads(endpoint, 20)
    at = [one.at for one in server.asked]
    assert len(at) == 40
    for first in range(len(at)):
        for last in range(first, len(at)):
            bears = 10 + (at[last] - at[first] + 0.15) * 591 / 60  # what is granted goes out a moment later
            assert last - first + 1 <= bears + 1
    assert at[-1] - at[0] >= 2.5


@pytest.mark.django_db(transaction=True)
def test_retries_count_too(endpoint: Endpoint, server: Script) -> None:
    endpoint.requests_per_minute = 300  # 5 in the bucket, and 296 a minute
    endpoint.save()
    began = monotonic()
    tally = Caller(endpoint).run([make.call(number, model="500*1") for number in range(10)])
    assert (tally.sent, tally.answered) == (20, 10)
    assert monotonic() - began >= 15 / (296 / 60) - 0.3


def test_what_was_not_used_of_the_tokens_can_be_used(
    endpoint: Endpoint, caller: Caller, server: Script
) -> None:
    # Each call may use 20 tokens and uses 8. The bucket holds 200, and 196.7 a second come in.
    endpoint.tokens_per_minute = 12_000
    endpoint.save()
    began = monotonic()
    tally = caller.run([make.call(number) for number in range(100)])
    took = monotonic() - began
    assert tally.answered == 100
    assert took >= (800 - 200) / (11_800 / 60) - 0.2
    assert took < (2000 - 200) / (11_800 / 60) - 1.0
