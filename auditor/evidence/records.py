"""What the parser of an evidence file hands to the writer: plain values, checked line by line.

Whether a transcript is known, a quote occurs or an anchor lies within its text is for the writer
to say: the parser sees the file alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.corpus.records import ParsedQuote, Place


@dataclass(frozen=True, slots=True)
class TranscriptName:
    """Which transcript a line is about: one of the two is set."""

    external_id: str = ""
    fingerprint: str = ""  # sha256 hex, lower case

    def as_text(self) -> str:
        """The name as a person would say it."""
        return self.external_id or f"fingerprint {self.fingerprint}"


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """A channel declared by the file; empty fields were not declared."""

    place: Place
    key: str
    name: str = ""
    kind: str = ""
    unit: str = ""  # transcript, message, span, token
    rollup: str = ""  # max, min, mean, last
    lo: float | None = None
    hi: float | None = None
    polarity: str = ""
    notice: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadingLine:
    """One machine opinion about a place of a transcript."""

    place: Place
    transcript: TranscriptName
    channel: str
    value: float | None  # finite
    label: str = ""
    position: int | None = None  # message, from 0; None: the whole transcript
    part: str = ""  # "text", "reasoning", "part:<i>"; empty: the whole message or transcript
    start: int | None = None  # code points
    end: int | None = None
    explanation: str = ""
    quotes: tuple[ParsedQuote, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    message_id: str = ""  # the message, by its own id in the source, where its position is not given
    identifier: str = ""  # who said it, where a channel speaks several times of one place


@dataclass(frozen=True, slots=True)
class TrackLine:
    """A value for each token of one part of one message; the three tuples have equal lengths."""

    place: Place
    transcript: TranscriptName
    channel: str
    position: int  # message, from 0
    part: str  # "text", "reasoning", "part:<i>"
    starts: tuple[int, ...]  # code points, never falling
    ends: tuple[int, ...]  # code points, each at or after its start
    values: tuple[float, ...]  # finite
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenLine:
    """As `TrackLine`, but the tokens come as the producer spells them, to be tied to the part's text."""

    place: Place
    transcript: TranscriptName
    channel: str
    position: int
    part: str
    tokens: tuple[str, ...]  # those that stand on words; special ones are left out
    values: tuple[float, ...]  # finite, one for each
    numbers: tuple[int, ...]  # which they are in the producer's list, from 0: for messages
    detail: Mapping[str, Any] = field(default_factory=dict)


EvidenceLine = ChannelLine | ReadingLine | TrackLine | TokenLine
