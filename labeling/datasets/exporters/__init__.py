"""Formats that a release is written in. To add one: a file with a class like `exporter.Exporter`, listed here."""

from collections.abc import Callable, Iterable

from labeling.datasets.exporters.exporter import Context, Exporter
from labeling.datasets.exporters.files import RecordFiles, digest_of
from labeling.datasets.exporters.jsonl import JsonLines
from labeling.datasets.exporters.parquet import ParquetTable

EXPORTERS: dict[str, Callable[[], Exporter]] = {
    JsonLines.key: JsonLines,
    ParquetTable.key: ParquetTable,
}
ALWAYS = (JsonLines.key, ParquetTable.key)  # every release has these: what it is verified and imported by


class UnknownFormat(ValueError):
    """No format of this name; the message names it."""


def exporters_of(keys: Iterable[str]) -> list[Exporter]:
    """A fresh exporter for each of the formats, the two that every release has first, each once.

    Raises:
        UnknownFormat: a key that is none of `EXPORTERS`.
    """
    wanted = list(dict.fromkeys([*ALWAYS, *keys]))
    if unknown := [key for key in wanted if key not in EXPORTERS]:
        raise UnknownFormat(f"There is no format '{unknown[0]}'.")
    return [EXPORTERS[key]() for key in wanted]


__all__ = [
    "ALWAYS",
    "EXPORTERS",
    "Context",
    "Exporter",
    "RecordFiles",
    "UnknownFormat",
    "digest_of",
    "exporters_of",
]
