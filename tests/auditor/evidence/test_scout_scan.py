"""Results of an Inspect Scout scan: every verdict lands on its transcript, and its references on their messages."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor.accounts.models import Project
from auditor.corpus.models import ImportBatch, Transcript
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place, Rejection
from auditor.corpus.writer import write
from auditor.evidence import scout_scan
from auditor.evidence.attach import attach_file
from auditor.evidence.formats import SCOUT_SCAN, form_of
from auditor.evidence.models import Channel, Quote, Reading
from auditor.evidence.records import ChannelLine, ReadingLine
from auditor.intake.actions import import_file
from auditor.intake.importers import scout_db
from tests import make
from tests.auditor.intake.reading import real_file

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "scout"
ROW: dict[str, Any] = {
    "transcript_id": "t1", "scan_id": "s1", "scanner_key": "deception", "scanner_name": "deception",
    "scanner_version": 3, "scanner_params": '{"depth": 2}', "scan_git_commit": "abc123", "input_type": "transcript",
    "input_ids": '["t1"]', "uuid": "u1", "label": None, "value": "true", "value_type": "boolean", "answer": "Yes",
    "explanation": "In [M2] it lied.", "metadata": "{}", "event_references": "[]", "scan_error": None,
    "message_references": '[{"type": "message", "cite": "[M2]", "id": "m2"}]', "scan_total_tokens": 12,
    "scan_model_usage": '{"m-7b": {"input_tokens": 12}}', "scan_events": "never read", "input": "never read",
}  # fmt: skip


def table(*rows: dict[str, Any]) -> bytes:
    """A Parquet file of these rows."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([ROW | row for row in rows]), out)
    return out.getvalue()


def lines(*rows: dict[str, Any]) -> list[Any]:
    return list(scout_scan.parse(io.BytesIO(table(*rows)), name="deception.parquet"))


def readings(*rows: dict[str, Any]) -> list[ReadingLine]:
    """The verdicts themselves, without what they cite."""
    found = [line for line in lines(*rows) if isinstance(line, ReadingLine)]
    return [line for line in found if not line.channel.endswith(".cited")]


def test_a_verdict_has_its_number_label_words_and_what_made_it():
    (verdict,) = readings({})
    assert (verdict.channel, verdict.value, verdict.label) == ("judge.scout.deception", 1.0, "true")
    assert verdict.transcript.external_id == "t1"
    assert verdict.position is None
    assert verdict.explanation == "In [M2] it lied."
    assert verdict.detail["scanner_version"] == 3
    assert verdict.detail["scanner_params"] == {"depth": 2}
    assert verdict.detail["scan_git_commit"] == "abc123"
    assert verdict.detail["scan_model_usage"] == {"m-7b": {"input_tokens": 12}}
    assert verdict.detail["answer"] == "Yes"


@pytest.mark.parametrize(
    ("row", "value", "label"),
    [
        ({"value": "false", "value_type": "boolean"}, 0.0, "false"),
        ({"value": "0.25", "value_type": "number"}, 0.25, ""),
        ({"value": "evasive", "value_type": "string"}, None, "evasive"),
        ({"value": "1", "value_type": "string"}, None, "1"),
        ({"value": None, "value_type": "null", "label": "nothing"}, None, "nothing"),
        ({"value": None, "value_type": "null"}, None, "no value"),
        ({"value": "true", "value_type": "boolean", "label": "lie"}, 1.0, "lie"),
        ({"value": '{"a": 1}', "value_type": "object", "answer": "both"}, None, "both"),
        ({"value": "NaN", "value_type": "number"}, None, "no number"),
    ],
)
def test_a_value_is_read_by_its_declared_type(row, value, label):
    (verdict,) = readings(row)
    assert (verdict.value, verdict.label) == (value, label)


@pytest.mark.parametrize(
    ("value", "expected"), [(True, 1.0), (False, 0.0), (3, 3.0), (0.5, 0.5), (None, None)]
)
def test_the_value_column_may_have_any_type(value, expected):
    (verdict,) = readings({"value": value, "value_type": "boolean" if isinstance(value, bool) else "number"})
    assert verdict.value == expected


def test_a_scan_that_failed_is_an_error_and_never_a_nought():
    found = lines({"scan_error": "rate limit", "scan_error_type": "RateLimitError", "value": "false"})
    (verdict,) = [line for line in found if isinstance(line, ReadingLine)]
    assert (verdict.value, verdict.label, verdict.explanation) == (None, "error", "rate limit")
    assert verdict.detail["scan_error_type"] == "RateLimitError"


def test_a_set_of_results_is_a_reading_for_each():
    results = [
        {"uuid": "r1", "label": "lie", "value": True, "references": [{"type": "message", "cite": "[M2]", "id": "m2"}]},
        {"uuid": "r2", "label": "evasion", "value": 0.5, "explanation": "It dodges."},
    ]  # fmt: skip
    found = lines({"value": json.dumps(results), "value_type": "resultset", "message_references": "[]"})
    verdicts = [line for line in found if isinstance(line, ReadingLine)]
    assert [(v.channel, v.identifier, v.value, v.label, v.message_id) for v in verdicts] == [
        ("judge.scout.deception", "r1", 1.0, "lie", ""),
        ("judge.scout.deception.cited", "r1", 1.0, "[M2]", "m2"),
        ("judge.scout.deception", "r2", 0.5, "evasion", ""),
    ]


def test_a_scan_of_single_messages_stands_on_them():
    (verdict,) = readings({"input_type": "message", "input_ids": '["m1"]', "message_references": "[]"})
    assert verdict.message_id == "m1"


def test_scans_of_several_stretches_of_one_transcript_do_not_replace_each_other():
    stretches = [{"input_type": "messages", "input_ids": f'["m{i}", "m{i + 1}"]'} for i in (1, 3)]
    assert [verdict.identifier for verdict in readings(*stretches)] == ["m1–m2", "m3–m4"]


def test_a_scanner_without_a_model_is_a_score():
    (verdict,) = readings({"scan_total_tokens": 0, "scan_model_usage": "{}"})
    assert verdict.channel == "score.scout.deception"


def test_the_heavy_columns_are_never_read(monkeypatch):
    asked: list[str] = []
    whole = pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile, "iter_batches", lambda self, **more: asked.extend(more["columns"]) or whole(self, **more)
    )  # fmt: skip
    lines({})
    assert "value" in asked
    assert not {"input", "input_data", "scan_events"} & set(asked)


def test_rows_without_a_transcript_or_scanner_are_rejected_and_the_others_go_on():
    found = lines({"transcript_id": None}, {"scanner_key": "", "scanner_name": ""}, {})
    assert [r.reason for r in found if isinstance(r, Rejection)] == [
        "the row has no transcript_id",
        "the row names no scanner",
    ]
    assert sum(isinstance(line, ReadingLine) for line in found) == 2


def test_the_channels_are_declared_once():
    declared = [line.key for line in lines({}, {}) if isinstance(line, ChannelLine)]
    assert declared == ["judge.scout.deception", "judge.scout.deception.cited"]


@pytest.mark.parametrize("cut", [0, 4, 60, -40, -9, -1])
def test_a_file_that_is_cut_off_is_a_rejection(cut):
    found = list(scout_scan.parse(io.BytesIO(table({})[:cut]), name="x"))
    assert found
    assert all(isinstance(item, Rejection) for item in found)


@pytest.mark.django_db
def test_a_reference_finds_its_message_by_the_sources_id_and_in_a_branch_too(
    project: Project, tmp_path: Path
):
    chat = (
        ParsedMessage("user", "Did you save?", source_id="m1"),
        ParsedMessage("assistant", "Yes.", source_id="m2"),
    )
    one = make.transcript(project, chat, external_id="t1")
    (tmp_path / "deception.parquet").write_bytes(
        table({}, {"message_references": '[{"type": "message", "cite": "[M9]", "id": "gone"}]', "uuid": "u2"})
    )
    batch = attach_file(project=project, path=tmp_path / "deception.parquet", file_name="x", actor=None)
    cited = Reading.objects.get(channel__key="judge.scout.deception.cited")
    assert (cited.transcript_id, cited.position, cited.label) == (one.pk, 1, "[M2]")
    assert Reading.objects.filter(channel__key="judge.scout.deception", superseded_at=None).get().value == 1.0
    (reject,) = batch.rejects.all()
    assert reject.reason == "no message of the transcript is known as gone"


@pytest.mark.django_db
def test_every_verdict_of_the_real_scan_lands_and_its_references_resolve(project: Project):
    scan = REAL / "scan" / "deception.parquet"
    if not scan.exists():
        pytest.skip("the research file scout/scan is not here (looked in ../shared/data)")
    into: ImportBatch = make.batch(project)
    (db,) = (REAL / "db").glob("*.parquet")
    with db.open("rb") as source:
        list(write(into, list(scout_db.parse(source, name=db.name)), file=into.files.get()))
    with scan.open("rb") as source:
        assert form_of(source) == SCOUT_SCAN
    batch = attach_file(project=project, path=scan, file_name=scan.name, actor=None)
    assert (batch.readings_written, batch.rejected) == (4, 0)
    verdicts = Reading.objects.filter(channel__key="judge.scout.deception").order_by("transcript_id")
    assert [(r.value, r.label) for r in verdicts] == [(1.0, "true"), (0.0, "false")]
    cited = Reading.objects.filter(channel__key="judge.scout.deception.cited").order_by("transcript_id")
    assert [(r.position, r.label) for r in cited] == [(1, "[M2]"), (0, "[M1]")]
    assert Channel.objects.filter(project=project, kind="judge").count() == 2
    assert not Quote.objects.exists()
    assert Transcript.objects.count() == 2


@pytest.mark.django_db
def test_references_cost_two_queries_for_fifty_transcripts(
    project: Project, tmp_path: Path, django_assert_max_num_queries
):
    for i in range(40):
        chat = (
            ParsedMessage("user", "Saved?", source_id=f"q{i}"),
            ParsedMessage("assistant", "Yes.", source_id="m2"),
        )
        make.transcript(project, chat, external_id=f"t{i}")
    (tmp_path / "deception.parquet").write_bytes(table(*({"transcript_id": f"t{i}"} for i in range(40))))
    with django_assert_max_num_queries(90):  # ten of them make the judge known
        batch = attach_file(project=project, path=tmp_path / "deception.parquet", file_name="x", actor=None)
    assert (batch.readings_written, batch.rejected) == (80, 0)


@pytest.mark.django_db
def test_a_reference_to_a_shared_message_resolves_in_the_branch(project: Project, tmp_path: Path):
    asked, yes, no = (
        ParsedMessage("user", "Saved?", source_id="m1"),
        ParsedMessage("assistant", "Yes.", source_id="m2"),
        ParsedMessage("assistant", "No.", source_id="m3"),
    )
    one = ParsedTranscript("a" * 64, Place(1), (asked, yes), external_id="main")
    two = ParsedTranscript(
        "b" * 64, Place(1, branch="b"), (asked, no), external_id="t1", parent="a" * 64, shared=1
    )
    into: ImportBatch = make.batch(project)
    list(write(into, [one, two], file=into.files.get()))
    references = json.dumps([{"type": "message", "cite": f"[{m}]", "id": m} for m in ("m1", "m3")])
    (tmp_path / "deception.parquet").write_bytes(table({"message_references": references}))
    batch = attach_file(project=project, path=tmp_path / "deception.parquet", file_name="x", actor=None)
    assert batch.rejected == 0
    cited = Reading.objects.filter(channel__key="judge.scout.deception.cited").order_by("position")
    assert [(r.position, r.label) for r in cited] == [(0, "[m1]"), (1, "[m3]")]


@pytest.mark.django_db
def test_the_real_scan_finds_the_samples_of_the_log_itself_by_uuid(project: Project):
    log = real_file("inspect/zstd_default.eval")
    import_file(project=project, path=log, file_name=log.name, format="inspect_eval")
    assert {t.external_id for t in Transcript.objects.all()} == {"a/b c", "2"}
    scan = real_file("scout/scan/deception.parquet")
    batch = attach_file(project=project, path=scan, file_name=scan.name, actor=None)
    assert (batch.readings_written, batch.rejected) == (4, 0)
    assert attach_file(project=project, path=scan, file_name=scan.name, actor=None).readings_written == 0
