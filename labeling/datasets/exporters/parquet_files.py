"""Parquet files with the fixed schema of `records`: one for each split, in row groups and shards of bounded size."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labeling.datasets.exporters.columns import POOL, columns
from labeling.datasets.records import SCHEMA

GROUP_ROWS = 1000  # rows of one Parquet row group at most
GROUP_BYTES = 16_000_000  # and bytes of them as JSON, so that memory stays bounded
SHARD_ROWS = 250_000  # rows of one file at most
SHARD_BYTES = 2_000_000_000  # and bytes of them as JSON
STEM = "labels"
LENT_ROWS = 128  # records made into columns together at most
LENT_BYTES = 2_000_000  # and bytes of them as JSON


def _outside_lists(fields: Iterable[pa.Field], within: str = "") -> list[str]:
    """The columns of what stands once in a record, by their paths."""
    found: list[str] = []
    for one in fields:
        if pa.types.is_struct(one.type):
            found += _outside_lists(one.type, f"{within}{one.name}.")
        elif not pa.types.is_list(one.type):
            found.append(f"{within}{one.name}")
    return found


# What statistics are kept of: readers skip groups by nothing else, and until the file ends each group's are held in memory.
OUTSIDE_LISTS = _outside_lists(SCHEMA)


class ParquetFiles:
    """`labels.parquet`; with splits `labels-train.parquet` and so on; in shards `labels-00000-of-00002.parquet`.

    Settings, row groups and shards depend on the records alone, so equal records give equal bytes (with the same
    version of pyarrow, which the manifest names).
    """

    def __init__(self, folder: Path, splits: Sequence[str]) -> None:
        """Begin a table without rows for each split, or one for all."""
        self._folder, self._worker = folder, ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._tables: dict[str, _Table] = {}
        for split in splits or ("",):
            self._table_of(split)

    def write(self, split: str, record: Mapping[str, Any], line: bytes) -> None:
        """Append a record to the table of its split; empty where there are none. `line` is the record as a line of JSON.

        The record is lent, with some others: it has to stay as it is until `close`.
        """
        self._table_of(split).write(record, line)

    def close(self) -> list[str]:
        """Write what is left and end the files; their names."""
        return [name for table in self._tables.values() for name in table.close()]

    def drop(self) -> None:
        """Close what is open."""
        for table in self._tables.values():
            table.drop()
        self._worker.shutdown()

    def _table_of(self, split: str) -> "_Table":
        if split not in self._tables:
            self._tables[split] = _Table(self._folder, f"{STEM}-{split}" if split else STEM, self._worker)
        return self._tables[split]


class _Table:
    """The rows of one split, in as many files as they need; how many is known at the end.

    A few records at a time become columns. A thread compresses a group of these while the next is gathered; there is
    one group of either kind at most.
    """

    def __init__(self, folder: Path, stem: str, worker: ThreadPoolExecutor) -> None:
        self._folder, self._stem, self._worker = folder, stem, worker
        self._lent: list[Mapping[str, Any]] = []  # of the group, and not yet columns
        self._lent_size = 0
        self._columns: list[pa.StructArray] = []  # of the group, so far
        self._rows, self._size = 0, 0  # of the group, with what is lent
        self._shards = 0
        self._written: Future[None] | None = None
        self._begin()

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        if self._in_file >= SHARD_ROWS or self._in_file_bytes >= SHARD_BYTES:
            self._end()
            self._begin()
        self._lent.append(record)
        self._lent_size += len(line)
        self._rows += 1
        self._size += len(line)
        self._in_file += 1
        self._in_file_bytes += len(line)
        if self._rows >= GROUP_ROWS or self._size >= GROUP_BYTES:
            self._flush()
        elif len(self._lent) >= LENT_ROWS or self._lent_size >= LENT_BYTES:
            self._give_back()

    def close(self) -> list[str]:
        self._end()
        names = []
        for shard in range(self._shards):
            names.append(shard_name(self._stem, shard, self._shards))
            self._path(shard).rename(self._folder / names[-1])
        return names

    def drop(self) -> None:
        if self._written is not None:
            self._written.cancel()
            wait([self._written])
        self._writer.close()

    def _begin(self) -> None:
        self._in_file, self._in_file_bytes = 0, 0
        self._shards += 1
        self._writer = pq.ParquetWriter(
            self._path(self._shards - 1),
            SCHEMA,
            version="2.6",
            compression="zstd",
            compression_level=3,
            use_dictionary=True,
            write_statistics=OUTSIDE_LISTS,
            data_page_version="1.0",
            memory_pool=POOL,
        )

    def _path(self, shard: int) -> Path:
        return self._folder / f".{self._stem}-{shard:05}.parquet"

    def _give_back(self) -> None:
        """Make columns of what is lent."""
        if self._lent:
            self._columns.append(columns(self._lent))
            self._lent, self._lent_size = [], 0

    def _flush(self) -> None:
        """Hand the group over; a failure of the one before is raised here."""
        self._give_back()
        if self._written is not None:
            self._written.result()
            self._written = None
        if self._columns:
            self._written = self._worker.submit(_written, self._writer, self._columns)
        self._columns, self._rows, self._size = [], 0, 0

    def _end(self) -> None:
        self._flush()
        if self._written is not None:
            self._written.result()
            self._written = None
        self._writer.close()


def _written(writer: pq.ParquetWriter, some: Sequence[pa.StructArray]) -> None:
    """A row group, whose arrays are joined first: pages must not depend on how many records were made together."""
    writer.write_batch(pa.RecordBatch.from_struct_array(pa.concat_arrays(some, memory_pool=POOL)))


def shard_name(stem: str, shard: int, shards: int) -> str:
    """What hubs of datasets call the shards of a split; a single one needs no number."""
    return f"{stem}.parquet" if shards == 1 else f"{stem}-{shard:05}-of-{shards:05}.parquet"
