"""What a file is, by its content first and its name second."""

import bz2
import gzip
import io
import json
import lzma
import tarfile

import numpy as np
import pytest
import zstandard
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from auditor.intake.importers.detect import detect
from auditor.intake.importers.head import Head
from tests.auditor.intake.test_importers_inspect import HEADER, SAMPLE, archive
from tests.auditor.intake.test_importers_mapped import JUDGED

TENSORS = save(
    {name: np.zeros(3, np.int32) for name in ("starts", "ends", "position")} | {"probe.x": np.zeros(3)}
)
CHAT = json.dumps({"messages": [{"role": "user", "content": "x"}]}).encode()


@pytest.mark.parametrize(
    ("head", "name", "format"),
    [
        (CHAT + b"\n" + CHAT[:20], "x.csv", "openai_chat"),
        (b"\xef\xbb\xbf\n" + CHAT, "x", "openai_chat"),
        (b'[{"role": "user", "content": "x"}]\n', "x.jsonl", "openai_chat"),
        (json.dumps(JUDGED).encode(), "x.jsonl", "mapped_jsonl"),
        (b'{"prompt": "a", "response": "b"}\n', "x.jsonl", "mapped_jsonl"),
        (b'[{"prompt": "a"},\n {"prompt": "b"}]', "x.json", "mapped_jsonl"),
        (b"q,a\n1,2\n", "x.csv", "mapped_csv"),
        (b"q\ta\n1\t2\n", "x.txt", "mapped_csv"),
        (archive({"header.json": HEADER, "samples/1_epoch_1.json": SAMPLE}), "x.bin", "inspect_eval"),
        (json.dumps(HEADER | {"samples": []}).encode(), "x", "inspect_json"),
        (json.dumps(HEADER | {"samples": [SAMPLE]}, indent=2).encode()[:300], "x", "inspect_json"),
        (b'{"channel": {"key": "probe.x", "kind": "probe"}}\n', "x", "evidence_jsonl"),
        (b'{"transcript": {"id": "a"}, "channel": "c", "value": 1}\n', "x.jsonl", "evidence_jsonl"),
        (b"PAR1....", "x", "evidence_parquet"),
        (
            b'{"transcript": {"id": "a"}, "channel": "sae.x", "position": 1, "results": [{"tokens": ["a"], "activeFeatures": {}}]}\n',
            "x.json",
            "neuronpedia_activations",
        ),
        (
            b'{\n "channel": "sae.x",\n "activation": {"values": [1], "maxValue": 1, "maxValueIndex": 0},\n "tokens": ["a"]\n}',
            "x.json",
            "neuronpedia_activations",
        ),
        (TENSORS, "x.bin", "tensor_tracks"),
        (b"", "x.jsonl", "unknown"),
        (b"PK\x03\x04....word/document.xml", "x.docx", "unknown"),
        (b"\x1f\x8b....", "x.jsonl.gz", "packed"),
        (b"\xff\xfe{\x00", "x.jsonl", "unknown"),
        (b"\x00\x01\x02", "x.jsonl", "unknown"),
        (b'{\n  "a": 1\n}\n', "x.json", "unknown"),
        (b"just words", "x.txt", "unknown"),
        (b'{"": "s"}\n', "x.jsonl", "mapped_jsonl"),
        (b'{"traj": [{"role": "user", "content": "x"}]}\n', "x.jsonl", "mapped_jsonl"),
    ],
)
def test_the_content_decides(head, name, format):
    found = detect(head, name)
    assert found.format == format, found
    assert found.why


def tarred(packer: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{packer}") as archive:
        member = tarfile.TarInfo("a.jsonl")
        member.size = len(CHAT)
        archive.addfile(member, io.BytesIO(CHAT))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (archive({"a.jsonl": {"messages": []}, "b/c.jsonl": {}}), "archive"),
        (tarred(), "archive"),
        (tarred("gz"), "archive"),
        (tarred("bz2"), "archive"),
        (tarred("xz"), "archive"),
        (zstandard.compress(tarred()), "archive"),
        (zstandard.compress(CHAT), "packed"),
        (gzip.compress(CHAT), "packed"),
        (bz2.compress(CHAT), "packed"),
        (lzma.compress(CHAT), "packed"),
    ],
    ids=["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst", "zst", "gz", "bz2", "xz"],
)
def test_archives_of_files_and_packed_files_are_told_apart(data, format):
    assert detect(data, "x").format == format


@pytest.mark.parametrize("name", ["a.tar.gz", "b.TGZ"])
def test_a_packed_archive_too_short_to_look_into_is_known_by_its_name(name):
    assert detect(tarred("gz")[:12], name).format == "archive"
    assert detect(tarred("gz")[:12], "c.gz").format == "packed"


def test_one_object_over_several_lines_is_known_by_its_keys():
    pretty = json.dumps(
        {"id": 1, "messages": [{"role": "user", "content": "x", "a": {}}] * 9}, indent=2
    ).encode()
    for data in (pretty, pretty[:100]):
        assert detect(data, "x.json").format == "openai_chat"
    whole, cut = Head(pretty, "x"), Head(pretty[:100], "x")
    assert (whole.shape, whole.keys, len(whole.records)) == ("object", ("id", "messages"), 1)
    assert (cut.shape, cut.keys, cut.records, cut.fields) == ("object", ("id", "messages"), [], {"id": 1})


@pytest.mark.parametrize(
    ("data", "shape", "records"),
    [
        (b'{"a": 1}\n{"a": 2}\n{"a"', "lines", [{"a": 1}, {"a": 2}]),
        (b'{"a": broken\n{"a": 2}\n', "lines", [{"a": 2}]),
        (b'[{"a": 1},\n{"a": 2}]\n', "list", [{"a": 1}, {"a": 2}]),
        (b'[\n{"a": 1},\n{"a": 2}\n]\n', "list", [{"a": 1}, {"a": 2}]),
        (b'[{"a": 1}, {"a": 2}, {"a', "list", [{"a": 1}, {"a": 2}]),
        (b"[[1], [2]]\n[[3]]\n", "lines", [[[1], [2]], [[3]]]),
        (b'{\n"a": [\n{}\n]\n}', "object", [{"a": [{}]}]),
        (b'{\n  "a": [\n    {"b": 1}\n  ]\n}', "object", [{"a": [{"b": 1}]}]),
        (b"a,b\n1,2\n", "", []),
        (b"\x1f\x8b{}", "", []),
        (b"", "", []),
    ],
)
def test_the_head_knows_lines_lists_and_single_objects(data, shape, records):
    head = Head(data, "X.JSON")
    assert (head.shape, head.records, head.name) == (shape, records, "x.json")


def test_the_keys_of_a_cut_off_object_are_those_of_its_own_level():
    data = b'{"a": {"no": [1, {"not": 2}]}, "b\\"c": "x, \\"d\\": {", "e": [true, "f"], "g": {"h": 1'
    assert Head(data, "x").keys == ("a", 'b"c', "e", "g")
    assert Head(b"[" + data, "x").keys == ("a", 'b"c', "e", "g")
    assert set(Head(data, "x").fields) == {"a", 'b"c', "e"}


@seed(20261121)
@settings(max_examples=150, deadline=None, database=None)
@given(at=st.integers(0, 400), put=st.binary(max_size=5), end=st.integers(0, 400))
def test_a_head_of_any_bytes_is_looked_at_without_harm(at, put, end):
    data = json.dumps([json.loads(CHAT)] * 4, indent=1).encode()
    head = Head((data[:at] + put + data[at:])[:end], "x")
    assert isinstance(head.records, list)
    assert all(isinstance(key, str) for key in head.keys)
    assert isinstance(head.fields, dict)
    detect(head.data, "x")
