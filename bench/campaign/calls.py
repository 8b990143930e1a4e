"""Whenever a worker dies, no answer that was stored is paid for again, and none is lost."""

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from random import Random
from time import monotonic, sleep
from typing import Any

from django.db import connection

from auditor.accounts.actions import create_project
from auditor.accounts.models import User
from auditor.llm.models import Endpoint, Reply
from bench.campaign.caller import call, started
from bench.scripted import apart, digest, told

CONCURRENCY = 64
MARKED_AT_MOST = 2 * CONCURRENCY + 2  # some more than are out, so that the network never waits
LATENCY = 0.05  # seconds; a call is under way for so long
PATIENCE = 120.0  # seconds for anything to happen
MARKS = """
CREATE TABLE IF NOT EXISTS bench_marks (
    endpoint bigint, ident int, marks int NOT NULL, outcome text NOT NULL DEFAULT '', PRIMARY KEY (endpoint, ident)
)
"""


def prove(seed: int, calls: int = 1_000, runs: int = 5) -> dict[str, Any]:
    """Make `calls` calls in a process that is killed when half of them are stored, and go on in another; `runs` times."""
    rng = Random(seed)
    with connection.cursor() as cursor:
        cursor.execute(MARKS)
    user = User.objects.create(email=f"calls-{seed}@example.org", name="Calls")
    reports = []
    for run in range(runs):
        project = create_project(
            name=f"Calls {seed}, {run}", owner=user
        )  # replies are found within a project
        with dying_server(calls) as url:
            endpoint = Endpoint.objects.create(
                project=project, name=f"Run {run}", base_url=url, concurrency=CONCURRENCY, created_by=user
            )
            reports.append(_killed_half_way(endpoint, calls, rng))
    return {
        "seed": seed, "calls": calls, "concurrency": CONCURRENCY, "runs": reports,
        "holds": all(_holds(report, calls) for report in reports),
    }  # fmt: skip


def dying_server(calls: int) -> AbstractContextManager[str]:
    """A server that hangs from three quarters of the calls on, so that however late the kill comes, some are under way."""
    return apart("--latency", str(LATENCY), "--silent-after", str(calls * 3 // 4))


def _holds(report: dict[str, int], calls: int) -> bool:
    return (
        report["replies"] == report["outcomes"] == calls
        and report["stored_and_asked_again"] == 0
        and report["requests"] <= calls + report["in_flight_at_the_kill"]
        and report["in_flight_at_the_kill"] <= report["marked_without_outcome"] <= MARKED_AT_MOST
        and report["exit"] == 0
    )


def _killed_half_way(endpoint: Endpoint, calls: int, rng: Random) -> dict[str, int]:
    rows = Reply.objects.filter(endpoint=endpoint)
    first = started(endpoint, calls)
    _until(lambda: rows.count() >= calls // 2, "half of the calls")
    sleep(rng.uniform(0.0, 2 * LATENCY))  # anywhere between two batches
    first.send_signal(signal.SIGKILL)
    first.wait(PATIENCE)
    stored = set(rows.values_list("key", flat=True))
    sleep(4 * LATENCY)  # what was under way arrives at the server
    asked = told(endpoint.base_url, "/speak")["requests"]
    (marked,) = _one("SELECT count(*) FROM bench_marks WHERE endpoint = %s AND outcome = ''", endpoint.pk)
    second = started(endpoint, calls)
    second.wait(PATIENCE)
    prompts = told(endpoint.base_url, "/prompts")
    again = [
        made
        for made in map(call, range(calls))
        if made.key in stored and prompts[digest(made.body["messages"])] > 1
    ]
    (outcomes, twice) = _one(
        "SELECT count(*) FILTER (WHERE outcome <> ''), count(*) FILTER (WHERE marks > 1) FROM bench_marks WHERE endpoint = %s",
        endpoint.pk,
    )
    return {
        "stored_at_the_kill": len(stored), "marked_without_outcome": marked, "in_flight_at_the_kill": asked - len(stored),
        "requests": sum(prompts.values()), "marked_again": twice, "replies": rows.count(), "outcomes": outcomes,
        "stored_and_asked_again": len(again), "exit": second.returncode,
    }  # fmt: skip


def _one(statement: str, *values: int) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    assert row is not None
    return tuple(row)


def _until(is_so: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE
    while not is_so():
        if monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
        sleep(0.005)
