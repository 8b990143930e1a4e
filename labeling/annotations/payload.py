"""An item as a program sees it, by the rule of the desk: nothing that says what machines or colleagues said.

Before the reveal a message is its role and its words. What a source calls things (ids, file names, the
model's name) stays out, and so does everything about the transcript but the keys that the round shows.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from auditor.corpus.models import Message
from auditor.evidence.opinions import Opinion

WHILE_BLIND = ("kind", "text", "error", "valid")  # of a part; a tool's name besides, never a file's
NAMED = ("tool_call", "tool_result")


def message_of(message: Message, *, blind: bool) -> dict[str, Any]:
    """One message as plain data."""
    kept: dict[str, Any] = {"position": message.position, "role": message.role, "text": message.text}
    if message.reasoning:
        kept["reasoning"] = message.reasoning
    if message.parts:
        kept["parts"] = [_blind_part(part) for part in message.parts] if blind else list(message.parts)
    if message.model_name and not blind:
        kept["model"] = message.model_name
    return kept


def _blind_part(part: Mapping[str, Any]) -> dict[str, Any]:
    names = (*WHILE_BLIND, "name") if part.get("kind") in NAMED else (*WHILE_BLIND, "media_type")
    return {name: part[name] for name in names if name in part}


def evidence_of(said: Iterable[Opinion]) -> list[dict[str, Any]]:
    """What was revealed: each channel's readings with the words that they cite."""
    return [
        {
            "channel": opinion.channel.key,
            "kind": opinion.channel.kind,
            "notice": opinion.channel.notice,
            "value": opinion.value,
            "label": opinion.label,
            "readings": [
                {
                    "id": statement.reading.pk,
                    "position": statement.reading.position,
                    "part": statement.reading.part,
                    "start": statement.reading.start,
                    "end": statement.reading.end,
                    "value": statement.reading.value,
                    "label": statement.reading.label,
                    "explanation": statement.reading.explanation,
                    "quotes": [
                        {"text": one.text, "position": one.position, "part": one.part, "start": one.start, "end": one.end}
                        for one in statement.citations
                    ],
                }
                for statement in opinion.statements
            ],
        }
        for opinion in said
    ]  # fmt: skip
