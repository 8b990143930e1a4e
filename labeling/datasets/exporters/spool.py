"""Rows set aside until all records are known, in a file: memory holds 40 bytes or so for each."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import orjson


class Spool:
    """Rows under keys, each with a kind; read back key by key in the order in which keys first came."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - it lives as long as the spool
        self._places: dict[bytes, list[tuple[str, int, int]]] = {}
        self._end = 0

    def put(self, key: bytes, kind: str, row: Mapping[str, Any]) -> None:
        """Set a row aside."""
        data = orjson.dumps(row)
        self._file.write(data)
        self._places.setdefault(key, []).append((kind, self._end, len(data)))
        self._end += len(data)

    def keys(self) -> list[bytes]:
        """Every key, in the order in which they came."""
        return list(self._places)

    def count(self, key: bytes, kind: str) -> int:
        """How many rows of a kind are under a key."""
        return sum(one[0] == kind for one in self._places.get(key, ()))

    def rows(self, key: bytes, kind: str) -> Iterator[dict[str, Any]]:
        """The rows of a kind under a key, in the order in which they came, one at a time."""
        for one, start, length in self._places.get(key, ()):
            if one == kind:
                self._file.seek(start)
                row: dict[str, Any] = orjson.loads(self._file.read(length))
                yield row

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
