"""Formats that are one file of JSON lines: what a format says of a record is its own, the file is common to all."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from labeling.datasets.exporters.exporter import Context

BUFFER = 1 << 20  # bytes written at a time


class LineFile(ABC):
    """A file with a line of JSON, keys sorted, for each thing that `lines` finds in a record."""

    key: str
    name: str

    def __init__(self) -> None:
        self._file: BinaryIO | None = None

    def open(self, folder: Path, context: Context) -> None:
        """Begin an empty file."""
        self.folder, self.context = folder, context
        self._file = (folder / self.name).open("wb", buffering=BUFFER)

    @abstractmethod
    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """What the file says of this record."""

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        """Append the record's lines."""
        for one in self.lines(record):
            self.append(as_bytes(one))

    def append(self, line: bytes) -> None:
        """Append one line as it is."""
        assert self._file is not None, "open comes first"
        self._file.write(line)

    def close(self) -> list[str]:
        """End the file."""
        self.drop()
        return [self.name]

    def drop(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()


def as_bytes(value: Mapping[str, Any]) -> bytes:
    """One line, with its end."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def write_document(path: Path, value: Mapping[str, Any]) -> str:
    """A whole JSON file for people and programs, keys in the order given; says its name."""
    path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path.name
