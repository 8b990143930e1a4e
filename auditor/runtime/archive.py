"""The file that a backup is: a tar whose last member lists every other member with its size and sha256.

database.dump      pg_dump's custom format
files/…            everything under var/files
manifest.json      written last, so that a backup that was cut off has none
"""

import hashlib
import json
import os
import tarfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO

FORMAT = 1
DATABASE = "database.dump"
MANIFEST = "manifest.json"
BLOCK = 1 << 20  # bytes
LARGEST_MANIFEST = 256 << 20  # bytes; about a million files


class BadBackup(RuntimeError):
    """The file is not a whole, unchanged backup."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    version: str  # of Auditor
    made_at: str  # ISO 8601, UTC
    server_major: int  # of the PostgreSQL it was taken from
    dump_major: int  # of the pg_dump that wrote it
    members: dict[str, tuple[int, str]]  # name: (bytes, sha256)


def write(
    path: Path, *, dump: Path, files: Path, version: str, server_major: int, dump_major: int
) -> Manifest:
    """Write a backup, complete or not at all, readable by its owner only."""
    draft = path.with_name(f"{path.name}.part")
    members: dict[str, tuple[int, str]] = {}
    try:
        with (
            open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out,
            tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            members[DATABASE] = _add(tar, DATABASE, dump)
            for file in sorted(files.rglob("*")) if files.exists() else []:
                if file.is_file() and not file.is_symlink():
                    name = f"files/{file.relative_to(files).as_posix()}"
                    members[name] = _add(tar, name, file)
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            manifest = Manifest(FORMAT, version, moment, server_major, dump_major, members)
            listing = draft.with_suffix(".manifest")
            listing.write_text(json.dumps(asdict(manifest)), encoding="utf-8")
            _add(tar, MANIFEST, listing)
            listing.unlink()
            tar.close()
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
        draft.with_suffix(".manifest").unlink(missing_ok=True)
    return manifest


def verify(path: Path) -> Manifest:
    """Read the whole backup once; raises BadBackup where it is cut off, changed, or names a place outside."""
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    try:
        for name, stream in _members(path):
            if name == MANIFEST:
                manifest = _manifest(stream.read(LARGEST_MANIFEST))
            else:
                found[name] = _digest(stream)
    except (tarfile.TarError, EOFError) as problem:
        raise BadBackup(f"{path} is cut off or not a backup of Auditor: {problem}") from problem
    if manifest is None:
        raise BadBackup(f"{path} has no manifest: it was cut off, or is not a backup of Auditor")
    if found != manifest.members:
        changed = sorted(set(found.items()) ^ set(manifest.members.items()))[0][0]
        raise BadBackup(f"{path} was changed: {changed} is not what the manifest says")
    return manifest


def extract(path: Path, *, dump: Path, files: Path) -> None:
    """Write a verified backup's dump to `dump` and its files under the new folder `files`."""
    files.mkdir(mode=0o700)
    for name, stream in _members(path):
        if name == MANIFEST:
            continue
        target = dump if name == DATABASE else files / PurePosixPath(name).relative_to("files")
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(target, "xb", opener=lambda place, flags: os.open(place, flags, 0o600)) as out:
            while block := stream.read(BLOCK):
                out.write(block)


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Each member with its content; nothing but plain files with names inside is accepted."""
    with tarfile.open(path, mode="r:") as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            inside = member.name in (DATABASE, MANIFEST) or (len(parts) > 1 and parts[0] == "files")
            if not member.isreg() or not inside or ".." in parts or "\0" in member.name:
                raise BadBackup(f"{path} holds {member.name!r}, which no backup of Auditor holds")
            stream = tar.extractfile(member)
            assert stream is not None  # a plain file has content
            yield member.name, stream


def _add(tar: tarfile.TarFile, name: str, path: Path) -> tuple[int, str]:
    """Add a file as it is now; returns what the manifest says of it."""
    with path.open("rb") as file:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = (
            os.fstat(file.fileno()).st_size,
            int(path.stat().st_mtime),
            0o600,
        )
        summing = _Summing(file)
        tar.addfile(member, summing)
        return member.size, summing.digest.hexdigest()


class _Summing:
    """A reader that keeps the sha256 of what it gave out."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self.file.read(size)
        self.digest.update(block)
        return block


def _digest(stream: IO[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while block := stream.read(BLOCK):
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest()


def _manifest(content: bytes) -> Manifest:
    try:
        raw = json.loads(content)
        if raw["format"] != FORMAT:
            raise BadBackup(
                f"the backup has format {raw['format']}; this version of Auditor reads format {FORMAT}"
            )
        raw["members"] = {name: (int(size), str(digest)) for name, (size, digest) in raw["members"].items()}
        return Manifest(**raw)
    except (ValueError, KeyError, TypeError) as problem:
        raise BadBackup(f"the backup's manifest cannot be read: {problem}") from problem
