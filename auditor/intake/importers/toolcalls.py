"""Tool calls in every spelling: OpenAI's nested function, its legacy form, custom tools, Inspect's.

Arguments are shown as indented JSON where they are an object. Anything else is shown exactly as it
stands and marked invalid, because a model that writes broken arguments is a finding.
"""

import json
from collections.abc import Mapping
from typing import Any

from auditor.corpus.jsontext import pretty_json
from auditor.corpus.sanitise import clean_json, clean_text


class _Twice(ValueError):
    """Equal keys in one object: shown as written, because the indented form would lose one."""


def tool_call(call_id: Any, name: Any, arguments: Any, *, free_text: bool = False) -> dict[str, Any]:
    """The part for one call; `arguments` is an object or a text that should hold one."""
    text, valid = (_plain(arguments), True) if free_text else _shown(arguments)
    return {
        "kind": "tool_call",
        "id": _plain(call_id),
        "name": _plain(name),
        "text": text,
        "valid": valid,
    }


def tool_calls(message: Mapping[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    """The parts for `tool_calls` and for the legacy `function_call` of a chat message."""
    parts = []
    calls = message.get("tool_calls")
    if isinstance(calls, Mapping):
        calls = [calls]
    elif calls is not None and not isinstance(calls, list):
        notes.append("tool_calls is no list and is kept in the source file only")
        calls = []
    for call in calls or []:
        if isinstance(call, Mapping):
            parts.append(_one(call))
        else:
            notes.append("a tool call is no object and is kept in the source file only")
    legacy = message.get("function_call")
    if isinstance(legacy, Mapping):
        parts.append(tool_call("", legacy.get("name"), legacy.get("arguments")))
    return parts


def _one(call: Mapping[str, Any]) -> dict[str, Any]:
    function, custom = call.get("function"), call.get("custom")
    if isinstance(function, Mapping):
        return tool_call(call.get("id"), function.get("name"), function.get("arguments"))
    if isinstance(custom, Mapping):
        return tool_call(call.get("id"), custom.get("name"), custom.get("input"), free_text=True)
    name = function if isinstance(function, str) else call.get("name")
    part = tool_call(call.get("id"), name, call.get("arguments", call.get("input")))
    return part | {"valid": False} if call.get("parse_error") else part


def _shown(arguments: Any) -> tuple[str, bool]:
    """(text to show, whether it is what a tool can be called with)."""
    if arguments is None or arguments == "":
        return "", True
    if isinstance(arguments, str):
        raw = clean_text(arguments)
        try:
            value = json.loads(raw, object_pairs_hook=_no_twins, parse_constant=_refuse)
        except _Twice:
            return raw, True
        except (ValueError, RecursionError):
            return raw, False
        if not isinstance(value, dict):
            return raw, False
        arguments = value
    try:
        return pretty_json(clean_json(arguments)), isinstance(arguments, Mapping)
    except ValueError:  # deeper than we print
        return clean_text(json.dumps(arguments, ensure_ascii=False)), True


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return clean_text(value)
    return "" if value is None else clean_text(str(value))
