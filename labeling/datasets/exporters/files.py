"""Writes records to the files of several formats side by side, and says what came out: size and digest."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from labeling.datasets.exporters.exporter import Context, Exporter
from labeling.datasets.exporters.lines import as_bytes


class RecordFiles:
    """The files of some formats in a folder; `names` says which there are, once all are closed."""

    def __init__(self, folder: Path, exporters: Sequence[Exporter], context: Context) -> None:
        self.folder, self.context = folder, context
        self.names: list[str] = []
        self._exporters = list(exporters)

    def __enter__(self) -> "RecordFiles":
        try:
            for one in self._exporters:
                one.open(self.folder, self.context)
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.names = [name for one in self._exporters for name in one.close()]
        finally:
            self._let_go()

    def _let_go(self) -> None:
        for one in self._exporters:
            one.drop()

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record to every format."""
        line = as_bytes(record)
        for one in self._exporters:
            one.write(record, line)


def digest_of(path: Path) -> str:
    """sha256 hex of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
