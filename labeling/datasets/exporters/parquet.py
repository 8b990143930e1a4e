"""Parquet with the fixed schema of `records`: a file for each split, in row groups and shards of bounded size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.records import SCHEMA, as_row, size_of

GROUP_ROWS = 1000  # rows of one Parquet row group at most
GROUP_CHARS = 8_000_000  # and characters of text, so that memory stays bounded
SHARD_ROWS = 250_000  # rows of one file at most
SHARD_CHARS = 1_000_000_000  # and characters of text, before compression
STEM = "labels"


class ParquetTable:
    """`labels.parquet`; with splits `labels-train.parquet` and so on; in shards `labels-00000-of-00002.parquet`.

    Settings, row groups and shards depend on the records alone, so equal records give equal bytes (with the same
    version of pyarrow, which the manifest names).
    """

    key = "parquet"
    name = f"{STEM}.parquet"

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}

    def open(self, folder: Path, context: Context) -> None:
        """Begin a table without rows for each split, or one for all."""
        self._folder = folder
        for split in context.splits or ("",):
            self._table_of(split)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one row."""
        self._table_of(record.get("split") or "").write(record)

    def close(self) -> list[str]:
        """Write what is left and end the files."""
        return [name for table in self._tables.values() for name in table.close()]

    def drop(self) -> None:
        """Close what is open."""
        for table in self._tables.values():
            table.drop()

    def _table_of(self, split: str) -> "_Table":
        if split not in self._tables:
            self._tables[split] = _Table(self._folder, f"{STEM}-{split}" if split else STEM)
        return self._tables[split]


class _Table:
    """The rows of one split, in as many files as they need; how many is known at the end."""

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder, self._stem = folder, stem
        self._rows: list[dict[str, Any]] = []
        self._chars = 0
        self._shards = 0
        self._begin()

    def write(self, record: Mapping[str, Any]) -> None:
        if self._in_file >= SHARD_ROWS or self._in_file_chars >= SHARD_CHARS:
            self._flush()
            self._writer.close()
            self._begin()
        size = size_of(record)
        self._rows.append(as_row(record))
        self._chars += size
        self._in_file += 1
        self._in_file_chars += size
        if len(self._rows) >= GROUP_ROWS or self._chars >= GROUP_CHARS:
            self._flush()

    def close(self) -> list[str]:
        self._flush()
        self._writer.close()
        names = []
        for shard in range(self._shards):
            names.append(shard_name(self._stem, shard, self._shards))
            self._path(shard).rename(self._folder / names[-1])
        return names

    def drop(self) -> None:
        self._writer.close()

    def _begin(self) -> None:
        self._in_file, self._in_file_chars = 0, 0
        self._shards += 1
        self._writer = pq.ParquetWriter(
            self._path(self._shards - 1),
            SCHEMA,
            version="2.6",
            compression="zstd",
            compression_level=6,
            use_dictionary=True,
            write_statistics=True,
            data_page_version="1.0",
        )

    def _path(self, shard: int) -> Path:
        return self._folder / f".{self._stem}-{shard:05}.parquet"

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._rows, self._chars = [], 0


def shard_name(stem: str, shard: int, shards: int) -> str:
    """What hubs of datasets call the shards of a split; a single one needs no number."""
    return f"{stem}.parquet" if shards == 1 else f"{stem}-{shard:05}-of-{shards:05}.parquet"


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
