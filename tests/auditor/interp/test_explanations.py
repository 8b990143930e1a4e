"""Neuronpedia's files: both shapes, gzipped or not, with every bad line named."""

import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.interp.explanations import BadLine, Explained, FeatureLine, parse

FEATURE = {
    "modelId": "gemma-2-2b", "layer": "12-gemmascope-res-16k", "index": "3391", "frac_nonzero": 0.0021,
    "explanations": [
        {
            "description": " references to lying ", "explanationModelName": "gpt-4o-mini", "typeName": "oai_token-act-pair",
            "scores": [{"value": 0.71, "explanationScoreTypeName": "eleuther_fuzz"}],
        },
        {"description": "", "explanationModelName": "x"},
    ],
    "activations": [{"tokens": ["a"], "values": [1.0]}],
}  # fmt: skip
LINE = {
    "modelId": "gemma-2-2b", "layer": "12-gemmascope-res-16k", "index": "7", "description": "the word “not”",
    "explanationModelName": "gemini", "typeName": "np_max-act", "contextTokens": 128, "numExamples": 40,
}  # fmt: skip


def read(data: bytes, name: str = "f.jsonl") -> list[FeatureLine | BadLine]:
    return list(parse(io.BytesIO(data), name=name))


def lines(*some: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in some)


def test_a_feature_of_the_api_and_a_line_of_an_export() -> None:
    feature, line = read(lines(FEATURE, LINE))
    assert feature == FeatureLine(
        place="line 1", index=3391, layer="12-gemmascope-res-16k", model="gemma-2-2b", density=0.0021,
        explanations=(
            Explained("references to lying", "gpt-4o-mini, oai_token-act-pair", score=0.71, score_kind="eleuther_fuzz"),
        ),
    )  # fmt: skip
    assert isinstance(line, FeatureLine)
    assert line.explanations == (Explained("the word “not”", "gemini, np_max-act", 128, 40),)


@pytest.mark.parametrize("shape", [FEATURE, [FEATURE, LINE]])
@pytest.mark.parametrize("indent", [None, 2])
def test_one_json_value_is_read_whole(shape: Any, indent: int | None) -> None:
    found = read(json.dumps(shape, indent=indent).encode(), "f.json")
    assert [one.index for one in found if isinstance(one, FeatureLine)] == (
        [3391, 7] if isinstance(shape, list) else [3391]
    )


def test_a_gzipped_file_is_known_by_its_bytes_too() -> None:
    packed = gzip.compress(lines(LINE))
    assert read(packed, "batch-0.jsonl.gz") == read(packed, "batch-0") == read(lines(LINE))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "no JSON"), (b"3", "JSON object"), (b'{"index": -1, "description": "x"}', "from 0"),
        (b'{"index": true, "description": "x"}', "from 0"), (b'{"index": 1}', "neither"),
        (b'{"index": 1, "frac_nonzero": 2}', "share from 0 to 1"), (b'{"index": 1, "explanations": 3}', "is a list"),
        (b'{"index": 1, "explanations": ["x"]}', "an explanation is"),
        (b'{"index": 1, "frac_nonzero": NaN}', "neither"),
    ],
)  # fmt: skip
def test_a_bad_line_says_where_and_why_and_the_others_go_in(line: bytes, reason: str) -> None:
    good, bad, also = read(lines(LINE) + line + b"\n\n" + lines(LINE))
    assert isinstance(bad, BadLine)
    assert bad.place == "line 2"
    assert reason in bad.reason
    assert (good.place, also.place) == ("line 1", "line 4")


def test_what_no_row_holds_is_dropped_from_texts() -> None:
    (found,) = read(b'{"index": 1, "description": "a\\u0000b\\ud800c"}\n')
    assert isinstance(found, FeatureLine)
    assert found.explanations[0].text == "abc"


def test_a_damaged_archive_is_one_rejection() -> None:
    (bad,) = read(gzip.compress(lines(LINE) * 1000)[:60], "x.gz")[-1:]
    assert isinstance(bad, BadLine)
    assert "unpacked" in bad.reason


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    assert all(isinstance(one, FeatureLine | BadLine) for one in read(data))
