"""Scores of an Inspect sample, as opinions on channels `score.<scorer>`.

A score whose value is an object becomes a channel for each of its keys, `score.<scorer>.<key>`;
the explanation goes with each, the detail (answer, grading conversation, edits) with the first.
Letters are numbers as in Inspect's own `value_to_float`: C 1, P 0.5, I 0, N 0.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from auditor.corpus.jsontext import encode_json
from auditor.corpus.records import ParsedScore
from auditor.corpus.sanitise import clean_json, clean_number, clean_text
from auditor.intake.importers.blocks import Resolve, read_content

LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
LABEL_LIMIT = 200  # characters, as all limits here
CHANNEL_LIMIT = 200
TEXT_LIMIT = 20_000  # of one message of a grading conversation, of an answer, of other detail
GRADING_LIMIT = 20  # messages of a grading conversation


def read_scores(scores: Any, resolve: Resolve, notes: list[str]) -> Iterator[ParsedScore]:
    """Every score of a sample's `scores` object, in its order."""
    if not isinstance(scores, Mapping):
        return
    for scorer, score in scores.items():
        if not isinstance(score, Mapping):
            score = {"value": score}
        name = f"score.{clean_text(str(scorer))}"
        explanation = score.get("explanation")
        explanation = clean_text(resolve(explanation)) if isinstance(explanation, str) else ""
        detail = _detail(score, resolve, notes)
        value = score.get("value")
        channels = (
            {f"{name}.{key}": item for key, item in value.items()}
            if isinstance(value, Mapping)
            else {name: value}
        )
        for channel, item in channels.items():
            if len(channel) > CHANNEL_LIMIT:
                notes.append(
                    f"a score is left out: its channel {channel[:40]}… is longer than {CHANNEL_LIMIT} characters"
                )
                continue
            number, label, whole = _value(item, resolve)
            yield ParsedScore(
                channel=clean_text(channel),
                kind="score",
                value=number,
                label=label,
                explanation=explanation,
                detail=detail | whole,
            )
            detail = {}


def _value(value: Any, resolve: Resolve) -> tuple[float | None, str, dict[str, Any]]:
    """(number, label, detail) of one value."""
    if isinstance(value, bool):
        return float(value), "true" if value else "false", {}
    if isinstance(value, int | float):
        return clean_number(value), "", {}
    if isinstance(value, str):
        text = clean_text(resolve(value))
        return _number(text), text[:LABEL_LIMIT], {} if len(text) <= LABEL_LIMIT else {"value": cut(text)}
    if value is None:
        return None, "", {}
    text = cut(encode_json(clean_json(value)))
    return None, text[:LABEL_LIMIT], {"value": clean_json(value) if len(text) <= TEXT_LIMIT else text}


def _number(text: str) -> float | None:
    if text in LETTERS:
        return LETTERS[text]
    try:
        return clean_number(float(text))
    except ValueError:
        return None


def _detail(score: Mapping[str, Any], resolve: Resolve, notes: list[str]) -> dict[str, Any]:
    metadata = score.get("metadata")
    metadata = dict(metadata) if isinstance(metadata, Mapping) else {}
    grading = metadata.pop("grading", None)
    detail: dict[str, Any] = {}
    for name in ("answer", "reason"):
        if isinstance(score.get(name), str):
            detail[name] = cut(clean_text(resolve(score[name])))
    if isinstance(grading, list) and grading:
        detail["grading"] = [_graded(message, resolve, notes) for message in grading[:GRADING_LIMIT]]
        if len(grading) > GRADING_LIMIT:
            notes.append(f"only the first {GRADING_LIMIT} messages of a grading conversation are kept")
    for name, value in (("metadata", metadata), ("history", score.get("history"))):
        if value:
            cleaned = clean_json(value)
            text = encode_json(cleaned)
            detail[name] = cleaned if len(text) <= TEXT_LIMIT else cut(text)
    return detail


def _graded(message: Any, resolve: Resolve, notes: list[str]) -> dict[str, str]:
    if not isinstance(message, Mapping):
        return {"role": "", "text": cut(clean_text(str(message)))}
    text = read_content(message.get("content"), [], resolve).text
    return {"role": clean_text(str(message.get("role", ""))), "text": cut(clean_text(text))}


def cut(text: str) -> str:
    """`text`, or its first `TEXT_LIMIT` characters and how many more there were."""
    if len(text) <= TEXT_LIMIT:
        return text
    return f"{text[:TEXT_LIMIT]}… ({len(text) - TEXT_LIMIT:,} more characters in the source file)"
