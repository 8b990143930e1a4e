"""Columns made of records: the same bytes however many are made together, and no record that is cut to fit."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labeling.datasets.exporters import parquet_files
from labeling.datasets.exporters.columns import Unfit, columns
from labeling.datasets.records import JSON, SCHEMA
from tests.labeling.datasets.made import context, lines, message, record, written

SPLITS = ("train", "test")
UNIT = {
    "number": 0, "position": 1, "part": "text", "start": 0, "end": 5, "quote": "Reply", "label": "D", "group": "intent",
    "grade": "I0", "answers": {"why": 'a "b" \\ \n é', "a": [1, 2.5, None]},
}  # fmt: skip
PLACE = {"position": 1, "part": "text", "start": 0, "end": 5}
READING = {
    **PLACE, "identifier": "", "value": 1.0, "label": "", "explanation": "", "detail": {"z": 1, "a": "\\"}, "quotes": [],
}  # fmt: skip


def several() -> list[dict[str, Any]]:
    """Records with everything in them that a column has as text, and with what is hard to write."""
    records = [record(n, "DHUK?"[n % 5], split=(None, "train")[n % 2]) for n in range(7)]
    for number, one in enumerate(records):
        one["sampling"]["probability"] = (0.1, 1 / 3, 0.1 + 0.2, 5e-324, 1.0, 2 / 3, 1e-17)[number]
        one["evidence"][0]["value"] = (None, 1e308, -0.0, 70.5, 123456789.123456789, 2.0**-1074, 1e22)[number]
        one["evidence"][0]["readings"] = [copy.deepcopy(READING)] * (number % 2)
        one["labels"][0]["confidence"] = (None, 1, 2, 3, 4, 5, 1)[number]
        one["labels"][0]["units"] = [copy.deepcopy(UNIT)]
        one["labels"][0]["answers"] = one["labels"][0]["units"][0][
            "answers"
        ]  # one and the same, as they are read
        one["labels"][1]["relied_on"] = [
            {
                "channel": "judge.quill",
                **PLACE,
                "value": 1,
                "label": "",
                "pointed": {**PLACE, "quote": "R", "value": 2},
            }
        ]
        one["transcript"]["metadata"] = {"é": ["\u2028", '"{}[]'], "b": {"a": 1}}
        one["transcript"]["messages"][0]["text"] = (
            "", "a\nb", "\u2028\u2029", "🎉", '"{}[]', "\\", None,
        )[number]  # fmt: skip
        one["ruling"]["took"] = {"reviewer": "r-ana", "stage": "final", "number": 1} if number % 2 else None
    records[2]["transcript"]["messages"].append(
        message(2, "tool", "", parts=[{"kind": "tool_result", "text": 'x "y" \\'}])
    )
    records[1]["earlier_rulings"] = [copy.deepcopy(records[1]["ruling"])]
    records[3]["ruling"] = records[4]["evidence"] = records[5]["transcript"]["messages"] = None
    return records


def as_text(one: Mapping[str, Any]) -> dict[str, Any]:
    """The record as a row: a copy with text where a column has JSON."""
    row = copy.deepcopy(dict(one))
    rulings = [ruling for ruling in (row["ruling"], *row["earlier_rulings"]) if ruling is not None]
    judged = [*row["labels"], *rulings]
    readings = [reading for channel in row["evidence"] or () for reading in channel["readings"]]
    for name, holders in {
        "conditions": [row["transcript"]], "metadata": [row["transcript"]], "warnings": [row["transcript"]],
        "place": [row["transcript"]["source"]], "parts": row["transcript"]["messages"] or (), "mixed": rulings,
        "answers": [*judged, *(unit for said in judged for unit in said["units"])], "detail": readings,
    }.items():  # fmt: skip
        for holder in holders:
            holder[name] = orjson.dumps(holder[name], option=orjson.OPT_SORT_KEYS).decode()
    return row


def test_columns_are_those_of_the_rows() -> None:
    records = several()
    before = copy.deepcopy(records)
    made = pa.Table.from_batches([pa.RecordBatch.from_struct_array(columns(records))]).cast(SCHEMA)
    assert records == before
    assert made.equals(pa.Table.from_pylist([as_text(one) for one in records], schema=SCHEMA))


def test_a_field_that_is_not_there_is_null() -> None:
    one = record()
    one["ruling"]["spans"] = [{"kind": "misleads", "position": 1, "quote": "Reply"}]
    del one["sampling"]["overall"]
    (row,) = columns([one]).to_pylist()
    assert row["ruling"]["spans"] == [
        {
            "kind": "misleads",
            "position": 1,
            "part": None,
            "start": None,
            "end": None,
            "quote": "Reply",
            "unit": None,
        }
    ]
    assert row["sampling"]["overall"] is None


def test_what_has_no_fixed_shape_is_text_wherever_it_is() -> None:
    def named(kind: pa.DataType) -> set[str]:
        if pa.types.is_list(kind):
            return named(kind.value_type)
        if not pa.types.is_struct(kind):
            return set()
        return {one.name for one in kind if pa.types.is_string(one.type)}.union(
            *(named(one.type) for one in kind)
        )

    assert named(pa.struct(list(SCHEMA))) >= JSON


def test_bytes_do_not_depend_on_how_many_are_made_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [record(n, "DHUK?"[n % 5], split=SPLITS[n % 2]) for n in range(60)]
    about = context(splits=SPLITS)
    monkeypatch.setattr(parquet_files, "GROUP_BYTES", 30_000)
    names = written(tmp_path / "usual", records, about=about)
    assert names == ["labels.jsonl", "labels-train.parquet", "labels-test.parquet"]
    usual = pq.ParquetFile(tmp_path / "usual" / names[1])
    assert usual.num_row_groups > 2
    assert usual.schema_arrow.metadata == SCHEMA.metadata
    for folder, settings in {
        "alone": {"LENT_ROWS": 1}, "some": {"LENT_ROWS": 7}, "small": {"LENT_BYTES": 5_000},
    }.items():  # fmt: skip
        with monkeypatch.context() as patched:
            for name, value in settings.items():
                patched.setattr(parquet_files, name, value)
            assert written(tmp_path / folder, records, about=about) == names
        for name in names:
            assert (tmp_path / folder / name).read_bytes() == (tmp_path / "usual" / name).read_bytes()


def test_formats_that_come_later_see_the_records_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [record(n, answers={"rewrite": "Better."}) for n in range(6)]
    written(tmp_path / "usual", records, "csv", "sft")
    monkeypatch.setattr(parquet_files, "LENT_ROWS", 2)
    for name in written(tmp_path / "often", records, "csv", "sft"):
        assert (tmp_path / "often" / name).read_bytes() == (tmp_path / "usual" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("place", "name", "value", "problem"),
    [
        (("ruling", "spans", 0), "colour", "red", r"span has no column for \['colour'\]"),
        (("ruling", "spans", 0), "start", 1.5, "there is 1.5 for the number start"),
        (("ruling", "units", 0), "end", 2.0, "there is 2.0 for the number end"),
        (("ruling",), "units", {"number": 1}, r"units is not a list: {'number': 1}"),
        (("ruling",), "units", ["one"], "unit is not a record of its own: 'one'"),
        (("labels", 1, "relied_on", 0, "pointed"), "start", 0.5, "there is 0.5 for the number start"),
        (("labels", 1, "relied_on", 0, "pointed"), "value", True, "there is True for the number value"),
        (("sampling",), "stratum_size", 10.5, "there is 10.5 for the number stratum_size"),
    ],
)
def test_what_no_column_takes_is_refused(
    place: tuple[str | int, ...], name: str, value: Any, problem: str
) -> None:
    records = several()
    holder: Any = records[6]
    holder["ruling"]["units"] = [copy.deepcopy(UNIT)]
    for step in place:
        holder = holder[step]
    holder[name] = value
    before = copy.deepcopy(records)
    with pytest.raises(Unfit, match=problem):
        columns(records)
    assert records == before


@pytest.mark.parametrize(
    "place", [(), ("transcript", "source"), ("labels", 0), ("labels", 0, "units", 0), ("soft", 1)]
)
def test_a_field_without_a_column_ends_the_writing(tmp_path: Path, place: tuple[str | int, ...]) -> None:
    records = several()
    holder: Any = records[6]
    for step in place:
        holder = holder[step]
    holder["new"] = 1
    with pytest.raises(Unfit, match=r"no column for \['new'\]"):
        written(tmp_path, records)


def test_numbers_that_json_has_no_word_for_are_null_in_both(tmp_path: Path) -> None:
    one = record()
    one["evidence"][0]["value"] = float("inf")
    one["evidence"][0]["readings"] = [{**READING, "value": float("nan")}]
    written(tmp_path, [one])
    (said,) = lines(tmp_path / "labels.jsonl")
    (row,) = pq.read_table(tmp_path / "labels.parquet").to_pylist()
    assert [said["evidence"][0]["value"], said["evidence"][0]["readings"][0]["value"]] == [None, None]
    assert [row["evidence"][0]["value"], row["evidence"][0]["readings"][0]["value"]] == [None, None]
