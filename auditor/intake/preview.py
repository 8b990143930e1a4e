"""A first look into a file before anything of it is stored: read with a bound, written nowhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import SEEK_END
from itertools import islice
from typing import Any, BinaryIO, cast

from auditor.corpus.document import Document, render
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Rejection
from auditor.evidence.formats import EVIDENCE_FORMATS
from auditor.evidence.records import ChannelLine, TokenLine, TrackLine
from auditor.intake.importers import FORMATS, mapped_csv, mapped_parquet
from auditor.intake.importers.jsonlist import list_or_lines
from auditor.intake.importers.mapping import Mapping
from auditor.intake.importers.suggest import suggest
from auditor.intake.models import UploadFile
from auditor.intake.opening import opened

RECORDS = 100  # that are looked at
SHOWN = 3  # transcripts that can be read
MESSAGES = 30  # of each
CHARACTERS = 4_000  # of each text
BYTES = 32 << 20  # that are unpacked, where the start of a file can be read alone
TABLES = {"mapped_csv": mapped_csv.records, "mapped_parquet": mapped_parquet.records}
WHOLE = {".eval", ".parquet"}  # a zip archive and Parquet are read from their end


@dataclass(frozen=True)
class ShownMessage:
    """A message as `corpus.document` reads it, long texts cut."""

    position: int
    role: str
    text: str
    reasoning: str
    parts: list[dict[str, Any]]
    model_name: str


@dataclass(frozen=True)
class Preview:
    """What the first records of a file would become."""

    transcripts: list[ParsedTranscript] = field(default_factory=list)  # the first `SHOWN`
    rejects: list[Rejection] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)  # that scores would go to
    looked_at: int = 0
    warned: int = 0


@dataclass(frozen=True)
class EvidencePreview:
    """What the first lines of an evidence file say."""

    channels: list[str]
    declared: int
    readings: int
    tracks: int
    transcripts: int  # different names
    rejects: list[Rejection]


def preview(file: UploadFile, *, format: str, mapping: Mapping | None) -> Preview:
    """The first `RECORDS` records as the import would read them.

    Raises:
        CannotOpen: the archive does not give the file back.
    """
    transcripts: list[ParsedTranscript] = []
    rejects: list[Rejection] = []
    channels: dict[str, None] = {}
    looked_at = warned = 0
    with _head(file, format) as (stream, cut):
        parsed = FORMATS[format].parser(stream, name=file.name, mapping=mapping)
        for item in _whole(islice(parsed, RECORDS + 1), cut):
            looked_at += 1
            if isinstance(item, Rejection):
                rejects.append(item)
                continue
            warned += bool(item.warnings)
            channels.update((score.channel, None) for score in item.scores)
            if len(transcripts) < SHOWN:
                transcripts.append(item)
    return Preview(transcripts, rejects, list(channels), looked_at, warned)


def preview_evidence(file: UploadFile, *, format: str) -> EvidencePreview:
    """The first `RECORDS` lines of an evidence file."""
    with _head(file, format) as (stream, cut):
        lines = list(
            _whole(islice(EVIDENCE_FORMATS[format].parser(stream, name=file.name), RECORDS + 1), cut)
        )
    spoken = [line for line in lines if not isinstance(line, ChannelLine | Rejection)]
    declared = [line.key for line in lines if isinstance(line, ChannelLine)]
    tracks = sum(isinstance(line, TrackLine | TokenLine) for line in spoken)
    return EvidencePreview(
        channels=list(dict.fromkeys([*declared, *(line.channel for line in spoken)])),
        declared=len(declared),
        readings=len(spoken) - tracks,
        tracks=tracks,
        transcripts=len({line.transcript for line in spoken}),
        rejects=[line for line in lines if isinstance(line, Rejection)],
    )


def suggested(file: UploadFile, format: str) -> Mapping:
    """A mapping guessed from the first records."""
    with _head(file, format) as (stream, _):
        if format in TABLES:
            rows = islice(TABLES[format](stream), 20)
            return suggest([row[2] for row in rows if not isinstance(row, Rejection)])
        decoded = cast(Iterator[Any], list_or_lines(stream, lambda value, digest, place: value))
        return suggest([value for value in islice(decoded, 20) if isinstance(value, dict)])


def as_document(transcript: ParsedTranscript) -> Document:
    """The first messages as a page shows them."""
    return render(
        [_shown(position, message) for position, message in enumerate(transcript.messages[:MESSAGES])], ()
    )


def _shown(position: int, message: ParsedMessage) -> ShownMessage:
    parts = [
        {**part, "text": _cut(part["text"])} if isinstance(part.get("text"), str) else dict(part)
        for part in message.parts
    ]
    return ShownMessage(
        position, message.role, _cut(message.text), _cut(message.reasoning), parts, message.model
    )


def _cut(text: str) -> str:
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]} […]"


@contextmanager
def _head(file: UploadFile, format: str) -> Iterator[tuple[BinaryIO, bool]]:
    """The file, or its first `BYTES` and True where there is more."""
    endings = (FORMATS[format] if format in FORMATS else EVIDENCE_FORMATS[format]).extensions
    limit = None if WHOLE & set(endings) else BYTES
    with opened(file, limit=limit) as stream:
        cut = limit is not None and stream.seek(0, SEEK_END) >= limit
        stream.seek(0)
        yield stream, cut


def _whole(items: Iterator[Any], cut: bool) -> Iterator[Any]:
    """At most `RECORDS` items, without one that only the cut end of the file spoiled."""
    found = list(items)
    if cut and len(found) <= RECORDS and found and isinstance(found[-1], Rejection):
        found.pop()
    return iter(found[:RECORDS])
