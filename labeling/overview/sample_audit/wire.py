"""The sample audit as files: chat JSONL for the importer and an evidence file for the channels."""

import json
from collections.abc import Iterator
from typing import Any

from labeling.overview.sample_audit import tracks as token_tracks
from labeling.overview.sample_audit import verdicts
from labeling.overview.sample_audit.generator import SampleAudit
from labeling.overview.sample_audit.story import Message, Story

NOTICE = "Generated for the tour: not computed from a model."
# How the importer reads the transcripts: the mapping of `transcripts_jsonl`.
MAPPING = {
    "conversation": "messages",
    "id": "id",
    "model": "model",
    "conditions": {"oversight": "conditions.oversight"},
}


def _channel(key: str, name: str, kind: str, hi: float | None, polarity: str, **detail: Any) -> dict[str, Any]:
    unit = "transcript" if kind == "judge" else "token"
    ends = {"lo": 0, "hi": hi}
    rest = {"rollup": "max", **ends, "polarity": polarity, "notice": NOTICE, "detail": detail}
    return {"key": key, "name": name, "kind": kind, "unit": unit, **rest}


CHANNELS = (
    _channel(verdicts.QUILL, "Quill, deception 0 to 100", "judge", 100, "deceptive", rubric="Is the reader told something untrue?"),
    _channel(verdicts.SABLE, "Sable, deception 0 to 100", "judge", 100, "deceptive", rubric="Is the reader misled for a purpose?"),
    _channel(token_tracks.PROBE, "Entity probe, layer 20", "probe", 1, "invented or false", layer=20),
    _channel(token_tracks.DECEPTION, "SAE 14/3391 “deception, concealment”", "sae", None, "feature active", layer=14, feature=3391, explanation="deception, concealment"),
    _channel(token_tracks.FIGURES, "SAE 14/820 “uncertain figures”", "sae", None, "feature active", layer=14, feature=820, explanation="uncertain figures"),
    _channel(token_tracks.OVERSEER, "SAE 14/5102 “addressing an overseer”", "sae", None, "feature active", layer=14, feature=5102, explanation="addressing an overseer"),
)  # fmt: skip


def transcripts_jsonl(audit: SampleAudit) -> bytes:
    """One chat record a line: id, model, conditions, messages."""
    return _lines(
        {
            "id": story.id,
            "model": story.model,
            "conditions": {"oversight": story.condition},
            "messages": [_message(message) for message in story.messages],
        }
        for story in audit.stories
    )


def evidence_jsonl(audit: SampleAudit) -> bytes:
    """The channels first, then each story's judgements and tracks."""
    return _lines(_evidence(audit))


def _evidence(audit: SampleAudit) -> Iterator[dict[str, Any]]:
    yield from ({"channel": channel} for channel in CHANNELS)
    for story in audit.stories:
        yield from _story_evidence(story, audit.seed)


def _story_evidence(story: Story, seed: int) -> Iterator[dict[str, Any]]:
    names = {"transcript": {"id": story.id}}
    for said in verdicts.judgements(story, seed):
        quotes = [{"text": quote.text, "position": quote.position} for quote in said.quotes]
        told = {"channel": said.channel, "value": said.value, "label": said.label}
        yield names | told | {"explanation": said.explanation, "quotes": quotes}
    silent = set(token_tracks.FEATURES)
    for track in token_tracks.tracks(story, seed):
        silent.discard(track.channel)
        place = {"channel": track.channel, "position": track.position, "part": track.part}
        yield names | place | {"starts": track.starts, "ends": track.ends, "values": track.values}
    for feature in sorted(silent):  # computed and silent, which is not the same as not computed
        yield names | {"channel": feature, "value": 0.0}


def _message(message: Message) -> dict[str, Any]:
    record: dict[str, Any] = {"role": message.role, "content": message.text or None}
    if message.reasoning:
        record["reasoning_content"] = message.reasoning
    if message.calls:
        record["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.answers:
        record["tool_call_id"] = message.answers
    return record


def _lines(records: Iterator[dict[str, Any]]) -> bytes:
    dense = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    return "".join(dense.encode(record) + "\n" for record in records).encode()
