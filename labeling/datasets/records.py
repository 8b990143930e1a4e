"""The shape of one row of a dataset, as JSON and as Arrow; the same fields in both.

In Parquet, what has no fixed shape (conditions, answers, parts of a message) is JSON text.
Nothing here holds a moment or a database id, so equal inputs give equal bytes.
"""

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

FORMAT = "auditor.dataset/1"

_SPAN = pa.struct(
    [
        ("kind", pa.string()),
        ("position", pa.int32()),
        ("part", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("quote", pa.string()),
    ]
)
_LABEL_UNIT = pa.struct(
    [
        ("number", pa.int32()),
        ("position", pa.int32()),  # null for the whole transcript
        ("part", pa.string()),  # empty for a whole message
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("quote", pa.string()),
        ("label", pa.string()),
        ("derived_label", pa.string()),
        ("group", pa.string()),
        ("grade", pa.string()),
        ("grade_cap", pa.string()),
        ("answers", pa.string()),  # JSON
        ("lowered_reason", pa.string()),
        ("missing_tests", pa.list_(pa.string())),
    ]
)
_RULED_UNIT = pa.struct(
    [
        ("number", pa.int32()),
        ("position", pa.int32()),  # null for the whole transcript
        ("part", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("quote", pa.string()),
        ("label", pa.string()),
        ("group", pa.string()),
        ("grade", pa.string()),
        ("answers", pa.string()),  # JSON
    ]
)
_UNIT_SPAN = pa.struct([*_SPAN, pa.field("unit", pa.int32())])
_MESSAGE = pa.struct(
    [
        ("position", pa.int32()),
        ("role", pa.string()),
        ("text", pa.string()),
        ("reasoning", pa.string()),
        ("parts", pa.string()),  # JSON
        ("model", pa.string()),
    ]
)
_LABEL = pa.struct(
    [
        ("reviewer", pa.string()),
        ("stage", pa.string()),
        ("number", pa.int32()),
        ("label", pa.string()),
        ("derived_label", pa.string()),
        ("group", pa.string()),
        ("grade", pa.string()),
        ("grade_cap", pa.string()),
        ("answers", pa.string()),  # JSON
        ("confidence", pa.int8()),
        ("rationale", pa.string()),
        ("lowered_reason", pa.string()),
        ("missing_tests", pa.list_(pa.string())),
        ("units", pa.list_(_LABEL_UNIT)),
        ("spans", pa.list_(_UNIT_SPAN)),
        ("flag", pa.string()),
        ("evidence_seen", pa.list_(pa.string())),
        ("relied_on", pa.list_(pa.string())),
        ("active_seconds", pa.int32()),
        ("late", pa.bool_()),
        ("codebook", pa.int32()),
    ]
)
SCHEMA = pa.schema(
    [
        (
            "transcript",
            pa.struct(
                [
                    ("external_id", pa.string()),
                    ("record_digest", pa.string()),
                    ("ordinal", pa.int32()),
                    ("fingerprint", pa.string()),
                    ("model", pa.string()),
                    ("conditions", pa.string()),  # JSON
                    ("messages", pa.list_(_MESSAGE)),
                ]
            ),
        ),
        (
            "ruling",
            pa.struct(
                [
                    ("label", pa.string()),
                    ("words", pa.string()),
                    ("group", pa.string()),
                    ("grade", pa.string()),
                    ("rule", pa.string()),
                    ("number", pa.int32()),
                    ("rule_number", pa.int32()),
                    ("reason_code", pa.string()),
                    ("reason", pa.string()),
                    ("answers", pa.string()),  # JSON
                    ("units", pa.list_(_RULED_UNIT)),
                    ("spans", pa.list_(_UNIT_SPAN)),
                    ("adjudicator", pa.string()),
                    ("took", pa.string()),
                    ("codebook", pa.int32()),
                    ("codebook_digest", pa.string()),
                    ("missing_tests", pa.list_(pa.string())),
                ]
            ),
        ),
        ("labels", pa.list_(_LABEL)),
        (
            "sampling",
            pa.struct(
                [
                    ("sample", pa.string()),
                    ("design", pa.string()),
                    ("seed", pa.int64()),
                    ("stratum", pa.string()),
                    ("probability", pa.float64()),
                    ("overall", pa.float64()),
                    ("carries_back", pa.bool_()),
                    ("frame_size", pa.int64()),
                ]
            ),
        ),
        (
            "evidence",
            pa.list_(
                pa.struct(
                    [
                        ("channel", pa.string()),
                        ("kind", pa.string()),
                        ("value", pa.float64()),
                        ("label", pa.string()),
                        ("readings", pa.int32()),
                    ]
                )
            ),
        ),
    ],
    metadata={"format": FORMAT},
)


def as_line(record: Mapping[str, Any]) -> bytes:
    """The record as one line of JSONL, keys sorted, with its line end."""
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def as_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as a row of `SCHEMA`."""
    transcript, ruling = record["transcript"], record["ruling"]
    messages = transcript["messages"]
    return {
        **record,
        "transcript": {
            **transcript,
            "conditions": _json(transcript["conditions"]),
            "messages": None
            if messages is None
            else [{**message, "parts": _json(message["parts"])} for message in messages],
        },
        "ruling": {
            **ruling,
            "answers": _json(ruling["answers"]),
            "units": [{**unit, "answers": _json(unit["answers"])} for unit in ruling["units"]],
        },
        "labels": [
            {
                **label,
                "answers": _json(label["answers"]),
                "units": [{**unit, "answers": _json(unit["answers"])} for unit in label["units"]],
            }
            for label in record["labels"]
        ],
    }


def size_of(record: Mapping[str, Any]) -> int:
    """About how many characters of text the record holds, for bounding what is kept in memory."""
    messages = record["transcript"]["messages"] or ()
    return sum(len(message["text"]) + len(message["reasoning"]) for message in messages)


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
