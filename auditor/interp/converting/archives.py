"""The files that pickled objects come in: bare, compressed, and torch's two layouts.

read(data) -> plain values, `Record`, `Storage` and `Array`
"""

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from auditor.interp.converting.instructions import Reader
from auditor.interp.converting.values import STORAGES, Failed, Name, Refused, Storage

MOST_BYTES = 512 * 1024 * 1024  # of the file, and of what it unpacks to
DEEPEST = 3  # archives within archives
MAGIC = 0x1950A86A20F9469CFC6C  # the first value of torch's older layout


def read(data: bytes, depth: int = 0) -> Any:
    """The value in a file's bytes, or in an archive inside it."""
    if depth > DEEPEST:
        raise Refused("archives within archives, too deep")

    def inner(found: bytes) -> Any:
        return read(found, depth + 1)

    if data.startswith(b"PK\x03\x04"):
        return read_zip(data, inner)
    file = io.BytesIO(unpacked(data))
    first = Reader(file, None, inner).read()
    return read_older(file, inner) if first == MAGIC and type(first) is int else first


def read_zip(data: bytes, inner: Callable[[bytes], Any]) -> Any:
    """torch's layout since 1.6: the instructions, and a member for each storage."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            raise Failed(f"it unpacks to more than {MOST_BYTES:,} bytes")
        held = {member.filename: archive.read(member) for member in archive.infolist()}
    found = [name for name in held if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(found) != 1:
        raise Failed("it is no archive of torch's")
    folder = found[0].removesuffix("data.pkl")
    if held.get(f"{folder}byteorder", b"little") != b"little":
        raise Failed("its numbers are big-endian, which is not read")

    def storage(given: Any) -> Storage:
        kind, key, _ = described(given)
        return Storage(kind, held.get(f"{folder}data/{key}"))

    return Reader(io.BytesIO(held[found[0]]), storage, inner).read()


def read_older(file: io.BytesIO, inner: Callable[[bytes], Any]) -> Any:
    """torch's layout before that: its version, facts of the machine, the object, then the storages one by one."""
    for _ in range(2):
        Reader(file, None, inner).read()
    storages: dict[str, Storage] = {}

    def storage(given: Any) -> Storage:
        kind, key, _ = described(given)
        if len(given) > 5 and given[5] is not None:
            raise Failed("a view of a storage, which is not read")
        return storages.setdefault(key, Storage(kind))

    value = Reader(file, storage, inner).read()
    keys = Reader(file, None, inner).read()
    if not isinstance(keys, list) or any(key not in storages for key in keys):
        raise Failed("its list of storages names others than it uses")
    for key in keys:
        one = storages[key]
        n = int.from_bytes(file.read(8), "little", signed=True)
        width = 2 if one.kind == "bf16" else np.dtype(one.kind).itemsize
        if not 0 <= n * width <= MOST_BYTES:
            raise Failed("a storage is too large")
        one.data = file.read(n * width)
        if len(one.data) != n * width:
            raise Failed("it breaks off")
    return value


def described(given: Any) -> tuple[str, str, Any]:
    """The kind and key of a storage that the file refers to."""
    if (
        not isinstance(given, tuple)
        or len(given) < 5
        or given[0] != "storage"
        or not isinstance(given[1], Name)
    ):
        raise Refused("a reference to something that is no storage")
    kind = STORAGES.get(given[1].text.removeprefix("torch."))
    if kind is None or not isinstance(given[2], str):
        raise Refused(given[1].text)
    return kind, given[2], given[4]


def unpacked(data: bytes) -> bytes:
    """What joblib compressed, as far as it may be large."""
    stream: Any = None
    if data[:1] == b"\x78" or data.startswith(b"\x1f\x8b"):
        stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
    elif data.startswith(b"BZh"):
        stream = bz2.BZ2Decompressor()
    elif data.startswith((b"\xfd7zXZ", b"]\x00\x00")):
        stream = lzma.LZMADecompressor()
    else:
        return data
    try:
        made: bytes = stream.decompress(data, MOST_BYTES)
    except (zlib.error, OSError, lzma.LZMAError, EOFError) as problem:
        raise Failed(f"it cannot be unpacked: {problem}") from problem
    if not stream.eof:
        raise Failed(f"it breaks off, or unpacks to more than {MOST_BYTES:,} bytes")
    return made
