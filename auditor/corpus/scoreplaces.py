"""Whether something stands at the place that a score names."""

from collections.abc import Sequence

from auditor.corpus.records import ParsedMessage, ParsedScore


def problem_with(score: ParsedScore, messages: Sequence[ParsedMessage]) -> str:
    """Why nothing stands at the place that a score names, in words; empty if something does."""
    if score.position is None:
        return "" if score.start is None and score.end is None else "it names characters and no message"
    if not 0 <= score.position < len(messages):
        return f"the transcript has no message {score.position}"
    if not score.part:
        return "" if score.start is None and score.end is None else "it names characters and no part"
    text = _text_of(messages[score.position], score.part)
    if text is None or len(score.part) > 20:
        return f"message {score.position} has no {score.part[:40]}"
    start, end = score.start, score.end
    if start is None and end is None:
        return ""
    if start is None or end is None or not 0 <= start < end:
        return f"characters {start} to {end} are no stretch"
    if end > len(text):
        return (
            f"offset {end} is beyond the {len(text)} characters of {score.part} in message {score.position}"
        )
    return ""


def _text_of(message: ParsedMessage, part: str) -> str | None:
    if part == "text":
        return message.text
    if part == "reasoning":
        return message.reasoning or None
    name, _, index = part.partition(":")
    if name != "part" or not index.isascii() or not index.isdigit() or int(index[:9]) >= len(message.parts):
        return None
    return message.parts[int(index[:9])].get("text") or None
