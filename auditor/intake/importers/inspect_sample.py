"""One sample of an Inspect log, the same from a zip and from JSON.

The transcript's id is the sample's, with `_epoch_<n>` behind it from the second epoch on, so that
repeats can be told apart. Task, epoch, target and the like become metadata beside the sample's own,
which are called `sample.<name>` where the two collide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place
from auditor.corpus.sanitise import clean_json, clean_text
from auditor.intake.importers.blocks import Resolve, other, read_content
from auditor.intake.importers.chat import NotAConversation, known_role, tool_result, warnings_of
from auditor.intake.importers.inspect_scores import read_scores
from auditor.intake.importers.reasoning import split_inline
from auditor.intake.importers.toolcalls import tool_calls

PROTOCOLS = ("attachment://", "tc://")
SAMPLE_FACTS = ("target", "choices", "sandbox", "started_at", "completed_at", "total_time", "uuid")


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What the log says once about all of its samples."""

    task: str = ""
    model: str = ""
    run_id: str = ""

    @classmethod
    def of(cls, log: Any) -> "RunHeader":
        """From a decoded header, or from the journal's start."""
        spec = log.get("eval") if isinstance(log, Mapping) else None
        spec = spec if isinstance(spec, Mapping) else {}
        return cls(*(_text(spec.get(name)) for name in ("task", "model", "run_id")))


def convert_sample(
    sample: Any,
    *,
    digest: str,
    place: Place,
    header: RunHeader,
    attachments: Mapping[str, Any] | None = None,
    named: tuple[str, int] = ("", 1),
) -> ParsedTranscript:
    """The transcript of one decoded sample.

    Args:
        attachments: what references point to, if not the sample's own `attachments`.
        named: (id, epoch) by the name of its file, for a sample that does not say.

    Raises:
        ValueError: not a sample, messages that cannot be read, or nested deeper than we store.
    """
    if not isinstance(sample, Mapping):
        raise ValueError("the sample is no object")
    notes: list[str] = []
    resolve = resolver(sample.get("attachments") if attachments is None else attachments, notes)
    raw = sample.get("messages")
    if not isinstance(raw, list | None):
        raise NotAConversation("the messages are no list")
    messages = tuple(_message(item, index, resolve, notes) for index, item in enumerate(raw or []))
    if not messages:
        notes.append("no messages")
    identity = sample.get("id")
    sample_id = str(identity) if isinstance(identity, str | int) and identity != "" else named[0]
    epoch = sample["epoch"] if isinstance(sample.get("epoch"), int) else named[1]
    scores = sample.get("scores")
    if scores is None and sample.get("score") is not None:
        scores = {"score": sample["score"]}
    return ParsedTranscript(
        digest=digest,
        place=place,
        messages=messages,
        external_id=clean_text(sample_id if epoch == 1 else f"{sample_id}_epoch_{epoch}"),
        model=header.model or _output_model(sample),
        metadata=clean_json(_metadata(sample, header, epoch, with_input=not messages)),
        scores=tuple(read_scores(scores, resolve, notes)),
        warnings=warnings_of(notes),
    )


def resolver(attachments: Any, notes: list[str]) -> Resolve:
    """A function that gives the text a reference points to, and every other text unchanged."""
    known = attachments if isinstance(attachments, Mapping) else {}

    def resolve(text: str) -> str:
        if not text.startswith(PROTOCOLS):
            return text
        found = known.get(text.partition("://")[2])
        if isinstance(found, str):
            return found
        notes.append(f"nothing is attached as {text[:80]}")
        return text

    return resolve


def _message(item: Any, index: int, resolve: Resolve, notes: list[str]) -> ParsedMessage:
    if not isinstance(item, Mapping):
        raise NotAConversation(f"message {index} is no object")
    role = known_role(item.get("role"), index)
    content = read_content(item.get("content"), notes, resolve)
    text, reasoning = content.text, list(content.reasoning)
    if isinstance(item.get("reasoning"), str):  # before reasoning was a content block
        reasoning.insert(0, resolve(item["reasoning"]))
    if role == "assistant":
        inline, text = split_inline(text, notes)
        reasoning += [inline] if inline else []
    parts = content.parts + tool_calls(_resolved(item, resolve), notes)
    if role == "tool":
        parts.append(tool_result(item, notes))
    elif item.get("error"):
        parts.append(other({"error": item["error"]}, "error"))
    return ParsedMessage(
        role=role,
        text=clean_text(text),
        reasoning=clean_text("\n\n".join(text for text in reasoning if text)),
        parts=tuple(parts),
        source_id=_text(item.get("id")),
        model=_text(item.get("model")),
    )


def _resolved(item: Mapping[str, Any], resolve: Resolve) -> Mapping[str, Any]:
    """The message with references in the arguments of its tool calls resolved."""
    calls = item.get("tool_calls")
    if not isinstance(calls, list):
        return item
    return {
        **item,
        "tool_calls": [_deep(call, resolve) if isinstance(call, Mapping) else call for call in calls],
    }


def _deep(value: Any, resolve: Resolve) -> Any:
    if isinstance(value, str):
        return resolve(value)
    if isinstance(value, Mapping):
        return {key: _deep(inner, resolve) for key, inner in value.items()}
    if isinstance(value, list):
        return [_deep(inner, resolve) for inner in value]
    return value


def _metadata(
    sample: Mapping[str, Any], header: RunHeader, epoch: int, *, with_input: bool
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "task": header.task,
        "model": header.model,
        "run_id": header.run_id,
        "epoch": epoch,
    }
    facts |= {name: sample.get(name) for name in SAMPLE_FACTS}
    if with_input:
        facts["input"] = sample.get("input")
    error = sample.get("error")
    if error:
        facts["error"] = error.get("message", error) if isinstance(error, Mapping) else error
    limit = sample.get("limit")
    if limit:
        facts["limit"] = limit.get("type", limit) if isinstance(limit, Mapping) else limit
    facts = {name: value for name, value in facts.items() if value not in (None, "", [], {})}
    own = sample.get("metadata")
    for name, value in own.items() if isinstance(own, Mapping) else ():
        facts[f"sample.{name}" if name in facts else name] = value
    return facts


def _output_model(sample: Mapping[str, Any]) -> str:
    output = sample.get("output")
    return _text(output.get("model")) if isinstance(output, Mapping) else ""


def _text(value: Any) -> str:
    return clean_text(value) if isinstance(value, str) else ""
