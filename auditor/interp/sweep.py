"""Choosing a probe among kinds and layers, and saying what the chosen one is worth: numpy in, numbers out.

    examples -> split by group -> every kind at every layer, cross-validated -> the best -> tested once

What chooses never tests: kind and layer are chosen by AUROC on rows left out of training, and the figures that are reported
are of groups (near-duplicates, and one prompt) that had no part in either. What is held out (another model, another
condition) had no part at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.interp.training import (
    Fit,
    Fitted,
    Interval,
    NotEnough,
    auroc,
    auroc_interval,
    lat,
    logistic,
    mean_difference,
    random_label_control,
)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
KINDS = ("mean_difference", "lat", "logistic")  # the simplest first: of equals it is chosen
TEST_SHARE = 0.25  # of each class, at least, where the release has no splits of its own
FOLDS = 5
LEAST = 20  # of each class for a figure to be more than a first look
DEALS = 20  # of the random-label control
RESAMPLES = 1000
TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True)
class Examples:
    """n labelled rows."""

    at: Mapping[int, npt.NDArray[Any]]  # layer -> activations [n, d]
    y: Flags  # [n]
    groups: npt.NDArray[np.int64]  # [n]; rows of one group are never on both sides of a split
    held: Flags  # [n]; held out: no part in training or choosing
    splits: Sequence[str]  # [n] train, validation, test; empty where the release has none
    surface: Floats  # [n, s] what can be seen without reading: length, format


@dataclass(frozen=True)
class Tried:
    """One kind at one layer."""

    kind: str
    layer: int
    auroc: float | None  # mean over the folds in which it is defined; None where it is in none
    folds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a sweep found."""

    fitted: Fitted
    kind: str
    layer: int
    tried: tuple[Tried, ...]
    test: Interval
    held: Interval | None  # None: nothing is held out
    surface: Interval  # a probe that sees length and format alone, on the same test rows
    surface_held: Interval | None
    gain: tuple[float, float] | None  # 95% interval of AUROC minus the surface probe's, over groups
    random_labels: tuple[float, ...]  # AUROCs on the test rows of probes trained on dealt labels
    counts: Mapping[str, Mapping[str, int]]  # part -> {"positive", "negative", "groups"}
    own_splits: bool  # whether the release's were used
    seed: int
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """What a training keeps; the direction is in the probe's file."""
        kept = asdict(self)
        del kept["fitted"]
        return kept


def fits(kind: str, seed: int) -> Fit:
    """How a kind is trained.

    Raises:
        ValueError: there is no such kind.
    """
    if kind == "mean_difference":
        return partial(mean_difference, standardise="mean_scale")
    if kind == "lat":
        return partial(lat, seed=seed, standardise="mean_scale")
    if kind == "logistic":
        return partial(logistic, ridge=1e-1, standardise="mean_scale")
    raise ValueError(f"a probe is one of {', '.join(KINDS)}")


def sweep(examples: Examples, *, kinds: Sequence[str] = KINDS, seed: int) -> Outcome:
    """Train every kind at every layer, choose by cross-validation, and test the chosen one.

    Args:
        seed: of the split, the folds, the pairs, the dealt labels and the intervals.

    Raises:
        NotEnough: training or test rows lack a class; in words.
    """
    y, groups = examples.y, examples.groups
    test, own = _test_rows(examples, seed)
    work = ~test & ~examples.held
    for part, name in ((work, "training"), (test, "testing")):
        if not y[part].any() or y[part].all():
            raise NotEnough(f"The rows for {name} are all of one class; more groups of each are needed.")
    folds = _folds(examples, work, seed)
    tried = tuple(
        _tried(kind, layer, x, y, folds, seed) for layer, x in sorted(examples.at.items()) for kind in kinds
    )
    able = [one for one in tried if one.auroc is not None]
    if not able:
        raise NotEnough("No fold has both classes; more groups of each are needed.")
    best = max(able, key=lambda one: (one.auroc or 0.0, -kinds.index(one.kind), -one.layer))
    x, fit = np.asarray(examples.at[best.layer], np.float64), fits(best.kind, seed)
    fitted = fit(x[work], y[work])
    scores = fitted.scores(x)
    plain = logistic(examples.surface[work], y[work], ridge=1e-1).scores(examples.surface)
    inside = test | work

    def figure(of: Floats, rows: Flags) -> Interval:
        return auroc_interval(of[rows], y[rows], groups[rows], seed=seed, resamples=RESAMPLES)

    held = examples.held
    return Outcome(
        fitted=fitted, kind=best.kind, layer=best.layer, tried=tried,
        test=figure(scores, test), held=figure(scores, held) if held.any() else None,
        surface=figure(plain, test), surface_held=figure(plain, held) if held.any() else None,
        gain=_gain(scores[test], plain[test], y[test], groups[test], seed),
        random_labels=tuple(
            random_label_control(
                x[inside], y[inside], test[inside], groups=groups[inside], fit=fit, seed=seed, times=DEALS
            )
        ),
        counts={
            name: {
                "positive": int(y[rows].sum()), "negative": int((~y[rows]).sum()),
                "groups": len(np.unique(groups[rows])),
            }
            for name, rows in ((TRAIN, work), (TEST, test), ("held", held))
        },
        own_splits=own, seed=seed, warnings=_warnings(y, test, held),
    )  # fmt: skip


def _test_rows(examples: Examples, seed: int) -> tuple[Flags, bool]:
    """Which rows test: the release's own, or whole groups until a quarter of each class is there."""
    inside = ~examples.held
    splits = np.array(examples.splits, dtype=object)
    if (splits[inside] == TEST).any() and (splits[inside] == TRAIN).any():
        return inside & (splits == TEST), True
    chosen = np.zeros(len(examples.y), dtype=bool)
    wanted = {label: TEST_SHARE * (examples.y[inside] == label).sum() for label in (True, False)}
    for group in np.random.default_rng(seed).permutation(np.unique(examples.groups[inside])):
        rows = inside & (examples.groups == group)
        lacks = [label for label in wanted if (examples.y[chosen] == label).sum() < wanted[label]]
        if not lacks:
            break
        if any((examples.y[rows] == label).any() for label in lacks):
            chosen |= rows
    return chosen, False


def _folds(examples: Examples, work: Flags, seed: int) -> list[tuple[Flags, Flags]]:
    """(training, choosing) rows: the release's validation split, or groups dealt into five.

    Groups are dealt class by class (a group's is that of most of its rows), into fewer where a class has fewer.
    """
    splits = np.array(examples.splits, dtype=object)
    validation = work & (splits == VALIDATION)
    if validation.any():
        return [(work & ~validation, validation)]
    names = np.random.default_rng(seed + 1).permutation(np.unique(examples.groups[work]))
    up = np.array([examples.y[work & (examples.groups == name)].mean() >= 0.5 for name in names])
    n = max(2, min(FOLDS, int(up.sum()), int((~up).sum())))
    deals = [np.concatenate([names[up][start::n], names[~up][start::n]]) for start in range(n)]
    parts = [work & np.isin(examples.groups, deal) for deal in deals]
    return [(work & ~part, part) for part in parts]


def _tried(
    kind: str,
    layer: int,
    x: npt.NDArray[Any],
    y: Flags,
    folds: Sequence[tuple[Flags, Flags]],
    seed: int,
) -> Tried:
    found = []
    for training, choosing in folds:
        try:
            fitted = fits(kind, seed)(x[training], y[training])
        except NotEnough:
            continue
        value = auroc(fitted.scores(x[choosing]), y[choosing])
        found += [] if value is None else [value]
    return Tried(kind, layer, float(np.mean(found)) if found else None, tuple(found))


def _gain(
    scores: Floats, plain: Floats, y: Flags, groups: npt.NDArray[np.int64], seed: int
) -> tuple[float, float] | None:
    """95% percentile interval of the difference of two AUROCs on the same rows, over groups drawn with replacement."""
    names, member = np.unique(groups, return_inverse=True)
    rows = [np.flatnonzero(member == index) for index in range(len(names))]
    if len(names) < 2:
        return None
    draw, found = np.random.default_rng(seed), []
    for _ in range(RESAMPLES):
        some = np.concatenate([rows[index] for index in draw.integers(0, len(rows), len(rows))])
        one, other = auroc(scores[some], y[some]), auroc(plain[some], y[some])
        if one is not None and other is not None:
            found.append(one - other)
    if len(found) < RESAMPLES / 2:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _warnings(y: Flags, test: Flags, held: Flags) -> tuple[str, ...]:
    said = []
    for rows, words in ((test, "test"), (held, "held-out")):
        fewest = min(int(y[rows].sum()), int((~y[rows]).sum()))
        if rows.any() and fewest < LEAST:
            said.append(
                f"Only {fewest} {words} rows of the rarer class: its figure is a first look, not a result."
            )
    return tuple(said)
