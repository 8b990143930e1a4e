"""Spans as each convention and envelope has them, for the tests of what reads them."""

import json
from typing import Any

USER = {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}
CALL = {"role": "assistant", "finish_reason": "tool_call", "parts": [
    {"type": "reasoning", "content": "I will look."},
    {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"place": "Paris"}}]}  # fmt: skip
REPLAYED = {"role": "assistant", "parts": [CALL["parts"][1]]}  # type: ignore[index]
RESULT = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rainy, 57°F"}]}
RAIN = {"role": "assistant", "finish_reason": "stop", "parts": [{"type": "text", "content": "Rain."}]}
SUN = {"role": "assistant", "finish_reason": "stop", "parts": [{"type": "text", "content": "Sun."}]}


def otlp(value: Any) -> dict[str, Any]:
    """A value as OTLP's JSON has it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [otlp(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": k, "value": otlp(v)} for k, v in value.items()]}}
    return {"stringValue": value}


def span(number: int, attributes: dict[str, Any], trace: str = "t1", **more: Any) -> dict[str, Any]:
    return {
        "traceId": trace, "spanId": f"s{number}", "name": "chat m-7b", "startTimeUnixNano": str(number),
        "attributes": [{"key": key, "value": otlp(value)} for key, value in attributes.items()],
    } | more  # fmt: skip


def call(number: int, sent: list[Any], came: list[Any], **more: Any) -> dict[str, Any]:
    """A span that asked a model, as the conventions have it since 1.37."""
    conversation = {"gen_ai.conversation.id": more.pop("conversation")} if "conversation" in more else {}
    facts = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "p", "gen_ai.request.model": "m-7b",
        "gen_ai.response.model": "m-7b-1", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2,
        "gen_ai.input.messages": json.dumps(sent), "gen_ai.output.messages": json.dumps(came),
    }  # fmt: skip
    return span(number, facts | conversation | more.pop("facts", {}), **more)


TURNS = [
    call(1, [USER], [CALL], conversation="k", facts={"gen_ai.system_instructions": '[{"type":"text","content":"Be."}]'}),
    call(2, [USER, REPLAYED, RESULT], [RAIN], conversation="k"),
]  # fmt: skip


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


def envelope(spans: list[Any]) -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "agent"}}]}
    scopes = [{"scope": {"name": "x"}, "spans": [one]} for one in spans]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


BODIES = [
    ("gen_ai.system.message", {"content": "Be."}),
    ("gen_ai.user.message", {"content": "Weather?"}),
    ("gen_ai.assistant.message", {"tool_calls": [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]}),
    ("gen_ai.tool.message", {"id": "c1", "content": "rainy"}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "Rain."}}),
]  # fmt: skip
OLD = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-7b"}


def as_span_events() -> bytes:
    events = [
        {"name": name, "attributes": [{"key": k, "value": otlp(v)} for k, v in body.items()]}
        for name, body in BODIES
    ]
    return lines(span(1, OLD, events=events))


def as_event_content() -> bytes:
    events = [
        {"name": name, "attributes": {"gen_ai.event.content": json.dumps(body)}} for name, body in BODIES
    ]
    return lines(span(1, OLD, events=events))


def as_log_records() -> bytes:
    logs = [
        {"timeUnixNano": str(i), "traceId": "t1", "spanId": "s1", "eventName": name, "body": otlp(body)}
        for i, (name, body) in enumerate(BODIES)
    ]
    return lines({"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]}, envelope([span(1, OLD)]))


def as_log_records_alone() -> bytes:
    return as_log_records().split(b"\n")[0] + b"\n"


PHOENIX = {
    "name": "ChatCompletion", "context.trace_id": "t1", "context.span_id": "s1", "start_time": "2026-11-20T10:00:00+00:00",
    "attributes": {
        "openinference.span.kind": "LLM", "llm.model_name": "m-7b", "session.id": "sess", "llm.token_count.prompt": 3,
        "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": "Be.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.contents.0.message_content.type": "text",
        "llm.input_messages.1.message.contents.0.message_content.text": "Look",
        "llm.input_messages.1.message.contents.1.message_content.type": "image",
        "llm.input_messages.1.message.contents.1.message_content.image.image.url": "https://x/y.png",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.0.message_content.type": "reasoning",
        "llm.output_messages.0.message.contents.0.message_content.text": "A cat.",
        "llm.output_messages.0.message.contents.1.message_content.type": "text",
        "llm.output_messages.0.message.contents.1.message_content.text": "A dog.",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
        "annotations.0.annotation.name": "deception", "annotations.0.annotation.score": 0.9,
        "annotations.0.annotation.label": "lie", "annotations.0.annotation.explanation": "It is a cat.",
        "annotations.0.annotation.annotator_kind": "LLM", "annotations.0.annotation.identifier": "judge-1",
        "annotations.1.annotation.name": "deception", "annotations.1.annotation.score": 1,
        "annotations.1.annotation.annotator_kind": "HUMAN", "annotations.1.annotation.identifier": "ana",
        "trace.annotations.0.annotation.name": "length", "trace.annotations.0.annotation.score": 12,
        "trace.annotations.0.annotation.annotator_kind": "CODE",
        "session.annotations.0.annotation.name": "mood", "session.annotations.0.annotation.label": "bad",
    },
}  # fmt: skip


def nested(attributes: dict[str, Any]) -> dict[str, Any]:
    """The same attributes as objects within objects and lists."""
    whole: dict[str, Any] = {}
    for name, value in attributes.items():
        node, steps = whole, name.split(".")
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = value

    def listed(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if all(key.isdecimal() for key in node):
            return [listed(item) for item in node.values()]
        return {key: listed(item) for key, item in node.items()}

    return {key: listed(item) for key, item in whole.items()}
