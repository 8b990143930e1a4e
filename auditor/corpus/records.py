"""What a parser hands to the writer: plain values, before anything is stored.

A parser yields `ParsedTranscript` and `Rejection` values in file order and never
touches the database; the writer stores what it is given and never parses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ROLES = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of bytes: of the file itself, or of a decompressed member of it."""

    start: int  # byte offset within the file or member
    length: int  # bytes
    member: str = ""  # name of the archive member; empty: the file itself


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in its source file, so that the same bytes or values can be fetched again.

    One stretch is given by `start` and `length` (with `member` in an archive); a record gathered from
    several, such as the spans of one trace or a sample kept in chunks, lists them in `pieces` and its
    bytes are theirs, one after the other. A row of a table is given by `row_group` and `row`, and its
    bytes are those of the row's canonical JSON.
    """

    record: int  # ordinal of the record in the source, counting from 1
    line: int | None = None  # line number counting from 1, for line-based formats
    member: str = ""  # name of the archive member, for archives
    start: int | None = None  # byte offset within the (decompressed) file or member
    length: int | None = None  # bytes
    pieces: tuple[Piece, ...] = ()
    row_group: int | None = None  # of a Parquet file, from 0
    row: int | None = None  # within its row group, from 0
    branch: str = ""  # which view of the record, where one record holds several conversations
    sha256: str = ""  # of the bytes or canonical row, where the transcript's digest is another

    def as_text(self) -> str:
        """The place as a person would say it."""
        if self.row is not None:
            words = f"row {self.record}"
        elif self.member:
            words = self.member
        elif self.pieces:
            words = f"record {self.record}, in {len(self.pieces)} pieces"
        else:
            words = f"line {self.line}" if self.line is not None else f"record {self.record}"
        return f"{words}, {self.branch}" if self.branch else words

    def to_json(self) -> dict[str, Any]:
        """What is stored: only what is known."""
        kept: dict[str, Any] = {"record": self.record}
        for name in ("line", "start", "length", "row_group", "row"):
            if (value := getattr(self, name)) is not None:
                kept[name] = value
        for name in ("member", "branch", "sha256"):
            if value := getattr(self, name):
                kept[name] = value
        if self.pieces:
            kept["pieces"] = [[piece.start, piece.length, piece.member] for piece in self.pieces]
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Place":
        """What `to_json` stored."""
        pieces = tuple(Piece(start, length, member) for start, length, member in kept.get("pieces") or ())
        return cls(**{**kept, "pieces": pieces})


class ParsedMessage(NamedTuple):  # there are millions of them: a tuple is made in a third of the time
    """One turn as it will be stored; all texts are sanitised (see `corpus.sanitise`)."""

    role: str  # one of ROLES
    text: str
    reasoning: str = ""
    parts: tuple[Mapping[str, Any], ...] = ()  # tool calls, tool results, images: each has "kind";
    # an image, sound or file may carry its bytes as "payload", which the writer keeps and replaces by
    # "blob", their sha256
    source_id: str = ""  # the message's own id in the source, if any
    model: str = ""


@dataclass(frozen=True, slots=True)
class ParsedQuote:
    """Words a machine opinion cites, as it cites them."""

    text: str
    source_id: str = ""  # id of the message it names, if any
    position: int | None = None  # or its position
    part: str = ""  # and the part of it, such as "part:0", where that is known


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
    position: int | None = None  # the message it speaks of; None: the whole transcript
    part: str = ""  # and the part of it
    start: int | None = None  # and the code points of the part
    end: int | None = None
    identifier: str = ""  # who said it, where one channel speaks several times of one place
    unit: str = ""  # the channel's: "transcript" (if empty), "message", "span"
    lo: float | None = None  # the ends of the channel's scale, where the log declares them
    hi: float | None = None
    polarity: str = ""  # what a high value means, in words
    name: str = ""  # the channel's name for people; empty: its key


@dataclass(frozen=True, slots=True)
class ParsedTranscript:
    """One conversation, ready to be written."""

    digest: str  # sha256 hex of the source record's bytes; of digest and view for further views of one record
    place: Place
    messages: tuple[ParsedMessage, ...]
    external_id: str = ""
    model: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)  # facets declared by the mapping
    metadata: Mapping[str, Any] = field(default_factory=dict)  # everything else, JSON-clean
    scores: tuple[ParsedScore, ...] = ()
    warnings: tuple[str, ...] = ()
    parent: str = ""  # digest of the transcript it branches off, yielded before it from the same file
    shared: int = 0  # messages at its beginning that are the parent's own first ones


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be stored, and why; a value in the stream, not an exception."""

    place: Place
    reason: str
