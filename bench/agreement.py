"""Agreement of SIZE items by three reviewers: each coefficient with the interval of 1,000 resamples.

Processor time, so that it is one core's whatever else runs. The floor draws the resamples and
weighs nothing.
"""

from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

import numpy as np

from bench.harness import Result
from labeling.agreement import coefficients
from labeling.agreement.dawid_skene import PERSON, dawid_skene
from labeling.agreement.ratings import Ratings, table_of
from labeling.agreement.resampling import RESAMPLES, Figure, estimates, resamples
from labeling.agreement.sets import masi_distances
from labeling.agreement.spans import Span, character_alpha, matched_f1

REVIEWERS = 3
LABELS = 14
FACETS = "abcdefgh"


def run(size: int) -> Iterator[Result]:
    """Every coefficient on labels that agree in about two of three."""
    rng = np.random.default_rng(7)
    truth = rng.integers(0, LABELS, (size, 1))
    said = np.where(rng.random((size, REVIEWERS)) < 0.7, truth, rng.integers(0, LABELS, (size, REVIEWERS)))
    ratings = Ratings(said, LABELS)
    floor = _cpu(lambda: [None for _ in resamples(np.arange(size), size, seed=1)])
    numbers = np.arange(LABELS, dtype=float)
    each: dict[str, Callable[[Any], Figure]] = {
        "percent": coefficients.percent,
        "fleiss": coefficients.fleiss_kappa,
        "ac1": coefficients.gwet_ac1,
        "alpha.nominal": coefficients.nominal_alpha,
        "alpha.ordinal": coefficients.ordinal_alpha,
        "alpha.interval": lambda found: coefficients.interval_alpha(found, numbers),
    }
    for name, make in each.items():
        yield _result(name, size, _cpu(lambda make=make: _with_interval(ratings, make)), floor)  # type: ignore[misc]
    sets = [
        (item, reviewer, frozenset(letter for letter in FACETS if rng.random() < 0.4))
        for item in range(size)
        for reviewer in range(REVIEWERS)
    ]
    yield _result("alpha.masi", size, _cpu(lambda: _of_sets(sets)), floor)
    yield _result("cohen", size, _cpu(lambda: _of_pair(ratings)), floor)
    items = [(8000, {reviewer: _marked(rng) for reviewer in range(REVIEWERS)}) for _ in range(size)]
    of_item = np.arange(size)
    yield _result(
        "spans.alpha", size, _cpu(lambda: _estimated(*character_alpha(items, "truth"), of_item)), floor
    )
    marked = [spans for _, spans in items]
    yield _result("spans.f1", size, _cpu(lambda: _estimated(*matched_f1(marked, "truth"), of_item)), floor)
    voters = [PERSON] * REVIEWERS
    yield _result("dawid_skene", size, _cpu(lambda: dawid_skene(ratings, voters)), None)


def _with_interval(ratings: Ratings, make: Callable[[Any], Figure]) -> None:
    found = Ratings(ratings.codes, ratings.categories).patterns  # made anew: it is part of the work
    estimates({"": make(found)}, found.of_item, len(found.codes), n=found.n, seed=1)


def _of_sets(said: list[tuple[int, int, frozenset[str]]]) -> None:
    ratings, values, _, _ = table_of(said)
    distances = masi_distances([value for value in values if isinstance(value, frozenset)])
    _with_interval(ratings, lambda found: coefficients.distance_alpha(found, distances))


def _of_pair(ratings: Ratings) -> None:
    figure, cells = coefficients.cohen_kappa(ratings.pair(0, 1))
    estimates({"": figure}, cells.of_item, len(cells.codes), n=len(cells.of_item), seed=1)


def _estimated(figure: Figure, n: int, of_item: Any) -> None:
    estimates({"": figure}, of_item, len(of_item), n=n, seed=1)


def _marked(rng: np.random.Generator) -> list[Span]:
    """None to three spans in the first of four messages, so that some overlap."""
    starts = rng.integers(0, 400, int(rng.integers(0, 4)))
    return [Span("truth", (int(start) % 4, "text"), int(start), int(start) + 40) for start in starts]


def _cpu(work: Callable[[], Any]) -> float:
    began = process_time()
    work()
    return max(process_time() - began, 1e-6)


def _result(name: str, size: int, value: float, floor: float | None) -> Result:
    conditions = (
        {"reviewers": REVIEWERS, "resamples": RESAMPLES} if floor is not None else {"reviewers": REVIEWERS}
    )
    return Result(f"agreement.{name}", size, value, "s", floor, conditions)
