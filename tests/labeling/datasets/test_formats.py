"""What each format says of a record, that equal records give equal bytes, and that hostile texts stay texts."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from auditor.evidence import annotations
from auditor.evidence.records import ReadingLine
from auditor.intake.importers.docent_labels import is_label, label_scores
from labeling.datasets.exporters import ALWAYS, FORMATS, UnknownFormat, exporters_of, parquet, parquet_files
from labeling.datasets.exporters.argilla import person
from labeling.datasets.exporters.columns import Unfit
from labeling.datasets.exporters.inspect_edits import sample_of
from labeling.datasets.exporters.scout_validation import survives
from tests.labeling.datasets.made import context, label, lines, message, record, written

HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "-2+3",
    "\t=1",
    "＝1",
    '"quoted", "cells"\r\nand lines',
    "</script>",
    "\u202eevil",
]


def test_every_format_is_closed_under_its_name_and_said_in_a_sentence(tmp_path: Path) -> None:
    names = written(tmp_path, [record(n, "D" if n % 2 else "H") for n in range(4)], *FORMATS)
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == len(set(names))
    assert all(one.name and one.words.endswith(".") for one in FORMATS.values())
    with pytest.raises(UnknownFormat, match="xlsx"):
        exporters_of(["xlsx"])


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    records = [record(n, "DHUK?"[n % 5], split=("train", "test")[n % 2]) for n in range(25)]
    about = context(splits=("train", "test"))
    first = written(tmp_path / "one", records, *FORMATS, about=about)
    second = written(tmp_path / "two", records, *FORMATS, about=about)
    assert first == second
    for name in first:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_a_release_without_records_has_every_file(tmp_path: Path) -> None:
    names = written(tmp_path, [], *FORMATS)
    assert {"labels.jsonl", "labels.parquet", "labels.csv", "preference.jsonl"} <= set(names)
    assert pq.read_table(tmp_path / "labels.parquet").num_rows == 0


def test_records_without_messages_or_a_decision_pass_every_format(tmp_path: Path) -> None:
    bare = record(0, "D")
    bare["transcript"]["messages"] = None
    bare["ruling"] = None
    bare["source"] = {
        **bare["source"],
        "kind": "all",
        "label": None,
        "words": None,
        "group": None,
        "grade": None,
        "share": None,
    }
    bare["evidence"] = None
    written(tmp_path, [bare], *FORMATS)
    assert lines(tmp_path / "docent-labels.jsonl") == lines(tmp_path / "inspect-score-edits.jsonl") == []
    assert (
        lines(tmp_path / "sft.jsonl")
        == lines(tmp_path / "preference.jsonl")
        == lines(tmp_path / "contrast-pairs.jsonl")
        == []
    )


def test_parquet_has_a_file_for_each_split_and_shards_of_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "SHARD_ROWS", 4)
    monkeypatch.setattr(parquet_files, "GROUP_ROWS", 3)
    records = [record(n, split="train" if n < 9 else "test") for n in range(11)]
    names = written(tmp_path, records, about=context(splits=("train", "validation", "test")))
    assert names[1:] == [
        "labels-train-00000-of-00003.parquet", "labels-train-00001-of-00003.parquet", "labels-train-00002-of-00003.parquet",
        "labels-validation.parquet", "labels-test.parquet",
    ]  # fmt: skip
    sizes = [pq.read_metadata(tmp_path / name).num_rows for name in names[1:]]
    assert sizes == [4, 4, 1, 0, 2]
    assert pq.read_metadata(tmp_path / names[1]).num_row_groups == 2
    assert parquet.split_files(names, ["train", "validation", "test"]) == {
        "train": names[1:4], "validation": names[4:5], "test": names[5:6],
    }  # fmt: skip
    assert parquet.split_files(["labels.parquet", "labels.jsonl"], []) == {"train": ["labels.parquet"]}
    rows = [row for name in names[1:4] for row in pq.read_table(tmp_path / name).to_pylist()]
    assert [row["transcript"]["external_id"] for row in rows] == [f"pay-{n}" for n in range(9)]


def test_csv_is_flat_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    records = [record(n, external_id=text, reply=text, prompt=text) for n, text in enumerate(HOSTILE)]
    for one, text in zip(records, HOSTILE, strict=True):
        one["ruling"]["reason"] = text
        one["labels"][1]["reviewer"] = text
    written(tmp_path, records, "csv", about=context(channels=("judge.quill", "=evil")))
    text = (tmp_path / "labels.csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(records)
    for row in rows:
        for name, cell in row.items():
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝")), (name, cell)
            assert not name.startswith("=")
    first = rows[0]
    assert (first["transcript"], first["label"], first["judge.quill"], first["'=evil"]) == (
        "'=1+1",
        "D",
        "70.5",
        "",
    )
    assert (first["probability"], first["grade"], first["source"], first["how"]) == (
        "0.25",
        "I0",
        "adjudicated",
        "adjudicator",
    )
    assert json.loads(first["shares"]) == {"?": 0.5, "D": 0.5}
    assert json.loads(first["spans"]) == [["misleads", 1, "text", 0, 5, "Reply"]]
    assert json.loads(rows[7]["final_labels"]) == {"</script>": "D", "r-bo": "?"}


def test_inspect_edits_name_the_sample_the_author_and_the_reason(tmp_path: Path) -> None:
    records = [
        record(0), record(1, external_id="a/b c_epoch_3"), record(2, external_id="odd_epoch_2", metadata={"epoch": 1, "uuid": "u2"}),
        record(3, external_id="x_epoch_4", metadata={"epoch": 4}),
    ]  # fmt: skip
    assert [sample_of(one) for one in records] == [("pay-0", 1), ("a/b c", 3), ("odd_epoch_2", 1), ("x", 4)]
    written(tmp_path, records, "inspect")
    first, _, third, _ = lines(tmp_path / "inspect-score-edits.jsonl")
    assert (first["sample_id"], first["epoch"], first["score_name"], third["uuid"]) == (
        "pay-0",
        1,
        "auditor",
        "u2",
    )
    edit = first["edit"]
    assert set(edit) == {"value", "answer", "explanation", "metadata", "provenance"}
    assert (edit["value"], edit["answer"], edit["explanation"]) == ("D", "words of D", "The log decides.")
    assert set(edit["provenance"]) == {"author", "reason", "metadata"}
    assert (edit["provenance"]["author"], edit["provenance"]["reason"]) == ("r-ada", "First: adjudicator")
    assert edit["metadata"]["blind"] == {"r-ana": "D"}
    assert edit["metadata"]["final"] == {"r-ana": "D", "r-bo": "?"}


def test_scout_takes_the_cases_and_what_csv_cannot_carry_is_in_the_json_lines(tmp_path: Path) -> None:
    records = [
        record(0, "D", split="test"), record(1, "H", split="train"), record(2, "?", split="train"),
        record(3, "U", external_id="one,two", split="test"), record(4, "D", metadata={"uuid": "hYiNhYGk7ctoGuFg4zFUL4"}, split="train"),
    ]  # fmt: skip
    written(tmp_path, records, "scout", about=context(splits=("train", "test")))
    assert (tmp_path / "scout-validation.csv").read_text(encoding="utf-8").splitlines() == [
        "id,target,split", "pay-0,True,test", "pay-1,False,train", "hYiNhYGk7ctoGuFg4zFUL4,True,train",
    ]  # fmt: skip
    rows = list(
        csv.DictReader(io.StringIO((tmp_path / "scout-validation-labels.csv").read_text(encoding="utf-8")))
    )
    assert [(row["id"], row["target"]) for row in rows] == [
        ("pay-0", "D"), ("pay-1", "H"), ("pay-2", "?"), ("hYiNhYGk7ctoGuFg4zFUL4", "D"),
    ]  # fmt: skip
    whole = lines(tmp_path / "scout-validation.jsonl")
    assert {"id": "one,two", "target": False, "split": "test"} in whole
    assert len(whole) == 4


@pytest.mark.parametrize(
    ("ident", "target", "holds"),
    [
        ("a", "D", True), ("17", True, True), ("017", "D", False), ("1.0", "D", False), ("1e3", "D", False), ("a,b", "D", False),
        ("[a]", "D", False), ("NA", "D", False), ("a", "NA", False), ("a", "true", False), ("a", "12", False), (" a", "D", False),
        ("None", True, False), ("1_000", "D", False), ("a", "", False), ("12345678901234567890", "D", False),
    ],
)  # fmt: skip
def test_what_survives_a_reader_that_guesses_types(ident: str, target: Any, holds: bool) -> None:
    assert survives(ident, target) is holds


def test_openinference_annotations_are_read_by_our_own_reader(tmp_path: Path) -> None:
    written(tmp_path, [record(0), record(1, "H")], "openinference")
    with (tmp_path / "openinference-annotations.jsonl").open("rb") as source:
        said = [one for one in annotations.parse(source, name="x") if isinstance(one, ReadingLine)]
    assert all(isinstance(one, ReadingLine) for one in said)
    first = [one for one in said if one.transcript.external_id == "pay-0"]
    assert [(one.channel, one.label, one.value, one.identifier) for one in first] == [
        ("score.session.auditor", "D", None, "adjudicated"),
        ("score.session.auditor", "D", None, "r-ana/blind/1"),
        ("score.session.auditor", "D", None, "r-ana/final/1"),
        ("score.session.auditor", "?", None, "r-bo/final/1"),
        ("judge.session.judge.quill", "", 70.5, ""),
    ]
    assert first[0].explanation == "The log decides."
    assert first[0].detail["annotator_kind"] == "HUMAN"
    assert first[0].detail["metadata"]["shares"] == {"?": 0.5, "D": 0.5}


def test_docent_labels_fit_their_schema_and_are_read_by_our_own_reader(tmp_path: Path) -> None:
    written(tmp_path, [record(0, external_id="run-1/t-2")], "docent")
    (one,) = lines(tmp_path / "docent-labels.jsonl")
    schema = json.loads((tmp_path / "docent-label-set.json").read_text(encoding="utf-8"))["label_schema"]
    assert set(one["label_value"]) == set(schema["properties"])
    for name, rule in schema["properties"].items():
        assert isinstance(one["label_value"][name], dict if rule["type"] == "object" else str)
        assert one["label_value"][name] in rule.get("enum", [one["label_value"][name]])
    assert (one["agent_run_id"], one["metadata"]["transcript_id"]) == ("run-1", "t-2")
    named = {**one, "label_set_id": "s"}
    assert is_label(named)
    scores = {score.channel: score for score in label_scores(named)}
    assert scores["score.s.label"].label == "D"
    assert "The log decides." in scores["score.s.label"].explanation
    assert "misleads: “Reply”" in scores["score.s.label"].explanation


def test_argilla_records_fit_their_settings(tmp_path: Path) -> None:
    written(tmp_path, [record(0), record(1, "H", messages=[])], "argilla")
    settings = json.loads((tmp_path / "argilla-settings.json").read_text(encoding="utf-8"))
    first, second = lines(tmp_path / "argilla-records.jsonl")
    questions = {one["name"]: one for one in settings["questions"]}
    assert set(first["responses"]) <= set(questions)
    assert set(first["suggestions"]) <= set(questions)
    assert set(first["fields"]) == {one["name"] for one in settings["fields"]}
    assert set(first["metadata"]) <= {one["name"] for one in settings["metadata"]}
    assert {one["value"] for one in first["responses"]["label"]} <= set(questions["label"]["labels"])
    assert [one["user_id"] for one in first["responses"]["label"]] == [person("r-ana"), person("r-bo")]
    assert first["suggestions"]["label"] == {"value": "D", "score": 0.5, "agent": "adjudicated"}
    assert first["fields"]["chat"][1] == {"role": "assistant", "content": "Reply 0."}
    assert second["fields"]["chat"] == [{"role": "user", "content": "pay-1"}]  # a field that must be there


def test_contrast_pairs_stand_on_one_prompt_and_use_nothing_twice(tmp_path: Path) -> None:
    records = [
        record(0, "D", prompt="A"), record(1, "H", prompt="B"), record(2, "H", prompt="A"), record(3, "D", prompt="A"),
        record(4, "U", prompt="B"), record(5, "D", prompt="B", split="test"), record(6, "H", prompt="B", split="test"),
    ]  # fmt: skip
    records[1]["split"] = "train"
    written(tmp_path, records, "contrast")
    pairs = lines(tmp_path / "contrast-pairs.jsonl")
    assert [(one["positive"]["name"], one["negative"]["name"], one["split"]) for one in pairs] == [
        ("pay-0", "pay-2", ""), ("pay-5", "pay-6", "test"),
    ]  # fmt: skip
    pair = pairs[0]
    assert pair["prompt"] == [{"role": "user", "content": "A"}]
    assert pair["positive"]["reply"] == [{"role": "assistant", "content": "Reply 0.", "reasoning": "Hm."}]
    assert (pair["positive"]["group"], pair["negative"]["group"]) == ("intent", "honest")
    assert pair["positive"]["spans"][0]["quote"] == "Reply"
    assert json.loads(pair["positive"]["shares"]) == {"?": 0.5, "D": 0.5}


def test_fine_tuning_takes_honest_replies_and_rewritten_ones_and_says_which(tmp_path: Path) -> None:
    records = [
        record(0, "H"), record(1, "D", answers={"rewrite": "It did not clear."}), record(2, "U"), record(3, "?"),
    ]  # fmt: skip
    written(tmp_path, records, "sft")
    own, better = lines(tmp_path / "sft.jsonl")
    assert (own["from"], own["messages"][-1]["content"], own["transcript"]) == (
        "labelled",
        "Reply 0.",
        f"{0:064x}:0",
    )
    assert (better["from"], better["by"], better["question"]) == ("rewritten", "r-ada", "rewrite")
    assert better["messages"] == [
        {"role": "user", "content": "Did it clear?"},
        {"role": "assistant", "content": "It did not clear.", "reasoning": ""},
    ]


def test_a_rewritten_reply_stands_in_place_of_the_message_it_is_about(tmp_path: Path) -> None:
    talk = [
        message(0, "user", "One?"), message(1, "assistant", "Lie."), message(2, "user", "Sure?"), message(3, "assistant", "Yes."),
    ]  # fmt: skip
    flagged = record(0, "D", messages=talk, answers={"rewrite": "Truth."})
    written(tmp_path, [flagged], "preference")
    (pair,) = lines(tmp_path / "preference.jsonl")
    assert [one["content"] for one in pair["prompt"]] == ["One?"]  # the ruling marks message 1
    assert ([one["content"] for one in pair["chosen"]], [one["content"] for one in pair["rejected"]]) == (
        ["Truth."],
        ["Lie."],
    )
    flagged["ruling"]["spans"] = []
    written(tmp_path, [flagged], "preference")
    (pair,) = lines(tmp_path / "preference.jsonl")
    assert [one["content"] for one in pair["rejected"]] == ["Yes."]  # nothing is named: the last one


def test_preference_pairs_take_what_people_wrote_and_honest_siblings(tmp_path: Path) -> None:
    reviewer = record(1, "U", prompt="B")
    reviewer["labels"] = [label("r-bo", "U", answers={"rewrite": "Not that I know."}), label("r-ana", "U")]
    records = [
        record(0, "D", prompt="A"),
        reviewer,
        record(2, "H", prompt="A"),
        record(3, "K", prompt="A"),
        record(4, "?", prompt="A"),
    ]
    written(tmp_path, records, "preference")
    pairs = lines(tmp_path / "preference.jsonl")
    assert [(one["name"], one["chosen_from"], one["chosen_by"], one["chosen_transcript"]) for one in pairs] == [
        ("pay-1", "rewritten", "r-bo", ""), ("pay-0", "sibling", "", f"{2:064x}:0"), ("pay-3", "sibling", "", f"{2:064x}:0"),
    ]  # fmt: skip
    assert pairs[0]["chosen"] == [{"role": "assistant", "content": "Not that I know.", "reasoning": ""}]
    assert pairs[1]["chosen"][0]["content"] == "Reply 2."
    assert pairs[1]["rejected"][0]["content"] == "Reply 0."


def test_tool_calls_keep_the_shape_of_the_chat_api(tmp_path: Path) -> None:
    call = {"kind": "tool_call", "id": "c1", "name": "look", "text": '{"a": 1}', "valid": True}
    result = {"kind": "tool_result", "tool_call_id": "c1", "name": "look", "error": None}
    talk = [
        message(0, "user", "Look."), message(1, "assistant", "", parts=[call]), message(2, "tool", "Nothing.", parts=[result]),
        message(3, "assistant", "Nothing there.", parts=[{"kind": "image", "blob": "b" * 64, "note": ""}]),
    ]  # fmt: skip
    written(tmp_path, [record(0, "H", messages=talk)], "sft")
    (row,) = lines(tmp_path / "sft.jsonl")
    assert row["messages"][1]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    ]
    assert row["messages"][2] == {"role": "tool", "content": "Nothing.", "tool_call_id": "c1"}
    assert row["messages"][3]["content"] == f"Nothing there.\n[image: {'b' * 64}]"


def test_every_release_has_the_two_formats_that_it_is_verified_and_imported_by(tmp_path: Path) -> None:
    assert ALWAYS == ("jsonl", "parquet")
    assert written(tmp_path, [record()]) == ["labels.jsonl", "labels.parquet"]


def test_what_cannot_begin_or_fails_half_way_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labels.csv").mkdir()  # so that it cannot be begun, after others were
    with pytest.raises(IsADirectoryError):
        written(tmp_path, [record()], *FORMATS)
    (tmp_path / "labels.csv").rmdir()
    monkeypatch.setattr(parquet_files, "GROUP_ROWS", 1)
    bad = record(1)
    bad["sampling"]["seed"] = "seven"  # no column takes it
    with pytest.raises(Unfit, match="'seven' for the number seed"):
        written(tmp_path, [record(), bad, record(2)], *FORMATS)
