"""Parquet: the same records with a fixed schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.parquet_files import STEM, ParquetFiles


class ParquetTable:
    """`labels.parquet`, or a file for each split: see `parquet_files`."""

    key = "parquet"
    name = f"{STEM}.parquet"

    def __init__(self) -> None:
        self._files: ParquetFiles | None = None

    def open(self, folder: Path, context: Context) -> None:
        """Begin a table without rows for each split."""
        self._files = ParquetFiles(folder, context.splits)

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        """Append one row."""
        assert self._files is not None, "open comes first"
        self._files.write(record["split"] or "", record, line)

    def close(self) -> list[str]:
        """Write what is left and end the files."""
        assert self._files is not None, "open comes first"
        return self._files.close()

    def drop(self) -> None:
        """Close what is open."""
        if self._files is not None:
            self._files.drop()


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
