"""Input that means harm, or was made by a program that broke: nothing raises, nothing is lost in silence."""

import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from auditor.corpus.jsontext import NotJson, decode_json
from auditor.corpus.lines import read_lines
from auditor.corpus.records import ParsedTranscript, Rejection
from auditor.corpus.sanitise import clean_text
from auditor.intake.importers import FORMATS
from auditor.intake.importers.detect import detect
from auditor.intake.importers.jsonlist import pieces
from auditor.intake.importers.mapping import Mapping, ScoreField
from tests.auditor.intake.reading import only, read, rejections, transcripts
from tests.auditor.intake.test_importers_inspect import SAMPLE, archive

MAPPING = Mapping(conversation="messages", id=("id", "t"), scores=(ScoreField("j.*.s", "judge.*"),))
GOOD = json.dumps(
    {
        "id": "a",
        "messages": [
            {"role": "user", "content": "hé"},
            {"role": "assistant", "content": [{"type": "text", "text": "<think>x</think>y"}], "tool_calls": [
                {"id": "1", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": None, "error": None},
        ],
        "j": {"m": {"s": 1.5}},
        "samples": [SAMPLE],
    }
).encode()  # fmt: skip


def texts(value: Any) -> Iterator[str]:
    """Every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for item in pair for text in texts(item))
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in texts(item))


def storable(item: ParsedTranscript | Rejection) -> bool:
    """Whether PostgreSQL would take every text of it."""
    return not any(c == "\x00" or "\ud800" <= c <= "\udfff" for text in texts(asdict(item)) for c in text)


def check(form: str, data: bytes) -> None:
    for item in read(form, data, MAPPING):
        assert isinstance(item, ParsedTranscript | Rejection)
        assert storable(item)
        if isinstance(item, ParsedTranscript):
            parts = [
                {k: v for k, v in part.items() if k != "payload"} for m in item.messages for part in m.parts
            ]
            json.dumps([item.metadata, parts, [score.detail for score in item.scores]], allow_nan=False)


@seed(20261120)
@settings(max_examples=80, deadline=None, database=None)
@given(data=st.binary(max_size=300), form=st.sampled_from(sorted(FORMATS)))
def test_random_bytes_never_raise(data, form):
    check(form, data)
    detect(data, "x")


@seed(20261120)
@settings(max_examples=200, deadline=None, database=None)
@given(
    at=st.integers(0, len(GOOD) - 1),
    cut=st.integers(0, 30),
    put=st.sampled_from(
        [
            b"",
            b"null",
            b"NaN",
            b"[[",
            b"{}",
            b'"\\ud800"',
            b'"\\u0000"',
            b"\xff",
            b"1e999",
            b"-",
            b"9" * 30,
            b"\n",
        ]
    ),
    form=st.sampled_from([form for form in sorted(FORMATS) if form != "inspect_eval"]),
)
def test_mutated_records_never_raise(at, cut, put, form):
    data = GOOD[:at] + put + GOOD[at + cut :]
    check(form, data + b"\n" + GOOD)
    detect(data, "x.jsonl")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["role", "content", "type", "text", "tool_calls", "function", "name", "arguments", "error",
                         "reasoning", "reasoning_details", "image_url", "source", "score", "value", "metadata", "grading"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@seed(20261120)
@settings(max_examples=200, deadline=None, database=None)
@given(content=JSON, extra=JSON, form=st.sampled_from(["openai_chat", "mapped_jsonl", "inspect_json"]))
def test_fields_of_any_shape_never_raise(content, extra, form):
    message = {
        "role": "assistant",
        "content": content,
        "tool_calls": extra,
        "reasoning": extra,
        "error": content,
    }
    record = {
        "id": extra,
        "epoch": extra,
        "messages": [message],
        "j": extra,
        "scores": {"s": extra, "t": {"value": content}},
    }
    record |= {"metadata": content, "attachments": extra, "error": extra, "limit": content, "output": extra}
    check(form, json.dumps({"samples": [record]} if form == "inspect_json" else record).encode())


@seed(20261120)
@settings(max_examples=60, deadline=None, database=None)
@given(at=st.integers(0, 3000), put=st.binary(max_size=6))
def test_mutated_archives_never_raise(at, put):
    data = archive({"header.json": {"eval": {}}, "samples/1_epoch_1.json": SAMPLE})
    at %= len(data)
    check("inspect_eval", data[:at] + put + data[at + len(put) :])


@pytest.mark.parametrize("form", ["openai_chat", "mapped_jsonl"])
def test_deep_nesting_is_rejected(form):
    for depth in (150, 900, 100_000):
        data = b'{"id": "a", "messages": [], "deep": ' + b"[" * depth + b"]" * depth + b"}\n" + GOOD
        items = read(form, data, MAPPING)
        assert [len(rejections(items)), len(transcripts(items))] == [1, 1]
        assert "deep" in rejections(items)[0].reason


def test_a_line_over_the_limit_is_skipped_and_the_next_is_read():
    lines = list(read_lines(io.BytesIO(b"short\n" + b"x" * 50 + b"\nnext\n"), limit=10))
    assert [(line.number, line.data, line.too_long) for line in lines] == [
        (1, b"short", False),
        (2, b"", True),
        (3, b"next", False),
    ]
    assert lines[2].start == 57
    exact = list(read_lines(io.BytesIO(b"0123456789\n0123456789"), limit=10))
    assert [line.data for line in exact] == [b"0123456789"] * 2


def test_a_byte_order_mark_and_blank_lines_are_no_records():
    items = read("openai_chat", b'\xef\xbb\xbf\n\n{"id": "a", "messages": []}\r\n   \n')
    parsed = only(items)
    assert (parsed.place.record, parsed.place.line) == (1, 3)


def test_bytes_that_are_not_utf8_are_named_by_their_offset():
    (problem,) = rejections(read("openai_chat", b'{"id": "\xff"}'))
    assert problem.reason == "not UTF-8: byte 0xff at offset 8"


def test_of_equal_keys_the_last_counts_unless_they_are_refused():
    assert decode_json(b'{"a": 1, "a": 2}') == {"a": 2}
    with pytest.raises(NotJson, match="'a' stands twice"):
        decode_json(b'{"a": 1, "a": 2}', duplicates=False)


def test_values_too_many_to_hold_are_refused_before_they_are_made():
    with pytest.raises(NotJson, match="more than"):
        decode_json(b"[" + b"[]," * 10_000_001 + b"[]]")


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, -(2**63), -(2**63) - 1])
def test_an_integer_of_any_length_keeps_its_last_digit(number: int):
    assert decode_json(b'{"text": "some words", "a": [{"b": %d}]}' % number) == {
        "text": "some words",
        "a": [{"b": number}],
    }


def test_an_integer_of_thousands_of_digits_is_refused():
    with pytest.raises(NotJson, match="4300 digits"):
        decode_json(b"9" * 5000)


def test_clean_text_keeps_the_length_so_that_offsets_hold():
    for text in ("a\x00b", "a\ud800é\x00", "plain", "é"):
        assert len(clean_text(text)) == len(text)
        assert clean_text(text).encode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_elements_are_found_wherever_the_file_is_split(monkeypatch, size):
    monkeypatch.setattr("auditor.intake.importers.jsonlist._CHUNK", size)
    values = [{"a": 'x\\"y]{', "b": [1, [2, {}], "\\"]}, [], "q\\", 1.5, None, {"k": "é\n"}]
    data = json.dumps(values).encode()
    found = list(pieces(io.BytesIO(data)))
    assert [json.loads(piece.data) for piece in found] == values
    assert all(data[piece.start :].startswith(piece.data) for piece in found)
    log = json.dumps({"v": 1, "samples": values, "z": {}}, indent=1).encode()
    assert [p.key for p in pieces(io.BytesIO(log), "samples")] == ["v", *["samples"] * 6, "z"]
    for end in range(len(log)):
        assert list(pieces(io.BytesIO(log[:end]), "samples"))[-1].problem


def test_an_element_over_the_limit_is_skipped_and_the_next_is_read():
    found = list(pieces(io.BytesIO(b'["short", "' + b"x" * 2_000_000 + b'", 1]'), limit=1024 * 1024))
    assert [(piece.data, bool(piece.problem)) for piece in found] == [
        (b'"short"', False),
        (b"", True),
        (b"1", False),
    ]
