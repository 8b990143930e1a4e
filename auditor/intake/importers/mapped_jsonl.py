"""JSONL with a mapping: one record per line, or one JSON list of records. See `mapped`."""

from typing import BinaryIO

from auditor.intake.importers.jsonlist import list_or_lines
from auditor.intake.importers.mapped import MappedReader
from auditor.intake.importers.mapping import Mapping, MappingError
from auditor.intake.importers.records import Parsed


def parse(source: BinaryIO, *, name: str, mapping: Mapping | None = None) -> Parsed:
    """A transcript or a rejection for each record, in file order; holds one record at a time.

    Raises:
        MappingError: no mapping is given.
    """
    if mapping is None:
        raise MappingError("", "this format needs a mapping")
    return list_or_lines(source, MappedReader(mapping).read)
