"""How the process that reads a file hands its chunks over: frames of a JSON head with bytes after it.

8 bytes length of the rest | 8 bytes length of the head | head | rows, messages and attachments, one after the other

{"chunk": [read, [[place, reason], ...], [[fields of a record, lengths, scores, attachments], ...]]}
{"problem": "OSError: gone"}                   nothing more comes
{"end": true}                                  and nothing is missing
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, BinaryIO

import orjson

from auditor.corpus.chunks import Chunk
from auditor.corpus.jsontext import decode_json
from auditor.corpus.records import ParsedQuote, ParsedScore, Place, Rejection
from auditor.corpus.rows import Carried, Prepared

LENGTH = 8  # bytes of a length
_PLAIN = Prepared._fields.index("row")  # fields before it are texts, numbers and whether there were warnings


class Broken(ValueError):
    """The frames ended before their end."""


class Problem(RuntimeError):
    """What the other side said went wrong."""


def send_chunk(out: BinaryIO, chunk: Chunk) -> None:
    """Write one chunk."""
    blobs: list[bytes] = []
    records = []
    for one in chunk.records:
        blobs += (one.row, one.messages, *(carried.data for carried in one.carried))
        attachments = [(carried.digest, carried.media_type, len(carried.data)) for carried in one.carried]
        records.append((*one[:_PLAIN], len(one.row), len(one.messages), one.scores, attachments))
    rejects = [(item.place.to_json(), item.reason) for item in chunk.rejects]
    _send(out, {"chunk": (chunk.read, rejects, records)}, blobs)


def send_problem(out: BinaryIO, words: str) -> None:
    """Write that nothing more comes, and why."""
    _send(out, {"problem": words}, [])


def send_end(out: BinaryIO) -> None:
    """Write that all has come."""
    _send(out, {"end": True}, [])


def received(source: BinaryIO) -> Iterator[Chunk]:
    """The chunks, as they come.

    Raises:
        Problem: the other side said so.
        Broken: it ended without a word.
    """
    while True:
        data = memoryview(_exactly(source, int.from_bytes(_exactly(source, LENGTH), "big")))
        start = LENGTH + int.from_bytes(data[:LENGTH], "big")
        head = decode_json(bytes(data[LENGTH:start]))
        if "problem" in head:
            raise Problem(head["problem"])
        if "end" in head:
            return
        chunk = _chunk(head["chunk"], data[start:])
        del data  # a chunk at a time: nothing of it is held while the next is waited for
        yield chunk


def _chunk(head: list[Any], data: memoryview) -> Chunk:
    read, rejects, records = head
    at = 0

    def taken(length: int) -> bytes:
        nonlocal at
        at += length
        return bytes(data[at - length : at])

    prepared = [
        Prepared._make(
            [
                *fields,
                taken(row),
                taken(messages),
                tuple((_score(score), problem) for score, problem in scores),
                tuple(Carried(digest, form, taken(length)) for digest, form, length in carried),
            ]
        )
        for *fields, row, messages, scores, carried in records
    ]
    return Chunk(prepared, [Rejection(Place.from_json(place), reason) for place, reason in rejects], read)


def _score(kept: dict[str, Any]) -> ParsedScore:
    return ParsedScore(**{**kept, "quotes": tuple(ParsedQuote(**quote) for quote in kept["quotes"])})


def _send(out: BinaryIO, head: dict[str, Any], blobs: list[bytes]) -> None:
    try:
        words = orjson.dumps(head)
    except TypeError:  # integers of more than 64 bits
        words = json.dumps(head, default=asdict).encode()
    whole = LENGTH + len(words) + sum(map(len, blobs))
    left = memoryview(
        b"".join((whole.to_bytes(LENGTH, "big"), len(words).to_bytes(LENGTH, "big"), words, *blobs))
    )
    while left:
        left = left[out.write(left) :]


def _exactly(source: BinaryIO, length: int) -> bytes:
    data = source.read(length)
    if len(data) < length:
        raise Broken
    return data
