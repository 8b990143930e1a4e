"""Agreement behind a release: chance-corrected, with intervals, over every label of its rounds as of its moment.

Items that were left out for want of a ruling count here too; else a release of what all agreed on would praise itself.
"""

from array import array
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from labeling.agreement import coefficients
from labeling.agreement.figures import MAIN
from labeling.agreement.measures import ORDINAL, Measure, measures_of
from labeling.agreement.ratings import MISSING, Ratings
from labeling.agreement.resampling import estimates, seed_of
from labeling.annotations.models import BLIND, FINAL, LabelRevision
from labeling.codebooks.queries import definition_of
from labeling.datasets.planning import Plan
from labeling.queues.models import REVEAL, WORK, Round

COMPARED = ("label", "group", "grade")


def figures_of(plan: Plan, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Krippendorff's alpha on label, group and grade for each stage, as the manifest keeps it.

    Memory: two bytes for each item and reviewer.
    """
    newest = max((one.codebook_version for one in rounds), key=lambda one: one.number)
    measures = [one for one in measures_of(definition_of(newest)) if one.key in COMPARED]
    stages = (BLIND, FINAL) if any(one.policy == REVEAL for one in rounds) else (FINAL,)
    found = []
    for stage in stages:
        tables = _tables(plan, rounds, stage, measures)
        for measure, ratings in zip(measures, tables, strict=True):
            found.append(_figure(ratings, measure, stage, plan.moment))
    return found


def _figure(ratings: Ratings, measure: Measure, stage: str, moment: datetime) -> dict[str, Any]:
    patterns = ratings.patterns
    name = MAIN[measure.scale]
    alpha = coefficients.ordinal_alpha if measure.scale == ORDINAL else coefficients.nominal_alpha
    seed = seed_of(moment.isoformat(), stage, measure.key)
    one = estimates({name: alpha(patterns)}, patterns.of_item, len(patterns.codes), n=patterns.n, seed=seed)[
        name
    ]
    return {
        "measure": measure.name, "stage": stage, "coefficient": name, "value": _short(one.value), "n": one.n,
        "low": _short(one.low), "high": _short(one.high), "seed": one.seed, "reason": one.reason,
    }  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _tables(plan: Plan, rounds: Sequence[Round], stage: str, measures: Sequence[Measure]) -> list[Ratings]:
    """For each measure who said what of which item: the newest label of each reviewer, by the moment."""
    rows = LabelRevision.objects.filter(
        item__round__in=[one.pk for one in rounds], item__role=WORK, late=False, stage=stage,
        committed_at__lte=plan.moment,
    ).order_by("item_id", "reviewer_id", "number")  # fmt: skip
    people = sorted(rows.order_by().values_list("reviewer_id", flat=True).distinct())
    column = {pk: at for at, pk in enumerate(people)}
    code = [{value: at for at, value in enumerate(one.values)} for one in measures]
    fields = [one.key for one in measures]
    cells = [array("h") for _ in measures]  # item after item, a place for each reviewer
    nobody = array("h", [MISSING] * len(people))
    last, start = None, -len(people)
    for item, transcript, reviewer, *said in rows.values_list(
        "item_id", "item__transcript_id", "reviewer_id", *fields
    ).iterator(chunk_size=2000):
        if transcript in plan.hidden:
            continue
        if item != last:
            last, start = item, start + len(people)
            for some in cells:
                some.extend(nobody)
        place = start + column[reviewer]
        for some, known, value in zip(cells, code, said, strict=True):
            some[place] = known.setdefault(value, len(known))
    return [
        Ratings(np.frombuffer(some, np.int16).astype(np.int64).reshape(-1, len(people)), max(1, len(known)))
        if some
        else Ratings(np.empty((0, len(people)), np.int64), max(1, len(known)))
        for some, known in zip(cells, code, strict=True)
    ]
