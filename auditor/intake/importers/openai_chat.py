"""OpenAI chat JSONL: one conversation per line.

    {"id": "a1", "model": "m-7b", "messages": [{"role": "user", "content": "hi"}], "temperature": 1}

A line may also be the bare list of messages. `id` and `model` become the transcript's own, every
other field beside `messages` becomes metadata. Source: the chat completions API and what is
written in its name; see `reasoning`, `toolcalls` and `blocks` for the dialects.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO

from auditor.corpus.records import ParsedTranscript, Place
from auditor.corpus.sanitise import clean_json, clean_text
from auditor.intake.importers.chat import read_messages, warnings_of
from auditor.intake.importers.mapping import Mapping as FieldMapping
from auditor.intake.importers.records import Parsed, parse_lines

ID_FIELDS = ("id", "transcript_id", "conversation_id", "custom_id", "uuid")


def parse(source: BinaryIO, *, name: str, mapping: FieldMapping | None = None) -> Parsed:
    """A transcript or a rejection for each line that is not blank; holds one line at a time."""
    return parse_lines(source, read_conversation)


def read_conversation(value: Any, digest: str, place: Place) -> ParsedTranscript:
    """The transcript in one decoded line.

    Raises:
        ValueError: not a conversation, or nested deeper than we store.
    """
    if isinstance(value, list):
        value = {"messages": value}
    if not isinstance(value, Mapping):
        raise ValueError("the line holds no object")
    notes: list[str] = []
    messages = read_messages(value.get("messages"), notes)
    if not messages:
        notes.append("no messages")
    id_field = next((name for name in ID_FIELDS if _names(value.get(name))), "")
    own = {"messages", id_field}
    model = value.get("model")
    if isinstance(model, str):
        own.add("model")
    return ParsedTranscript(
        digest=digest,
        place=place,
        messages=messages,
        external_id=clean_text(str(value[id_field])) if id_field else "",
        model=clean_text(model) if isinstance(model, str) else "",
        metadata=clean_json({key: item for key, item in value.items() if key not in own}),
        warnings=warnings_of(notes),
    )


def _names(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
