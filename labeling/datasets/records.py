"""The shape of one row of a dataset, as JSON and as Arrow; the same fields in both.

In Parquet, what has no fixed shape (conditions, metadata, answers, parts of a message) is JSON text.
Nothing here holds a database id or the moment of its making, so equal inputs give equal bytes. People, labels and rulings refer to
each other by pseudonym, stage and number; readings by channel and place.
"""

import pyarrow as pa

FORMAT = "auditor.dataset/2"
# Fields that have no fixed shape, wherever they are.
JSON = frozenset({"conditions", "metadata", "warnings", "place", "parts", "mixed", "answers", "detail"})

_PLACE = [("position", pa.int32()), ("part", pa.string()), ("start", pa.int32()), ("end", pa.int32())]
SPAN = pa.struct([("kind", pa.string()), *_PLACE, ("quote", pa.string()), ("unit", pa.int32())])
POINTED = pa.struct([*_PLACE, ("quote", pa.string()), ("value", pa.float64())])
_REFERENCE = pa.struct([("reviewer", pa.string()), ("stage", pa.string()), ("number", pa.int32())])
RULED_UNIT = pa.struct(
    [
        ("number", pa.int32()),
        *_PLACE,  # null and empty for the whole transcript; part is empty for a whole message
        ("quote", pa.string()),
        ("label", pa.string()),
        ("group", pa.string()),
        ("grade", pa.string()),
        ("answers", pa.string()),  # JSON
    ]
)
_LABEL_UNIT = pa.struct(
    [
        *RULED_UNIT,
        pa.field("derived_label", pa.string()),
        pa.field("grade_cap", pa.string()),
        pa.field("lowered_reason", pa.string()),
        pa.field("missing_tests", pa.list_(pa.string())),
    ]
)
_MESSAGE = pa.struct(
    [
        ("position", pa.int32()),
        ("role", pa.string()),
        ("text", pa.string()),
        ("reasoning", pa.string()),
        ("parts", pa.string()),  # JSON
        ("source_id", pa.string()),
        ("model", pa.string()),
    ]
)
_TRANSCRIPT = pa.struct(
    [
        ("external_id", pa.string()),
        ("record_digest", pa.string()),
        ("ordinal", pa.int32()),
        ("fingerprint", pa.string()),
        ("prompt_digest", pa.string()),
        ("model", pa.string()),
        ("conditions", pa.string()),  # JSON
        ("metadata", pa.string()),  # JSON; the fields that were chosen
        ("warnings", pa.string()),  # JSON
        ("parent", pa.struct([("record_digest", pa.string()), ("ordinal", pa.int32())])),  # null: no branch
        ("shared", pa.int32()),
        (
            "source",
            pa.struct(
                [
                    ("file", pa.string()),
                    ("sha256", pa.string()),
                    ("format", pa.string()),
                    ("place", pa.string()),  # JSON
                ]
            ),
        ),
        ("messages", pa.list_(_MESSAGE)),  # null where the release has no texts
    ]
)
_ROUND = pa.struct(
    [
        ("name", pa.string()),
        ("policy", pa.string()),
        ("codebook", pa.int32()),
        ("codebook_digest", pa.string()),
        ("escalation", pa.string()),
    ]
)
_SOURCE = pa.struct(
    [
        ("kind", pa.string()),
        ("label", pa.string()),
        ("words", pa.string()),
        ("group", pa.string()),
        ("grade", pa.string()),
        ("how", pa.string()),
        ("share", pa.float64()),
        ("of", pa.int32()),
    ]
)
_SOFT = pa.struct([("label", pa.string()), ("n", pa.int32()), ("share", pa.float64())])
_RULING = pa.struct(
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
        ("units", pa.list_(RULED_UNIT)),
        ("spans", pa.list_(SPAN)),
        ("adjudicator", pa.string()),
        ("took", _REFERENCE),
        ("mixed", pa.string()),  # JSON: question -> reference
        ("cites", pa.list_(_REFERENCE)),
        ("codebook", pa.int32()),
        ("codebook_digest", pa.string()),
        ("missing_tests", pa.list_(pa.string())),
        ("at", pa.string()),  # ISO moment, UTC
    ]
)
_LABEL = pa.struct(
    [
        ("reviewer", pa.string()),
        ("stage", pa.string()),
        ("number", pa.int32()),
        ("stands", pa.bool_()),
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
        ("spans", pa.list_(SPAN)),
        ("flag", pa.string()),
        ("evidence_seen", pa.list_(pa.string())),
        (
            "relied_on",
            pa.list_(
                pa.struct(  # the reading, and the words of it that the reviewer pointed at
                    [
                        ("channel", pa.string()),
                        *_PLACE,
                        ("value", pa.float64()),
                        ("label", pa.string()),
                        ("pointed", POINTED),
                    ]
                )
            ),
        ),
        ("active_seconds", pa.int32()),
        ("late", pa.bool_()),
        ("at", pa.string()),  # ISO moment, UTC
        ("codebook", pa.int32()),
        ("codebook_digest", pa.string()),
    ]
)
_SAMPLING = pa.struct(
    [
        ("sample", pa.string()),
        ("design", pa.string()),
        ("seed", pa.int64()),
        ("stratum", pa.string()),
        ("stratum_size", pa.int64()),
        ("stratum_drawn", pa.int64()),
        ("order", pa.int32()),
        ("probability", pa.float64()),
        ("overall", pa.float64()),
        ("carries_back", pa.bool_()),
        ("frame_size", pa.int64()),
    ]
)
_QUOTE = pa.struct([("text", pa.string()), ("status", pa.string()), *_PLACE])
_READING = pa.struct(
    [
        *_PLACE,
        ("identifier", pa.string()),
        ("value", pa.float64()),
        ("label", pa.string()),
        ("explanation", pa.string()),
        ("detail", pa.string()),  # JSON
        ("quotes", pa.list_(_QUOTE)),
    ]
)
_CHANNEL = pa.struct(
    [
        ("channel", pa.string()),
        ("kind", pa.string()),
        ("unit", pa.string()),
        ("digest", pa.string()),  # of what the channel declares; `manifest.json` says it in full
        ("value", pa.float64()),
        ("label", pa.string()),
        ("n", pa.int32()),
        ("readings", pa.list_(_READING)),
    ]
)
SCHEMA = pa.schema(
    [
        ("transcript", _TRANSCRIPT),
        ("round", _ROUND),
        ("source", _SOURCE),
        ("split", pa.string()),
        ("group", pa.string()),
        ("soft", pa.list_(_SOFT)),
        ("ruling", _RULING),
        ("earlier_rulings", pa.list_(_RULING)),
        ("labels", pa.list_(_LABEL)),
        ("sampling", _SAMPLING),
        ("evidence", pa.list_(_CHANNEL)),
    ],
    metadata={"format": FORMAT},
)
