"""Parquet: the same records with a fixed schema, written here or, for many, by a process of its own."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from auditor.runtime import places
from auditor.runtime.processes import how_it_ended
from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.parquet_files import BETWEEN, STEM, ParquetFiles
from labeling.datasets.records import row_of

APART_FROM = (
    8_000_000  # bytes of rows as JSON: fewer are written in less time than it takes to start a process
)
WHILE_STARTING = 4_000_000  # bytes that are gathered until it is likely to read
PIPE = 1 << 20  # bytes on their way; the system's 64 KB would have both processes wait for each other
BLOCK = 1 << 18  # bytes of rows handed to the process at a time


class WriterDied(RuntimeError):
    """The process that wrote Parquet ended before its end; the message says how."""


class ParquetTable:
    """`labels.parquet`, or a file for each split: see `parquet_files`.

    Columns are made and compressed beside the records. What a process of its own writes is the same, byte for byte.
    """

    key = "parquet"
    name = f"{STEM}.parquet"

    def __init__(self) -> None:
        self._held: list[tuple[str, bytes]] = []  # the split of a row, and the row
        self._size = 0  # bytes of what is held
        self._asked = b""  # of the process, and not sent yet
        self._process: subprocess.Popen[bytes] | None = None
        self._here: ParquetFiles | None = None

    def open(self, folder: Path, context: Context) -> None:
        """Nothing is begun before it is known how many records there are."""
        self._folder, self._splits = folder, list(context.splits)

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        """Append one row."""
        row = row_of(record)
        self._held.append((record["split"] or "", row))
        self._size += len(row)
        if self._process is None:
            if self._size >= APART_FROM:
                self._process = self._started()
        elif self._size >= (BLOCK if not self._asked else APART_FROM + WHILE_STARTING):
            self._send()

    def close(self) -> list[str]:
        """Write what is left and end the files.

        Raises:
            WriterDied: the process did not come to its end.
        """
        if self._process is not None:
            return self._names(self._process)
        self._here = ParquetFiles(self._folder, self._splits)
        for split, row in self._held:
            self._here.write(split, row)
        return self._here.close()

    def drop(self) -> None:
        """Close what is open."""
        self._held = []
        if self._here is not None:
            self._here.drop()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "labeling.datasets.exporters.parquet_process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=places.BASE_DIR, bufsize=0,
        )  # fmt: skip
        assert process.stdin is not None
        with suppress(PermissionError):  # the system holds many already
            fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, PIPE)
        asked = {"parent": os.getpid(), "folder": os.fspath(self._folder), "splits": self._splits}
        self._asked = json.dumps(asked).encode() + b"\n"
        return process

    def _send(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        rows = [part for split, row in self._held for part in (split.encode(), BETWEEN, row)]
        left = memoryview(b"".join([self._asked, *rows]))
        self._held, self._size, self._asked = [], 0, b""
        try:
            while left:
                left = left[self._process.stdin.write(left) :]
        except BrokenPipeError:
            self._answer(self._process)
            raise

    def _names(self, process: subprocess.Popen[bytes]) -> list[str]:
        self._send()
        assert process.stdin is not None
        process.stdin.close()
        names: list[str] = self._answer(process)["names"]
        return names

    def _answer(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert process.stdout is not None
        said = process.stdout.read()
        if (status := process.wait()) or not said:
            raise WriterDied(f"the process that wrote Parquet {how_it_ended(status)}")
        answer: dict[str, Any] = json.loads(said)
        if "problem" in answer:
            raise WriterDied(f"Parquet could not be written: {answer['problem']}")
        return answer


def split_files(names: list[str], splits: list[str]) -> dict[str, list[str]]:
    """Split -> its Parquet files among these; without splits everything is `train`, as hubs take it."""
    found: dict[str, list[str]] = {}
    for split in splits or [""]:
        stem = f"{STEM}-{split}" if split else STEM
        mine = [name for name in names if _stem_of(name) == stem]
        if mine:
            found[split or "train"] = sorted(mine)
    return found


def _stem_of(name: str) -> str:
    if not name.endswith(".parquet"):
        return ""
    stem = name.removesuffix(".parquet")
    head, found, _ = stem.partition("-of-")
    return head.rpartition("-")[0] if found else stem
