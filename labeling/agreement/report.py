"""All figures of a scope together, as they are stored and shown; no Django here."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labeling.agreement.dawid_skene import PERSON, Model, dawid_skene
from labeling.agreement.figures import Given, Line, by_part, confusions, overall, table_by
from labeling.agreement.measures import SETS, Measure

EDITION = 1  # of the formulas; a report of another edition is out of date


@dataclass(frozen=True)
class Habit:
    """How the model sees one reviewer."""

    reviewer: int
    n: int  # labels
    right: float  # how often they say what is true, by the model
    table: tuple[tuple[float, ...], ...]  # rows: true; columns: said


@dataclass(frozen=True)
class Report:
    """Agreement of one set of labels."""

    seed: int
    stages: tuple[str, ...]
    items: Mapping[str, int]  # by stage, items with a label
    compared: Mapping[str, int]  # by stage, items with two labels or more
    reviewers: tuple[int, ...]
    lines: tuple[Line, ...] = ()
    confusions: tuple[Mapping[str, Any], ...] = ()
    habits: tuple[Habit, ...] = ()
    shares: tuple[tuple[str, float], ...] = ()  # of the labels, by the model
    entropy: float | None = None  # mean over items, bits
    detail: tuple[str, ...] = field(default=())  # measures that are cut into parts

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "seed": self.seed, "stages": list(self.stages), "items": dict(self.items), "entropy": self.entropy,
            "compared": dict(self.compared), "reviewers": list(self.reviewers), "detail": list(self.detail),
            "lines": [line.plain() for line in self.lines], "confusions": [dict(one) for one in self.confusions],
            "habits": [[one.reviewer, one.n, one.right, [list(row) for row in one.table]] for one in self.habits],
            "shares": [list(one) for one in self.shares],
        }  # fmt: skip

    def of(self, *, stage: str, measure: str = "", cut: str = "") -> list[Line]:
        """Its figures of one stage, of one measure or all, of one cut or all."""
        return [
            line
            for line in self.lines
            if line.stage == stage and measure in ("", line.measure) and cut in ("", line.cut)
        ]


def read(data: Mapping[str, Any]) -> Report:
    """A report from its stored form."""
    return Report(
        seed=data["seed"],
        stages=tuple(data["stages"]),
        items=data["items"],
        compared=data["compared"],
        reviewers=tuple(data["reviewers"]),
        lines=tuple(Line(**line) for line in data["lines"]),
        confusions=tuple(data["confusions"]),
        habits=tuple(
            Habit(reviewer, n, right, tuple(tuple(row) for row in table))
            for reviewer, n, right, table in data["habits"]
        ),
        shares=tuple((code, share) for code, share in data["shares"]),
        entropy=data["entropy"],
        detail=tuple(data["detail"]),
    )


def report(
    labels: Mapping[str, Sequence[Given]],
    measures: Sequence[Measure],
    spans: Sequence[Measure],
    *,
    seed: int,
    detail: Collection[str],
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Everything, or with fewer measures in `detail` everything but their parts.

    Args:
        labels: the standing labels of each stage, the final one last.
        tick: told how many of how many steps are done.
    """
    lines: list[Line] = []
    tables: list[Mapping[str, Any]] = []
    steps = 0
    for stage, given in labels.items():
        lines += overall(given, measures, spans, stage=stage, seed=seed)
        for measure in measures:
            steps += 1
            tick(steps, len(labels) * len(measures))
            if measure.key in detail:
                lines += by_part(given, measure, stage=stage, seed=seed)
                if measure.scale != SETS:
                    tables += confusions(given, measure, stage=stage)
    last = list(labels.values())[-1] if labels else []
    fitted, codes, _, reviewers = fit(last, measures[0])
    return Report(
        seed=seed,
        stages=tuple(labels),
        items={stage: len({one.item for one in given}) for stage, given in labels.items()},
        compared={stage: _compared(given) for stage, given in labels.items()},
        reviewers=tuple(sorted({one.reviewer for given in labels.values() for one in given})),
        lines=tuple(lines),
        confusions=tuple(tables),
        habits=tuple(_habit(fitted, index, reviewer, last) for index, reviewer in enumerate(reviewers)),
        shares=tuple((str(code), float(share)) for code, share in zip(codes, fitted.shares, strict=True)),
        entropy=float(fitted.entropy.mean()) if len(fitted.posterior) else None,
        detail=tuple(sorted(detail)),
    )


def fit(labels: Iterable[Given], label: Measure) -> tuple[Model, list[Any], list[int], list[int]]:
    """The model of these reviewers over the labels that occur; their codes, the items and the reviewers."""
    given = list(labels)
    used = {label.value_of(one) for one in given}
    order = tuple(value for value in label.values if value in used)
    ratings, codes, items, reviewers = table_by(given, replace(label, values=order, words=()))
    codes = codes or [""]
    return dawid_skene(ratings, [PERSON] * len(reviewers)), codes, items, reviewers


def _habit(model: Model, index: int, reviewer: int, labels: Iterable[Given]) -> Habit:
    table = model.habits[index]
    return Habit(
        reviewer=reviewer,
        n=sum(one.reviewer == reviewer for one in labels),
        right=float((model.shares * table.diagonal()).sum()),
        table=tuple(tuple(round(float(cell), 4) for cell in row) for row in table),
    )


def _compared(labels: Iterable[Given]) -> int:
    met: dict[int, int] = {}
    for one in labels:
        met[one.item] = met.get(one.item, 0) + 1
    return sum(n > 1 for n in met.values())
