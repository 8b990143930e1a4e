"""Messages of OpenTelemetry's GenAI conventions, in the forms they have had.

    gen_ai.input.messages  [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    gen_ai.output.messages [{"role": "assistant", "finish_reason": "stop", "parts": [
        {"type": "reasoning", "content": "…"}, {"type": "tool_call", "id": "1", "name": "f", "arguments": {}}]}]
    events gen_ai.user.message, gen_ai.choice, …   {"content": "hi"} {"index": 0, "message": {...}}   until 1.36
    gen_ai.prompt.0.role, gen_ai.completion.0.content                                         older still

The first is a JSON text on spans and a structure on events. Source: the semantic conventions of GenAI
1.28 to 1.38.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.corpus.jsontext import encode_json, pretty_json
from auditor.corpus.records import ParsedMessage
from auditor.corpus.sanitise import clean_json, clean_text
from auditor.corpus.spans import Event, Span, decoded, under
from auditor.intake.importers.blocks import media, other
from auditor.intake.importers.chat import NotAConversation, known_role, read_messages
from auditor.intake.importers.toolcalls import tool_call

INSTRUCTIONS, INPUT, OUTPUT = (
    "gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages",
)  # fmt: skip
READ = (INSTRUCTIONS, INPUT, OUTPUT, "gen_ai.prompt", "gen_ai.completion")  # attributes that messages take up
CALLS = ("chat", "text_completion", "generate_content", "completion", "")  # operations that ask a model
EVENTS = {f"gen_ai.{role}.message": role for role in ("system", "developer", "user", "assistant", "tool")} | {
    "gen_ai.choice": "assistant"
}
_KINDS = {"image": "image", "audio": "audio"}
_FIELDS = ("role", "content", "tool_calls", "id", "message", "name", "index", "finish_reason")  # of an event
_READ = ("role", "parts", "id")  # of a message with parts
Left = dict[int, Mapping[str, Any]]  # fields of messages that are not read, by position


@dataclass(frozen=True, slots=True)
class Said:
    """What one call was sent and what came back."""

    messages: tuple[ParsedMessage, ...]
    n_out: int  # how many of them, the last ones, came back
    asks: bool = True  # whether the span itself asked a model, and does not only wrap calls that did
    extra: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)  # by position: fields not read


def read_genai(span: Span, events: tuple[Event, ...], notes: list[str]) -> Said | None:
    """What a span of the GenAI conventions says, or None if it holds no messages.

    Args:
        events: the span's own and those that stand apart from it as log records.

    Raises:
        NotAConversation: messages that are no list, or of a role we do not know.
    """
    attributes = dict(span.attributes)
    for event in events:
        for name in READ[:3]:
            if name in event.attributes:
                attributes.setdefault(name, event.attributes[name])
        if isinstance(event.body, Mapping):
            attributes |= {name: event.body[name] for name in READ[:3] if name in event.body}
    left: Left = {}
    sent = _instructions(attributes.get(INSTRUCTIONS))
    sent += _messages(under(attributes, INPUT), "user", notes, left, len(sent))
    came = _messages(under(attributes, OUTPUT), "assistant", notes, left, len(sent))
    if not sent and not came:
        sent, came = _by_events(events, notes, left)
    if not sent and not came:
        sent = _messages(under(attributes, "gen_ai.prompt"), "user", notes, left, 0)
        came = _messages(under(attributes, "gen_ai.completion"), "assistant", notes, left, len(sent))
    if not sent and not came:
        return None
    model = attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model")
    named = clean_text(model) if isinstance(model, str) else ""
    came = [
        m._replace(model=m.model or named, source_id=m.source_id or clean_text(span.span_id)) for m in came
    ]
    operation = attributes.get("gen_ai.operation.name", "")
    return Said((*sent, *came), len(came), operation in CALLS, left)


def _instructions(value: Any) -> list[ParsedMessage]:
    if isinstance(value, str):
        found = decoded(value)
        value = (
            found
            if isinstance(found, list | dict)
            else [{"type": "text", "content": value}]
            if value
            else None
        )
    if isinstance(value, Mapping):
        value = value.get("parts", [value])
    if not isinstance(value, list) or not value:
        return []
    return [
        _message(
            "system", [{"type": "text", "content": p} if isinstance(p, str) else p for p in value], {}, []
        )
    ]


def _messages(value: Any, role: str, notes: list[str], left: Left, at: int) -> list[ParsedMessage]:
    """The messages of an attribute: JSON as text, or the structure itself; `at` is where the first stands."""
    if isinstance(value, str):
        found = decoded(value)
        value = (
            found if isinstance(found, list | dict) else [{"role": role, "content": value}] if value else None
        )
    if isinstance(value, Mapping):
        value = [value]
    if value is None:
        return []
    if not isinstance(value, list):
        raise NotAConversation("the messages are no list")
    read: list[ParsedMessage] = []
    for index, item in enumerate(value):
        if isinstance(item, str):
            item = decoded(item) or {"role": role, "content": item}
        if not isinstance(item, Mapping):
            raise NotAConversation(f"message {index} is no object")
        item = {"role": role, **item}
        if isinstance(item.get("parts"), list):
            rest = {k: v for k, v in item.items() if k not in _READ and v not in (None, "", [], {})}
            left |= {at + len(read): rest} if rest else {}
            read.append(_message(known_role(item["role"], index), item["parts"], item, notes))
        else:
            more: dict[str, Any] = {}
            plain = {key: inner for key, inner in item.items() if key != "parts"}
            made = read_messages([plain], notes, extra=more)
            left |= {at + len(read): more["0"]} if more else {}
            read += made
    return read


def _message(role: str, parts: list[Any], item: Mapping[str, Any], notes: list[str]) -> ParsedMessage:
    texts: list[str] = []
    reasoning: list[str] = []
    kept: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, Mapping):
            kept.append(other(part))
            continue
        match part.get("type"):
            case "text" if isinstance(part.get("content"), str):
                texts.append(part["content"])
            case "reasoning" if isinstance(part.get("content"), str):
                reasoning.append(part["content"])
            case "tool_call" | "server_tool_call":
                kept.append(_call(part))
            case "tool_call_response" | "server_tool_call_response":
                kept.append(_response(part))
            case "blob" | "uri" | "file":
                kept.append(_media(part, notes))
            case _:
                kept.append(other(part))
    responses = [part for part in kept if part["kind"] == "tool_result"]
    if role == "tool" and len(responses) == 1 and not texts:
        texts = [responses[0].pop("text")]
    return ParsedMessage(
        role=role,
        text=clean_text("\n".join(texts)),
        reasoning=clean_text("\n\n".join(reasoning)),
        parts=tuple(kept),
        source_id=clean_text(str(item["id"])) if isinstance(item.get("id"), str | int) else "",
    )


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    inner = part.get("server_tool_call")
    arguments = part.get("arguments", inner)
    name = part.get("name") or (inner.get("type") if isinstance(inner, Mapping) else "")
    return tool_call(part.get("id"), name, arguments)


def _response(part: Mapping[str, Any]) -> dict[str, Any]:
    names = ("response", "result", "content", "server_tool_call_response")
    value = next((part[name] for name in names if part.get(name) is not None), "")
    return {
        "kind": "tool_result",
        "tool_call_id": clean_text(str(part.get("id") or "")),
        "name": clean_text(str(part.get("name") or "")),
        "error": None,
        "text": clean_text(value) if isinstance(value, str) else pretty_json(clean_json(value)),
    }


def _media(part: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    kind = _KINDS.get(str(part.get("modality")), "file")
    media_type = str(part.get("mime_type") or "")
    if part["type"] != "blob":
        address = part.get("uri") or part.get("file_id") or part.get("id") or ""
        return media(kind, str(address), media_type=media_type)
    content = part.get("content", part.get("data"))
    try:
        payload = base64.b64decode(content, validate=True) if isinstance(content, str) else b""
    except ValueError:
        notes.append("bytes of a message that are no base64 are kept in the source file only")
        payload = b""
    shown = {"kind": kind, "media_type": clean_text(media_type[:100]), "size": len(payload), "note": ""}
    return shown | ({"payload": payload} if payload else {})


def _by_events(
    events: tuple[Event, ...], notes: list[str], left: Left
) -> tuple[list[ParsedMessage], list[ParsedMessage]]:
    """(sent, came back) of a span that tells each message by an event."""
    told: list[tuple[bool, tuple[ParsedMessage, ...], dict[str, Any]]] = []
    for event in events:
        role = EVENTS.get(event.name)
        if role is None:
            continue
        body = _body(event)
        choice = event.name == "gen_ai.choice"
        beside: dict[str, Any] = {}
        if choice and isinstance(body.get("message"), Mapping | str):
            message = body["message"] if isinstance(body["message"], Mapping) else decoded(body["message"])
            beside = {key: item for key, item in body.items() if key != "message"}
            body = dict(message) if isinstance(message, Mapping) else {"content": body["message"]}
        item = {"role": role} | {key: value for key, value in body.items() if value not in (None, "")}
        identity = item.pop("id", None) if role == "tool" else None
        if isinstance(item.get("tool_calls"), str):
            item["tool_calls"] = decoded(item["tool_calls"])
        if role == "tool":
            item |= {"role": "tool", "tool_call_id": identity}
        content = item.get("content")
        if isinstance(content, Mapping):
            item["content"] = encode_json(clean_json(content))
        found: dict[str, Any] = {}
        made = read_messages([item], notes, extra=found)
        rest = {key: value for key, value in beside.items() if value not in (None, "", [], {})}
        told.append((choice, made, rest | found.get("0", {})))
    told.sort(key=lambda one: one[0])  # what was sent stands before what came back
    left |= {index: rest for index, (_, _, rest) in enumerate(told) if rest}
    sent = [message for choice, made, _ in told if not choice for message in made]
    came = [message for choice, made, _ in told if choice for message in made]
    return sent, came


def _body(event: Event) -> dict[str, Any]:
    """The body of an event: a log record's, a JSON text among its attributes, or these themselves."""
    body = event.body
    if body is None:
        body = event.attributes.get("gen_ai.event.content")
    if isinstance(body, str):
        found = decoded(body)
        body = found if isinstance(found, dict) else {"content": body}
    if isinstance(body, Mapping):
        return dict(body)
    whole = {name: under(event.attributes, name) for name in _FIELDS}
    return {name: value for name, value in whole.items() if value is not None}
