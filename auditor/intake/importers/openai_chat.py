"""OpenAI chat JSONL: one conversation per line.

    {"id": "a1", "model": "m-7b", "messages": [{"role": "user", "content": "hi"}], "temperature": 1}

A line may also be the bare list of messages, a request with its response (`choices`), or a request or
a result of the batch interface (`body`). Several choices are branches of one conversation. `id` and
`model` become the transcript's own, every other field becomes metadata. Source: the chat completions
interface and what is written in its name; see `reasoning`, `toolcalls` and `blocks` for the dialects.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from auditor.corpus.records import ParsedTranscript, Place
from auditor.corpus.sanitise import clean_json, clean_text
from auditor.intake.importers.chat import read_messages, warnings_of
from auditor.intake.importers.head import Head
from auditor.intake.importers.jsonvalues import look, read_values
from auditor.intake.importers.mapping import Mapping as FieldMapping
from auditor.intake.importers.petri_branches import View, with_branches
from auditor.intake.importers.records import Parsed

ID_FIELDS = ("id", "transcript_id", "conversation_id", "custom_id", "uuid")
_REQUESTS = ((), ("request",), ("body",), ("request", "body"))
_RESPONSES = ((), ("response",), ("response", "body"), ("completion",))


def parse(source: BinaryIO, *, name: str, mapping: FieldMapping | None = None) -> Parsed:
    """A transcript or a rejection for each record, in file order; holds one at a time. `source` can seek."""
    head = look(source)
    one = head.shape == "list" and all(is_message(item) for item in head.records)
    return read_values(source, read_conversation, whole=one)


def read_conversation(value: Any, digest: str, place: Place) -> Iterator[ParsedTranscript]:
    """The transcript in one decoded record, and a branch for each further choice of the model.

    Raises:
        ValueError: not a conversation, or nested deeper than we store.
    """
    if isinstance(value, list):
        value = {"messages": value}
    if not isinstance(value, dict):
        raise ValueError("the line holds no object")
    notes: list[str] = []
    extra: dict[str, Any] = {}
    asked, asking = _find(value, _REQUESTS, "messages")
    answered, answering = _find(value, _RESPONSES, "choices")
    choices = _choices(answered)
    given = [] if asked is None and choices else asked
    messages = read_messages(given, notes, extra=extra)
    answers = []
    for choice in choices:
        found: dict[str, Any] = {}
        answers.append(read_messages([{"role": "assistant", **choice}], notes, extra=found))
        if found and len(answers) == 1:
            extra[str(len(messages))] = found["0"]
    first = messages + answers[0] if answers else messages
    if not first:
        notes.append("no messages")
    id_field = next((name for name in ID_FIELDS if _names(value.get(name))), "")
    model = next(
        (inner["model"] for inner in (value, asking, answering) if isinstance(inner.get("model"), str)), ""
    )
    own = {id_field, "model"} if isinstance(value.get("model"), str) else {id_field}
    main = ParsedTranscript(
        digest=digest,
        place=place,
        messages=first,
        external_id=clean_text(str(value[id_field])) if id_field else "",
        model=clean_text(model),
        metadata=clean_json(_metadata(value, asking, answering, own))
        | ({"message_fields": extra} if extra else {}),
        warnings=warnings_of(notes),
    )
    return with_branches(
        main, [View(f"choice {number}", messages + said) for number, said in enumerate(answers[1:], start=2)]
    )


def sniff(head: Head) -> tuple[str, float] | None:
    """Objects with a list of messages that have roles, or lists of such messages; answers with choices."""
    first = head.records[0] if head.records else None
    if head.shape == "list" and head.records and all(is_message(item) for item in head.records):
        return "a list of messages", 0.75
    if head.shape == "lines" and is_conversation(first):
        return "each line is a list of messages", 0.75
    records = [item for item in head.records if isinstance(item, Mapping)]
    if any(is_conversation(_find(item, _REQUESTS, "messages")[0]) for item in records):
        return "objects with a list of messages with roles", 0.75
    if any(_choices(_find(item, _RESPONSES, "choices")[0]) for item in records):
        return "objects with the choices of a model's answer", 0.75
    if not head.records and head.shape == "object" and "messages" in head.keys:
        return "one long object with messages", 0.5
    return None


def is_conversation(value: Any) -> bool:
    """Whether `value` is a list that begins with a message."""
    return isinstance(value, list) and bool(value) and is_message(value[0])


def is_message(value: Any) -> bool:
    """Whether `value` is an object with a role."""
    return isinstance(value, Mapping) and isinstance(value.get("role"), str)


def _find(
    value: Mapping[str, Any], paths: tuple[tuple[str, ...], ...], field: str
) -> tuple[Any, Mapping[str, Any]]:
    """(what `field` holds at the first of `paths` that has it, the object there)."""
    for path in paths:
        inner: Any = value
        for step in path:
            inner = inner.get(step) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and inner.get(field) is not None:
            return inner[field], inner
    return None, {}


def _choices(value: Any) -> list[Mapping[str, Any]]:
    """The messages of a response's choices."""
    found = value if isinstance(value, list) else []
    return [
        choice["message"]
        for choice in found
        if isinstance(choice, Mapping) and isinstance(choice.get("message"), Mapping)
    ]


def _metadata(
    value: Mapping[str, Any], asking: Mapping[str, Any], answering: Mapping[str, Any], own: set[str]
) -> dict[str, Any]:
    """Every field but those that became the transcript; of the choices, what stands beside the messages."""

    def rest(inner: Any) -> Any:
        if not isinstance(inner, dict):
            return inner
        left = dict(inner)
        if inner is asking:
            left.pop("messages", None)
        if inner is answering and _choices(inner.get("choices")):
            left["choices"] = [
                {key: item for key, item in choice.items() if key != "message"}
                if isinstance(choice, Mapping)
                else choice
                for choice in inner["choices"]
            ]
        return {
            key: rest(item) if key in ("request", "response", "body", "completion") else item
            for key, item in left.items()
        }

    kept = rest(value)
    if "messages" in kept and asking is not value:
        kept.pop("messages")
    return {key: item for key, item in kept.items() if key not in own}


def _names(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
