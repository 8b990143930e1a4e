"""What came back over the wire, read once: an answer to keep, or a trouble and what it calls for."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import orjson

from auditor.corpus.sanitise import clean_json
from auditor.llm.engine.backoff import retry_after
from auditor.llm.secret import Key

MOST_RAW = 1 << 20  # bytes of a body, log-probabilities apart, that are kept
MOST_WORDS = 400  # characters of what an endpoint says when it refuses
LARGEST_COUNT = 2**31 - 1  # tokens; what the database holds
NUL = b"\\u0000"
CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
PLAINER_WORDS = ("response_format", "json_schema", "json_object", "structured output", "guided_json")
THE_CALLS_OWN = (400, 413, 414, 415, 422)  # the call is at fault, and the endpoint answers


class Kind(Enum):
    """What a trouble calls for."""

    AGAIN = "again"  # 5xx, dropped, cut off: another try
    LATER = "later"  # 429: another try, and fewer at once
    LATE = "late"  # no answer in time: one more try
    PLAINER = "plainer"  # it does not take this response_format: a try with less
    RENAMED = "renamed"  # it wants max_completion_tokens: a try with that
    UNFIT = "unfit"  # the call is at fault, no try mends it, and the endpoint is well
    REFUSED = "refused"  # no try mends it, and others may fare the same
    HOPELESS = "hopeless"  # the key is refused, or there is no money: nothing will be answered


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to keep."""

    model: str
    content: str
    refusal: str
    finish_reason: str
    logprobs: Any  # JSON; None: there are none
    raw: Any  # JSON: the body without them
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is none."""

    kind: Kind
    words: str
    after: float | None = None  # seconds that the endpoint asks to wait
    lasts: bool = True  # of PLAINER: true of the endpoint, and not of one schema


def read(status: int, headers: Mapping[str, str], body: bytes, key: Key, now: datetime) -> Answer | Trouble:
    """What an HTTP response says.

    Args:
        headers: with names in lower case.
        key: hidden wherever the endpoint repeats it.
    """
    data = _json(body, key)
    if not 200 <= status < 300:
        return _trouble(status, headers, _said(data, body, key), data, now)
    answer = _answer(data)
    if answer is None:
        said = _said(data, body, key)
        return Trouble(
            Kind.AGAIN,
            f"The answer is no chat completion, or cut off: {said}" if said else "The answer is empty.",
        )
    return answer


def _json(body: bytes, key: Key) -> Any:
    """The JSON of a body, fit for the database and without the key; None where there is none."""
    data = _parsed(body)
    if data is None or not key:
        return data
    plain = written(data)  # without needless escapes, so that the key is seen however it was spelled
    hidden = key.hide_in(plain)
    return data if hidden == plain else _parsed(hidden)


def written(data: Any) -> bytes:
    """JSON as bytes."""
    try:
        return orjson.dumps(data)
    except TypeError:  # a number beyond 64 bits
        return json.dumps(data).encode()


def _parsed(body: bytes) -> Any:
    try:
        data = orjson.loads(body)
        return clean_json(data) if NUL in body else data
    except ValueError:
        pass
    try:  # lone surrogates and NaN, as lax servers send them
        return clean_json(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _answer(data: Any) -> Answer | None:
    """The first choice of a chat completion; None where there is none."""
    choices = data.get("choices") if isinstance(data, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(data, dict) or not isinstance(first, dict) or not isinstance(message, dict):
        return None
    logprobs = first.pop("logprobs", None)
    usage = data.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Answer(
        model=_text(data.get("model"))[:200], content=_text(message.get("content")), refusal=_text(message.get("refusal")),
        finish_reason=_text(first.get("finish_reason"))[:40], logprobs=logprobs, raw=_bounded(data),
        prompt_tokens=_count(usage.get("prompt_tokens")), completion_tokens=_count(usage.get("completion_tokens")),
    )  # fmt: skip


def _trouble(status: int, headers: Mapping[str, str], said: str, data: Any, now: datetime) -> Trouble:
    words = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    lower = said.lower()
    if status == 429:
        if b"insufficient_quota" in written(data):
            return Trouble(Kind.HOPELESS, words)
        return Trouble(Kind.LATER, words, after=retry_after(headers, now))
    if status >= 500 or status in (408, 409, 425):
        return Trouble(Kind.AGAIN, words, after=retry_after(headers, now))
    if status in (401, 402):
        return Trouble(Kind.HOPELESS, words)
    if status in THE_CALLS_OWN:
        if "max_completion_tokens" in lower:
            return Trouble(Kind.RENAMED, words)
        if any(word in lower for word in PLAINER_WORDS):
            return Trouble(Kind.PLAINER, words, lasts="invalid schema" not in lower)
        return Trouble(Kind.UNFIT, words)
    return Trouble(Kind.REFUSED, words)  # redirects, too: where they lead was not checked


def _said(data: Any, body: bytes, key: Key) -> str:
    """What an endpoint says for people, in one line."""
    found = data
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and name in found:
            found = found[name]
    text = found if isinstance(found, str) else body[: 4 * MOST_WORDS].decode(errors="replace")
    return CONTROLS.sub(" ", key.hide(text)).strip()[:MOST_WORDS]


def _bounded(data: dict[str, Any]) -> dict[str, Any]:
    size = len(written(data))
    return data if size <= MOST_RAW else {"left_out": f"{size} bytes, more than are kept"}


def _text(value: Any) -> str:
    """A text; of a list of parts, those that are text."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT
    return value if is_count else None
