"""Token blocks: several channels' values for each token of one transcript, as one payload.

A payload is a safetensors file of these tensors, n tokens, c channels, little-endian:

    id              [n]     i32   the token's number in its vocabulary
    at, till        [n]     u32   its code points in the rendered text; till is exclusive
    position        [n]     i32   the message it stands in; -1: between messages, where the template writes
    part            [n]     u8    which of `parts` it stands in
    start, end      [n]     u32   its code points in that part; equal where it stands on no words of it
    special         [n]     u8    1: a token with a meaning of its own
    counted         [n]     u8    1: it counts towards the readings (the words of the assistant)
    values          [c, n]  f32   row i is channel `keys[i]`
    top.D.index     [n, k]  u32   dictionary D: its strongest features on the token, strongest first
    top.D.value     [n, k]  f32   how strong; 0 where fewer than k are active
    rendered        [m]     u8    what the model read, UTF-8

and of this metadata: `format` (auditor.block.1), `keys`, `parts`, `dictionaries` (JSON lists of texts) and `facts`
(a JSON object: whatever the producer says of itself).

In a shard a payload is one zstd frame, found by the byte range that its row names. The row's digest is the
sha256 of the payload.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard
from safetensors import SafetensorError
from safetensors.numpy import load

FORMAT = "auditor.block.1"
MOST_BYTES = 1 << 30  # of one payload
LARGEST = float(np.finfo(np.float32).max)
COLUMNS: dict[str, Any] = {
    "id": np.int32, "at": np.uint32, "till": np.uint32, "position": np.int32, "part": np.uint8, "start": np.uint32,
    "end": np.uint32, "special": np.uint8, "counted": np.uint8,
}  # fmt: skip
DTYPES = {"float32": "F32", "int32": "I32", "uint32": "U32", "uint8": "U8"}
Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint32]


class BadBlock(ValueError):
    """The parts of a block do not fit each other."""


class DamagedBlock(RuntimeError):
    """The shard does not hold what its row says."""


@dataclass(frozen=True)
class TokenTable:
    """Where n tokens stand; arrays of length n, as in the module's table."""

    id: npt.NDArray[np.int32]
    at: Counts
    till: Counts
    position: npt.NDArray[np.int32]
    part: npt.NDArray[np.uint8]
    start: Counts
    end: Counts
    special: npt.NDArray[np.uint8]
    counted: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class Top:
    """The strongest features of one dictionary on each token, both [n, k], strongest first."""

    index: Counts
    value: Floats


@dataclass(frozen=True)
class BlockValues:
    """A block as it is written and read."""

    tokens: TokenTable
    parts: tuple[str, ...]  # "text", "reasoning", "part:0"
    keys: tuple[str, ...]  # of the channels
    values: Floats  # [c, n]
    tops: Mapping[str, Top] = field(default_factory=dict)
    rendered: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def row(self, key: str) -> Floats:
        """The channel's values, [n].

        Raises:
            KeyError: the block has no such channel.
        """
        if key not in self.keys:
            raise KeyError(key)
        row: Floats = self.values[self.keys.index(key)]
        return row


def pack_block(block: BlockValues) -> bytes:
    """The payload; equal blocks give equal bytes.

    Raises:
        BadBlock: arrays of unequal lengths, a value that is not finite, or a part that is not listed.
    """
    n = len(block.tokens)
    tensors: dict[str, npt.NDArray[Any]] = {}
    for name, kind in COLUMNS.items():
        column = np.ascontiguousarray(getattr(block.tokens, name), dtype=kind)
        if column.shape != (n,):
            raise BadBlock(f"{name} needs one entry for each of the {n:,} tokens")
        tensors[name] = column
    if n == 0:
        raise BadBlock("a block has at least one token")
    if int(tensors["part"].max()) >= max(len(block.parts), 1):
        raise BadBlock("a token stands in a part that is not listed")
    if (tensors["end"] < tensors["start"]).any() or (tensors["till"] < tensors["at"]).any():
        raise BadBlock("no token ends before it starts")
    tensors["values"] = _finite(block.values, (len(block.keys), n), "values")
    if len(set(block.keys)) != len(block.keys):
        raise BadBlock("a channel stands in a block once")
    for name, top in block.tops.items():
        index = np.ascontiguousarray(top.index, dtype=np.uint32)
        if index.ndim != 2 or len(index) != n:
            raise BadBlock(f"the strongest features of {name} need a row for each token")
        tensors[f"top.{name}.index"] = index
        tensors[f"top.{name}.value"] = _finite(top.value, index.shape, f"the strongest features of {name}")
    tensors["rendered"] = np.frombuffer(block.rendered.encode(), dtype=np.uint8)
    metadata = {
        "format": FORMAT,
        "keys": _json(block.keys),
        "parts": _json(block.parts),
        "dictionaries": _json(list(block.tops)),
        "facts": _json(block.facts),
    }
    return _written(tensors, metadata)


def _written(tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file, always the same: the library's own writer orders its metadata as it happens to."""
    header: dict[str, Any] = {"__metadata__": metadata}
    offset, data = 0, []
    # the widest first, so that every array begins at a multiple of its entries' width
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        little = tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes()
        header[name] = {
            "dtype": DTYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(little)],
        }
        offset += len(little)
        data.append(little)
    head = json.dumps(header, ensure_ascii=True, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return b"".join([len(head).to_bytes(8, "little"), head, *data])


def _finite(values: Any, shape: tuple[int, ...], what: str) -> Floats:
    exact = np.asarray(values)
    if exact.shape != shape:
        raise BadBlock(f"{what} should be {shape} and are {exact.shape}")
    if exact.size and (not np.isfinite(exact).all() or np.abs(exact).max() > LARGEST):
        raise BadBlock(f"{what}: one is not finite or too large for 32 bits")
    kept: Floats = np.ascontiguousarray(exact, dtype=np.float32)
    return kept


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def compressed(payload: bytes) -> bytes:
    """The frame that stands in a shard."""
    return zstandard.ZstdCompressor(level=3, write_content_size=True).compress(payload)


def unpack_block(frame: bytes, digest: str) -> BlockValues:
    """The block in one frame of a shard.

    Args:
        digest: sha256 hex of the payload.

    Raises:
        DamagedBlock: no frame, other bytes than `digest` names, or no block.
    """
    try:
        payload = zstandard.ZstdDecompressor().decompress(frame, max_output_size=MOST_BYTES)
    except zstandard.ZstdError as problem:
        raise DamagedBlock(f"the shard cannot be read: {problem}") from problem
    if hashlib.sha256(payload).hexdigest() != digest:
        raise DamagedBlock("the shard holds other values than were written")
    try:
        return read_payload(payload)
    except (SafetensorError, KeyError, ValueError, UnicodeDecodeError) as problem:
        raise DamagedBlock(f"the shard holds no block: {problem}") from problem


def read_payload(payload: bytes) -> BlockValues:
    """What `pack_block` wrote.

    Raises:
        SafetensorError, KeyError, ValueError: it did not write this.
    """
    length = int.from_bytes(payload[:8], "little")
    metadata = json.loads(payload[8 : 8 + length])["__metadata__"]
    if metadata["format"] != FORMAT:
        raise ValueError(f"its format is {metadata['format']}")
    tensors = load(payload)
    tops = {
        name: Top(index=tensors[f"top.{name}.index"], value=tensors[f"top.{name}.value"])
        for name in json.loads(metadata["dictionaries"])
    }
    return BlockValues(
        tokens=TokenTable(**{name: tensors[name] for name in COLUMNS}),
        parts=tuple(json.loads(metadata["parts"])),
        keys=tuple(json.loads(metadata["keys"])),
        values=tensors["values"],
        tops=tops,
        rendered=tensors["rendered"].tobytes().decode(),
        facts=json.loads(metadata["facts"]),
    )
