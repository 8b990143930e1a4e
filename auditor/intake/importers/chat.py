"""Chat messages as they are found: one list of objects with a role and a content, many dialects.

A field of a message that we do not read is kept with the transcript's metadata, under `message_fields`
and the message's position, up to `EXTRA_LIMIT`; beyond that it is named in a warning.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.corpus.jsontext import encode_json
from auditor.corpus.records import ROLES, ParsedMessage
from auditor.corpus.sanitise import clean_json, clean_text
from auditor.intake.importers.blocks import other, read_content
from auditor.intake.importers.reasoning import FIELDS, declared_reasoning, split_inline
from auditor.intake.importers.toolcalls import tool_calls

ALIASES = {
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "function": "tool",
    "observation": "tool",
    "ipython": "tool",
}
EXTRA_LIMIT = 64 * 1024  # characters of JSON, for one transcript
WARNINGS = 20  # kept for one transcript
_READ = {"role", "content", "id", "name", "model", "refusal", "tool_calls", "function_call", "tool_call_id"}
_READ |= {"function", "error", *FIELDS}
_PLAIN = ("user", "assistant", "system", "developer")


class NotAConversation(ValueError):
    """The value cannot be read as messages; the message says which one and why."""


def read_messages(
    value: Any,
    notes: list[str],
    *,
    role_field: str = "role",
    content_field: str = "content",
    extra: dict[str, Any] | None = None,
) -> tuple[ParsedMessage, ...]:
    """The messages of a conversation, in order; `notes` gathers warnings.

    Null and an empty list are an empty conversation.

    Args:
        extra: gathers, by the message's position as a text, the fields that we do not read. Without it
            they are named in a warning.

    Raises:
        NotAConversation: not a list of objects with a role we know.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise NotAConversation(f"the messages are no list but {_kind(value)}")
    unread: dict[str, None] = {}
    messages = []
    room = EXTRA_LIMIT
    for index, item in enumerate(value):
        if (plain := _plain_turn(item, role_field, content_field)) is not None:
            messages.append(plain)
            continue
        if not isinstance(item, Mapping):
            raise NotAConversation(f"message {index} is no object but {_kind(item)}")
        role = known_role(item.get(role_field), index)
        messages.append(_read_message(item, role, item.get(content_field), notes))
        rest = {
            key: item[key]
            for key in item
            if (key not in _READ or (key == "name" and role != "tool"))
            and key not in (role_field, content_field)
            and item[key] not in (None, "", [], {})
        }
        if rest and extra is not None:
            room = keep_fields(extra, index, rest, room, unread)
        else:
            unread.update((str(key), None) for key in rest)
    if unread:
        names = ", ".join(clean_text(name[:60]) for name in list(unread)[:12])
        notes.append(f"message fields kept in the source file only: {names}")
    note_reused_ids(messages, notes)
    return tuple(messages)


def keep_fields(
    extra: dict[str, Any], index: int, rest: Mapping[str, Any], room: int, unread: dict[str, None]
) -> int:
    """Put the fields of one message under its position, as far as there is room for their JSON.

    Returns:
        The room that is left. What finds none is named in `unread`.

    Raises:
        ValueError: nested deeper than we store.
    """
    for key, item in rest.items():
        clean = clean_json(item)
        size = len(encode_json(clean)) + len(str(key))
        if size > room:
            unread[str(key)] = None
            continue
        room -= size
        extra.setdefault(str(index), {})[clean_text(str(key))] = clean
    return room


def note_reused_ids(messages: Sequence[ParsedMessage], notes: list[str]) -> None:
    """A warning where one id stands for several calls: a result then answers the latest before it."""
    seen: set[str] = set()
    for message in messages:
        for part in message.parts:
            if part["kind"] != "tool_call" or not part["id"]:
                continue
            if part["id"] in seen:
                notes.append(f"several tool calls have the id {part['id'][:60]}")
                return
            seen.add(part["id"])


def known_role(value: Any, index: int) -> str:
    """The role in our words.

    Raises:
        NotAConversation: missing, or none that we know.
    """
    if not isinstance(value, str):
        raise NotAConversation(f"message {index} has no role")
    role = value.strip().lower()
    role = ALIASES.get(role, role)
    if role not in ROLES:
        raise NotAConversation(f"message {index} has the unknown role {clean_text(value[:60])!r}")
    return role


def tool_result(item: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """The part that says which call a tool message answers; its text is the message's own."""
    error = item.get("error")
    if isinstance(error, Mapping):
        words = [str(error[key]) for key in ("type", "message") if error.get(key)]
        error = ": ".join(words) or (encode_json(clean_json(error)) if error else None)
    name = item.get("name") or item.get("function")
    return {
        "kind": "tool_result",
        "tool_call_id": _plain(item.get("tool_call_id")),
        "name": _plain(name),
        "error": _plain(error) if error else None,
    }


def warnings_of(notes: list[str]) -> tuple[str, ...]:
    """Each warning once, the first `WARNINGS` of them."""
    return tuple(dict.fromkeys(clean_text(note) for note in notes))[:WARNINGS]


def _plain_turn(item: Any, role_field: str, content_field: str) -> ParsedMessage | None:
    """The usual message at once: a role of ours, a text, and nothing else; None for any other."""
    if type(item) is not dict or len(item) != 2 or role_field == content_field:
        return None
    role, text = item.get(role_field), item.get(content_field)
    if type(text) is not str or role not in _PLAIN or (role == "assistant" and "<think>" in text):
        return None
    return ParsedMessage(role, clean_text(text))


def _read_message(item: Mapping[str, Any], role: str, raw: Any, notes: list[str]) -> ParsedMessage:
    content = read_content(raw, notes)
    reasoning = [text for text in (declared_reasoning(item, notes), *content.reasoning) if text]
    text = content.text
    if role == "assistant":
        inline, text = split_inline(text, notes)
        reasoning += [inline] if inline else []
    parts = content.parts + tool_calls(item, notes)
    refusal = item.get("refusal")
    if isinstance(refusal, str) and refusal:
        text = f"{text}\n{refusal}" if text else refusal
        parts.append(other({"refusal": True}, "refusal"))
    if role == "tool":
        parts.append(tool_result(item, notes))
    elif item.get("error"):
        parts.append(other({"error": item["error"]}, "error"))
    return ParsedMessage(
        role=role,
        text=clean_text(text),
        reasoning=clean_text("\n\n".join(dict.fromkeys(reasoning))),
        parts=tuple(parts),
        source_id=_plain(item.get("id")),
        model=_plain(item.get("model")) if isinstance(item.get("model"), str) else "",
    )


def _plain(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else clean_text(str(value))


def _kind(value: Any) -> str:
    names = {str: "a text", dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
