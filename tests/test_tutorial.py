"""The tutorial on its real file: 857 transcripts, five judges, 60 drawn by disagreement, two reviewers, one dataset."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role
from auditor.corpus.models import Transcript
from auditor.evidence.queries import visible_to
from auditor.sampling.models import Sample
from labeling.adjudication.models import Case, Ruling
from labeling.annotations.models import LabelRevision
from labeling.datasets.models import Release
from labeling.overview.actions import begin_project
from labeling.queues.models import Round
from tests.story import HONEST, Person, imports, joins, labels

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT.parent / "shared" / "data" / "lie-detector" / "857_items_5_judges.jsonl"
MAPPING = json.loads((ROOT / "docs/tutorial/lie-detector.mapping.json").read_text(encoding="utf-8"))
JUDGES = 5


def words_of(transcript: Transcript, position: int) -> dict[str, Any]:
    """The first words of a message, as a span of no kind yet."""
    message = transcript.messages.get(position=position)
    quote = message.text[:40]
    return {"position": position, "part": "text", "start": 0, "end": len(quote), "quote": quote}


def says_what_the_benchmark_says(transcript: Transcript) -> dict[str, Any]:
    """A stand-in for a reader: deception where the benchmark says lie, ignorance elsewhere."""
    spoken = list(transcript.messages.exclude(text="").order_by("position"))
    if len(spoken) < 2:
        return {"answers": {"truth": "unknown"}}
    misleads = {"kind": "misleads", **words_of(transcript, spoken[-1].position)}
    if not transcript.metadata["original_did_lie"]:
        answers = {"truth": "false", "access": "absent", "licence": "none"}
        return {"answers": answers, "spans": [misleads], "confidence": 3}
    truth = {"kind": "truth", **words_of(transcript, spoken[0].position)}
    answers = {"truth": "false", "access": "in_context", "licence": "none", "motive": "goal", "plan": "plan"}
    return {"answers": answers, "spans": [misleads, truth], "confidence": 4}


def is_more_trusting(transcript: Transcript) -> dict[str, Any]:
    """The other reader finds every fourth transcript honest."""
    return HONEST if transcript.pk % 4 == 0 else says_what_the_benchmark_says(transcript)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not FILE.exists(), reason=f"needs {FILE.name} in ../shared/data/lie-detector")
@pytest.mark.django_db(transaction=True)
def test_the_tutorial() -> None:
    owner = accounts.create_user(email="mia@example.org", name="Mia", may_create_projects=True)
    project = begin_project(name="Lie or honest mistake?", owner=owner)
    browser = Client()
    browser.force_login(owner)
    mia = Person(browser, project.slug)
    ana, bo = joins(mia, "Ana", Role.REVIEWER), joins(mia, "Bo", Role.REVIEWER)
    ada = joins(mia, "Ada", Role.ADJUDICATOR)

    run = imports(mia, FILE.name, FILE.read_bytes(), MAPPING)
    assert run.status == "done", run.note
    assert (run.batch.transcripts_written, run.batch.rejected, run.batch.warned) == (857, 0, 1)
    assert Transcript.objects.values("external_id").distinct().count() == 857
    channels = list(project.channels.order_by("key"))
    assert [channel.key for channel in channels] == [
        "judge.claude-opus-4", "judge.claude-sonnet-4", "judge.gpt-4o", "judge.gpt-5", "judge.gpt-oss-120b",
    ]  # fmt: skip
    _the_judges_agree_as_published(project, owner)

    form = {
        "name": "Where judges disagree",
        "n": 60,
        "seed": 20261120,
        "allocation": "equal",
        "cut0-by": "spread",
        "cut0-bins": 4,
    }
    mia.sends("sampling:new", data={**form, "cut0-channels": [channel.key for channel in channels]})
    sample = Sample.objects.get()
    assert (sample.frame_size, sample.items.count()) == (857, 60)
    reviewers = list(project.memberships.filter(role=Role.REVIEWER).values_list("user_id", flat=True))
    round_form = {
        "name": "Round 1",
        "sample": sample.pk,
        "members": reviewers,
        "overlap": 2,
        "policy": "reveal",
    }
    version = project.codebooks.get().versions.get()
    mia.sends("queues:new", data={**round_form, "codebook_version": version.pk, "lease_minutes": 30})
    round = Round.objects.get()

    assert len(list(labels(ana, round.pk, says_what_the_benchmark_says))) == 60
    assert len(list(labels(bo, round.pk, is_more_trusting))) == 60
    cases = list(Case.objects.filter(settled_at=None))
    assert 0 < len(cases) < 60
    for case in cases:
        took = LabelRevision.objects.get(item=case.item, stage="final", reviewer__name="Ana")
        ada.sends("adjudication:case", case.pk, data={"take": took.pk, "reason": "The text shows it."})
    assert Ruling.objects.values("item").distinct().count() == 60

    release_form = {
        "name": "Lies, adjudicated", "rounds": [round.pk], "source": "adjudicated", "least_labels": 1, "split_seed": 0,
        "messages": "on", "reasoning": "on", "tools": "on", "rationales": "on", "metadata": "*", "evidence": "readings",
        "pseudonyms": "on", "seed": 0, "licence": "unlicensed",
    }  # fmt: skip
    mia.sends("datasets:new", data=release_form)
    release = Release.objects.get()
    file = release.files.get(name="labels.jsonl")
    sent = mia.client.get(reverse("datasets:download", args=[project.slug, release.pk, file.name]))
    rows = [json.loads(line) for line in b"".join(sent.streaming_content).splitlines()]  # type: ignore[attr-defined]
    assert len(rows) == 60
    assert sum(1 / row["sampling"]["probability"] for row in rows) == pytest.approx(857)
    assert len({row["transcript"]["external_id"] for row in rows}) == 60


def _the_judges_agree_as_published(project: Project, owner: Any) -> None:
    """Fleiss' kappa of the five binary verdicts is 0.362, and 36.6% are unanimous."""
    sight = visible_to(owner)
    verdicts: dict[int, list[str]] = {}
    for channel in project.channels.all():
        for transcript_id, label in sight.rollups_of(channel).values_list("transcript_id", "label"):
            verdicts.setdefault(transcript_id, []).append(label)
    votes = np.array([row.count("lie") for row in verdicts.values() if len(row) == JUDGES])
    assert len(votes) == 857
    assert np.mean((votes == 0) | (votes == JUDGES)) == pytest.approx(0.366, abs=5e-4)
    observed = np.mean(
        (votes * (votes - 1) + (JUDGES - votes) * (JUDGES - votes - 1)) / (JUDGES * (JUDGES - 1))
    )
    lie = votes.sum() / (JUDGES * len(votes))
    expected = lie**2 + (1 - lie) ** 2
    assert (observed - expected) / (1 - expected) == pytest.approx(0.362, abs=5e-4)
