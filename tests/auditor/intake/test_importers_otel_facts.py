"""What spans state beside their messages is kept, or named where there is no room for it."""

import json
from typing import Any

from auditor.intake.importers import otel_facts
from tests.auditor.intake.reading import only, read, transcripts
from tests.auditor.intake.spans import CALL, RAIN, RESULT, SUN, TURNS, USER, call, lines, span

FIELDS = "message_fields"


def test_fields_of_messages_are_kept_by_position_whoever_tells_them():
    mine = USER | {"name": "Ana", "weight": 2}
    first = call(1, [mine], [CALL], facts={"gen_ai.system_instructions": '[{"type":"text","content":"Be."}]'})
    second = call(2, [USER | {"weight": 3, "late": True}, CALL, RESULT], [RAIN])
    item = only(read("otel_genai", lines(first, second)))
    assert item.metadata[FIELDS] == {
        "1": {"name": "Ana", "weight": 2, "late": True},
        "2": {"finish_reason": "tool_call"},
        "4": {"finish_reason": "stop"},
    }
    assert item.warnings == ()


def test_a_branch_has_the_fields_of_what_it_shares():
    spans = (*TURNS, call(3, [USER, CALL, RESULT], [SUN | {"seed": 3}], conversation="k"))
    main, branch = transcripts(read("otel_genai", lines(*spans)))
    assert main.metadata[FIELDS]["4"] == {"finish_reason": "stop"}
    assert branch.metadata[FIELDS]["4"] == {"finish_reason": "stop", "seed": 3}
    assert branch.metadata[FIELDS]["2"] == main.metadata[FIELDS]["2"] == {"finish_reason": "tool_call"}


def test_plain_messages_and_events_keep_theirs_too():
    plain = call(1, [{"role": "user", "content": "hi", "weight": 2}], [{"role": "assistant", "content": "ho", "seed": 1}])  # fmt: skip
    assert only(read("otel_genai", lines(plain))).metadata[FIELDS] == {"0": {"weight": 2}, "1": {"seed": 1}}
    events: list[dict[str, Any]] = [
        {"name": "gen_ai.choice", "attributes": {"index": 0, "finish_reason": "stop", "message": '{"content": "ho", "seed": 1}'}},
        {"name": "gen_ai.user.message", "attributes": {"content": "hi"}},
        {"name": "exception", "attributes": {"exception.message": "late"}},
    ]  # fmt: skip
    item = only(
        read(
            "otel_genai",
            lines(span(1, {"gen_ai.operation.name": "chat", "gen_ai.system": "p"}, events=events)),
        )
    )
    assert [(m.role, m.text) for m in item.messages] == [("user", "hi"), ("assistant", "ho")]
    assert item.metadata[FIELDS] == {"1": {"index": 0, "finish_reason": "stop", "seed": 1}}
    assert item.metadata["events"] == [{"name": "exception", "attributes": {"exception.message": "late"}}]


def test_openinference_keeps_the_fields_of_its_messages_and_its_tools():
    asked = {
        "context": {"trace_id": "t", "span_id": "s1", "trace_state": "[]"}, "name": "ask", "status_code": "OK",
        "parent_id": None, "start_time": "2026-11-20T00:00:00Z", "end_time": "2026-11-20T00:00:02Z",
        "attributes": {
            "openinference.span.kind": "LLM", "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "hi", "llm.input_messages.0.message.cache": "no",
            "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "ho",
        },
    }  # fmt: skip
    tool = {
        "context": {"trace_id": "t", "span_id": "s2"}, "name": "weather", "start_time": "2026-11-20T00:00:01Z",
        "attributes": {"openinference.span.kind": "TOOL", "output.value": "rainy"},
    }  # fmt: skip
    metadata = only(read("openinference", lines(asked, tool))).metadata
    assert metadata[FIELDS] == {"0": {"cache": "no"}}
    assert (metadata["span.name"], metadata["span.status_code"], metadata["span.context.trace_state"]) == ("ask", "OK", "[]")  # fmt: skip
    assert metadata["other_spans"] == [
        {"name": "weather", "attributes": {"openinference.span.kind": "TOOL", "output.value": "rainy"}}
    ]
    assert metadata["started_at"] == "2026-11-20T00:00:00+00:00"
    assert metadata["ended_at"] == "2026-11-20T00:00:02+00:00"


def test_what_finds_no_room_is_named(monkeypatch):
    monkeypatch.setattr(otel_facts, "EXTRA_LIMIT", 40)
    monkeypatch.setattr(otel_facts, "DISTINCT", 2)
    spans = [
        call(n, [USER | {"blob": "x" * 60}], [{"role": "assistant", "parts": [{"type": "text", "content": str(n)}]}], kind=n,
             events=[{"name": "note", "attributes": {"n": "y" * 60}}])
        for n in range(1, 5)
    ]  # fmt: skip
    item = transcripts(read("otel_genai", lines(*spans)))[0]
    assert item.metadata["span.kind"] == [1, 2]
    assert set(item.warnings) == {
        "message fields kept in the source file only: blob",
        "some events are long and kept in the source file only",
        "only the first 2 values of span.kind are kept as metadata",
    }
    json.dumps(item.metadata)
