"""Every figure of a report as CSV, with the seed that gives its interval again."""

import csv
import io
from collections.abc import Iterator, Mapping

from labeling.agreement.measures import Measure
from labeling.agreement.reading import part_words
from labeling.agreement.report import Report

COLUMNS = (
    "measure", "name", "scale", "stage", "cut", "part", "coefficient", "value", "low", "high", "items", "seed",
    "undefined_resamples", "reason",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def csv_of(report: Report, measures: Mapping[str, Measure], names: Mapping[int, str]) -> Iterator[str]:
    """Lines of the file; numbers in full, empty where a figure or its interval is undefined."""
    yield _line(COLUMNS)
    for line in report.lines:
        measure = measures[line.measure]
        numbers = ("" if value is None else repr(value) for value in (line.value, line.low, line.high))
        part = part_words(line.cut, line.part, names) if line.part else ""
        yield _line((
            line.measure, _plain(measure.name), measure.scale, line.stage, line.cut, _plain(part), line.coefficient,
            *numbers, line.n, "" if line.seed is None else line.seed, line.undefined, line.reason,
        ))  # fmt: skip


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
