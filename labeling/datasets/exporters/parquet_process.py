"""The process that writes Parquet for a release: `python -m labeling.datasets.exporters.parquet_process`.

Its standard input is one line of JSON that says where, then the rows, a line each: the name of its split, `BETWEEN`, and
the row as JSON. At their end it says as JSON which files there are, or what went wrong. It knows no Django and has no connection, and ends with its parent.
"""

import json
import os
import signal
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from auditor.runtime.processes import die_with_parent
from labeling.datasets.exporters.parquet_files import BETWEEN, ParquetFiles

READ = 1 << 20  # bytes


def main() -> None:
    """Write what comes until its end."""
    with (
        os.fdopen(os.dup(0), "rb", buffering=READ) as lines,
        os.fdopen(os.dup(1), "w", encoding="utf-8") as out,
    ):
        os.dup2(2, 1)  # whatever else is printed is no answer
        asked = json.loads(lines.readline())
        die_with_parent(signal.SIGKILL, parent=asked["parent"])()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the keyboard it is meant for the parent
        try:
            json.dump({"names": _written(lines, Path(asked["folder"]), asked["splits"])}, out)
        except Exception as problem:
            traceback.print_exc()
            json.dump({"problem": f"{type(problem).__name__}: {problem}"[:500]}, out)


def _written(lines: BinaryIO, folder: Path, splits: Sequence[str]) -> list[str]:
    files = ParquetFiles(folder, splits)
    try:
        for line in lines:
            split, _, row = line.partition(BETWEEN)
            files.write(split.decode(), row)
        return files.close()
    finally:
        files.drop()


if __name__ == "__main__":
    main()
