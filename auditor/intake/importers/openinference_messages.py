"""Messages of OpenInference spans, as Phoenix and its instrumentations write them.

    llm.input_messages.0.message.role = "user"    llm.input_messages.0.message.content = "hi"
    llm.output_messages.0.message.tool_calls.0.tool_call.function.name = "f"
    llm.input_messages.1.message.contents.0.message_content.type = "reasoning"

The same nested, or as lists of objects, reads the same. Source: the semantic conventions of openinference.
"""

from collections.abc import Mapping
from typing import Any

from auditor.corpus.records import ParsedMessage
from auditor.corpus.sanitise import clean_text
from auditor.corpus.spans import Span, decoded, names_under, under
from auditor.intake.importers.chat import NotAConversation, read_messages
from auditor.intake.importers.otel_messages import Left, Said

KIND = "openinference.span.kind"
INPUT, OUTPUT = "llm.input_messages", "llm.output_messages"
READ = (INPUT, OUTPUT, "llm.prompts", "llm.choices", "input.value", "output.value", "input.mime_type", "output.mime_type")  # fmt: skip
_OTHERWISE = ("contents", "tool_calls", "function_call_name", "function_call_arguments_json")  # read apart
WRAPS = ("AGENT", "CHAIN")  # kinds whose input and output are a turn of the whole


def is_openinference(attributes: Mapping[str, Any]) -> bool:
    """Whether a span speaks in these conventions."""
    return KIND in attributes or any(True for name in (INPUT, OUTPUT) for _ in names_under(attributes, name))


def read_openinference(span: Span, notes: list[str]) -> Said | None:
    """What a span says, or None if it holds no messages.

    Raises:
        NotAConversation: messages that are no list, or of a role we do not know.
    """
    attributes = span.attributes
    kind = str(attributes.get(KIND) or "").upper()
    left: Left = {}
    sent = _messages(under(attributes, INPUT), notes, left, 0)
    came = _messages(under(attributes, OUTPUT), notes, left, len(sent))
    asks = kind == "LLM" or bool(sent or came)
    if not sent and not came and (asks or kind in WRAPS):
        sent = _plain("user", attributes.get("input.value"), notes)
        came = _plain("assistant", attributes.get("output.value"), notes)
    if not sent and not came:
        return None
    model = attributes.get("llm.model_name")
    named = clean_text(model) if isinstance(model, str) else ""
    came = [
        m._replace(model=m.model or named, source_id=m.source_id or clean_text(span.span_id)) for m in came
    ]
    return Said((*sent, *came), len(came), asks, left)


def _plain(role: str, value: Any, notes: list[str]) -> list[ParsedMessage]:
    if value in (None, ""):
        return []
    return list(
        read_messages([{"role": role, "content": value if isinstance(value, str) else [value]}], notes)
    )


def _messages(value: Any, notes: list[str], left: Left, at: int) -> list[ParsedMessage]:
    """The messages of an attribute; `at` is where the first stands."""
    if isinstance(value, str):
        value = decoded(value)
    if isinstance(value, Mapping):
        value = [value]
    if value is None:
        return []
    if not isinstance(value, list):
        raise NotAConversation("the messages are no list")
    found: dict[str, Any] = {}
    read = list(read_messages([_chat(item) for item in value], notes, extra=found))
    left |= {at + int(position): rest for position, rest in found.items()}
    return read


def _chat(item: Any) -> Any:
    """One message as chat completions have it."""
    if not isinstance(item, Mapping):
        return item
    item = _inside(item, "message")
    contents = item.get("contents")
    chat = {name: value for name, value in item.items() if name not in _OTHERWISE and value not in (None, "")}
    if isinstance(contents, list) and contents:
        chat["content"] = [_block(_inside(part, "message_content")) for part in contents]
    calls = item.get("tool_calls")
    if isinstance(calls, list):
        chat["tool_calls"] = [_inside(call, "tool_call") for call in calls]
    if item.get("function_call_name"):
        chat["function_call"] = {
            "name": item["function_call_name"],
            "arguments": item.get("function_call_arguments_json"),
        }
    return chat


def _block(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return part
    kind = part.get("type")
    if kind in ("reasoning", "thinking") or (kind is None and part.get("signature")):
        text = part.get("text") or part.get("reasoning")
        return {"type": "reasoning", "reasoning": text} if text else {"type": "redacted_thinking"}
    if kind == "image" or "image" in part:
        image = _inside(part, "image")
        image = _inside(image, "image") if isinstance(image, Mapping) else image
        url = image.get("url") if isinstance(image, Mapping) else image
        return {"type": "image_url", "image_url": {"url": url}}
    return dict(part)


def _inside(item: Any, name: str) -> Any:
    """What `item` holds under `name`, where it holds that alone or at all."""
    inner = item.get(name) if isinstance(item, Mapping) else None
    return inner if isinstance(inner, Mapping | str) and inner else item
