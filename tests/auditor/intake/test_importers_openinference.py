"""Spans of OpenInference: flat, nested or in OTLP, and turns whose calls are not there."""

import pytest

from auditor.intake.importers.detect import detect
from tests.auditor.intake.reading import only, read
from tests.auditor.intake.spans import PHOENIX, lines, nested, otlp


@pytest.mark.parametrize(
    "one",
    [
        PHOENIX,
        PHOENIX | {"attributes": nested(PHOENIX["attributes"])},  # type: ignore[arg-type]
        PHOENIX | {"attributes": [{"key": k, "value": otlp(v)} for k, v in PHOENIX["attributes"].items()]},  # type: ignore[attr-defined]
        {k: v for k, v in PHOENIX.items() if k != "attributes"} | {f"attributes.{k}": v for k, v in PHOENIX["attributes"].items()},  # type: ignore[attr-defined]
    ],
)  # fmt: skip
def test_openinference_flat_nested_or_in_otlp(one):
    data = lines(one)
    assert detect(data, "x.jsonl").format == "openinference"
    item = only(read("openinference", data))
    assert (item.external_id, item.model) == ("sess", "m-7b")
    assert [(m.role, m.text, m.reasoning) for m in item.messages] == [
        ("system", "Be.", ""), ("user", "Look", ""), ("assistant", "A dog.", "A cat."),
    ]  # fmt: skip
    assert [p["kind"] for m in item.messages for p in m.parts] == ["image", "tool_call"]
    found = {(s.channel, s.identifier): (s.kind, s.value, s.label, s.position) for s in item.scores}
    assert found == {
        ("judge.deception", "judge-1"): ("judge", 0.9, "lie", 2),
        ("score.deception", "ana"): ("score", 1.0, "", 2),
        ("score.trace.length", ""): ("score", 12.0, "", None),
        ("score.session.mood", ""): ("score", None, "bad", None),
    }
    assert item.scores[0].explanation == "It is a cat."
    assert item.metadata["input_tokens"] == 3
    assert not any("annotation" in name for name in item.metadata)


def test_openinference_turns_of_a_session_whose_calls_are_not_there():
    turns = [
        {"trace_id": f"t{i}", "span_id": f"s{i}", "startTime": i, "attributes": {
            "openinference.span.kind": "CHAIN", "session.id": "k", "input.value": f"q{i}", "output.value": f"a{i}"}}
        for i in range(2)
    ]  # fmt: skip
    inner = {
        "trace_id": "t0",
        "span_id": "in",
        "startTime": 5,
        "attributes": {"openinference.span.kind": "AGENT", "input.value": "x"},
    }
    item = only(read("openinference", lines(*turns, inner)))
    assert [m.text for m in item.messages] == ["q0", "a0", "q1", "a1"]
