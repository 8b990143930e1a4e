"""Submit and next at the desk, against the floor: the same rows written by plain SQL, and the next item's messages.

The product's own web server answers, a process of its own asks (`clients.py`): two cores serve them and the database.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from bench import floor
from bench.clients import Job
from bench.harness import Result, percentile
from bench.scene import open_round, reviewers
from labeling.queues.models import BLIND_ONLY, REVEAL, Round

LABELS = 100  # timed, at most
WARM = 5  # labels before the timed ones
CREW = 11  # one for the single-user figures, ten for the load
OVERLAP = 2
FEW = 500  # items up to which everybody labels each, so that there is something for everybody
PARTS = ("blind", "ahead", "final", "next")
# How one works: name -> whether the round is blind only, whether the next item is fetched ahead.
WAYS = {"": (False, False), ".ahead": (False, True), ".blind": (True, False), ".blind.ahead": (True, True)}


@dataclass(frozen=True)
class Crew:
    """Who reviews what: two rounds over all transcripts, one with a reveal and one blind only."""

    project: Project
    owner: User
    people: list[User]
    rounds: dict[str, Round]
    items: int
    port: int

    def job(self, people: Sequence[User], way: str, labels: int) -> Job:
        """What clients of these people do."""
        blind_only, ahead = WAYS[way]
        round = self.rounds[BLIND_ONLY if blind_only else REVEAL]
        return Job(
            port=self.port, database=floor.database(), take=reverse("annotations:next", args=[self.project.slug, round.pk]),
            cookies=[_session(person) for person in people], blind_only=blind_only, ahead=ahead,
            warm=min(WARM, self.items // 20), labels=min(labels, self.items // 10),
        )  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What clients report."""

    times: list[dict[str, float]]
    items: list[list[int]]  # of each client
    seconds: float
    processor_seconds: float  # of all processes: server, database and clients

    @property
    def submits(self) -> list[float]:
        """Submit and next: what lies between a reviewer's last key and the next item, in ms; both labels in a reveal round."""
        return [one["blind"] + one["final"] + one["next"] for one in self.times]

    @property
    def parts(self) -> dict[str, float]:
        return {
            f"{part}_ms": round(statistics.median(one[part] for one in self.times), 1)
            for part in PARTS
            if any(one[part] for one in self.times)
        }


def prepare(project: Project, owner: User, port: int) -> Crew:
    """People, and rounds over every transcript."""
    people = reviewers(project, owner, CREW)
    items = Transcript.objects.of(project.pk).count()
    overlap = OVERLAP if items > FEW else CREW
    rounds = {
        policy: open_round(
            project, owner, people, items, overlap=overlap, policy=policy, name=f"Bench {policy}"
        )
        for policy in (REVEAL, BLIND_ONLY)
    }
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as it would be by itself a while after so much was written
    return Crew(project, owner, people, rounds, items, port)


def work(job: Job) -> Done:
    """The clients of a job, in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.clients"], cwd=Path(__file__).parent.parent, input=json.dumps(asdict(job)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout)
    assert not said["problems"], said["problems"][:3]
    return Done(said["times"], said["items"], said["seconds"], said["processor_seconds"])


def run(crew: Crew, size: int) -> Iterator[Result]:
    """One reviewer labels items one after the other, in each way; then the floor for the same items."""
    person = crew.people[0]
    for way in WAYS:
        done = work(crew.job([person], way, LABELS))
        rows = floor.labels(crew.project.pk, [person.pk], done.items)
        with floor.tables(queue=len(done.times) + 1):
            least, _ = floor.written_again(rows)
        conditions = {"labels": len(done.times), "items": crew.items, **done.parts}
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            value = percentile(done.submits, share)
            yield Result(f"submit{way}.{name}", size, value, "ms", percentile(least, share), conditions)


def _session(person: User) -> str:
    """A cookie of somebody who is signed in."""
    client = Client()
    client.force_login(person)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
