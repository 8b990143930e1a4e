"""The chunks of one file, read ahead of the database: in a thread, or, for a large file, in a process of its own.

Two cores are then at work, one reading and one writing. The process is given a path and gives chunks back
through a pipe, which with the chunk that waits bounds how far it is ahead. It dies with this process; should
it die first, that is an error like any other: what was written stays, and the next pass goes on from there.
"""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from auditor.corpus.ahead import ahead
from auditor.corpus.chunks import Chunk, chunks
from auditor.intake.frames import Broken, Problem, received
from auditor.intake.importers import FORMATS
from auditor.intake.importers.mapping import Mapping, to_json
from auditor.runtime import places
from auditor.runtime.processes import how_it_ended

APART_FROM = 8_000_000  # bytes: reading fewer takes less time than starting a process
PIPE = 1 << 20  # bytes that a pipe holds, where the system lets us say so


class ReaderDied(RuntimeError):
    """The process that read the file ended before the file did; the message says how."""


@contextmanager
def read_ahead(
    source: BinaryIO, *, format: str, name: str, mapping: Mapping | None
) -> Iterator[Iterator[Chunk]]:
    """The file's chunks from its start; on leaving, nothing that read it is left.

    Raises:
        ReaderDied: where its next chunk would have come.
    """
    if (path := _large(source)) is not None:
        asked = {
            "path": os.fspath(path),
            "format": format,
            "name": name,
            "mapping": mapping and to_json(mapping),
        }
        with _apart(asked) as made:
            yield made
        return
    source.seek(0)
    parsed = FORMATS[format].parser(source, name=name, mapping=mapping)
    with ahead(chunks(parsed, lambda: 0 if source.closed else source.tell())) as made:
        yield made


def _large(source: BinaryIO) -> Path | None:
    """Where the file is, if it is worth a process."""
    path = getattr(source, "name", None)
    if not isinstance(path, str | Path) or os.fstat(source.fileno()).st_size < APART_FROM:
        return None
    return Path(path)


@contextmanager
def _apart(asked: dict[str, Any]) -> Iterator[Iterator[Chunk]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "auditor.intake.reading_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=places.BASE_DIR,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError), process.stdin as request:  # if it is dead already, its chunks say so
            request.write(json.dumps({**asked, "parent": os.getpid()}).encode())
        with suppress(AttributeError, OSError):
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE)  # Linux
        with ahead(_frames(process, process.stdout, asked["name"])) as made:
            try:
                yield made
            finally:
                process.kill()  # so that nobody waits for what it would still say
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _frames(process: subprocess.Popen[bytes], pipe: IO[bytes], name: str) -> Iterator[Chunk]:
    try:
        yield from received(cast(BinaryIO, pipe))
    except Problem as problem:
        raise ReaderDied(f"{name} could not be read: {problem}") from None
    except Broken:
        how = how_it_ended(process.wait())
        raise ReaderDied(
            f"the process that read {name} {how}; what it had read is kept, and the rest is read again"
        ) from None
