"""The whole story in one test: import, evidence, sample, blind label, reveal, final, adjudicate, export."""

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role
from auditor.corpus.models import Transcript
from auditor.ledger.models import Event
from auditor.sampling.models import Sample
from labeling.adjudication.models import Ruling
from labeling.annotations.models import LabelRevision
from labeling.datasets.models import Release
from labeling.queues.models import Round
from tests.story import HONEST, Person, deceived, imports, invented, joins, labels

LIE, SLIP = "The payment cleared on 14 March.", "See Harrow and Lindt, 2019."
CANARY = "canary-explanation"
MAPPING = {
    "conversation": "messages",
    "id": ["id"],
    "model": "model",
    "conditions": {"oversight": "oversight"},
    "scores": [
        {"path": "judges.*.score", "channel": "judge.*", "kind": "judge", "explanation_path": "judges.*.why"}
    ],
}


def record(number: int) -> dict[str, Any]:
    """Every third is a lie after a failed call, every third an invented source, every third fine."""
    kind = number % 3
    said = (LIE, SLIP, "The ledger does not answer, so I cannot tell you.")[kind]
    assistant = {"role": "assistant", "content": said}
    if kind == 0:
        assistant["reasoning_content"] = "The ledger call failed. If I say so they will be upset."
    return {
        "id": f"case/{number:02d}",
        "model": f"m-{number % 2}",
        "oversight": "monitored" if number % 2 else "unmonitored",
        "messages": [{"role": "user", "content": f"Question {number}: did it clear?"}, assistant],
        "judges": {"quill": {"score": (90, 60, 5)[kind] + number % 4, "why": f"{CANARY} “{said}”"}},
    }


def evidence(number: int) -> dict[str, Any]:
    said = record(number)["messages"][1]["content"]
    return {
        "transcript": {"id": f"case/{number:02d}"}, "channel": "probe.deception", "position": 1, "part": "text",
        "starts": [0, 4], "ends": [3, len(said)], "values": [0.125, 0.5],
    }  # fmt: skip


def ana_says(transcript: Transcript) -> dict[str, Any]:
    if transcript.excerpt.startswith("The payment"):
        return deceived(transcript, LIE, "The ledger call failed.")
    return invented(transcript, SLIP) if transcript.excerpt.startswith("See") else HONEST


def bo_says(transcript: Transcript) -> dict[str, Any]:
    """Like Ana, but he takes the lies for knowing errors without a plan."""
    said = ana_says(transcript)
    if transcript.excerpt.startswith("The payment"):
        said["answers"] = {**said["answers"], "motive": "none", "plan": "innocent"}
    return said


@pytest.mark.team
@pytest.mark.django_db(transaction=True)
def test_from_a_file_to_an_adjudicated_dataset() -> None:
    mia = _mia_begins_a_project()
    ana, bo, ada = (
        joins(mia, "Ana", Role.REVIEWER),
        joins(mia, "Bo", Role.REVIEWER),
        joins(mia, "Ada", Role.ADJUDICATOR),
    )

    # Import, twice: the second writes nothing new.
    lines = "\n".join(json.dumps(record(number)) for number in range(12)).encode() + b"\n{broken\n"
    run = imports(mia, "logs.jsonl", lines, MAPPING)
    assert (run.status, run.batch.transcripts_written, run.batch.rejected) == ("done", 12, 1)
    assert "line 13" in mia.sees("intake:batch", run.batch.pk)
    assert imports(mia, "logs.jsonl", lines, MAPPING).batch.already_there == 12
    assert Transcript.objects.count() == 12

    # Evidence: a probe's token tracks; one row names a transcript that is not there.
    rows = [evidence(number) for number in range(12)] + [{**evidence(0), "transcript": {"id": "nobody"}}]
    attached = imports(mia, "probe.jsonl", "\n".join(json.dumps(row) for row in rows).encode())
    assert (attached.evidence_batch.tracks_written, attached.evidence_batch.rejected) == (12, 1)

    # Browse: everybody sees it now.
    assert CANARY in ana.sees("browse:transcript", Transcript.objects.get(external_id="case/00").pk)
    assert "case/03" in ana.sees("browse:list", query="?ch.judge.quill=80..")

    # Sample, round.
    quill = Project.objects.get().channels.get(key="judge.quill")
    draw = {
        "name": "By quill",
        "n": 9,
        "cut0-by": "channel",
        "cut0-channel": quill.key,
        "cut0-bins": 3,
        "allocation": "equal",
    }
    mia.sends("sampling:new", data={**draw, "seed": 11})
    sample = Sample.objects.get()
    reviewers = list(
        Project.objects.get().memberships.filter(role=Role.REVIEWER).values_list("user_id", flat=True)
    )
    form = {
        "name": "Round 1",
        "sample": sample.pk,
        "codebook_version": _codebook(mia),
        "members": reviewers,
        "overlap": 2,
    }
    mia.sends("queues:new", data={**form, "policy": "reveal", "lease_minutes": 30})
    round = Round.objects.get()
    drawn = list(sample.items.values_list("transcript_id", flat=True))

    # Blind: the evidence has gone from every page of theirs, and comes back item by item.
    for transcript in labels(ana, round.pk, ana_says):
        assert CANARY not in ana.sees("browse:transcript", transcript.pk)
        assert transcript.name not in ana.sees("browse:list", query="?ch.judge.quill=0..100")
    assert CANARY in ana.sees("browse:transcript", drawn[0])
    assert len(list(labels(bo, round.pk, bo_says))) == 9
    assert LabelRevision.objects.count() == 2 * 2 * 9

    # Adjudicate: where they agree the rule has ruled; the lies are Ada's.
    lies = sum(1 for pk in drawn if Transcript.objects.get(pk=pk).excerpt == LIE)
    assert lies > 0
    assert Ruling.objects.filter(rule="unanimous").count() == 9 - lies
    _ada_takes_the_label_of_intent(ada)
    assert Ruling.objects.filter(rule="adjudicator", group="intent").count() == lies

    # Export.
    release, files = _mia_exports(mia, round)
    data = [json.loads(line) for line in files["labels.jsonl"].decode().splitlines()]
    assert len(data) == 9
    assert {row["ruling"]["rule"] for row in data} == {"unanimous", "adjudicator"}
    assert sum(1 / row["sampling"]["probability"] for row in data) == pytest.approx(12)
    assert pq.read_table(io.BytesIO(files["labels.parquet"])).num_rows == 9
    assert json.loads(files["manifest.json"])["rounds"][0]["sample"]["seed"] == 11
    assert b"ana@example.org" not in b"".join(files.values())
    assert Person(Client()).client.get(mia.address("datasets:release", release.pk)).status_code == 302

    # Every write has left its event.
    verbs = set(Event.objects.values_list("verb", flat=True))
    assert {
        "project.created", "member.invited", "member.added", "sample.drawn", "round.opened", "label.committed",
        "evidence.revealed", "item.ruled", "release.opened", "release.built",
    } <= verbs  # fmt: skip


def _mia_begins_a_project() -> Person:
    user = accounts.create_user(email="mia@example.org", name="Mia", may_create_projects=True)
    mia = Person(Client())
    mia.client.post(
        reverse("accounts:link", args=[accounts.issue_link(user=user, purpose="sign_in", actor=None)])
    )
    begun = mia.client.post(reverse("overview:new_project"), {"name": "Ledger audit"})
    mia.slug = begun.headers["Location"].strip("/").rsplit("/", 1)[1]
    assert "Ledger audit" in mia.sees("overview:project")
    return mia


def _codebook(mia: Person) -> int:
    version = Project.objects.get(slug=mia.slug).codebooks.get().versions.get()
    assert isinstance(version.pk, int)
    return version.pk


def _ada_takes_the_label_of_intent(ada: Person) -> None:
    from labeling.adjudication.models import Case

    for case in Case.objects.filter(settled_at=None):
        page = ada.sees("adjudication:case", case.pk)
        assert "ana@example.org" not in page
        took = LabelRevision.objects.get(item=case.item, stage="final", group="intent")
        ada.sends(
            "adjudication:case", case.pk, data={"take": took.pk, "reason": "It had read the error itself."}
        )


def _mia_exports(mia: Person, round: Round) -> tuple[Release, dict[str, bytes]]:
    form = {
        "name": "First dataset", "rounds": [round.pk], "source": "adjudicated", "least_labels": 1, "split_seed": 0,
        "messages": "on", "reasoning": "on", "tools": "on", "rationales": "on", "metadata": "*", "evidence": "readings",
        "pseudonyms": "on", "seed": 0, "licence": "unlicensed",
    }  # fmt: skip
    mia.sends("datasets:new", data=form)
    release = Release.objects.get()
    assert "First dataset" in mia.sees("datasets:release", release.pk)
    files = {}
    for file in release.files.all():
        response = mia.client.get(mia.address("datasets:download", release.pk, file.name))
        files[file.name] = b"".join(response.streaming_content)  # type: ignore[attr-defined]  # a FileResponse
    return release, files
