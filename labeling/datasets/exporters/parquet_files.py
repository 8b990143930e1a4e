"""Parquet files with the fixed schema of `records`: one for each split, in row groups and shards of bounded size."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from labeling.datasets.records import SCHEMA

GROUP_ROWS = 1000  # rows of one Parquet row group at most
GROUP_BYTES = 8_000_000  # and bytes of them as JSON, so that memory stays bounded
SHARD_ROWS = 250_000  # rows of one file at most
SHARD_BYTES = 2_000_000_000  # and bytes of them as JSON
STEM = "labels"
BETWEEN = b"\t"  # a split and its row on the way to a process of its own; no name of a split has it


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

    def write(self, split: str, row: bytes) -> None:
        """Append a row, a line of JSON as `row_of` makes it, to the table of its split; empty where there are none."""
        self._table_of(split).write(row)

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

    A thread turns a group of rows into columns and compresses them while the next is gathered; there is one group of
    either kind at most.
    """

    def __init__(self, folder: Path, stem: str, worker: ThreadPoolExecutor) -> None:
        self._folder, self._stem, self._worker = folder, stem, worker
        self._rows: list[bytes] = []
        self._size = 0
        self._shards = 0
        self._written: Future[None] | None = None
        self._begin()

    def write(self, row: bytes) -> None:
        if self._in_file >= SHARD_ROWS or self._in_file_bytes >= SHARD_BYTES:
            self._end()
            self._begin()
        self._rows.append(row)
        self._size += len(row)
        self._in_file += 1
        self._in_file_bytes += len(row)
        if len(self._rows) >= GROUP_ROWS or self._size >= GROUP_BYTES:
            self._flush()

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
            write_statistics=True,
            data_page_version="1.0",
        )

    def _path(self, shard: int) -> Path:
        return self._folder / f".{self._stem}-{shard:05}.parquet"

    def _flush(self) -> None:
        """Hand the group over; a failure of the one before is raised here."""
        if self._written is not None:
            self._written.result()
            self._written = None
        if self._rows:
            self._written = self._worker.submit(_written, self._writer, b"".join(self._rows))
        self._rows, self._size = [], 0

    def _end(self) -> None:
        self._flush()
        if self._written is not None:
            self._written.result()
            self._written = None
        self._writer.close()


def columns(rows: bytes) -> pa.Table:
    """Rows, each a line of JSON as `row_of` makes it, as a table of `SCHEMA`."""
    table = pa_json.read_json(
        BytesIO(rows),
        read_options=pa_json.ReadOptions(use_threads=False, block_size=len(rows) + 1),
        parse_options=pa_json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error"),
    )
    return table.select(SCHEMA.names).cast(SCHEMA)


def _written(writer: pq.ParquetWriter, rows: bytes) -> None:
    writer.write_table(columns(rows))


def shard_name(stem: str, shard: int, shards: int) -> str:
    """What hubs of datasets call the shards of a split; a single one needs no number."""
    return f"{stem}.parquet" if shards == 1 else f"{stem}-{shard:05}-of-{shards:05}.parquet"
