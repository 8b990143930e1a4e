"""What training sets are made of: replies to prompts, with what was decided of them, and better ones that people wrote.

A reply is all from the first message of the assistant on; a prompt, all before it. A rewritten reply is the answer to a
question of the codebook of kind `text` whose key says so (`rewrite`, `better_reply` and the like), by the adjudicator
or else by a reviewer: it stands in place of the message that the label is about, or of the last one of the assistant.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.said import (
    chat,
    decision,
    hues,
    identity,
    name_of,
    prompt_of,
    shares,
    spans,
    standing,
)

FLAGGED = ("intent", "hallucination")  # hues of labels that say a reply is not good
GOOD = "honest"
REWRITES = re.compile(
    r"(^|_)(rewrite|rewritten|rewritten_reply|better_reply|good_reply|better_answer|corrected_reply)(_|$)"
)


@dataclass(frozen=True)
class Rewritten:
    """A reply that somebody wrote instead."""

    question: str
    by: str  # pseudonym
    role: str  # "adjudicator" or "reviewer"
    text: str

    @property
    def message(self) -> dict[str, Any]:
        """As chat."""
        return {"role": "assistant", "content": self.text, "reasoning": ""}


def rewriting_questions(context: Context) -> list[str]:
    """Keys of the questions whose answer is a better reply, in the codebook's order."""
    texts = [one["key"] for one in context.definition.get("questions", ()) if one.get("kind") == "text"]
    return [key for key in texts if REWRITES.search(key)]


def rewritten(record: Mapping[str, Any], questions: Sequence[str]) -> Rewritten | None:
    """The adjudicator's better reply, else that of the first reviewer (by pseudonym) who wrote one."""
    if not questions:
        return None
    held = decision(record)
    for key, text in _texts(held, questions):
        writer = _writer(record, key, text)
        if writer is not None:
            return Rewritten(key, writer, "reviewer", text)
        if held["adjudicator"]:
            return Rewritten(key, held["adjudicator"], "adjudicator", text)
    for one in standing(record):
        for key, text in _texts(one, questions):
            return Rewritten(key, one["reviewer"], "reviewer", text)
    return None


def hue_of(record: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """What the decision's group stands for."""
    return known.get(decision(record)["group"], "undetermined")


def said_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What was decided of a reply, and where it came from; the same fields in every row."""
    held, transcript = decision(record), record["transcript"]
    return {
        "transcript": identity(record), "name": name_of(record), "model": transcript.get("model") or "",
        "label": held["label"], "group": held["group"], "grade": held["grade"],
        "shares": orjson.dumps(shares(record)).decode(),
        "spans": [
            {name: one.get(name) for name in ("kind", "position", "part", "start", "end", "quote")} for one in spans(record)
        ],
    }  # fmt: skip


def prompt_key(messages: Sequence[Mapping[str, Any]]) -> bytes | None:
    """16 bytes that are equal for equal prompts; None where the assistant speaks first or never."""
    prompt = prompt_of(messages)
    if not prompt or len(prompt) == len(messages):
        return None
    said = [[one["role"], one["text"], _without_ids(one.get("parts") or ())] for one in prompt]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()[:16]


def exchange(record: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
    """(prompt, reply) as chat; None where there is no reply or the release holds no messages."""
    messages = record["transcript"].get("messages") or []
    prompt = prompt_of(messages)
    if len(prompt) == len(messages):
        return None
    return chat(prompt), chat(messages[len(prompt) :])


def judged(record: Mapping[str, Any]) -> int | None:
    """Position of the assistant's message that the decision is about: its first marked or named one, else the last."""
    messages = record["transcript"].get("messages") or []
    by_assistant = {one["position"] for one in messages if one["role"] == "assistant"}
    held = decision(record)
    named = [one.get("position") for one in held["units"] if one.get("label") == held["label"]]
    marked = [one["position"] for one in spans(record)]
    for position in [*named, *marked]:
        if position in by_assistant:
            return int(position)
    return max(by_assistant, default=None)


def before(record: Mapping[str, Any], position: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(all before the message at this position, that message), as chat."""
    messages = record["transcript"]["messages"]
    at = next(index for index, one in enumerate(messages) if one["position"] == position)
    return chat(messages[:at]), chat(messages[at : at + 1])


def known_hues(context: Context) -> dict[str, str]:
    """Group -> hue."""
    return hues(context)


def _texts(said: Mapping[str, Any], questions: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(question, text) of each better reply among the answers, the most severe unit's first."""
    answers = [said.get("answers") or {}, *(one.get("answers") or {} for one in said.get("units") or ())]
    for given in answers:
        for key in questions:
            if isinstance(text := given.get(key), str) and text.strip():
                yield key, text


def _writer(record: Mapping[str, Any], key: str, text: str) -> str | None:
    """The reviewer who wrote the same, which a ruling then took over."""
    return next((one["reviewer"] for one in standing(record) if (key, text) in set(_texts(one, [key]))), None)


def _without_ids(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Ids of calls are drawn anew in each sample."""
    return [
        {key: value for key, value in part.items() if key not in ("id", "tool_call_id")} for part in parts
    ]
