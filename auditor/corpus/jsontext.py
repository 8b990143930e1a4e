"""JSON as it is found in logs: strict and fast where possible, lenient where logs are not strict.

`orjson` reads the usual line. What it refuses although logs contain it (bare NaN and Infinity,
lone surrogates, numbers beyond a double) and what it would round (integers beyond 64 bits) goes
through the standard library. Of equal keys in one object the last one counts, as in both libraries;
`duplicates=False` refuses them instead.
"""

import json
from typing import Any

import orjson

# A short text can stand for very many values ("[],[],..."): what we are ready to hold as objects.
MAX_VALUES = 10_000_000
_WORTH_COUNTING = 4 * 1024 * 1024  # bytes
_EXACT = float(2**63)  # orjson returns a float for integers from here on
_LONG = len(str(2**63))  # digits
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))


class NotJson(ValueError):
    """The bytes are no JSON value that we would read; the message says why."""


def decode_json(data: bytes, *, duplicates: bool = True) -> Any:
    """The JSON value that `data` holds, not yet sanitised: NaN and lone surrogates may be in it.

    Raises:
        NotJson: malformed, not UTF-8 (with the byte offset), nested too deeply, with too many
            values, or with equal keys in one object when `duplicates` is False.
    """
    if len(data) > _WORTH_COUNTING and data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
        raise NotJson(f"holds more than {MAX_VALUES:,} values")
    if duplicates:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            return _decode_leniently(data, duplicates)
        if _may_have_long_integer(data) and _has_rounded_integer(value):
            return _decode_leniently(data, duplicates)
        return value
    return _decode_leniently(data, duplicates)


def encode_json(value: Any) -> str:
    """Compact JSON of a clean value, characters beyond ASCII as themselves."""
    return json_bytes(value).decode()


def json_bytes(value: Any) -> bytes:
    """The same as UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def pretty_json(value: Any) -> str:
    """JSON of a clean value over several lines, indented by two spaces."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, indent=2)


def _decode_leniently(data: bytes, duplicates: bool) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise NotJson(f"not UTF-8: byte 0x{data[problem.start]:02x} at offset {problem.start}") from None
    try:
        return json.loads(text, object_pairs_hook=None if duplicates else _once)
    except json.JSONDecodeError as problem:
        raise NotJson(f"not JSON: {problem.msg} at character {problem.pos}") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except ValueError as problem:  # an equal key, or an integer of thousands of digits
        raise NotJson(str(problem).partition(";")[0]) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotJson(f"key {key[:80]!r} stands twice in one object")
            seen.add(key)
    return found


def _may_have_long_integer(data: bytes) -> bool:
    """Whether there are digits enough for an integer beyond 64 bits; most conversations have not."""
    return len(data.translate(None, _NO_DIGITS)) >= _LONG


def _has_rounded_integer(value: Any) -> bool:
    """Whether a float large enough to be an integer that was rounded occurs in `value`."""
    waiting = [value]
    for item in waiting:  # grows while it is gone through
        kind = type(item)
        if kind is dict:
            waiting += [inner for inner in item.values() if type(inner) is not str]
        elif kind is list:
            waiting += [inner for inner in item if type(inner) is not str]
        elif kind is float and not -_EXACT < item < _EXACT:
            return True
    return False
