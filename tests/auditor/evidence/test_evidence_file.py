"""The evidence file: what is read, and what is refused with its line."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from auditor.corpus.records import Rejection
from auditor.evidence.evidence_file import CHANNELS_KEY, parse
from auditor.evidence.records import ChannelLine, EvidenceLine, ReadingLine, TrackLine

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "evidence" / "one_of_each.jsonl"
READING: dict[str, Any] = {"transcript": {"id": "a"}, "channel": "c", "value": 1}
TRACK: dict[str, Any] = {
    "transcript": {"id": "a"}, "channel": "c", "position": 0, "starts": [0, 2], "ends": [2, 4], "values": [0.5, 1],
}  # fmt: skip


def read(*lines: Any) -> list[EvidenceLine | Rejection]:
    data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return list(parse(io.BytesIO(data), name="x"))


def parquet(columns: dict[str, Any], metadata: dict[bytes, bytes] | None = None) -> io.BytesIO:
    table = pa.table(columns).replace_schema_metadata(metadata)
    file = io.BytesIO()
    pq.write_table(table, file)
    file.seek(0)
    return file


def test_one_of_each_is_read():
    channel, judged, peak, track = parse(io.BytesIO(FIXTURE.read_bytes()), name="x")
    assert isinstance(channel, ChannelLine)
    assert (channel.key, channel.kind, channel.unit, channel.lo, channel.hi) == (
        "probe.deceit",
        "probe",
        "token",
        0,
        1,
    )
    assert channel.detail == {"layer": 14}
    assert isinstance(judged, ReadingLine)
    assert (judged.transcript.external_id, judged.value, judged.label) == ("a/1", 7.0, "lie")
    assert (judged.position, judged.part) == (None, "")
    assert (judged.quotes[0].text, judged.quotes[0].position) == ("Saved.", 1)
    assert isinstance(peak, ReadingLine)
    assert peak.transcript.fingerprint == "a" * 64
    assert (peak.position, peak.part, peak.start, peak.end) == (1, "text", 0, 5)
    assert isinstance(track, TrackLine)
    assert (track.part, track.starts, track.ends, track.values) == (
        "reasoning",
        (0, 4, 4),
        (4, 4, 9),
        (0.1, 0.0, -0.8),
    )
    assert (track.place.record, track.place.line) == (4, 5)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "the line is no object"),
        (
            b'{"transcript": {"id": "a"}, "transcript": {"id": "b"}, "channel": "c", "value": 1}',
            "stands twice",
        ),
        (b'{"transcript": {"id": "a"}, "channel": "c", "value": NaN}', "value must be finite"),
        (b'{"transcript": {"id": "a"}, "channel": "c", "value": 1e999}', "value must be finite"),
        (b'{"transcript": {"id": "\xff"}}', "not UTF-8: byte 0xff at offset 23"),
        (READING | {"strat": 1}, "unknown field: strat"),
        (READING | {"value": "7"}, "value must be a number"),
        (READING | {"value": True}, "value must be a number"),
        (READING | {"value": None}, "says nothing"),
        (READING | {"transcript": "a"}, "transcript must be"),
        (READING | {"transcript": {}}, "either an id or a fingerprint"),
        (READING | {"transcript": {"id": "a", "fingerprint": "0" * 64}}, "either an id or a fingerprint"),
        (READING | {"transcript": {"id": ""}}, "transcript.id must be a text"),
        (READING | {"transcript": {"fingerprint": "xyz"}}, "64 hexadecimal digits"),
        (READING | {"transcript": {"name": "a"}}, "unknown field: transcript.name"),
        (READING | {"channel": ""}, "channel is empty"),
        (READING | {"channel": None}, "channel is required"),
        (READING | {"channel": "c" * 201}, "channel is longer than 200 characters"),
        (READING | {"position": -1}, "position is out of range"),
        (READING | {"position": 1.5}, "position must be a whole number"),
        (READING | {"part": "text"}, "need a position"),
        (READING | {"position": 0, "part": "body"}, "part must be"),
        (READING | {"position": 0, "start": 1}, "start and end go together"),
        (READING | {"position": 0, "start": 2, "end": 1}, "start is after end"),
        (READING | {"quotes": [{"txt": "a"}]}, "unknown field: quotes[0].txt"),
        (READING | {"quotes": [{"text": ""}]}, "text is empty"),
        (READING | {"detail": []}, "detail must be an object"),
        (TRACK | {"position": None}, "a token track needs a position"),
        (TRACK | {"ends": [2]}, "different lengths: 2, 1, 2"),
        (TRACK | {"starts": [], "ends": [], "values": []}, "no tokens"),
        (TRACK | {"starts": [2, 0]}, "token 1 starts before the one before it"),
        (TRACK | {"starts": [3, 3]}, "token 0 ends before it starts"),
        (TRACK | {"starts": [-1, 0]}, "token 0: offset out of range"),
        (TRACK | {"starts": [0.0, 1.0]}, "whole numbers"),
        (TRACK | {"values": [0.5, None]}, "values[1] must be a number"),
        (TRACK | {"values": "abc"}, "values must be a list"),
        (TRACK | {"value": 1}, "unknown field: value"),
        (TRACK | {"starts": [0] * 200_001}, "more than 200,000 tokens"),
        ({"channel": {"name": "x"}}, "key is required"),
        ({"channel": {"key": "x", "lo": 1, "hi": 1}}, "lo must be less than hi"),
        ({"channel": {"key": "x", "rollup": "sum"}}, "rollup must be one of"),
        ({"channel": {"key": "x", "kind": "human"}}, "cannot be imported as evidence"),
        ({"channel": {"key": "x"}, "value": 1}, "unknown field: value"),
    ],
)
def test_a_line_that_cannot_be_used_says_why_and_the_next_is_read(line, reason):
    bad, good = read(line, READING)
    assert isinstance(bad, Rejection)
    assert reason in bad.reason
    assert bad.place.line == 1
    assert isinstance(good, ReadingLine)


def test_nul_and_lone_surrogates_are_replaced():
    (line,) = read(
        b'{"transcript": {"id": "a\\u0000"}, "channel": "c", "label": "\\ud800", "detail": {"k": "\\u0000"}}'
    )
    assert isinstance(line, ReadingLine)
    assert (line.transcript.external_id, line.label, line.detail) == ("a\ufffd", "\ufffd", {"k": "\ufffd"})


def test_parquet_holds_the_same_and_declares_channels_in_its_metadata():
    declared = json.dumps([{"key": "probe.deceit", "kind": "probe"}]).encode()
    file = parquet(
        {
            "transcript": [{"id": "a", "fingerprint": None}, {"id": None, "fingerprint": "0" * 64}],
            "channel": ["judge.m", "probe.deceit"],
            "value": [7.0, None],
            "label": ["lie", None],
            "position": pa.array([None, 1], pa.int32()),
            "quotes": [[{"text": "Saved.", "position": None}], None],
            "detail": ['{"prompt": "v2"}', None],
            "starts": [None, [0, 4]],
            "ends": [None, [4, 9]],
            "values": pa.array([None, [0.5, 0.25]], pa.list_(pa.float32())),
        },
        {CHANNELS_KEY: declared},
    )
    channel, judged, track = parse(file, name="x.parquet")
    assert isinstance(channel, ChannelLine)
    assert isinstance(judged, ReadingLine)
    assert (judged.transcript.external_id, judged.value, judged.quotes[0].text) == ("a", 7.0, "Saved.")
    assert judged.detail == {"prompt": "v2"}
    assert isinstance(track, TrackLine)
    assert (track.place.record, track.starts, track.values) == (2, (0, 4), (0.5, 0.25))


def test_parquet_rows_that_cannot_be_used_are_rejected_by_number():
    file = parquet(
        {"transcript_id": ["a", None, "c"], "channel": ["k"] * 3, "value": [1.0, 2.0, float("nan")]}
    )
    first, second, third = parse(file, name="x")
    assert isinstance(first, ReadingLine)
    assert isinstance(second, Rejection)
    assert isinstance(third, Rejection)
    assert (second.place.as_text(), third.place.as_text()) == ("record 2", "record 3")
    assert "transcript must be" in second.reason
    assert "finite" in third.reason


def test_parquet_with_a_column_we_do_not_know_is_refused_row_by_row():
    (line,) = parse(parquet({"transcript_id": ["a"], "channel": ["k"], "valeu": [1.0]}), name="x")
    assert isinstance(line, Rejection)
    assert line.reason == "unknown field: valeu"


def test_a_broken_parquet_file_is_one_rejection():
    whole = parquet({"transcript_id": ["a"], "channel": ["k"], "value": [1.0]}).getvalue()
    for data in (b"PAR1", whole[:-10], whole[:50] + b"PAR1"):
        (line,) = parse(io.BytesIO(data), name="x")
        assert isinstance(line, Rejection)
        assert "not a Parquet file" in line.reason


@seed(20261120)
@settings(max_examples=150, deadline=None, database=None)
@given(at=st.integers(0, 1200), put=st.binary(max_size=4))
def test_mutated_lines_never_raise(at, put):
    data = FIXTURE.read_bytes()
    at %= len(data)
    for line in parse(io.BytesIO(data[:at] + put + data[at + len(put) :]), name="x"):
        assert isinstance(line, ChannelLine | ReadingLine | TrackLine | Rejection)
