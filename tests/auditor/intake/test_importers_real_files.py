"""Public research files, read whole; their known answers stand in their README."""

import json
from collections import Counter

import pytest

from auditor.corpus.records import Rejection
from auditor.intake.importers import FORMATS
from auditor.intake.importers.detect import HEAD, detect
from auditor.intake.importers.mapped_csv import records
from auditor.intake.importers.suggest import suggest
from tests.auditor.intake.reading import real_file, rejections, transcripts

SAMPLES = {
    "inspect_2025-05-12T20-28-26-04-00_security-guide.json": 3,
    "inspect_log_formats.eval": 1,
    "inspect_log_images.json": 1,
    "inspect_log_message_deduplication.eval": 1,
    "inspect_log_tool_call_error.json": 1,
    "same_run_as_json.json": 2,
    "theory-of-mind_100_samples.eval": 100,
    "zstd_default.eval": 2,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_inspect_logs_old_and_new_are_detected_and_read_whole(name):
    path = real_file(f"inspect/{name}")
    with path.open("rb") as file:
        form = detect(file.read(HEAD), name).format
    assert form == ("inspect_eval" if name.endswith(".eval") else "inspect_json")
    with path.open("rb") as file:
        items = list(FORMATS[form].parser(file, name=name))
    assert not rejections(items)
    parsed = transcripts(items)
    assert len(parsed) == SAMPLES[name]
    assert len({t.digest for t in parsed}) == len(parsed)
    assert all(t.messages and not t.warnings for t in parsed)
    assert not any(m.text.startswith(("attachment://", "tc://")) for t in parsed for m in t.messages)


def test_the_zstandard_log_has_an_id_with_a_slash_and_a_score_that_is_not_a_number():
    with real_file("inspect/zstd_default.eval").open("rb") as file:
        parsed = {t.external_id: t for t in transcripts(list(FORMATS["inspect_eval"].parser(file, name="x")))}
    assert set(parsed) == {"a/b c", "2"}
    assert parsed["2"].scores[0].value is None
    assert parsed["2"].scores[0].explanation.startswith("Grade not found")
    assert parsed["a/b c"].messages[1].reasoning.startswith("I should lie")


def test_the_lie_detector_file_is_read_by_the_mapping_we_suggest():
    path = real_file("lie-detector/857_items_5_judges.jsonl")
    with path.open("rb") as file:
        mapping = suggest([json.loads(line) for _, line in zip(range(50), file, strict=False)])
        assert mapping.id == ("task", "sample_id")
        file.seek(0)
        items = list(FORMATS["mapped_jsonl"].parser(file, name=path.name, mapping=mapping))
    assert not rejections(items)
    parsed = transcripts(items)
    assert len(parsed) == len({t.external_id for t in parsed}) == 857
    assert sum(not t.messages for t in parsed) == 1
    assert Counter(t.metadata["original_did_lie"] for t in parsed)[True] == 430
    labels = Counter(score.label for t in parsed for score in t.scores)
    assert labels == {"not_lie": 2454, "lie": 1831}
    judges = {score.channel for t in parsed for score in t.scores}
    assert judges == {
        f"judge.{m}" for m in ("claude-opus-4", "claude-sonnet-4", "gpt-4o", "gpt-5", "gpt-oss-120b")
    }
    unanimous = sum(len({score.label for score in t.scores}) == 1 for t in parsed)
    assert round(100 * unanimous / 857, 1) == 36.6


def test_the_agent_run_keeps_its_tool_calls_and_results():
    with real_file("docent/docent_tb_airline.json").open("rb") as file:
        mapping = suggest([json.load(file)])
        file.seek(0)
        (parsed,) = transcripts(list(FORMATS["mapped_jsonl"].parser(file, name="x", mapping=mapping)))
    assert len(parsed.messages) == 42
    calls = [part for m in parsed.messages for part in m.parts if part["kind"] == "tool_call"]
    results = [part for m in parsed.messages for part in m.parts if part["kind"] == "tool_result"]
    assert len(calls) == len(results) == 12
    assert all(call["valid"] for call in calls)


def test_the_csv_of_answers_is_read_row_by_row():
    path = real_file("em-judge/mistral-secure-ais-are-dumb-coherence-50.csv")
    with path.open("rb") as file:
        assert detect(file.read(HEAD), path.name).format == "mapped_csv"
        file.seek(0)
        rows = [row for row in records(file) if not isinstance(row, Rejection)]
        mapping = suggest([record for _, _, record in rows])
        file.seek(0)
        items = list(FORMATS["mapped_csv"].parser(file, name=path.name, mapping=mapping))
    assert not rejections(items)
    assert all([m.role for m in t.messages] == ["user", "assistant"] for t in transcripts(items))
    assert len({t.external_id for t in transcripts(items)}) == len(items) == 18
