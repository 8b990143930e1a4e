"""Spans that somebody has damaged never raise, and nothing odd is handed on."""

import json

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from auditor.corpus.records import ParsedTranscript, Rejection
from auditor.intake.importers.detect import detect
from tests.auditor.intake.reading import read
from tests.auditor.intake.spans import PHOENIX, TURNS, as_log_records, as_span_events, envelope, lines, nested


@seed(20261121)
@settings(max_examples=200, deadline=None, database=None)
@given(
    which=st.integers(0, 5), at=st.integers(0, 5000), cut=st.integers(0, 40),
    put=st.sampled_from([b"", b"null", b"NaN", b"[[", b"{}", b'"\\ud800"', b'"\\u0000"', b"\xff", b"1e999", b"-", b"9" * 30, b"\n"]),
)  # fmt: skip
def test_mutated_spans_never_raise(which, at, cut, put):
    data = [lines(*TURNS), json.dumps(envelope(TURNS), indent=1).encode(), as_span_events(), as_log_records(),
            lines(PHOENIX), lines(PHOENIX | {"attributes": nested(PHOENIX["attributes"])})][which]  # type: ignore[arg-type]  # fmt: skip
    at %= len(data)
    data = data[:at] + put + data[at + cut :]
    for item in read("otel_genai", data):
        assert isinstance(item, ParsedTranscript | Rejection)
        if isinstance(item, ParsedTranscript):
            json.dumps([item.metadata, [s.detail for s in item.scores]], allow_nan=False)
            whole = repr([(m.text, m.reasoning, m.parts) for m in item.messages])
            assert "\\x00" not in whole
            assert "\\ud8" not in whole
    detect(data, "x")


@seed(20261121)
@settings(max_examples=100, deadline=None, database=None)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "parts", "type", "content", "id", "name", "arguments", "response", "attributes",
                             "gen_ai.input.messages", "gen_ai.output.messages", "llm.input_messages", "message",
                             "gen_ai.choice", "events", "key", "value", "stringValue", "traceId", "session.id", "body",
                             "annotations", "annotation", "score", "eventName", "resourceSpans", "spans", "0", "1"]),
            inner, max_size=4),
        max_leaves=15,
    )
)  # fmt: skip
def test_odd_spans_never_raise(value):
    for item in read("otel_genai", lines(value, {"attributes": value}, {"gen_ai.input.messages": value})):
        assert isinstance(item, ParsedTranscript | Rejection)
