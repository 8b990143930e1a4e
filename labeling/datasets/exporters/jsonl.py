"""JSON Lines: one record a line, keys sorted, exactly as `records` has it."""

from collections.abc import Iterator, Mapping
from typing import Any

from labeling.datasets.exporters.lines import LineFile


class JsonLines(LineFile):
    """`labels.jsonl`."""

    key = "jsonl"
    name = "labels.jsonl"

    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The record itself."""
        yield record

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        """Append the line, which is there already."""
        self.append(line)
