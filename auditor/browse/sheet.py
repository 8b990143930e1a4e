"""The list as CSV: the same filter, order and columns, row by row as it is read."""

import csv
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.browse.arrangement import Arrangement
from auditor.browse.queries import Cell, Walk, cells_of, rows_by_id
from auditor.evidence.models import Channel
from auditor.evidence.queries import Sight
from auditor.web.sheets import safe

MOST = 100_000  # transcripts in one file
CHUNK = 1_000
HIDDEN = "hidden until your blind label"


class _Line:
    """What the csv module writes to: it hands each line back."""

    def write(self, text: str) -> str:
        return text


def sheet(
    arrangement: Arrangement, walk: Walk, *, sight: Sight, channels: Mapping[str, Channel], note: str = ""
) -> Iterator[str]:
    """The lines of the file, the mark of UTF-8 first; `note` is a last line that says what is missing."""
    writer = csv.writer(_Line())
    columns = arrangement.shown_columns(channels)
    conditions = any(column.name.sort == "condition" for column in columns)
    heads = ["id", "number", "model", *([] if conditions else ["conditions"]), "messages", "excerpt"]
    yield "\ufeff" + writer.writerow([safe(head) for head in [*heads, *(column.text for column in columns)]])
    n = 0
    for ids in walk(CHUNK, MOST):
        rows = rows_by_id(ids, columns)
        cells = cells_of(list(rows.values()), columns, sight)
        for pk in ids:
            if pk not in rows:
                continue
            row = rows[pk]
            said = [] if conditions else ["; ".join(f"{k}={v}" for k, v in sorted(row.conditions.items()))]
            fixed = [row.name, pk, row.model_name, *said, row.n_messages, row.excerpt]
            yield writer.writerow([safe(value) for value in [*fixed, *map(_plain, cells[pk])]])
            n += 1
    if n == MOST:
        yield writer.writerow([f"Cut after {MOST:,} transcripts; narrow the filter for the others."])
    if note:
        yield writer.writerow([note])


def file_name(slug: str) -> str:
    """A name for the file that every system takes."""
    return f"transcripts-{slug}.csv"


def _plain(cell: Cell) -> Any:
    if cell.hidden:
        return HIDDEN
    if cell.value is not None:
        return cell.value
    return cell.moment.isoformat() if cell.moment is not None else cell.label
