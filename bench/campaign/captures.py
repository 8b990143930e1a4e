"""Whenever the worker dies in a capture, no transcript is lost and none is read twice into the evidence."""

import signal
from random import Random
from time import sleep
from typing import Any

from django.db.models import Count, Sum

from auditor.accounts.actions import create_project
from auditor.accounts.models import Project, User
from auditor.evidence.blocks import read_block
from auditor.evidence.models import Block, Reading, Rollup
from auditor.interp.actions.captures import Wanted, open_capture
from auditor.interp.models import Capture, CapturedTranscript
from auditor.runs.models import Run
from auditor.sampling.choosing import Chosen
from bench import inside
from bench.campaign.calls import PATIENCE, _until
from bench.campaign.capture import PAUSE, started
from bench.campaign.judging import _fill

KILLS = 3
FEATURES, TOP = (3, 40, 900, 4_000), 8


def prove(seed: int, transcripts: int = 1_000, runs: int = 3) -> dict[str, Any]:
    """Capture `transcripts` in processes that are killed three times at random, and go on in another each time."""
    rng = Random(seed)
    user = User.objects.create(email=f"captures-{seed}@example.org", name="Captures")
    reports = []
    for number in range(runs):
        project = create_project(name=f"Captures {seed} {number}", owner=user)
        _fill(project, transcripts, 100 + number)
        reports.append(_killed(project, user, transcripts, rng))
    return {
        "seed": seed, "transcripts": transcripts, "kills": KILLS, "runs": reports,
        "holds": all(_holds(report, transcripts) for report in reports),
    }  # fmt: skip


def _holds(report: dict[str, Any], n: int) -> bool:
    return (
        report["done"] == report["blocks"] == report["probe_readings"] == report["rollups"] == n
        and report["feature_readings"] == n * len(FEATURES)
        and report["superseded"] == report["twice"] == 0
        and report["tokens_counted"] == report["tokens_in_rows"] == report["tokens_in_blocks"]
        and report["bytes_counted"] == report["bytes_in_blocks"]
        and report["unreadable"] == 0
        and report["status"] == "done"
        and all(0 < at < n for at in report["stored_at_the_kills"])
    )


def _killed(project: Project, user: User, n: int, rng: Random) -> dict[str, Any]:
    probe = inside.probe(project, user)
    dictionary = inside.dictionary(project, user)
    made = open_capture(
        project=project, subject=inside.subject(project, user), chosen=Chosen(), actor=user,
        wanted=[Wanted(probe=probe), Wanted(dictionary=dictionary, mode="full", features=FEATURES, top=TOP)],
    )  # fmt: skip
    rows = CapturedTranscript.objects.filter(capture=made)
    stored: list[int] = []
    for kill in range(KILLS):
        process = started(made.run_id)
        goal = max((stored[-1] if stored else 0) + 1, n * (kill + 1) // (KILLS + 2))
        _until(lambda goal=goal: rows.filter(state="done").count() >= goal, f"{goal} transcripts")  # type: ignore[misc]
        sleep(rng.uniform(0.0, 20 * PAUSE))
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        stored.append(rows.filter(state="done").count())
        Run.objects.filter(pk=made.run_id).update(beat_at=None)  # as silent as it will be in a minute
    started(made.run_id).wait(PATIENCE)
    return _found(made, stored, project)


def _found(made: Capture, stored: list[int], project: Project) -> dict[str, Any]:
    made = Capture.objects.select_related("run").get(pk=made.pk)
    rows = CapturedTranscript.objects.filter(capture=made)
    blocks = Block.objects.filter(source=f"capture:{made.pk}")
    readings = Reading.objects.filter(channel__project=project)
    places = readings.values("channel", "transcript").annotate(n=Count("pk"))
    unreadable = 0
    for block in blocks.select_related("shard").iterator():
        unreadable += len(read_block(block).tokens) != block.n_tokens
    return {
        "stored_at_the_kills": stored, "status": made.run.status, "done": rows.filter(state="done").count(),
        "blocks": blocks.count(), "superseded": blocks.filter(superseded_at__isnull=False).count()
        + readings.filter(superseded_at__isnull=False).count(),
        "probe_readings": readings.filter(channel__key="probe.plain.v1").count(),
        "feature_readings": readings.filter(channel__key__regex=r"^sae\.res\.\d+$").count(),
        "rollups": Rollup.objects.filter(channel__key="probe.plain.v1", channel__project=project).count(),
        "twice": places.filter(n__gt=1).count(), "unreadable": unreadable,
        "tokens_counted": made.n_tokens, "tokens_in_rows": rows.aggregate(n=Sum("n_tokens"))["n"],
        "tokens_in_blocks": blocks.aggregate(n=Sum("n_tokens"))["n"], "bytes_counted": made.n_bytes,
        "bytes_in_blocks": blocks.aggregate(n=Sum("length"))["n"],
    }  # fmt: skip
