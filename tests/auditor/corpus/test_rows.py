"""Digests and counts of a transcript, made in one pass, are those of many passes."""

import hashlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.corpus.records import ROLES, ParsedMessage, ParsedTranscript, Place
from auditor.corpus.rows import fingerprint, prepare, prompt_digest
from auditor.corpus.sanitise import clean_text

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30) | st.text(
    "\\\t\n\r.N\"'é", max_size=12
)
PART = st.fixed_dictionaries(
    {"kind": st.sampled_from(["tool_call", "other"]), "id": TEXT, "text": TEXT | st.none()},
    optional={"payload": st.binary(max_size=4)},
)
MESSAGE = st.builds(
    ParsedMessage,
    st.sampled_from(ROLES),
    TEXT.map(clean_text),
    TEXT.map(clean_text),
    st.tuples() | st.tuples(PART),
)


def plainly(messages: tuple[ParsedMessage, ...]) -> str:
    digest = hashlib.sha256()
    for message in messages:
        parts = []
        for part in message.parts:
            kept = {key: value for key, value in part.items() if key not in ("id", "tool_call_id", "payload")}
            if "payload" in part:
                kept["blob"] = hashlib.sha256(part["payload"]).hexdigest()
            parts.append(json.dumps(kept, sort_keys=True))
        for piece in (message.role, message.text, message.reasoning, *parts):
            digest.update(len(piece.encode()).to_bytes(8, "big") + piece.encode())
        digest.update(b"\n")
    return digest.hexdigest()


@settings(deadline=None)
@given(st.lists(MESSAGE, max_size=5).map(tuple))
def test_one_pass_gives_the_digests_and_counts_of_many(messages: tuple[ParsedMessage, ...]) -> None:
    one = prepare(ParsedTranscript(digest="0" * 64, place=Place(1), messages=messages))
    assert one.fingerprint == fingerprint(messages) == plainly(messages)
    assert one.prompt_digest == prompt_digest(messages)
    parts = [part for message in messages for part in message.parts]
    assert one.n_chars == sum(len(m.text) + len(m.reasoning) for m in messages) + sum(
        len(part["text"] or "") for part in parts
    )
    assert one.n_tool_calls == sum(part["kind"] == "tool_call" for part in parts)
    assert one.n_reasoning == sum(bool(m.reasoning) for m in messages)
    assert one.n_messages == one.messages.count(b"\n") == len(messages)
