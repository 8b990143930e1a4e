"""Rows for COPY, made in one pass over a transcript together with its digests and counts.

Ids are not known yet when rows are made. In the rows of messages one byte that UTF-8 never has stands for
the transcript's id; in the transcript's own row the fields that only the writer knows stand at both ends.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from struct import Struct
from typing import Any, NamedTuple

from auditor.corpus.copytext import NULL, escaped
from auditor.corpus.jsontext import json_bytes
from auditor.corpus.records import ROLES, ParsedMessage, ParsedScore, ParsedTranscript
from auditor.corpus.scoreplaces import problem_with

EXCERPT = 240  # characters
TRANSCRIPT_COLUMNS = (
    "id", "parent_id", "shared", "record_digest", "ordinal", "fingerprint", "prompt_digest", "external_id",
    "model_name", "conditions", "metadata", "warnings", "place", "excerpt", "n_messages", "n_chars", "n_tool_calls",
    "n_reasoning", "project_id", "batch_id", "file_id", "created_at",
)  # fmt: skip
MESSAGE_COLUMNS = (
    "transcript_id",
    "position",
    "role",
    "text",
    "reasoning",
    "parts",
    "source_id",
    "model_name",
)
_ID = b"\xff"  # in rows of messages: the transcript's id
_END = b"\xfe"  # the end of a row and, with NUL for the end of a field, what no text has: escaped at once
_NO_THOUGHTS = (0).to_bytes(8, "big") + b"\n"  # an empty piece of a fingerprint, and a message's end
_BARE = b"\0\0[]\0\0\xfe"  # the end of a row of a message that has nothing but a text
_STARTS = tuple(b"\xff\0%d\0" % position for position in range(1000))  # of the rows of messages
_length = Struct(">Q").pack  # 8 bytes, big-endian
_ROLES = {role: len(role).to_bytes(8, "big") + role.encode() for role in ROLES}
_FIELDS = {role: role.encode() + b"\0" for role in ROLES}


class Carried(NamedTuple):
    """An image, sound or file within a message."""

    digest: str  # sha256 hex
    media_type: str
    data: bytes


class Prepared(NamedTuple):
    """A transcript ready to be written under an id that is not known yet."""

    digest: str
    ordinal: int  # among equal records of one source
    record: int  # where it stands, and so in words
    place: str
    parent: str
    shared: int
    fingerprint: str
    prompt_digest: str
    n_messages: int
    n_chars: int
    n_tool_calls: int
    n_reasoning: int
    warned: bool
    row: bytes  # its own, without what the writer knows
    messages: bytes  # their rows
    scores: tuple[tuple[ParsedScore, str], ...]  # each with why nothing stands where it points, or nothing
    carried: tuple[Carried, ...]


def prepare(item: ParsedTranscript, ordinal: int = 0) -> Prepared:
    """Everything about a transcript's rows that the database need not be asked for."""
    said, prompt, n_chars, n_tool_calls, n_reasoning = hashlib.sha256(), "", 0, 0, 0
    pieces: list[bytes] = []  # of the fingerprint
    rows: list[bytes] = []
    carried: list[Carried] = []
    for position, (role, text, reasoning, found, source_id, model) in enumerate(item.messages):
        if not prompt and role == "assistant":
            said.update(b"".join(pieces))
            pieces = []
            prompt = said.hexdigest()[:32] if position else "-"
        data = text.encode()
        n_chars += len(text)
        start = _STARTS[position] if position < len(_STARTS) else b"\xff\0%d\0" % position
        if not (reasoning or found or source_id or model):  # most messages
            pieces += (_ROLES[role], _length(len(data)), data, _NO_THOUGHTS)
            rows += (start, _FIELDS[role], data, _BARE)
            continue
        thoughts = reasoning.encode()
        pieces += (_ROLES[role], _length(len(data)), data, _length(len(thoughts)), thoughts)
        n_chars += len(reasoning)
        n_reasoning += bool(reasoning)
        parts = []
        for given in found:
            part = _stored(given, carried)
            parts.append(part)
            piece = _said(part)
            pieces += (_length(len(piece)), piece)
            n_chars += len(part.get("text") or "")
            n_tool_calls += part.get("kind") == "tool_call"
        pieces.append(b"\n")
        rows += (
            start, _FIELDS[role], data, b"\0", thoughts, b"\0", json_bytes(parts), b"\0",
            source_id[:200].encode(), b"\0", model[:200].encode(), _END,
        )  # fmt: skip
    said.update(b"".join(pieces))
    prompt = "" if prompt == "-" or not item.messages else prompt or said.hexdigest()[:32]
    counts = (len(item.messages), n_chars, n_tool_calls, n_reasoning)
    return Prepared(
        item.digest, ordinal, item.place.record, item.place.as_text(), item.parent, item.shared,
        said.hexdigest(), prompt, *counts, bool(item.warnings),
        row=_row(item, [item.digest, str(ordinal), said.hexdigest(), prompt], counts),
        messages=escaped(b"".join(rows)).replace(b"\0", b"\t").replace(_END, b"\n"),
        scores=tuple((score, problem_with(score, item.messages)) for score in item.scores),
        carried=tuple(carried),
    )  # fmt: skip


def _row(item: ParsedTranscript, known: list[str], counts: Sequence[int]) -> bytes:
    texts = "\0".join([*known, item.external_id[:300], item.model[:200], ""]).encode()
    values = (item.conditions, item.metadata, item.warnings, item.place.to_json())
    fields = (
        texts + b"".join([json_bytes(value) + b"\0" for value in values]) + _excerpt(item.messages).encode()
    )
    return escaped(fields).replace(b"\0", b"\t") + b"\t%d\t%d\t%d\t%d\t" % tuple(counts)


def transcript_row(one: Prepared, pk: int, parent: int | None, owner: bytes) -> bytes:
    """The row of corpus_transcript; `owner` is made by `owner_fields`."""
    if parent is None:
        return b"%d\t\\N\t0\t%b%b" % (pk, one.row, owner)
    return b"%d\t%d\t%d\t%b%b" % (pk, parent, one.shared, one.row, owner)


def owner_fields(project_id: int, batch_id: int, file_id: int | None, moment: str) -> bytes:
    """The last fields of the rows of one batch."""
    file = NULL if file_id is None else b"%d" % file_id
    return b"%d\t%d\t%b\t%b\n" % (project_id, batch_id, file, moment.encode())


def message_rows(one: Prepared, pk: int, first: int) -> bytes:
    """The rows of corpus_message from position `first` on."""
    rows = one.messages
    if first:
        rows = b"".join(rows.splitlines(keepends=True)[first:])
    return rows.replace(_ID, b"%d" % pk)


def fingerprint(messages: Iterable[ParsedMessage]) -> str:
    """sha256 hex over roles, texts, reasoning and parts: equal for identical conversations."""
    digest = hashlib.sha256()
    for message in messages:
        parts = [_said(_stored(part, [])) for part in message.parts]
        for data in (message.role.encode(), message.text.encode(), message.reasoning.encode(), *parts):
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        digest.update(b"\n")
    return digest.hexdigest()


def prompt_digest(messages: Sequence[ParsedMessage]) -> str:
    """32 hex digits over all before the first assistant's message, equal for samples of one prompt.

    Empty where the assistant speaks first or nobody does.
    """
    prompt = list(takewhile(lambda message: message.role != "assistant", messages))
    return fingerprint(prompt)[:32] if prompt else ""


def _stored(part: Mapping[str, Any], carried: list[Carried]) -> Mapping[str, Any]:
    """The part as the message keeps it: its bytes, which go to `carried`, replaced by their sha256."""
    if "payload" not in part:
        return part
    digest = hashlib.sha256(part["payload"]).hexdigest()
    carried.append(Carried(digest, str(part.get("media_type") or "")[:100], part["payload"]))
    return {name: value for name, value in part.items() if name != "payload"} | {"blob": digest}


def _said(part: Mapping[str, Any]) -> bytes:
    """A part without call ids: they are drawn anew in each sample and say nothing about what was said."""
    kept = {key: value for key, value in part.items() if key not in ("id", "tool_call_id")}
    return json.dumps(kept, sort_keys=True, ensure_ascii=True).encode()


def _excerpt(messages: Sequence[ParsedMessage]) -> str:
    """The first words of the last thing the model said, or of the last message at all."""
    last = ""
    for message in reversed(messages):
        if not message.text or message.text.isspace():
            continue
        if message.role == "assistant":
            last = message.text
            break
        last = last or message.text
    short = " ".join(last[: EXCERPT + 40].split())  # enough, but for long white space
    if len(short) < EXCERPT:
        short = " ".join(last[: 4 * EXCERPT].split())
    return short[:EXCERPT]
