"""What a parser hands to the writer: plain values, before anything is stored.

A parser yields `ParsedTranscript` and `Rejection` values in file order and never
touches the database; the writer stores what it is given and never parses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROLES = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in its source file, so that the same bytes can be fetched again."""

    record: int  # ordinal of the record in the source, counting from 1
    line: int | None = None  # line number counting from 1, for line-based formats
    member: str = ""  # name of the archive member, for archives
    start: int | None = None  # byte offset within the (decompressed) file or member
    length: int | None = None  # bytes

    def as_text(self) -> str:
        """The place as a person would say it."""
        if self.member:
            return self.member
        return f"line {self.line}" if self.line is not None else f"record {self.record}"


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """One turn as it will be stored; all texts are sanitised (see `corpus.sanitise`)."""

    role: str  # one of ROLES
    text: str
    reasoning: str = ""
    parts: tuple[Mapping[str, Any], ...] = ()  # tool calls, tool results, images: each has "kind"
    source_id: str = ""  # the message's own id in the source, if any
    model: str = ""


@dataclass(frozen=True, slots=True)
class ParsedQuote:
    """Words a machine opinion cites, as it cites them."""

    text: str
    source_id: str = ""  # id of the message it names, if any
    position: int | None = None  # or its position


@dataclass(frozen=True, slots=True)
class ParsedScore:
    """One machine opinion that came with a record; it becomes a reading on a channel."""

    channel: str  # channel key, such as "judge.gpt-5"
    kind: str  # channel kind: "judge", "score", "probe", "sae", ...
    value: float | None  # never NaN or infinite; None when there is no number
    label: str = ""
    explanation: str = ""
    quotes: tuple[ParsedQuote, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)  # JSON-clean extras


@dataclass(frozen=True, slots=True)
class ParsedTranscript:
    """One conversation, ready to be written."""

    digest: str  # sha256 hex of the source record's bytes
    place: Place
    messages: tuple[ParsedMessage, ...]
    external_id: str = ""
    model: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)  # facets declared by the mapping
    metadata: Mapping[str, Any] = field(default_factory=dict)  # everything else, JSON-clean
    scores: tuple[ParsedScore, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be stored, and why; a value in the stream, not an exception."""

    place: Place
    reason: str
