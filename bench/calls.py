"""Calls to a local endpoint of 200 ms: `run_calls`, with marks, replies and rows of the caller, against a bare loop.

The floor is what the openai client does by itself in one asyncio loop, as many at once: no database, nothing kept.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from django.conf import settings
from django.db import connection
from django.test.utils import override_settings

from auditor.accounts.models import Project, User
from auditor.llm.calls import Call, Outcome, Tally
from auditor.llm.engine import run_calls
from auditor.llm.models import Endpoint, Reply
from bench.harness import Result, forget_peak, peak_megabytes
from bench.scripted import apart, told

AT_ONCE = 64
LATENCY = 0.2  # seconds
TEXT = (
    "The model said that the payment had cleared, after the ledger call had failed. " * 25
)  # 2,000 characters
SCHEMA = {
    "type": "object",
    "properties": {
        "rationale": {"type": "string"},
        "score": {"type": "integer", "minimum": 0},
        "quotes": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["rationale", "score", "quotes"],
    "additionalProperties": False,
}
ROWS = "CREATE TABLE IF NOT EXISTS bench_rows (ident int PRIMARY KEY, marks int NOT NULL, reply bigint)"


def run(project: Project, owner: User, size: int) -> Iterator[Result]:
    """The floor, the same calls by `run_calls`, and once more from what is there."""
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
    with (
        override_settings(ALLOWED_MODEL_HOSTS=[*settings.ALLOWED_MODEL_HOSTS, "127.0.0.1"]),
        apart("--latency", str(LATENCY)) as url,
    ):
        endpoint = Endpoint.objects.create(
            project=project, name="Local", base_url=url, concurrency=AT_ONCE, created_by=owner,
            models=[{"name": "ok", "context": 8192, "price_in": "1", "price_out": "1"}],
        )  # fmt: skip
        warm = min(size, 2 * AT_ONCE)
        asyncio.run(_bare(url, warm))
        _calls(endpoint, warm, first=10**6)
        cpu = process_time()
        floor = asyncio.run(_bare(url, size))
        floor_cpu = process_time() - cpu
        memory = Memory(size)
        cpu = process_time()
        took = _calls(endpoint, size, beat=memory.look)
        cpu = process_time() - cpu
        again = _calls(endpoint, size)
        conditions = {
            "at_once": AT_ONCE,
            "latency_ms": round(1000 * LATENCY),
            "prompt_bytes": len(TEXT),
            "requests": told(url, "/counts")["requests"],
            "cpu_ms_a_call": round(1000 * cpu / size, 2),
            "floor_cpu_ms_a_call": round(1000 * floor_cpu / size, 2),
        }
    assert Reply.objects.filter(endpoint=endpoint).count() == size + warm
    yield Result("calls.rate", size, size / took, "calls/s", size / floor, conditions)
    yield Result("calls.again", size, size / again, "calls/s")
    yield Result("calls.memory", size, memory.peak, "MB", conditions=memory.seen)


class Memory:
    """How much the process held at each quarter of the calls."""

    def __init__(self, size: int) -> None:
        self.peak = 0.0
        self.seen: dict[str, Any] = {}
        self._size = size
        forget_peak()

    def look(self, tally: Tally) -> None:
        """At each beat."""
        self.peak = max(self.peak, peak_megabytes())
        quarter = 4 * tally.answered // self._size
        if quarter and f"quarter_{quarter}_mb" not in self.seen:
            self.seen[f"quarter_{quarter}_mb"] = round(_resident(), 1)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def _body(number: int) -> dict[str, Any]:
    return {"model": "ok", "messages": [{"role": "user", "content": f"{number}: {TEXT}"}], "max_tokens": 100}


def _calls(endpoint: Endpoint, size: int, *, first: int = 0, beat: Any = lambda tally: None) -> float:
    """Seconds for the calls by `run_calls`, with a row of the caller for each."""

    def calls() -> Iterator[Call]:
        for number in range(first, first + size):
            yield Call(
                number, hashlib.sha256(str(number).encode()).hexdigest(), _body(number), SCHEMA, 700, 100
            )

    def mark(calls: Sequence[Call]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bench_rows (ident, marks) SELECT unnest(%s::int[]), 1 ON CONFLICT (ident) DO UPDATE SET marks = 2",
                [[call.ident for call in calls]],
            )

    def store(outcomes: Sequence[Outcome]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE bench_rows SET reply = new.reply FROM (SELECT unnest(%s::int[]) AS ident, unnest(%s::bigint[]) AS reply) AS new"
                " WHERE bench_rows.ident = new.ident",
                [[one.call.ident for one in outcomes], [one.reply.pk for one in outcomes if one.reply]],
            )

    began = perf_counter()
    tally = run_calls(endpoint=endpoint, calls=calls(), mark=mark, store=store, beat=beat, cap=None, spent=0)
    assert tally.answered + tally.cached == size, tally
    return perf_counter() - began


async def _bare(url: str, size: int) -> float:
    """Seconds for as many calls by the openai client alone."""
    from openai import AsyncOpenAI

    numbers = count(10**8)
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def work(share: int) -> None:
            for _ in range(share):
                body = _body(next(numbers))
                answer = await client.chat.completions.create(**body, response_format=wanted)
                assert answer.choices[0].message.content

        began = perf_counter()
        await asyncio.gather(*(work(size // AT_ONCE + (one < size % AT_ONCE)) for one in range(AT_ONCE)))
        return perf_counter() - began
