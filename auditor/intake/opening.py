"""Opening what is kept: a source file itself, or a member of the archive that it is."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from auditor.corpus.models import SourceFile
from auditor.corpus.sources import incoming, keep_source, open_source
from auditor.intake.archives import BadArchive, BadMember, Entry, copied, entries
from auditor.intake.arrival import unpack
from auditor.intake.importers.head import Head
from auditor.intake.packed import BadPacking

_PACKERS = ("gzip", "zstd", "bzip2", "xz")
_MAGIC = 512  # bytes that tell a packed file


class Kept(Protocol):
    """A row that says where a file is kept."""

    @property
    def source(self) -> SourceFile | None: ...

    @property
    def member(self) -> str: ...


File = TypeVar("File", bound=Kept)
AtHand = Mapping[int, BinaryIO]  # the bytes of sources that are still here, by the sources' ids


class CannotOpen(ValueError):
    """The archive does not give this member back; the message says why."""


@contextmanager
def opened(file: Kept, *, limit: int | None = None) -> Iterator[BinaryIO]:
    """The file, or about its first `limit` bytes, as one that can seek; gone at the end.

    Raises:
        CannotOpen: its bytes were removed, or the archive does not give it back.
    """
    if file.source is None:
        raise CannotOpen("its bytes are gone: the import was undone")
    if not file.member:
        with open_source(file.source, limit=limit) as bare:
            yield bare
        return
    with open_source(file.source) as archive:
        for _, member, problem in _members(archive, [file], limit):
            if member is None:
                raise CannotOpen(problem)
            yield member
            return


def opened_source(file: Kept) -> SourceFile:
    """A source file of its own for a file that may be a member of an archive.

    Raises:
        CannotOpen: see `opened`.
    """
    if not file.member and file.source is not None:
        return file.source
    with opened(file) as member:
        return keep_source(Path(member.name))


def each_opened(
    files: Sequence[File], at_hand: AtHand | None = None
) -> Generator[tuple[File, BinaryIO | None, str], None, None]:
    """Each file with its bytes, or with the reason why there are none; an archive is walked once.

    The bytes are gone when the next file is asked for.
    """
    for source, group in groupby(files, key=lambda file: file.source):
        some = list(group)
        if source is None:
            yield from ((file, None, "its bytes are gone") for file in some)
            continue
        here = at_hand.get(source.pk) if at_hand else None
        with open_source(source) if here is None else nullcontext(here) as kept:
            for file in some:
                if not file.member:
                    kept.seek(0)
                    yield file, kept, ""
            yield from _members(kept, [file for file in some if file.member])


def _members(
    archive: BinaryIO, files: Sequence[File], limit: int | None = None
) -> Iterator[tuple[File, BinaryIO | None, str]]:
    """The wanted members in the archive's order, then those that were not found."""
    wanted = {file.member: file for file in files}
    why = "is not in the archive"
    if not wanted:
        return
    try:
        for entry in entries(archive):
            if entry.problem or (file := wanted.pop(entry.name, None)) is None:
                continue
            path = incoming()
            try:
                problem = ""
                try:
                    _extract(entry, path, limit)
                except (BadMember, BadPacking) as bad:
                    problem = str(bad)
                if problem:
                    yield file, None, problem
                else:
                    with path.open("rb") as member:
                        yield file, member, ""
            finally:
                path.unlink(missing_ok=True)
            if not wanted:
                return
    except BadArchive as bad:
        why = f"cannot be read from its archive: {bad}"
    yield from ((file, None, why) for file in wanted.values())


def _extract(entry: Entry, path: Path, limit: int | None) -> None:
    """Write a member to `path`, or its first bytes; of one that is itself packed what it holds."""
    file = entry.open()
    head = file.read(_MAGIC)
    packed = Head(head, "").magic in _PACKERS
    with path.open("wb") as out:
        out.write(head)
        copied(file, out, most=None if packed or limit is None else max(0, limit - len(head)))
    if packed:
        bare = incoming()
        try:
            with path.open("rb") as member:
                unpack(member, bare, most=limit)
            bare.replace(path)
        finally:
            bare.unlink(missing_ok=True)
