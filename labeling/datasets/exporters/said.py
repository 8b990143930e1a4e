"""What a record says, as the formats ask for it: what was decided, who labelled how, and the conversation as chat."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from labeling.datasets.exporters.exporter import Context

FINAL, BLIND = "final", "blind"


def identity(record: Mapping[str, Any]) -> str:
    """The transcript for ever: its record's digest, and which of several equal records of one source it is."""
    transcript = record["transcript"]
    return f"{transcript['record_digest']}:{transcript['ordinal']}"


def name_of(record: Mapping[str, Any]) -> str:
    """The transcript as its source called it, else its identity."""
    return str(record["transcript"].get("external_id") or identity(record))


def fact(record: Mapping[str, Any], name: str) -> Any:
    """A value of the transcript's metadata, where the release holds that."""
    return (record["transcript"].get("metadata") or {}).get(name)


def hues(context: Context) -> dict[str, str]:
    """Group -> what it stands for in any codebook: intent, hallucination, honest or undetermined."""
    return {one["key"]: one["hue"] for one in context.definition.get("groups", ())}


def words_of(context: Context) -> dict[str, str]:
    """Label -> its words."""
    return {one["label"]: one["words"] for one in context.labels}


def decision(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the record is held to be: by its label source, with the ruling's reason where that is the source.

    Empty texts where the source decides nothing: all labels are kept, or they are level.
    """
    source, ruling = record["source"], record["ruling"] or {}
    mine = bool(ruling) and ruling["label"] == source["label"]
    held = {name: source.get(name) or "" for name in ("label", "words", "group", "grade", "kind", "how")}
    held |= {
        name: (ruling.get(name) if mine else None) or ""
        for name in ("reason", "adjudicator", "codebook_digest")
    }
    held |= {name: (ruling.get(name) if mine else None) or [] for name in ("units", "spans")}
    return held | {
        "answers": (ruling.get("answers") if mine else None) or {},
        "took": ruling.get("took") if mine else None,
    }


def standing(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Each reviewer's label that counts, by pseudonym."""
    return sorted((one for one in record["labels"] if one["stands"]), key=lambda one: str(one["reviewer"]))


def shares(record: Mapping[str, Any]) -> dict[str, float]:
    """Label -> how much of the item is held to be it; what a soft loss takes."""
    return {one["label"]: one["share"] for one in record["soft"] or ()}


def newest_at(record: Mapping[str, Any], stage: str) -> dict[str, str]:
    """Reviewer -> label of their newest revision at this stage."""
    found: dict[str, tuple[int, str]] = {}
    for one in record["labels"]:
        if one["stage"] == stage and one["number"] >= found.get(one["reviewer"], (0, ""))[0]:
            found[one["reviewer"]] = (one["number"], one["label"])
    return {name: found[name][1] for name in sorted(found)}


def chat(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages in the shape of the OpenAI chat API; what has no text there stands in brackets.

    What the assistant says to itself, which that shape has no place for, is `reasoning`.
    """
    return [_turn(one) for one in messages]


def prompt_of(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """All before the first assistant's message."""
    return list(takewhile(lambda one: one["role"] != "assistant", messages))


def last_reply(messages: Sequence[Mapping[str, Any]]) -> str:
    """The last text of the assistant."""
    return next(
        (str(one["text"]) for one in reversed(messages) if one["role"] == "assistant" and one["text"]), ""
    )


def spans(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The words that the decision rests on, with their quotes: the ruling's, else those of the labels that say the same."""
    held = decision(record)
    if held["spans"]:
        return list(held["spans"])
    alike = [one for one in standing(record) if one["label"] == held["label"]]
    found = {
        (mark["position"], mark["part"], mark["start"], mark["end"], mark["kind"]): mark
        for one in alike
        for mark in one["spans"] or ()
    }
    return [found[place] for place in sorted(found)]


def _turn(message: Mapping[str, Any]) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message["role"], "content": message["text"] or ""}
    aside = []
    for part in message.get("parts") or ():
        kind = part.get("kind")
        if kind == "tool_call":
            call = {"name": str(part.get("name") or ""), "arguments": str(part.get("text") or "")}
            turn.setdefault("tool_calls", []).append(
                {"id": str(part.get("id") or ""), "type": "function", "function": call}
            )
        elif kind == "tool_result":
            if part.get("tool_call_id"):
                turn["tool_call_id"] = str(part["tool_call_id"])
            if part.get("text"):
                aside.append(str(part["text"]))
        else:
            aside.append(
                str(
                    part.get("text") or f"[{kind}: {part.get('note') or part.get('blob') or 'not held here'}]"
                )
            )
    if aside:
        turn["content"] = "\n".join([*([turn["content"]] if turn["content"] else []), *aside])
    if message["role"] == "assistant":
        turn["reasoning"] = message.get("reasoning") or ""
    return turn
