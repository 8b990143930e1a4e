"""Agreement behind a release: chance-corrected, with intervals, over every label of its rounds as of its moment.

Items that were left out for want of a ruling count here too; else a release of what all agreed on would praise itself.
"""

from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from django.db import connection, transaction

from labeling.agreement import coefficients
from labeling.agreement.figures import MAIN
from labeling.agreement.measures import ORDINAL, Measure, measures_of
from labeling.agreement.ratings import MISSING, Ratings
from labeling.agreement.resampling import estimates, seed_of
from labeling.annotations.models import BLIND, FINAL
from labeling.codebooks.queries import definition_of
from labeling.datasets.planning import Plan
from labeling.queues.models import REVEAL, WORK, Round

COMPARED = ("label", "group", "grade")
READ = 2000  # items read in one go
SAID = """
SELECT i.transcript_id,
    json_agg(json_build_array(r.reviewer_id, r.label, r."group", r.grade) ORDER BY r.reviewer_id, r.number)::text
FROM annotations_labelrevision r JOIN queues_item i ON i.id = r.item_id
WHERE i.round_id = ANY(%s) AND i.role = %s AND NOT r.late AND r.stage = %s AND r.committed_at <= %s
GROUP BY r.item_id, i.transcript_id ORDER BY r.item_id
"""


def figures_of(plan: Plan, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Krippendorff's alpha on label, group and grade for each stage, as the manifest keeps it.

    Items of which the same people said the same are one row until they are counted. Memory: six bytes for each such row
    and reviewer, with what was said in words, and eight for each item and reviewer while one measure is counted.
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


def _tables(
    plan: Plan, rounds: Sequence[Round], stage: str, measures: Sequence[Measure]
) -> Iterator[Ratings]:
    """For each measure who said what of which item: the newest label of each reviewer, by the moment."""
    alike: dict[str, int] = {}  # what was said of an item by whom, as JSON -> its row
    of_item = array("i")
    for transcript, said in _said(plan, rounds, stage):
        if transcript not in plan.hidden:
            of_item.append(alike.setdefault(said, len(alike)))
    people = sorted({pk for said in alike for pk, *_ in orjson.loads(said)})
    column = {pk: at for at, pk in enumerate(people)}
    code = [{value: at for at, value in enumerate(one.values)} for one in measures]
    places = [COMPARED.index(one.key) for one in measures]
    cells = np.full((len(measures), len(alike), len(people)), MISSING, np.int16)
    for said, row in alike.items():
        for reviewer, *values in orjson.loads(said):
            for table, known, place in zip(cells, code, places, strict=True):
                table[row, column[reviewer]] = known.setdefault(values[place], len(known))
    alike.clear()
    rows = np.frombuffer(of_item, np.int32) if of_item else np.empty(0, np.int32)
    for table, known in zip(cells, code, strict=True):
        yield Ratings(table[rows].astype(np.int64), max(1, len(known)))


def _said(plan: Plan, rounds: Sequence[Round], stage: str) -> Iterator[tuple[int, str]]:
    """Each labelled item's transcript, and who said what of it, by reviewer and then oldest first."""
    # Outside a transaction the server would hold all rows at once.
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(SAID, [[one.pk for one in rounds], WORK, stage, plan.moment])
        while rows := cursor.fetchmany(READ):
            yield from rows
