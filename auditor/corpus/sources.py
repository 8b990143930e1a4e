"""Source files, kept once, compressed and content-addressed, so that raw bytes can be fetched again."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import zstandard
from django.core.files import File
from django.core.files.storage import default_storage

from auditor.corpus.models import SourceFile

CHUNK = 1 << 20  # bytes


def keep_source(path: Path) -> SourceFile:
    """Store the file at `path` unless the same bytes are stored already; safe to repeat."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    name = f"sources/{digest.hexdigest()[:2]}/{digest.hexdigest()}.zst"
    if not default_storage.exists(name):
        packed = path.with_name(path.name + ".zst-part")
        try:
            with path.open("rb") as raw, packed.open("wb") as out:
                zstandard.ZstdCompressor(level=3).copy_stream(raw, out, size=size)
            with packed.open("rb") as out:
                default_storage.save(name, File(out))
        finally:
            packed.unlink(missing_ok=True)
    source, _ = SourceFile.objects.get_or_create(digest=digest.hexdigest(), defaults={"size": size, "path": name})
    return source


@contextmanager
def open_source(source: SourceFile, scratch: Path) -> Iterator[BinaryIO]:
    """The uncompressed bytes as a seekable file, unpacked once into `scratch`."""
    unpacked = scratch / source.digest
    with default_storage.open(source.path, "rb") as packed, unpacked.open("wb") as out:
        zstandard.ZstdDecompressor().copy_stream(packed, out)
    try:
        with unpacked.open("rb") as file:
            yield file
    finally:
        unpacked.unlink(missing_ok=True)
