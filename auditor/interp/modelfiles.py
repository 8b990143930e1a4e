"""Weights in the file storage: named by their digest, written once, read by path."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.files.storage import FileSystemStorage, default_storage
from django.db import transaction

from auditor.corpus.sources import incoming, storage_lock, store_once

CHUNK = 4 << 20  # bytes


class TooLarge(ValueError):
    """More bytes than may come."""


@dataclass(frozen=True)
class Arrived:
    """A file that came in and is not yet kept."""

    path: Path
    digest: str  # sha256 hex
    size: int  # bytes


@contextmanager
def arriving(chunks: Iterable[bytes], *, limit: int) -> Iterator[Arrived]:
    """Bytes written to a file of their own as they come; gone at the end, unless they were kept.

    Raises:
        TooLarge: more than `limit` bytes.
    """
    path, digest, size = incoming(), hashlib.sha256(), 0
    try:
        with path.open("wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise TooLarge(f"It is larger than {limit / 1e6:,.0f} MB.")
                digest.update(chunk)
                file.write(chunk)
        yield Arrived(path, digest.hexdigest(), size)
    finally:
        path.unlink(missing_ok=True)


def chunks_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file, piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def keep(arrived: Arrived, *, folder: str) -> str:
    """Move what arrived into the storage; its name there. Equal bytes are kept once."""
    name = f"{folder}/{arrived.digest[:2]}/{arrived.digest}.safetensors"
    with transaction.atomic():
        storage_lock()
        store_once(name, arrived.path)
    return name


@contextmanager
def on_disk(name: str) -> Iterator[Path]:
    """A path to a file of the storage: its own where the storage is a folder, else a copy that goes at the end."""
    if isinstance(default_storage, FileSystemStorage):
        yield Path(default_storage.path(name))
        return
    copied = incoming()
    try:
        with default_storage.open(name, "rb") as source, copied.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
        yield copied
    finally:
        copied.unlink(missing_ok=True)
