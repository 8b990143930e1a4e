"""A report as its page shows it: tables whose rows are drawn and written, and what is missing in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labeling.validity.prevalence.plots import Axis, Drawn, around_zero, axis_of, drawn, percent
from labeling.validity.prevalence.report import (
    ALL,
    CORRECTED,
    ESTIMATORS,
    JUDGE,
    LABELS,
    POWERED,
    RULINGS,
    SUPPLY,
    TOTAL,
    UNDETERMINED,
    VERDICTS,
    Bound,
    Line,
    Report,
)

NAMES = {
    POWERED: "Labels and judge, prediction-powered (PPI++)",
    LABELS: "Labels alone, weighted",
    CORRECTED: "Judge, corrected (Rogan–Gladen)",
    JUDGE: "Judge alone",
    TOTAL: "Labels alone, Horvitz–Thompson",
    SUPPLY: "PPI++ for an endless supply, as ppi-python has it",
}
WHAT = {
    POWERED: "The judge's rate over the whole frame, corrected by how far it is off on the labelled.",
    LABELS: "Each label stands for as many transcripts as its odds say. It needs no judge.",
    CORRECTED: "The judge's rate, corrected by its sensitivity and specificity as the labels show them.",
    JUDGE: "No estimate of how common it is: the judge's mistakes are in it, whatever the number of verdicts.",
}
CITE = " Cite this one."
MISSING = {
    RULINGS: "drawn, but without a ruling yet",
    UNDETERMINED: "ruled undetermined",
    VERDICTS: "without a verdict of the judge",
}


@dataclass(frozen=True)
class Row:
    """A line of a table."""

    name: str
    drawn: Drawn
    n: int
    of: int
    reason: str = ""
    struck: bool = False  # to be read as what not to cite
    cited: bool = False
    note: str = ""
    beside: tuple[Drawn, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows that share an axis."""

    key: str
    title: str
    axis: Axis
    rows: tuple[Row, ...]
    columns: tuple[str, ...] = ()
    left_out: int = 0
    pairs: int = 0


@dataclass(frozen=True)
class Missing:
    """What a figure would be if all that is missing were no, and if it were yes."""

    what: str
    n: int
    name: str
    low: str
    high: str
    outer: str


def estimates(report: Report) -> Table:
    """The four estimates, the one to cite first."""
    lines = [line for key in ESTIMATORS if (line := report.line(key)) is not None]
    axis = _axis(lines)
    cited = report.default
    rows = [
        Row(
            NAMES[line.estimator], drawn(line.value, line.low, line.high, axis), line.n, line.of, line.reason,
            struck=line.estimator == JUDGE, cited=line is cited, note=WHAT[line.estimator] + (CITE if line is cited else ""),
        )
        for line in lines
    ]  # fmt: skip
    return Table(ALL, "Four estimates", axis, tuple(rows))


def beside(report: Report) -> list[Row]:
    """Figures for who checks the others."""
    lines = [line for key in (TOTAL, SUPPLY) if (line := report.line(key)) is not None]
    axis = _axis(lines)
    made = []
    for line in lines:
        ends = line
        if line.estimator == TOTAL and line.value is not None and line.deviation is not None:
            note = f"standard error {percent(line.deviation)}"
        else:
            note = ""
        made.append(
            Row(
                NAMES[line.estimator],
                drawn(ends.value, ends.low, ends.high, axis),
                line.n,
                line.of,
                note=note,
            )
        )
    return made


def parts(report: Report, titles: Mapping[str, str]) -> list[Table]:
    """By model, and by each condition: the figure to cite drawn, labels alone and the judge's own share beside it."""
    made = []
    for key in dict.fromkeys(line.cut for line in report.lines if line.cut != ALL):
        names = list(dict.fromkeys(line.part for line in report.lines if line.cut == key))
        lines = [line for name in names if (line := _best(report, key, name)) is not None]
        axis = _axis(lines)
        rows = []
        for line in lines:
            others = [report.line(one, key, line.part) for one in (LABELS, JUDGE)]
            shown = tuple(
                drawn(one.value, one.low, one.high, axis) if one else drawn(None, None, None, axis)
                for one in others
            )
            rows.append(
                Row(
                    line.part,
                    drawn(line.value, line.low, line.high, axis),
                    line.n,
                    line.of,
                    line.reason,
                    beside=shown,
                    note=_by(report, line.estimator) if line.value is not None else "",
                )
            )
        made.append(
            Table(
                key,
                titles.get(key, key),
                axis,
                tuple(rows),
                ("Labels alone", "Judge alone"),
                report.left_out.get(key, 0),
            )
        )
    return made


def differences(report: Report, titles: Mapping[str, str]) -> list[Table]:
    """Every pair of parts of a cut, the widest apart first."""
    made = []
    for key in dict.fromkeys(one.cut for one in report.differences):
        found = sorted((one for one in report.differences if one.cut == key), key=lambda one: -abs(one.value))
        axis = around_zero(value for one in found for value in (one.low, one.high))
        rows = [
            Row(
                f"{one.a} less {one.b}", drawn(one.value, one.low, one.high, axis, signed=True), 0, 0, cited=one.sure,
                note=_by(report, one.estimator),
            )
            for one in found
        ]  # fmt: skip
        made.append(
            Table(key, titles.get(key, key), axis, tuple(rows), pairs=report.compared.get(key, len(rows)))
        )
    return made


def missing(report: Report) -> list[Missing]:
    """Best and worst bounds in words."""
    return [_missing(one) for one in report.bounds]


def titles_of(report: Report) -> dict[str, str]:
    """Cuts for people."""
    keys = {line.cut for line in report.lines} - {ALL}
    return {key: "Model" if key == "model" else key.removeprefix("condition:") for key in keys}


def _missing(one: Bound) -> Missing:
    outer = f"{percent(one.outer_low)} to {percent(one.outer_high)}"
    return Missing(
        MISSING[one.what], one.missing, NAMES[one.estimator], percent(one.low), percent(one.high),
        "" if one.estimator == JUDGE else outer,
    )  # fmt: skip


def _best(report: Report, cut: str, part: str) -> Line | None:
    """The figure to cite for a part; its refusal where there is none."""
    for key in (POWERED, LABELS):
        line = report.line(key, cut, part)
        if line is not None and line.value is not None:
            return line
    return report.line(LABELS, cut, part)


def _by(report: Report, estimator: str) -> str:
    """By which estimate a row is, where that is not the one cited for the whole."""
    cited = report.default
    return "" if cited is not None and cited.estimator == estimator else NAMES[estimator]


def _axis(lines: Sequence[Line]) -> Axis:
    return axis_of(value for line in lines for value in (line.value, line.high))


ROW, HEAD, LEFT = 26, 34, 300  # of the sheet: height of a row, room above a table, room for names
MOST_ROWS = 24  # of a table on it, the first


@dataclass(frozen=True)
class Placed:
    """A table where it stands on the sheet."""

    table: Table
    y: int
    rows: tuple[tuple[int, Row], ...]


@dataclass(frozen=True)
class Sheet:
    """All tables one below the other, as one drawing."""

    tables: tuple[Placed, ...]
    height: int
    left: int = LEFT
    row: int = ROW


def sheet(tables: Sequence[Table]) -> Sheet:
    """Where each row stands, beneath four lines about the whole."""
    y, placed = 96, []
    for table in tables:
        rows = tuple((y + HEAD + ROW * index, row) for index, row in enumerate(table.rows[:MOST_ROWS]))
        placed.append(Placed(table, y, rows))
        y += HEAD + ROW * len(rows) + 24
    return Sheet(tuple(placed), y + 8)
