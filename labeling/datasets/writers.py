"""Writes records to files one at a time, and says what came out: size and digest."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from labeling.datasets.records import SCHEMA, as_line, as_row, size_of

GROUP_ROWS = 1000  # rows of one Parquet row group at most
GROUP_CHARS = 8_000_000  # and characters of text, so that memory stays bounded


class RecordFiles:
    """`labels.jsonl` and `labels.parquet` in a folder, written side by side.

    Settings and row groups depend on the records alone, so equal records give equal bytes
    (with the same version of pyarrow, which the manifest names).
    """

    names = ("labels.jsonl", "labels.parquet")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines: BinaryIO = (folder / "labels.jsonl").open("wb")
        self._table = pq.ParquetWriter(
            folder / "labels.parquet",
            SCHEMA,
            version="2.6",
            compression="zstd",
            compression_level=6,
            use_dictionary=True,
            write_statistics=True,
            data_page_version="1.0",
        )
        self._rows: list[dict[str, Any]] = []
        self._chars = 0

    def __enter__(self) -> "RecordFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._lines.close()
        self._table.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record to both files."""
        self._lines.write(as_line(record))
        self._rows.append(as_row(record))
        self._chars += size_of(record)
        if len(self._rows) >= GROUP_ROWS or self._chars >= GROUP_CHARS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._table.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._rows, self._chars = [], 0


def digest_of(path: Path) -> str:
    """sha256 hex of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
