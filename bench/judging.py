"""A judge run over SIZE transcripts, against a bare asyncio loop that asks the same with the openai client.

    make bench ONLY=judging SIZE=20000

The endpoint is a scripted server in a process of its own that answers after 200 ms; 64 calls are out at a time. The bare
loop sends the prompts of the first BARE transcripts, parses nothing and stores nothing: it is what a script
would do, before and after the run, the faster of both. The run does all that a run does: prompts, limits, marks,
replies, verdicts with their quotes looked for, readings and roll-ups.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from time import perf_counter
from typing import Any

from django.conf import settings

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_of
from auditor.judging import actions, tasks
from auditor.judging.asking import Asker
from auditor.judging.models import JudgeRun, JudgeVersion, Verdict
from auditor.judging.shipped import SHIPPED
from auditor.llm.models import Endpoint
from auditor.runs.models import Run
from auditor.sampling.choosing import Chosen
from bench.harness import Result, forget_peak, peak_megabytes

LATENCY, AT_ONCE = 0.2, 64
BARE = 2_000
RUBRIC = "intent_or_hallucination"


def run(project: Project, owner: User, size: int) -> Iterator[Result]:
    """What a run takes, against the bare loop; and what memory it holds early and late."""
    settings.ALLOWED_MODEL_HOSTS = ["127.0.0.1"]
    with _server() as url:
        version = _version(project, owner, url)
        bodies = list(islice(_bodies(version), min(BARE, size)))
        before = _bare_rate(url, bodies)
        judging = actions.open_judging(version=version, chosen=Chosen(), actor=owner)
        forget_peak()
        took, early = _judged(judging, size)
        late = peak_megabytes()
        after = _bare_rate(url, bodies)
        judging.refresh_from_db()
    bare = max(before, after)
    n_ok = Verdict.objects.filter(run=judging, state="ok").count()
    conditions = {
        "latency_ms": 1000 * LATENCY, "at_once": AT_ONCE, "bare_before": round(before, 1), "bare_after": round(after, 1),
        "ok": n_ok, "throttled": judging.throttled, "rubric": RUBRIC,
    }  # fmt: skip
    yield Result("judging.rate", size, size / took, "1/s", bare, conditions)
    yield Result("judging.memory", size, late, "MB", None, {"a_tenth_in_mb": round(early, 1)})


def _judged(judging: JudgeRun, size: int) -> tuple[float, float]:
    """Seconds of the whole run, over as many tasks as it takes, and the peak of memory after a tenth of it."""
    from auditor.judging import running

    early = 0.0
    beat = running.Carrying.beat

    def watched(self: running.Carrying, tally: Any) -> None:
        nonlocal early
        beat(self, tally)
        if not early and tally.done >= size / 10:
            early = peak_megabytes()

    running.Carrying.beat = watched  # type: ignore[method-assign]
    try:
        began = perf_counter()
        while not Run.objects.get(pk=judging.run_id).rests:
            tasks.judge(judging.run_id)
        return perf_counter() - began, early
    finally:
        running.Carrying.beat = beat  # type: ignore[method-assign]


def _version(project: Project, owner: User, url: str) -> JudgeVersion:
    models = [{"name": "ok", "context": 32_000, "price_in": "1", "price_out": "4"}]
    endpoint = Endpoint.objects.create(
        project=project, name="scripted", base_url=url, models=models, concurrency=AT_ONCE, created_by=owner
    )
    judge = actions.create_judge(project=project, name="Bench", actor=owner)
    rubric = SHIPPED[RUBRIC].text
    return actions.write_version(judge=judge, endpoint=endpoint, model="ok", rubric=rubric, actor=owner)


def _bodies(version: JudgeVersion) -> Iterator[dict[str, Any]]:
    asker = Asker(version)
    rows = list(Transcript.objects.filter(project=version.judge.project_id).order_by("pk")[:BARE])
    messages = messages_of([row.pk for row in rows])
    for row in rows:
        (one,) = asker.ask(messages[row.pk], fingerprint=row.fingerprint).questions
        form = {"name": "answer", "schema": one.schema, "strict": True}
        yield {**one.body, "response_format": {"type": "json_schema", "json_schema": form}}


def _bare_rate(url: str, bodies: list[dict[str, Any]]) -> float:
    """Answers a second of a loop with a semaphore and nothing else."""
    from openai import AsyncOpenAI

    async def ask() -> float:
        client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(body: dict[str, Any]) -> None:
            async with gate:
                await client.chat.completions.create(**body)

        await asyncio.gather(*(one(body) for body in bodies[:AT_ONCE]))  # connections are made
        began = perf_counter()
        await asyncio.gather(*(one(body) for body in bodies))
        took = perf_counter() - began
        await client.close()
        return took

    return len(bodies) / asyncio.run(ask())


@contextmanager
def _server() -> Iterator[str]:
    words = [sys.executable, "-m", "bench.scripted", "--latency", str(LATENCY)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()
