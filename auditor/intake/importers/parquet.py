"""Parquet files as importers see them: what a file's beginning or end tells, and its rows (see `corpus.tables`).

Arrow takes longer to load than many a file to read, so it is loaded with the first table.
"""

import io
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from auditor.corpus.records import Place, Rejection
from auditor.intake.importers.head import Head


def table_columns(head: Head) -> tuple[str, ...]:
    """The columns of the table that a file begins, as far as its head or its end tell."""
    if head.magic != "parquet":
        return ()
    from auditor.corpus.tables import MAGIC, columns_of

    return head.columns or columns_of(io.BytesIO(head.data)) or columns_of(io.BytesIO(MAGIC + head.tail))


def rows(
    source: BinaryIO, *, without: Collection[str] = ()
) -> Iterator[tuple[Place, dict[str, Any]] | Rejection]:
    """(place, row) of every row in file order, or why there is none; holds at most a batch at a time."""
    from auditor.corpus import tables

    return tables.rows(source, without=without)


def canonical_row(row: dict[str, Any]) -> bytes:
    """The bytes of a row, whose sha256 is its digest."""
    from auditor.corpus import tables

    return tables.canonical_row(row)
