"""Evidence files become channels, readings and tracks; what does not fit is listed and nothing is doubled."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.queries import UUIDS, ids_by_uuid
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.evidence import attach as attaching
from auditor.evidence.attach import attach_file, open_attachment
from auditor.evidence.models import Channel, EvidenceBatch, Quote, Reading, Rollup, Shard, Track
from auditor.evidence.tasks import attach as attach_task
from auditor.ledger.models import Event
from auditor.runs.actions import RunFailed
from auditor.runs.models import Run
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def transcript(project: Project) -> Transcript:
    return make.transcript(project, external_id="a1")


def bring(project: Project, place: Path, lines: list[Any]) -> EvidenceBatch:
    path = place / "evidence.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return attach_file(project=project, path=path, file_name="evidence.jsonl", actor=None)


def reasons(batch: EvidenceBatch) -> dict[str, str]:
    return {reject.place: reject.reason for reject in batch.rejects.all()}


A1 = {"transcript": {"id": "a1"}}
LINES = [
    {
        "channel": {
            "key": "probe.x",
            "name": "Probe X",
            "kind": "probe",
            "unit": "token",
            "lo": 0,
            "hi": 1,
            "notice": "careful",
        }
    },
    A1
    | {
        "channel": "judge.m",
        "value": 7,
        "label": "lie",
        "explanation": "It says so.",
        "quotes": [{"text": "cleared on 14 March"}],
    },
    A1 | {"channel": "probe.x", "position": 1, "starts": [0, 5], "ends": [4, 7], "values": [0.1, 0.8]},
]


def test_a_file_becomes_channels_readings_quotes_and_tracks(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    batch = bring(project, tmp_path, LINES)
    assert (batch.readings_written, batch.tracks_written, batch.unchanged, batch.rejected) == (1, 1, 0, 0)
    probe = Channel.objects.get(key="probe.x")
    assert (probe.name, probe.kind, probe.unit, probe.lo, probe.hi, probe.notice) == (
        "Probe X",
        "probe",
        "token",
        0,
        1,
        "careful",
    )
    assert Channel.objects.get(key="judge.m").kind == "judge"
    quote = Quote.objects.get()
    assert (quote.status, quote.position) == ("exact", 1)
    assert {(r.channel.key, r.value, r.label) for r in Rollup.objects.select_related("channel")} == {
        ("judge.m", 7.0, "lie"),
        ("probe.x", 0.8, ""),
    }
    assert Event.objects.filter(verb="evidence.attached").count() == 1


def test_a_second_attachment_changes_nothing(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    bring(project, tmp_path, LINES)
    again = bring(project, tmp_path, LINES)
    assert (again.readings_written, again.tracks_written, again.unchanged) == (0, 0, 2)
    assert (Reading.objects.count(), Track.objects.count(), Shard.objects.count()) == (2, 1, 1)


def test_a_crash_between_chunks_is_finished_by_the_next_try(
    project: Project, transcript: Transcript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attaching, "CHUNK", 1)
    real, calls = attaching._Attacher.attach, []

    def dies(self: Any, chunk: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError("the lights went out")
        real(self, chunk)

    monkeypatch.setattr(attaching._Attacher, "attach", dies)
    with pytest.raises(RunFailed, match="lights"):
        bring(project, tmp_path, [*LINES, A1 | {"channel": "sae.1", "value": 2}, {"bad": 1}])
    run = Run.objects.get()
    attach_task(run.pk)
    batch = EvidenceBatch.objects.get()
    assert (batch.readings_written, batch.tracks_written, batch.unchanged, batch.rejected) == (2, 1, 0, 1)
    run.refresh_from_db()
    assert (run.status, run.done, run.total) == ("done", run.total, batch.source.size)


def test_a_transcript_is_named_by_id_or_by_fingerprint(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    line = {"transcript": {"fingerprint": transcript.fingerprint}, "channel": "score.f1", "value": 0.5}
    assert bring(project, tmp_path, [line]).readings_written == 1
    assert Reading.objects.get().transcript == transcript


def test_unknown_and_ambiguous_names_are_rejects_with_their_lines(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    make.transcript(project, external_id="twice")
    make.transcript(project, external_id="twice")
    batch = bring(
        project, tmp_path,
        [
            {"transcript": {"id": "nobody"}, "channel": "judge.m", "value": 1},
            {"transcript": {"id": "twice"}, "channel": "judge.m", "value": 1},
            {"transcript": {"fingerprint": transcript.fingerprint}, "channel": "judge.m", "value": 1},
            A1 | {"channel": "judge.m", "value": 1},
        ],
    )  # fmt: skip
    assert (batch.readings_written, batch.rejected) == (1, 3)
    assert reasons(batch) == {
        "line 1": "no transcript is known as nobody",
        "line 2": "2 transcripts are known as twice",
        "line 3": f"3 transcripts are known as fingerprint {transcript.fingerprint}",
    }


def test_another_projects_transcripts_are_unknown_here(
    project: Project, mia: User, transcript: Transcript, tmp_path: Path
) -> None:
    from auditor.accounts.actions import create_project

    batch = bring(
        create_project(name="Other", owner=mia), tmp_path, [A1 | {"channel": "judge.m", "value": 1}]
    )
    assert (batch.readings_written, batch.rejected) == (0, 1)
    assert not Reading.objects.exists()


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"position": 9}, "no message 9"),
        ({"position": 0, "part": "reasoning"}, "no reasoning"),
        ({"position": 1, "part": "part:3"}, "no part:3"),
        ({"position": 0, "start": 0, "end": 4000}, "offset 4000 is beyond"),
        ({"position": 1, "starts": [0], "ends": [4000], "values": [1]}, "offset 4000 is beyond"),
        ({"position": 1, "starts": [0], "ends": [1], "values": [1e200]}, "32 bits"),
    ],
)
def test_places_that_the_text_does_not_have_are_rejects(
    project: Project, transcript: Transcript, tmp_path: Path, place: dict[str, Any], words: str
) -> None:
    line = A1 | {"channel": "x"} | ({} if "values" in place else {"value": 1}) | place
    batch = bring(project, tmp_path, [line, A1 | {"channel": "x", "value": 2}])
    assert words in reasons(batch)["line 1"]
    assert batch.readings_written == 1


def test_a_channel_that_nobody_declared_gets_its_kind_from_its_key(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    keys = ["judge.a", "probe.a", "sae.1", "score.a", "mystery"]
    bring(project, tmp_path, [A1 | {"channel": key, "value": 1} for key in keys])
    assert dict(Channel.objects.values_list("key", "kind")) == {
        "judge.a": "judge", "probe.a": "probe", "sae.1": "sae", "score.a": "score", "mystery": "other"
    }  # fmt: skip


def test_a_declaration_that_clashes_is_a_reject_and_the_readings_go_in(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    make.channel(project, "judge.m", kind="judge", unit="transcript")
    batch = bring(
        project, tmp_path,
        [{"channel": {"key": "judge.m", "kind": "probe"}}, {"channel": {"key": "judge.m", "polarity": "lies"}}, A1 | {"channel": "judge.m", "value": 1}],
    )  # fmt: skip
    assert "exists as judge" in reasons(batch)["line 1"]
    assert Channel.objects.get().polarity == "lies"
    assert batch.readings_written == 1


def test_no_file_may_write_what_people_decide(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    make.channel(project, "people.label", kind="human")
    batch = bring(
        project, tmp_path,
        [A1 | {"channel": "people.label", "value": 1}, A1 | {"channel": "people.new", "value": 1}, {"channel": {"key": "people.label"}}],
    )  # fmt: skip
    assert batch.rejected == 3
    assert not Reading.objects.exists()


def test_a_large_file_goes_in_with_few_queries(
    project: Project, transcript: Transcript, tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    transcripts = [make.transcript(project) for _ in range(60)]
    lines = [
        {"transcript": {"id": t.external_id}, "channel": f"probe.{n}", "value": n}
        for t in transcripts
        for n in range(5)
    ]
    with django_assert_max_num_queries(90):
        assert bring(project, tmp_path, lines).readings_written == 300


def test_a_queued_attachment_is_carried_by_its_task(
    project: Project, mia: User, transcript: Transcript, tmp_path: Path
) -> None:
    from auditor.corpus.sources import keep_source

    path = tmp_path / "e.jsonl"
    path.write_text(json.dumps(LINES[1]))
    batch = open_attachment(project=project, source=keep_source(path), file_name="e.jsonl", actor=mia)
    assert batch.run is not None
    attach_task(batch.run.pk)
    batch.refresh_from_db()
    assert batch.readings_written == 1
    attach_task(batch.run.pk)
    assert Reading.objects.count() == 1


def test_the_sample_audit_goes_in_without_a_reject(project: Project, tmp_path: Path) -> None:
    from auditor.intake.actions import import_file
    from labeling.overview.sample_audit import MAPPING, build, evidence_jsonl, transcripts_jsonl

    audit = build()
    log, evidence = tmp_path / "t.jsonl", tmp_path / "e.jsonl"
    log.write_bytes(transcripts_jsonl(audit))
    evidence.write_bytes(evidence_jsonl(audit))
    brought = import_file(
        project=project, path=log, file_name="t.jsonl", format="mapped_jsonl", mapping=MAPPING, actor=None
    )
    attached = attach_file(project=project, path=evidence, file_name="e.jsonl", actor=None)
    assert (brought.transcripts_written, brought.rejected) == (len(audit.stories), 0)
    assert attached.rejected == 0
    assert attached.tracks_written > 500


def test_a_transcript_is_also_known_by_the_uuid_that_its_metadata_states(
    project: Project, tmp_path: Path, django_assert_num_queries: Any
) -> None:
    make.transcript(project, external_id="1", metadata={"uuid": "u-1"})
    other = make.transcript(project, external_id="u-2", metadata={"uuid": "u-3"})
    make.transcript(project, external_id="3", metadata={"uuid": "u-2"})
    for name in ("4", "5"):
        make.transcript(project, external_id=name, metadata={"uuid": "twice"})
    keys = ["u-1", "u-2", "twice", "nobody", 'odd"\\key']
    batch = bring(
        project, tmp_path, [{"transcript": {"id": key}, "channel": "judge.m", "value": 1} for key in keys]
    )
    assert set(Reading.objects.values_list("transcript__external_id", flat=True)) == {"1", "u-2"}
    assert Reading.objects.filter(transcript=other).count() == 1  # its own id comes before another's uuid
    assert reasons(batch) == {
        "line 3": "2 transcripts are known as twice",
        "line 4": "no transcript is known as nobody",
        "line 5": 'no transcript is known as odd"\\key',
    }
    with django_assert_num_queries(1):
        assert len(ids_by_uuid(project.pk, [*keys, "u-3"])) == 4
    with django_assert_num_queries(0):
        assert ids_by_uuid(project.pk, []) == {}


def test_a_branch_does_not_make_its_samples_uuid_ambiguous(project: Project, tmp_path: Path) -> None:
    asked, yes, no = (
        ParsedMessage("user", "?"),
        ParsedMessage("assistant", "y"),
        ParsedMessage("assistant", "n"),
    )
    one = ParsedTranscript("a" * 64, Place(1), (asked, yes), external_id="1", metadata={"uuid": "u"})
    two = ParsedTranscript(
        "b" * 64, Place(1, branch="branch 1"), (asked, no), external_id="1#branch 1", metadata={"uuid": "u"},
        parent="a" * 64, shared=1,
    )  # fmt: skip
    into = make.batch(project)
    list(write(into, [one, two], file=into.files.get()))
    batch = bring(project, tmp_path, [{"transcript": {"id": "u"}, "channel": "judge.m", "value": 1}])
    assert (batch.rejected, Reading.objects.get().transcript.external_id) == (0, "1")


def test_uuids_are_found_by_the_index(project: Project) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")  # the primary key, for the order, would do too
        sql = UUIDS.replace("project_id =", "0 <")  # with so few rows the project's own index would do
        cursor.execute(f"EXPLAIN {sql}", [['{"uuid": "a"}', '{"uuid": "b"}'], project.pk])
        assert "transcripts_by_metadata" in " ".join(row[0] for row in cursor.fetchall())
