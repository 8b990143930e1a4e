"""Members of a zip archive nobody vouches for: bounded, checked, deflate or Zstandard.

A size that the archive claims may refuse a member and never admits one: it is decompressed piece by
piece and refused as soon as it passes the limit, and when it turns out not to be what was claimed. Zstandard (method 93) is unpacked here, since the standard library of
Python 3.11 does not know it and large members consist of several frames.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO, cast

import zstandard

MEMBER_LIMIT = 200 * 1024 * 1024  # bytes, decompressed
RATIO_LIMIT = 500  # decompressed to compressed, looked at from RATIO_FROM on
RATIO_FROM = 32 * 1024 * 1024
ZSTD = 93
_WINDOW = 2**27  # bytes; what a Zstandard frame may make us hold
_CHUNK = 1024 * 1024
_LOCAL = struct.Struct("<4s22xHH")  # signature; lengths of name and extra field


class BadMember(ValueError):
    """A member that is broken, too large, encrypted or packed in a way we do not read."""


def open_archive(source: BinaryIO) -> zipfile.ZipFile:
    """The archive's directory.

    Raises:
        BadMember: there is none, because the file is no zip archive or was cut off.
    """
    try:
        return zipfile.ZipFile(source)
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError, struct.error) as problem:
        source.seek(0)
        if source.read(4) == b"PK\x03\x04":
            raise BadMember(
                "the zip archive has no directory at its end, so the file was cut off or is still being written"
            ) from None
        raise BadMember(f"not a zip archive: {problem}") from None


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int = MEMBER_LIMIT) -> bytes:
    """The decompressed bytes of a member, at most `limit` of them.

    Raises:
        BadMember: larger than `limit`, over `RATIO_LIMIT`, encrypted, broken, or of an unknown method.
    """
    if info.flag_bits & 0x1:
        raise BadMember("is encrypted")
    if info.file_size > limit:
        raise BadMember(f"claims {info.file_size:,} bytes when unpacked; we read at most {limit:,}")
    whole = bytearray()
    try:
        for piece in _zstd(archive, info) if info.compress_type == ZSTD else _plain(archive, info):
            whole += piece
            if len(whole) > limit:
                raise BadMember(f"is larger than {limit // 1024**2} MB when unpacked")
            if len(whole) > RATIO_FROM and len(whole) > RATIO_LIMIT * max(info.compress_size, 1):
                raise BadMember(f"unpacks to more than {RATIO_LIMIT} times its size")
    except (zipfile.BadZipFile, zlib.error, zstandard.ZstdError, EOFError, OSError, struct.error) as problem:
        raise BadMember(f"is broken: {problem}") from None
    except BadMember:
        raise
    except (
        RuntimeError,
        ValueError,
    ) as problem:  # a method that zipfile does not know, a size it disbelieves
        raise BadMember(f"cannot be read (method {info.compress_type}): {problem}") from None
    if info.compress_type == ZSTD and zlib.crc32(whole) != info.CRC:
        raise BadMember("is broken: its checksum does not match")
    if len(whole) != info.file_size:
        raise BadMember(f"is broken: it holds {len(whole):,} bytes and claims {info.file_size:,}")
    return bytes(whole)


def _plain(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as member:
        while piece := member.read(_CHUNK):
            yield piece


def _zstd(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    file = archive.fp
    if file is None:
        raise BadMember("cannot be read: the archive is closed")
    file.seek(info.header_offset)
    head = file.read(_LOCAL.size)
    signature, name_length, extra_length = _LOCAL.unpack(head)
    if signature != b"PK\x03\x04":
        raise BadMember("is broken: no member begins where the directory says")
    file.seek(name_length + extra_length, io.SEEK_CUR)
    packed = _Window(file, info.compress_size)
    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    with unpacker.stream_reader(cast(IO[bytes], packed), read_across_frames=True, closefd=False) as reader:
        while piece := reader.read(_CHUNK):
            yield piece
    if packed.left:
        raise BadMember("is broken: it is shorter than the directory says")


class _Window:
    """The next `left` bytes of a file, as a file."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        self._file, self.left = file, left

    def read(self, size: int = -1) -> bytes:
        """At most `size` of the bytes that are left."""
        piece: bytes = self._file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(piece)
        return piece
