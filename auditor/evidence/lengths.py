"""How long each text is that an anchor may point into."""

from collections.abc import Iterable

from django.db.models.functions import Length

from auditor.corpus.models import Message

Lengths = dict[tuple[int, int], dict[str, int]]  # (transcript, position) -> part -> code points


def lengths_of(transcript_ids: Iterable[int]) -> Lengths:
    """The lengths of the parts of every message of these transcripts, in one query that carries no text."""
    rows = Message.objects.filter(transcript_id__in=set(transcript_ids)).values_list(
        "transcript_id", "position", Length("text"), Length("reasoning"), "parts"
    )
    found: Lengths = {}
    for transcript_id, position, text, reasoning, parts in rows:
        lengths = {"text": text} | ({"reasoning": reasoning} if reasoning else {})
        lengths |= {
            f"part:{index}": len(part["text"]) for index, part in enumerate(parts) if part.get("text")
        }
        found[transcript_id, position] = lengths
    return found


def problem_with(
    lengths: Lengths, transcript_id: int, position: int | None, part: str, end: int | None
) -> str:
    """Why nothing stands at this place, in words; empty if something does."""
    if position is None:
        return ""
    parts = lengths.get((transcript_id, position))
    if parts is None:
        return f"the transcript has no message {position}"
    if part and part not in parts:
        return f"message {position} has no {part}"
    if part and end is not None and end > parts[part]:
        return f"offset {end} is beyond the {parts[part]} characters of {part} in message {position}"
    return ""
