"""Parquet with the fixed schema of `records`, in row groups of bounded size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.records import SCHEMA, as_row, size_of

GROUP_ROWS = 1000  # rows of one Parquet row group at most
GROUP_CHARS = 8_000_000  # and characters of text, so that memory stays bounded


class ParquetTable:
    """`labels.parquet`.

    Settings and row groups depend on the records alone, so equal records give equal bytes (with the same version of
    pyarrow, which the manifest names).
    """

    key = "parquet"
    name = "labels.parquet"

    def __init__(self) -> None:
        self._table: pq.ParquetWriter | None = None
        self._rows: list[dict[str, Any]] = []
        self._chars = 0

    def open(self, folder: Path, context: Context) -> None:
        """Begin a table without rows."""
        self._table = pq.ParquetWriter(
            folder / self.name,
            SCHEMA,
            version="2.6",
            compression="zstd",
            compression_level=6,
            use_dictionary=True,
            write_statistics=True,
            data_page_version="1.0",
        )

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one row."""
        self._rows.append(as_row(record))
        self._chars += size_of(record)
        if len(self._rows) >= GROUP_ROWS or self._chars >= GROUP_CHARS:
            self._flush()

    def close(self) -> list[str]:
        """Write what is left and end the file."""
        self._flush()
        self.drop()
        return [self.name]

    def drop(self) -> None:
        """Close what is open."""
        if self._table is not None:
            self._table.close()

    def _flush(self) -> None:
        assert self._table is not None, "open comes first"
        if self._rows:
            self._table.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._rows, self._chars = [], 0
