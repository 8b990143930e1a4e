"""Whenever a worker dies in a judge run, no verdict is lost or paid twice, and the run knows what it sent again."""

import signal
from random import Random
from time import sleep
from typing import Any

from django.db.models import Sum

from auditor.accounts.actions import create_project
from auditor.accounts.models import Project, User
from auditor.corpus.models import ImportBatch, ImportFile, SourceFile
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.evidence.models import Rollup
from auditor.judging import actions
from auditor.judging.models import JudgeRun, Verdict, VerdictCall
from auditor.judging.shipped import SHIPPED
from auditor.llm.models import Endpoint, Reply
from auditor.runs.models import Run
from auditor.sampling.choosing import Chosen
from bench.campaign.calls import CONCURRENCY, LATENCY, MARKED_AT_MOST, PATIENCE, _until, dying_server
from bench.campaign.judge import started
from bench.scripted import told


def prove(seed: int, transcripts: int = 1_000, runs: int = 3, at_once: int = CONCURRENCY) -> dict[str, Any]:
    """Judge `transcripts` in a process that is killed when half of the verdicts are stored, and go on in another."""
    rng = Random(seed)
    user = User.objects.create(email=f"judging-{seed}@example.org", name="Judging")
    reports = []
    for number in range(runs):
        project = create_project(name=f"Judging {seed} {number}", owner=user)
        _fill(project, transcripts, number)
        with dying_server(transcripts) as url:
            reports.append(_killed_half_way(project, user, url, transcripts, rng, at_once))
    return {
        "seed": seed, "transcripts": transcripts, "concurrency": at_once, "runs": reports,
        "holds": all(_holds(report, transcripts) for report in reports),
    }  # fmt: skip


def _holds(report: dict[str, int], n: int) -> bool:
    return (
        report["ok"] == report["replies"] == report["readings"] == n
        and report["stored_and_sent_again"] == 0
        and report["requests"] <= n + report["in_flight_at_the_kill"]
        and report["requests"] - n <= report["said_to_be_repeated"] <= MARKED_AT_MOST
        and report["spent"] == report["paid"]
    )


def _killed_half_way(
    project: Project, user: User, url: str, n: int, rng: Random, at_once: int
) -> dict[str, int]:
    models = [{"name": "ok", "context": 32_000, "price_in": "1", "price_out": "4"}]
    endpoint = Endpoint.objects.create(
        project=project,
        name="scripted",
        base_url=url,
        models=models,
        concurrency=CONCURRENCY,
        created_by=user,
    )
    judge = actions.create_judge(project=project, name="Proof", actor=user)
    rubric = SHIPPED["intent_or_hallucination"].text
    version = actions.write_version(judge=judge, endpoint=endpoint, model="ok", rubric=rubric, actor=user)
    judging = actions.open_judging(version=version, chosen=Chosen(), actor=user)
    verdicts = Verdict.objects.filter(run=judging)
    first = started(judging.run_id)
    _until(lambda: verdicts.filter(state="ok").count() >= n // 2, "half of the verdicts")
    sleep(rng.uniform(0.0, 2 * LATENCY))
    first.send_signal(signal.SIGKILL)
    first.wait(PATIENCE)
    stored = set(
        VerdictCall.objects.filter(verdict__run=judging, reply__isnull=False).values_list("pk", flat=True)
    )
    sleep(4 * LATENCY)  # what was under way arrives at the server
    asked = told(url, "/speak")["requests"]
    Run.objects.filter(pk=judging.run_id).update(beat_at=None)  # as silent as it will be in a minute
    second = started(judging.run_id)
    second.wait(PATIENCE)
    judging = JudgeRun.objects.get(pk=judging.pk)
    paid = Reply.objects.filter(project=project).aggregate(sum=Sum("cost"))["sum"] or 0
    return {
        "stored_at_the_kill": len(stored), "in_flight_at_the_kill": asked - len(stored),
        "requests": told(url, "/counts")["requests"], "replies": Reply.objects.filter(project=project).count(),
        "ok": verdicts.filter(state="ok").count(), "said_to_be_repeated": judging.repeated,
        "stored_and_sent_again": VerdictCall.objects.filter(pk__in=stored, sends__gt=1).count(),
        "readings": Rollup.objects.filter(channel__key=version.key, channel__project=project).count(),
        "spent": judging.spent, "paid": paid,
    }  # fmt: skip


def _fill(project: Project, n: int, salt: int) -> None:
    source, _ = SourceFile.objects.get_or_create(
        digest="0" * 64, defaults={"size": 0, "path": "sources/none"}
    )
    batch = ImportBatch.objects.create(project=project, file_name="proof", format="openai_chat")
    file = ImportFile.objects.create(
        batch=batch,
        ordinal=0,
        name="proof",
        source=source,
        digest=source.digest,
        size=0,
        format="openai_chat",
        done=True,
    )
    made = (
        ParsedTranscript(
            digest=f"{salt:032x}{number:032x}",
            place=Place(number + 1, line=number + 1),
            messages=(
                ParsedMessage(role="user", text=f"Did payment {number} clear?"),
                ParsedMessage(role="assistant", text=f"Yes, payment {number} cleared."),
            ),
        )
        for number in range(n)
    )
    for _ in write(batch, made, file=file):
        pass
