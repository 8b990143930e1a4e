"""Token tracks as safetensors: one transcript a file, a tensor for each channel.

    starts, ends    [n]  whole numbers: code points of each token in its text
    position        [n]  whole numbers: its message, from 0
    CHANNEL         [n]  F32, F64, F16 or BF16: any other tensor is the channel of its name

and metadata: `transcript`, JSON such as {"id": "a1"}, and `part` where it is not text. Tokens of one message stand
together, in the order of the text.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, deserialize

from auditor.corpus.records import Place, Rejection
from auditor.corpus.sanitise import clean_text
from auditor.evidence.evidence_line import BadLine, read_line, transcript_named
from auditor.evidence.records import EvidenceLine

MOST_FILE = 1024 * 1024 * 1024  # bytes
MOST_CHANNELS = 4_000
WHERE = ("starts", "ends", "position")
_WHOLE = {"I64": "<i8", "I32": "<i4", "I16": "<i2", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1"}
_FLOAT = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def begins_so(data: bytes) -> bool:
    """Whether a file begins as safetensors with the tensors that say where tokens stand."""
    return data[8:9] == b"{" and all(f'"{name}"'.encode() in data for name in WHERE)


def parse(source: BinaryIO, *, name: str) -> Iterator[EvidenceLine | Rejection]:
    """A track for each channel and message, or why the file cannot be used."""
    data = source.read(MOST_FILE + 1)
    if len(data) > MOST_FILE:
        yield Rejection(
            Place(1), f"it is larger than {MOST_FILE // 1024**2} MB; write a file for each transcript"
        )
        return
    try:
        found = deserialize(data)  # type: ignore[no-untyped-call]
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (SafetensorError, ValueError, OverflowError, RecursionError) as problem:
        yield Rejection(Place(1), clean_text(f"no safetensors that can be read: {problem}"[:500]))
        return
    try:
        yield from _tracks(dict(found), header.get("__metadata__", {}))
    except BadLine as problem:
        yield Rejection(Place(1), clean_text(str(problem)[:500]))


def _tracks(found: dict[str, Any], said: dict[str, str]) -> Iterator[EvidenceLine | Rejection]:
    transcript = _named(said)
    where = {}
    for name in WHERE:
        if name not in found:
            raise BadLine(f"tensor {name} is missing")
        where[name] = _array(found[name], name, _WHOLE)
    n = len(where["position"])
    channels = [name for name in found if name not in WHERE]
    if not channels or len(channels) > MOST_CHANNELS:
        raise BadLine(f"it needs 1 to {MOST_CHANNELS:,} tensors with values")
    cuts = [0, *(np.flatnonzero(np.diff(where["position"])) + 1).tolist(), n]
    for record, channel in enumerate(channels, 1):
        values = _array(found[channel], channel, _FLOAT)
        if not len(values) == len(where["starts"]) == len(where["ends"]) == n:
            raise BadLine(f"tensor {channel[:60]} has {len(values):,} values, and position {n:,}")
        for start, end in pairwise(cuts):
            if start == end:
                continue
            line = {
                "transcript": transcript, "channel": channel, "position": int(where["position"][start]),
                "part": said.get("part", "text"), "starts": where["starts"][start:end].tolist(),
                "ends": where["ends"][start:end].tolist(), "values": values[start:end].tolist(),
            }  # fmt: skip
            place = Place(record, member=f"tensor {channel[:100]}")
            try:
                yield read_line(line, place)
            except BadLine as problem:
                yield Rejection(place, clean_text(f"message {line['position']}: {problem}"[:500]))


def _named(said: dict[str, str]) -> dict[str, Any]:
    try:
        transcript = json.loads(said.get("transcript", ""))
    except (ValueError, RecursionError) as problem:
        raise BadLine('metadata transcript must be JSON such as {"id": "a1"}') from problem
    transcript_named({"transcript": transcript})
    return dict(transcript)


def _array(held: dict[str, Any], name: str, kinds: dict[str, str]) -> npt.NDArray[Any]:
    raw, kind, shape = bytes(held["data"]), held["dtype"], held["shape"]
    if len(shape) != 1:
        raise BadLine(f"tensor {name[:60]} is {tuple(shape)}, and should have one number for each token")
    if kind == "BF16" and kinds is _FLOAT:  # the upper half of a 32-bit number
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    if kind not in kinds:
        raise BadLine(f"tensor {name[:60]} is of type {kind}, and one of {', '.join(kinds)} is read")
    array = np.frombuffer(raw, kinds[kind])
    return array.astype(np.int64) if kinds is _WHOLE else array
