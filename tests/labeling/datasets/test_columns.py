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
from labeling.datasets.exporters.columns import Lent, Unfit
from labeling.datasets.exporters.lines import as_bytes
from labeling.datasets.records import SCHEMA
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


def lent(records: list[dict[str, Any]]) -> tuple[Lent, list[int]]:
    """The records, and the size of each."""
    some = Lent()
    return some, [some.add(one, as_bytes(one)) for one in records]


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


def test_columns_are_those_of_the_rows_and_sizes_those_of_their_lines() -> None:
    records = several()
    before = copy.deepcopy(records)
    some, sizes = lent(records)
    made = pa.Table.from_batches([pa.RecordBatch.from_struct_array(some.columns())]).cast(SCHEMA)
    assert records == before  # they are lent
    rows = [as_text(one) for one in records]
    assert made.equals(pa.Table.from_pylist(rows, schema=SCHEMA))
    assert sizes == [len(as_bytes(row)) for row in rows]
    assert (some.size, len(some)) == (sum(sizes), 7)


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
        (("ruling", "spans", 0), "start", 1.5, "span has 1.5 for its number start"),
        (("ruling", "units", 0), "end", 2.0, "unit has 2.0 for its number end"),
        (("labels", 1, "relied_on", 0, "pointed"), "start", 0.5, "points at has 0.5 for its number start"),
        (("labels", 1, "relied_on", 0, "pointed"), "value", True, "points at has True for its number value"),
        (("sampling",), "stratum_size", 10.5, "sampling has 10.5 for its number stratum_size"),
    ],
)
def test_what_the_database_keeps_as_json_is_looked_at_in_each_record(
    place: tuple[str | int, ...], name: str, value: Any, problem: str
) -> None:
    records = several()
    holder: Any = records[6]
    holder["ruling"]["units"] = [copy.deepcopy(UNIT)]
    for step in place:
        holder = holder[step]
    holder[name] = value
    before = copy.deepcopy(records)
    some, _ = lent(records)
    with pytest.raises(Unfit, match=problem):
        some.columns()
    assert records == before


@pytest.mark.parametrize(
    "place", [(), ("transcript", "source"), ("labels", 0), ("labels", 0, "units", 0), ("soft", 1)]
)
def test_a_field_without_a_column_ends_the_writing(tmp_path: Path, place: tuple[str | int, ...]) -> None:
    records = several()
    for one in records:  # what code spells is the same in all
        holder: Any = one
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
