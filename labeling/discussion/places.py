"""Where in a transcript a thread stands, checked against the stored text."""

from dataclasses import dataclass

from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_between, texts_of

MAX_QUOTE = 2_000  # code points of words that one thread can be about


class BadPlace(ValueError):
    """There is no such place in the transcript; the message says which."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A message, or code points of one part of it with the words that stand there."""

    position: int
    part: str = ""
    start: int | None = None
    end: int | None = None
    quote: str = ""


def check_anchor(transcript: Transcript, anchor: Anchor) -> Anchor:
    """`anchor`, which stands in the stored text.

    Raises:
        BadPlace: no such message or part, or other words stand there.
    """
    at = anchor.position
    messages = messages_between(transcript, at, at + 1) if 0 <= at < transcript.n_messages else []
    if not messages:
        raise BadPlace("There is no such message in this transcript.")
    if not anchor.part:
        return Anchor(at)
    text = texts_of(messages[0]).get(anchor.part)
    start, end = anchor.start, anchor.end
    if (
        text is None
        or start is None
        or end is None
        or not 0 <= start < end <= len(text)
        or text[start:end] != anchor.quote
    ):
        raise BadPlace(f"“{anchor.quote[:60]}” does not stand where it was marked, in message {at + 1}.")
    if len(anchor.quote) > MAX_QUOTE:
        raise BadPlace(f"A thread can be about up to {MAX_QUOTE:,} characters; mark fewer words.")
    return anchor
