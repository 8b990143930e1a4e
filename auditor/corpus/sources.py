"""Source files, kept once, compressed and content-addressed, so that raw bytes can be fetched again.

Files of the storage are named by rows. Whoever writes a row after finding the file there holds
`storage_lock` shared until the row is committed; whoever removes what no row names holds it alone.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import zstandard
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.db.models.deletion import ProtectedError

from auditor.corpus.models import SourceFile
from auditor.runtime import places

CHUNK = 1 << 20  # bytes
THREADS = 2  # that compress a large file
LOCK = 0x4B657074 << 32  # "Kept": the advisory lock on what the storage holds


def storage_lock(*, alone: bool = False) -> None:
    """Until this transaction ends nobody removes files from the storage; `alone`: nor does anybody add them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{'' if alone else '_shared'}(%s)", [LOCK])


def storage_is_free() -> bool:
    """Whether nobody adds files or removes any; until this transaction ends nobody else does then."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        (free,) = cursor.fetchone()
    return bool(free)


def incoming() -> Path:
    """A path that nothing has yet, in the folder where files stand until they are stored."""
    folder = places.FILES / "incoming"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / secrets.token_hex(16)


def keep_source(path: Path) -> SourceFile:
    """Store the file at `path` unless the same bytes are stored already; safe to repeat."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return _stored(path, digest.hexdigest(), size)


@contextmanager
def kept_at_hand(path: Path) -> Iterator[tuple[SourceFile, BinaryIO]]:
    """The same, and the bytes that were stored, as a file that can seek; gone at the end.

    They are a copy, which is what is digested, stored and read, whatever becomes of the file meanwhile; to
    unpack what was stored would take ten times as long.
    """
    copy = incoming()
    digest = hashlib.sha256()
    size = 0
    try:
        with path.open("rb") as file, copy.open("wb") as out:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                out.write(chunk)
                size += len(chunk)
        source = _stored(copy, digest.hexdigest(), size)
        with copy.open("rb") as file:
            yield source, file
    finally:
        copy.unlink(missing_ok=True)


def _stored(path: Path, digest: str, size: int) -> SourceFile:
    name = f"sources/{digest[:2]}/{digest}.zst"
    with transaction.atomic():
        storage_lock()
        if not default_storage.exists(name):
            packed = incoming()
            with path.open("rb") as raw, packed.open("wb") as out:
                zstandard.ZstdCompressor(level=3, threads=THREADS).copy_stream(raw, out, size=size)
            store_once(name, packed)
        source, _ = SourceFile.objects.get_or_create(digest=digest, defaults={"size": size, "path": name})
    return source


class _Arrived(File):  # type: ignore[type-arg]  # generic for the checker only
    """A file that the storage of a folder takes by renaming it, so that no half of it is ever seen."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return str(self.path)


def store_once(name: str, path: Path) -> None:
    """Move the file at `path` into the storage under a name made of its digest; safe to repeat and to race."""
    try:
        if default_storage.exists(name):
            return
        with path.open("rb") as file:
            os.fsync(file.fileno())
        with _Arrived(path) as arrived:
            saved = default_storage.save(name, arrived)
        if saved != name:  # somebody stored the same bytes in the meantime
            default_storage.delete(saved)
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def open_source(source: SourceFile, *, limit: int | None = None) -> Iterator[BinaryIO]:
    """The uncompressed bytes, or the first `limit` of them, as a file that can seek; gone at the end."""
    unpacked = incoming()
    left = source.size if limit is None else limit
    try:
        with default_storage.open(source.path, "rb") as packed, unpacked.open("wb") as out:
            reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
            while left > 0 and (chunk := reader.read(min(CHUNK, left))):
                out.write(chunk)
                left -= len(chunk)
        with unpacked.open("rb") as file:
            yield file
    finally:
        unpacked.unlink(missing_ok=True)


def forget_unused(source_ids: Iterable[int]) -> int:
    """Remove those of the source files that no row names any more, rows and bytes; how many went.

    Call it outside a transaction: the bytes go once the rows are gone for good.
    """
    gone: list[tuple[str, str]] = []
    for pk in source_ids:
        try:
            with transaction.atomic():
                storage_lock(alone=True)
                row = SourceFile.objects.filter(pk=pk).first()
                if row is not None:
                    row.delete()
                    gone.append((row.digest, row.path))
        except (ProtectedError, IntegrityError):
            continue
    for digest, path in gone:
        with transaction.atomic():
            storage_lock(alone=True)
            if not SourceFile.objects.filter(digest=digest).exists():
                default_storage.delete(path)
    return len(gone)
