"""Every figure of agreement for a set of labels, each with its interval and seed; no Django here.

Labels are cut by pair of reviewers, stratum of the sample, version of the codebook, week, and tenth of
the work. Each figure's seed follows from the seed of the whole and the figure's own name, so that one
of them can be computed again without the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import numpy as np

from labeling.agreement import coefficients
from labeling.agreement.measures import NOMINAL, ORDINAL, SETS, Measure
from labeling.agreement.ratings import Ratings, confusion, table_of
from labeling.agreement.resampling import (
    NO_VARIATION,
    NOTHING_MARKED,
    Estimate,
    Figure,
    estimates,
    seed_of,
)
from labeling.agreement.sets import masi_distances
from labeling.agreement.spans import Span, character_alpha, matched_f1

ENOUGH_FOR_TENTHS = 30  # items; fewer are not cut by time
ALL, PAIR, STRATUM, VERSION, WEEK, TENTH = "all", "pair", "stratum", "version", "week", "tenth"
MAIN = {NOMINAL: "alpha", ORDINAL: "ordinal alpha", SETS: "MASI alpha", "spans": "character alpha"}


@dataclass(frozen=True)
class Given:
    """A standing label and what it can be cut by."""

    item: int
    reviewer: int
    label: str
    group: str
    grade: str
    confidence: int | None
    answers: Mapping[str, Any]
    at: datetime
    version: int
    stratum: str = ""
    spans: tuple[Span, ...] = ()
    length: int = 0  # of the item's text, in code points


@dataclass(frozen=True)
class Line:
    """One figure: of what, over which labels, and how large."""

    measure: str
    stage: str
    cut: str
    part: str
    coefficient: str
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    seed: int | None = None
    reason: str = ""
    undefined: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


def overall(
    labels: Sequence[Given], measures: Iterable[Measure], spans: Iterable[Measure], *, stage: str, seed: int
) -> list[Line]:
    """Each measure over all labels."""
    lines = []
    for measure in measures:
        lines += _compared(labels, measure, stage, ALL, "", seed)
    for kind in spans:
        lines += _marked(labels, kind, stage, seed)
    return lines


def by_part(labels: Sequence[Given], measure: Measure, *, stage: str, seed: int) -> list[Line]:
    """One measure by pair, stratum, version and time."""
    lines = []
    for a, b in pairs_of(labels):
        both = [one for one in labels if one.reviewer in (a, b)]
        lines += _compared(both, measure, stage, PAIR, f"{a}.{b}", seed)
    for cut, part, some in parts_of(labels):
        lines += _compared(some, measure, stage, cut, part, seed)
    return lines


def pairs_of(labels: Iterable[Given]) -> list[tuple[int, int]]:
    """The pairs of reviewers who met on an item, in order."""
    met: dict[int, set[int]] = defaultdict(set)
    for one in labels:
        met[one.item].add(one.reviewer)
    return sorted({pair for people in met.values() for pair in combinations(sorted(people), 2)})


def parts_of(labels: Sequence[Given]) -> Iterator[tuple[str, str, list[Given]]]:
    """The labels cut by stratum, version, week and tenth; a cut into one part is none."""
    done: dict[int, datetime] = {}
    for one in labels:
        done[one.item] = max(one.at, done.get(one.item, one.at))
    order = sorted(done, key=lambda item: (done[item], item))
    tenth = {item: 10 * place // len(order) for place, item in enumerate(order)}
    cuts: dict[str, dict[str, list[Given]]] = {STRATUM: {}, VERSION: {}, WEEK: {}, TENTH: {}}
    for one in labels:
        monday = (done[one.item] - timedelta(days=done[one.item].weekday())).date()
        cuts[STRATUM].setdefault(one.stratum, []).append(one)
        cuts[VERSION].setdefault(str(one.version), []).append(one)
        cuts[WEEK].setdefault(monday.isoformat(), []).append(one)
        if len(order) >= ENOUGH_FOR_TENTHS:
            cuts[TENTH].setdefault(str(tenth[one.item] + 1), []).append(one)
    for cut, parts in cuts.items():
        if len(parts) > 1:
            for part in sorted(parts, key=lambda name: (len(name), name) if cut != STRATUM else (0, name)):
                yield cut, part, parts[part]


def confusions(labels: Sequence[Given], measure: Measure, *, stage: str) -> list[dict[str, Any]]:
    """How often each pair of reviewers said which two values; only cells that occur."""
    found = []
    ratings, values, _, reviewers = table_by(labels, measure)
    column = {reviewer: index for index, reviewer in enumerate(reviewers)}
    for a, b in pairs_of(labels):
        if a not in column or b not in column:
            continue
        counts = confusion(ratings.pair(column[a], column[b]))
        cells = [[values[i], values[j], int(counts[i, j])] for i, j in np.argwhere(counts)]
        if cells:
            found.append({"measure": measure.key, "stage": stage, "a": a, "b": b, "cells": cells})
    return found


def table_by(labels: Iterable[Given], measure: Measure) -> tuple[Ratings, list[Any], list[int], list[int]]:
    """What the labels say on a measure, the values behind the codes, the items and the reviewers."""
    said = ((one.item, one.reviewer, measure.value_of(one)) for one in labels)
    order = () if measure.scale == SETS else measure.values
    return table_of(((i, r, value) for i, r, value in said if value is not None), order)


def _compared(
    labels: Iterable[Given], measure: Measure, stage: str, cut: str, part: str, seed: int
) -> list[Line]:
    """The coefficients that suit the measure's scale; of two reviewers Cohen's kappa instead of Fleiss'."""
    ratings, values, _, reviewers = table_by(labels, measure)
    own = seed_of(seed, stage, measure.key, cut, part)
    found = ratings.patterns
    figures: dict[str, Figure] = {"percent": coefficients.percent(found)}
    if measure.scale == SETS:
        figures["MASI alpha"] = coefficients.distance_alpha(found, masi_distances(values))
    else:
        if measure.scale == ORDINAL:
            heights = np.arange(ratings.categories, dtype=float)
            figures["ordinal alpha"] = coefficients.ordinal_alpha(found)
            figures["interval alpha"] = coefficients.interval_alpha(found, heights)
        figures["alpha"] = coefficients.nominal_alpha(found)
        if cut != PAIR:
            figures["Fleiss' kappa"] = coefficients.fleiss_kappa(found)
        figures["Gwet's AC1"] = coefficients.gwet_ac1(found)
    drawn = estimates(figures, found.of_item, len(found.codes), n=found.n, seed=own)
    if cut == PAIR and measure.scale != SETS and len(reviewers) == 2 and found.n:
        figure, cells = coefficients.cohen_kappa(ratings.pair(0, 1))
        drawn |= estimates({"Cohen's kappa": figure}, cells.of_item, len(cells.codes), n=found.n, seed=own)
    return [_line(measure, stage, cut, part, name, one) for name, one in drawn.items()]


def _marked(labels: Iterable[Given], measure: Measure, stage: str, seed: int) -> list[Line]:
    """Agreement on words of one kind, over the items that at least two labelled."""
    kind = measure.key.split(".", 1)[1]
    items: dict[int, tuple[int, dict[int, tuple[Span, ...]]]] = {}
    for one in labels:
        items.setdefault(one.item, (one.length, {}))[1][one.reviewer] = one.spans
    both = [item for item in items.values() if len(item[1]) > 1]
    own = seed_of(seed, stage, measure.key, ALL, "")
    each = np.arange(len(both))
    alpha, n = character_alpha(both, kind)
    f1, marked = matched_f1([spans for _, spans in both], kind)
    why = NO_VARIATION if marked else NOTHING_MARKED
    drawn = {
        "character alpha": estimates({"": alpha}, each, len(both), n=n, seed=own, undefined=why)[""],
        "matched F1": estimates(
            {"": f1}, each, len(both), n=len(both), seed=own, undefined=NOTHING_MARKED
        )[""],
    }  # fmt: skip
    return [_line(measure, stage, ALL, "", name, one) for name, one in drawn.items()]


def _line(measure: Measure, stage: str, cut: str, part: str, name: str, one: Estimate) -> Line:
    return Line(
        measure.key, stage, cut, part, name, one.value, one.n, one.low, one.high, one.seed, one.reason,
        one.undefined,
    )  # fmt: skip
