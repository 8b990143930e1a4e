"""A report as its page shows it: tables whose rows are drawn and written, and the way to the items."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from labeling.agreement.figures import ALL, MAIN, PAIR, STRATUM, TENTH, VERSION, WEEK, Line
from labeling.agreement.measures import MARKED, Measure
from labeling.agreement.plots import Axis, Drawn, Grid, axis_of, drawn, grid
from labeling.agreement.proportions import Share
from labeling.agreement.report import Habit, Report
from labeling.agreement.resampling import NOTHING_MARKED
from labeling.agreement.timeline import Timeline, timeline

CUTS = (
    (PAIR, "By pair of reviewers", "pair"),
    (STRATUM, "By stratum of the sample", "stratum"),
    (VERSION, "By version of the codebook", "version"),
    (WEEK, "By week in which the item was finished", "week from"),
    (TENTH, "Over the work, in tenths", "tenth"),
)
COURSES = (WEEK, TENTH)  # cuts whose parts follow each other in time
NAMES = {
    "percent": "Percent agreement",
    "alpha": "Krippendorff's alpha, nominal",
    "ordinal alpha": "Krippendorff's alpha, ordinal",
    "interval alpha": "Krippendorff's alpha, interval",
    "MASI alpha": "Krippendorff's alpha, MASI distance",
    "character alpha": "Krippendorff's alpha over characters",
    "matched F1": "F1 of spans that overlap by half or more",
}


# a row to be: its name, its main figure, all figures by coefficient, query of its items, query that looks closer
Wanted = tuple[str, Line, Mapping[str, Line], str, str]


@dataclass(frozen=True)
class Row:
    """A line of a table: its main coefficient drawn, others written beside it."""

    name: str
    main: Drawn
    beside: tuple[Drawn | None, ...]
    items: str = ""  # query of the items behind it
    chosen: str = ""  # query that looks closer


@dataclass(frozen=True)
class Table:
    """Rows that share an axis and the columns beside it."""

    title: str
    what: str
    main: str
    columns: tuple[str, ...]
    axis: Axis
    rows: tuple[Row, ...]
    cut: str = ""
    course: Timeline | None = None  # where the rows follow each other in time


@dataclass(frozen=True)
class Reviewer:
    """How the model sees one reviewer."""

    name: str
    habit: Habit
    mistakes: tuple[tuple[str, str, float], ...]  # true, said, how often; the commonest first
    gold: Share | None = None  # on items whose label is known; None for readers who may not know


def overview(report: Report, measures: Sequence[Measure], stage: str) -> Table | None:
    """Each measure by the coefficient that suits its scale."""
    rows = []
    for measure in measures:
        lines = by_name(report.of(stage=stage, measure=measure.key, cut=ALL))
        main = lines.get(MAIN[measure.scale])
        if main is not None and main.n:
            rows.append((measure.name, main, lines, _items(stage, measure.key), _look(stage, measure.key)))
    return _table("", "measure", "alpha", ("percent", "Fleiss' kappa", "Gwet's AC1"), rows)


def silent(report: Report, measures: Sequence[Measure], stage: str) -> list[str]:
    """Measures on which no item has two values."""
    spoken = {line.measure for line in report.of(stage=stage, cut=ALL) if line.n}
    return [measure.name for measure in measures if measure.key not in spoken]


def cut_tables(report: Report, measure: Measure, stage: str, names: Mapping[int, str]) -> list[Table]:
    """The measure by pair, stratum, version and time."""
    found = []
    for cut, title, what in CUTS:
        parts: dict[str, list[Line]] = {}
        for line in report.of(stage=stage, measure=measure.key, cut=cut):
            parts.setdefault(line.part, []).append(line)
        rows = []
        for part, some in parts.items():
            lines = by_name(some)
            where = _items(stage, measure.key, cut=cut, part=part)
            rows.append((part_words(cut, part, names), lines[MAIN[measure.scale]], lines, where, ""))
        kappa = "Cohen's kappa" if cut == PAIR else "Fleiss' kappa"
        if made := _table(title, what, MAIN[measure.scale], ("percent", kappa, "Gwet's AC1"), rows):
            course = timeline([(row.name, row.main.line) for row in made.rows]) if cut in COURSES else None
            found.append(replace(made, cut=cut, course=course))
    return found


def coefficients(report: Report, measure: Measure, stage: str) -> Table | None:
    """Every coefficient of one measure."""
    lines = report.of(stage=stage, measure=measure.key, cut=ALL)
    rows: list[Wanted] = [(NAMES.get(line.coefficient, line.coefficient), line, {}, "", "") for line in lines]
    return _table("", "coefficient", "figure", (), rows)


def marked(report: Report, spans: Sequence[Measure], stage: str) -> Table | None:
    """Both figures of each kind of marked words."""
    rows: list[Wanted] = []
    for kind in spans:
        for line in report.of(stage=stage, measure=kind.key, cut=ALL):
            if line.reason == NOTHING_MARKED:
                continue
            name = f"{kind.key.removeprefix(MARKED)}: {NAMES[line.coefficient]}"
            rows.append((name, line, {}, "", ""))
    return _table("", "words marked as", "figure", (), rows)


def confusion(report: Report, measure: Measure, stage: str, pair: str) -> Grid | None:
    """What the pair said of the items that both labelled."""
    for one in report.confusions:
        if (one["measure"], one["stage"], f"{one['a']}.{one['b']}") == (measure.key, stage, pair):
            return grid(one["cells"], measure.values, measure.words)
    return None


def pairs(report: Report, measure: Measure, stage: str) -> list[str]:
    """The pairs that have a confusion."""
    return [
        f"{one['a']}.{one['b']}"
        for one in report.confusions
        if (one["measure"], one["stage"]) == (measure.key, stage)
    ]


def reviewers(
    report: Report, label: Measure, names: Mapping[int, str], gold: Mapping[int, Share], most: int = 3
) -> list[Reviewer]:
    """The model's view of each, with their commonest mistakes, and how they do on gold."""
    codes = [code for code, _ in report.shares]
    share = dict(report.shares)
    found = []
    for habit in report.habits:
        wrong = [
            (share[true] * habit.table[i][j], true, said)
            for i, true in enumerate(codes)
            for j, said in enumerate(codes)
            if i != j and habit.table[i][j] >= 0.05
        ]
        worst = sorted(wrong, reverse=True)[:most]
        found.append(
            Reviewer(
                names.get(habit.reviewer, str(habit.reviewer)),
                habit,
                tuple(
                    (label.word(true), label.word(said), habit.table[codes.index(true)][codes.index(said)])
                    for _, true, said in worst
                ),
                gold.get(habit.reviewer),
            )
        )
    return found


def part_words(cut: str, part: str, names: Mapping[int, str]) -> str:
    """A part for people: two names, a stratum, a version, a week, a tenth."""
    if cut == PAIR:
        first, second = (int(one) for one in part.split("."))
        return f"{names.get(first, first)} and {names.get(second, second)}"
    if cut == VERSION:
        return f"v{part}"
    if cut == TENTH:
        return f"{part} of 10"
    if cut == WEEK:
        monday = date.fromisoformat(part)
        return f"{monday.day} {monday:%b %Y}"
    return part or "no stratum"


def by_name(lines: Iterable[Line]) -> dict[str, Line]:
    """Figures by their coefficient."""
    return {line.coefficient: line for line in lines}


def _table(
    title: str, what: str, main: str, columns: tuple[str, ...], wanted: Sequence[Wanted]
) -> Table | None:
    if not wanted:
        return None
    axis = axis_of(line for _, line, _, _, _ in wanted)
    kept = tuple(name for name in columns if any(name in lines for _, _, lines, _, _ in wanted))
    rows = tuple(
        Row(
            name,
            drawn(line, axis),
            tuple(drawn(lines[column], axis) if column in lines else None for column in kept),
            items,
            look,
        )
        for name, line, lines, items, look in wanted
    )
    return Table(title, what, main, kept, axis, rows)


def _items(stage: str, measure: str, **more: Any) -> str:
    return urlencode({"stage": stage, "by": measure, **more})


def _look(stage: str, measure: str) -> str:
    return urlencode({"stage": stage, "by": measure})
