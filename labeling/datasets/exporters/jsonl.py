"""JSON Lines: one record a line, keys sorted, exactly as `records` has it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.records import as_line


class JsonLines:
    """`labels.jsonl`."""

    key = "jsonl"
    name = "labels.jsonl"

    def __init__(self) -> None:
        self._file: BinaryIO | None = None

    def open(self, folder: Path, context: Context) -> None:
        """Begin an empty file."""
        self._file = (folder / self.name).open("wb")

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one line."""
        assert self._file is not None, "open comes first"
        self._file.write(as_line(record))

    def close(self) -> list[str]:
        """End the file."""
        self.drop()
        return [self.name]

    def drop(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()
