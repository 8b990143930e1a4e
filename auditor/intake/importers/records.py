"""One JSON value at a time out of a file of lines, or out of a file that is one list.

What cannot be read is a `Rejection` in the stream, at its place, and reading goes on.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from auditor.corpus.jsontext import NotJson, decode_json
from auditor.corpus.lines import LINE_LIMIT, Line, read_lines
from auditor.corpus.records import ParsedTranscript, Place, Rejection
from auditor.corpus.sanitise import clean_text

Parsed = Iterator[ParsedTranscript | Rejection]
Convert = Callable[[Any, str, Place], ParsedTranscript]
REASON_LIMIT = 500  # characters


def parse_lines(source: BinaryIO, convert: Convert) -> Parsed:
    """One record for each line that is not blank, in file order."""
    return convert_lines(read_lines(source), convert)


def convert_lines(lines: Iterator[Line], convert: Convert) -> Parsed:
    """`convert(value, digest, place)` of each line's JSON value, or why there is none."""
    record = 0
    for line in lines:
        if line.blank:
            continue
        record += 1
        place = Place(record, line=line.number, start=line.start, length=len(line.data))
        if line.too_long:
            yield Rejection(place, f"the line is longer than {LINE_LIMIT // 1024**2} MB")
        else:
            yield convert_bytes(line.data, place, convert)


def convert_bytes(data: bytes, place: Place, convert: Convert) -> ParsedTranscript | Rejection:
    """The record that `data` holds; its digest is the sha256 of `data`."""
    try:
        return convert(decode_json(data), hashlib.sha256(data).hexdigest(), place)
    except NotJson as problem:
        return rejected(place, str(problem))
    except RecursionError:
        return rejected(place, "nested too deeply")
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as problem:
        return rejected(place, str(problem) or type(problem).__name__)


def rejected(place: Place, reason: str) -> Rejection:
    """A rejection whose reason can be stored."""
    return Rejection(place, clean_text(reason[:REASON_LIMIT]))
