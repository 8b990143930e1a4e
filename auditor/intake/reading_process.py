"""The process that reads one file for an import: `python -m auditor.intake.reading_process`.

It reads what to do from its standard input, as one JSON object, and writes frames to its standard output. It
knows no Django and has no connection, and ends with its parent.
"""

import gc
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

from auditor.corpus.chunks import chunks
from auditor.intake.frames import send_chunk, send_end, send_problem
from auditor.intake.importers import FORMATS
from auditor.intake.importers.mapping import from_json
from auditor.runtime.processes import die_with_parent

OBJECTS = 50_000  # made between two looks for cycles, of which parsers leave none


def main() -> None:
    """Read the file that is asked for, until its end or until nobody listens."""
    asked = json.load(sys.stdin)
    die_with_parent(signal.SIGKILL, parent=asked["parent"])()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the keyboard it is meant for the parent
    with os.fdopen(os.dup(1), "wb", buffering=0) as out:
        os.dup2(2, 1)  # whatever else is printed is none of the frames
        try:
            _read(asked, out)
        except BrokenPipeError:
            return
        except Exception as problem:
            traceback.print_exc()
            send_problem(out, f"{type(problem).__name__}: {problem}"[:500])


def _read(asked: dict[str, str], out: BinaryIO) -> None:
    gc.set_threshold(OBJECTS)
    mapping = from_json(asked["mapping"]) if asked["mapping"] else None
    with Path(asked["path"]).open("rb") as source:
        parsed = FORMATS[asked["format"]].parser(source, name=asked["name"], mapping=mapping)
        for chunk in chunks(parsed, lambda: 0 if source.closed else source.tell()):
            send_chunk(out, chunk)
    send_end(out)


if __name__ == "__main__":
    main()
