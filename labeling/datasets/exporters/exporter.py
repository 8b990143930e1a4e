"""What every format of a release has to offer, and what it is told before the first record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Context:
    """What is known of a release before its first record is written; all of it plain data.

    Attributes:
        name, licence: as the release has them; the licence is a key of `licences.LICENCES`.
        labels: of the codebook, in its order: `label`, `words`, `group`, `definition`.
        definition: the codebook's newest version in the release, as `codebooks.definition.load` takes it.
        splits: names of the splits, in order; empty where the release has none.
        channels: what each channel of evidence in the records is, as the manifest lists them, without counts.
        manifest: all that the manifest says by now; counts, exclusions and files are not known yet.
    """

    name: str
    licence: str
    labels: Sequence[Mapping[str, Any]] = ()
    definition: Mapping[str, Any] = field(default_factory=dict)
    splits: Sequence[str] = ()
    channels: Sequence[Mapping[str, Any]] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)


class Exporter(Protocol):
    """Writes the records of one release into files of one format, one record at a time.

    `open` once, `write` for each record in the release's order, `close` once; what was given up is never closed but
    `dropped`. Equal records and contexts give equal bytes, and memory does not grow with the number of records.
    """

    key: str  # in `FORMATS`, in a release's parameters and in its manifest

    def open(self, folder: Path, context: Context) -> None:
        """Begin the files in an existing folder."""
        ...

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        """Append one record; see `records` for its fields. `line` is the record as a line of JSON, keys sorted.

        A format may hold the record until `close`, so nobody changes it until then.
        """
        ...

    def close(self) -> list[str]:
        """End the files, and say their names, relative to the folder.

        Formats are closed in the order of the release's list, so a format may read what those before it closed.
        """
        ...

    def drop(self) -> None:
        """Let go of what is open; the files are of no use. Safe after `close` and before `open`."""
        ...
