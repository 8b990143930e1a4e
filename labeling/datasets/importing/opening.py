"""A release as it arrives, a folder or a ZIP archive of one: what is read of it is bounded and checked by digest first."""

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import orjson

from labeling.datasets.records import FORMAT
from labeling.datasets.verifying import MANIFEST, RECORDS, SMALL, SUMS

BLOCK = 1 << 20  # bytes
MOST_FILES = 250_000
LARGEST = 64 << 30  # bytes of all records
LONGEST = 128 << 20  # bytes of one record
FOLDERS = ("tracks/", "attachments/")  # what a release may have beside its records that an import reads


class CannotOpen(ValueError):
    """This is no release, or not a whole one; the message says why, with the file it is about."""


class Opened:
    """The parts of a release that an import reads, unpacked and checked."""

    def __init__(self, folder: Path, manifest: dict[str, Any], digest: str) -> None:
        self.folder = folder
        self.manifest = manifest
        self.digest = digest  # sha256 hex of the manifest, which names all other files by digest

    def text(self, name: str) -> str:
        """A small text file of the release."""
        return (self.folder / name).read_text(encoding="utf-8")

    def has(self, name: str) -> bool:
        """Whether it was unpacked: what an import reads, as the manifest names it."""
        return (self.folder / name).is_file()

    def lines(self, name: str = RECORDS) -> Iterator[tuple[int, bytes]]:
        """The records, or the lines of another file, with their numbers, from 1.

        Raises:
            CannotOpen: a line is longer than `LONGEST`.
        """
        with (self.folder / name).open("rb") as file:
            number = 0
            while line := file.readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST:
                    raise CannotOpen(f"{name}, line {number}: longer than {LONGEST >> 20} MB")
                if line.strip():
                    yield number, line


def pack(folder: Path, into: Path) -> None:
    """A release's folder as one archive, stored as it is.

    Raises:
        CannotOpen: no release.
    """
    if not (folder / MANIFEST).is_file():
        raise CannotOpen(f"{folder} has no {MANIFEST}")
    with zipfile.ZipFile(into, "w", compression=zipfile.ZIP_STORED, allowZip64=True) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                archive.write(path, path.relative_to(folder).as_posix())


@contextmanager
def opened(
    archive: BinaryIO, scratch: Path, *, beat: Callable[[int], None] = lambda done: None
) -> Iterator[Opened]:
    """The release in this archive; what is unpacked lies in `scratch` and is gone at the end.

    Args:
        beat: called with how many bytes were unpacked so far.

    Raises:
        CannotOpen: no archive, no release, too large, or a file differs from its digest.
    """
    folder = scratch / "release"
    folder.mkdir()
    try:
        yield _unpacked(archive, folder, beat)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpacked(archive: BinaryIO, folder: Path, beat: Callable[[int], None]) -> Opened:
    try:
        with zipfile.ZipFile(archive) as packed:
            members = _members(packed)
            sums = _sums(_small(packed, members, SUMS))
            raw = _small(packed, members, MANIFEST)
            digest = hashlib.sha256(raw).hexdigest()
            if sums.get(MANIFEST) != digest:
                raise CannotOpen(f"{MANIFEST}: its sha256 is not the one in {SUMS}")
            manifest = _manifest(raw)
            wanted = {RECORDS, *(str(one.get("file")) for one in manifest["codebooks"])}
            files = {one["name"]: one for one in manifest["files"]}
            wanted |= {name for name in files if name.startswith(FOLDERS)}
            done = 0
            for name in sorted(wanted):
                if name not in files or sums.get(name) != files[name]["sha256"]:
                    raise CannotOpen(f"{name}: {MANIFEST} and {SUMS} do not name it alike")
                done = _unpack(packed, members, files[name], folder, done, beat)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as problem:
        raise CannotOpen(f"the archive cannot be read: {problem}") from problem
    return Opened(folder, manifest, digest)


def _members(packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """By name within the release, which may be in one folder of the archive."""
    infos = [one for one in packed.infolist() if not one.is_dir()]
    if len(infos) > MOST_FILES:
        raise CannotOpen(f"the archive has more than {MOST_FILES:,} files")
    places = [PurePosixPath(one.filename) for one in infos]
    roots = {place.parent for place in places if place.name == MANIFEST}
    if not roots:
        raise CannotOpen(f"the archive has no {MANIFEST}: it is no release")
    root = min(roots, key=lambda one: len(one.parts))
    found: dict[str, zipfile.ZipInfo] = {}
    for place, info in zip(places, infos, strict=True):
        if place.is_relative_to(root):
            name = place.relative_to(root).as_posix()
            if name in found:
                raise CannotOpen(f"{name} stands in the archive twice")
            found[name] = info
    return found


def _small(packed: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    info = members.get(name)
    if info is None:
        raise CannotOpen(f"{name} is missing")
    with packed.open(info) as file:
        raw = file.read(SMALL + 1)
    if len(raw) > SMALL:
        raise CannotOpen(f"{name} is larger than {SMALL >> 20} MB")
    return raw


def _sums(raw: bytes) -> dict[str, str]:
    found = {}
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        digest, gap, name = line.partition("  ")
        if not gap or len(digest) != 64:
            raise CannotOpen(f"{SUMS}, line {number}: not a digest and a name")
        found[name] = digest
    return found


def _manifest(raw: bytes) -> dict[str, Any]:
    try:
        manifest = orjson.loads(raw)
    except orjson.JSONDecodeError as problem:
        raise CannotOpen(f"{MANIFEST}: {problem}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise CannotOpen(f"{MANIFEST}: its format is {str(found)[:60]!r}; what can be imported is {FORMAT!r}")
    manifest = {"tracks": [], "attachments": [], **manifest}  # none were chosen
    for name in ("files", "codebooks", "rounds", "channels", "tracks", "attachments"):
        if not isinstance(manifest.get(name), list) or not all(
            isinstance(one, dict) for one in manifest[name]
        ):
            raise CannotOpen(f"{MANIFEST}: {name} is no list of objects")
    for one in manifest["files"]:
        known = isinstance(one.get("name"), str) and isinstance(one.get("sha256"), str)
        if not known or not isinstance(one.get("size"), int) or one["size"] < 0:
            raise CannotOpen(f"{MANIFEST}: a file has no name, size and sha256")
    if not isinstance(manifest.get("parameters"), dict):
        raise CannotOpen(f"{MANIFEST}: it has no parameters")
    return manifest


def _unpack(
    packed: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    file: dict[str, Any],
    folder: Path,
    done: int,
    beat: Callable[[int], None],
) -> int:
    """Copy one file out, no more than it says it has, and compare its digest."""
    name, left = file["name"], file["size"]
    info = members.get(name)
    if info is None:
        raise CannotOpen(f"{name} is missing")
    if left > LARGEST or info.file_size != left:
        raise CannotOpen(f"{name} has {info.file_size:,} bytes, not {left:,}")
    digest = hashlib.sha256()
    place = folder / name
    if not place.resolve().is_relative_to(folder.resolve()):
        raise CannotOpen(f"{name!r} is no name of a file in a release")
    place.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(info) as source, place.open("wb") as out:
        while chunk := source.read(BLOCK):
            left -= len(chunk)
            if left < 0:
                raise CannotOpen(f"{name} has more bytes than it says")
            digest.update(chunk)
            out.write(chunk)
            done += len(chunk)
            beat(done)
    if left or digest.hexdigest() != file["sha256"]:
        raise CannotOpen(f"{name}: its sha256 is not the one in {MANIFEST}")
    return done
