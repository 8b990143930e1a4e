"""Probes from labelled activations, and what they are worth: numpy in, numpy out. Nothing here needs torch.

Shapes: x [n, d] activations, y [n] bool, groups [n]: rows of one group, such as near-duplicates, stay together wherever rows
are drawn. What cannot be computed is None, never 0 or 1.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Fit = Callable[[Floats, npt.NDArray[np.bool_]], "Fitted"]
STANDARDISATIONS = ("none", "mean", "mean_scale")
NEWTON_STEPS = 100
LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE)
SURFACE = (
    "characters, log",
    "lines, log",
    "list items",
    "digits",
    "upper case",
    "punctuation",
    "questions",
    "code",
)


class NotEnough(ValueError):
    """These rows cannot train a probe; why, in words."""


@dataclass(frozen=True)
class Fitted:
    """A linear probe: score = ((x - mean) / scale) · direction + bias; high where y is true."""

    direction: Floats  # [d]
    bias: float
    mean: Floats  # [d]; zeros where nothing is subtracted
    scale: Floats  # [d]; ones where nothing is divided

    def scores(self, x: npt.NDArray[Any]) -> Floats:
        """[n, d] -> [n]."""
        found: Floats = ((np.asarray(x, np.float64) - self.mean) / self.scale) @ self.direction + self.bias
        return found

    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """As a probe's file holds them."""
        kept = {
            "direction": self.direction,
            "bias": np.array([self.bias]),
            "mean": self.mean,
            "scale": self.scale,
        }
        return {name: np.ascontiguousarray(value, np.float32) for name, value in kept.items()}


@dataclass(frozen=True)
class Interval:
    """An AUROC with its percentile interval over resampled groups; None where there is not enough."""

    estimate: float | None
    low: float | None
    high: float | None
    level: float
    seed: int
    resamples: int  # how many of those asked for had both labels
    n_positive: int
    n_negative: int


def mean_difference(x: npt.NDArray[Any], y: npt.NDArray[Any], *, standardise: str = "none") -> Fitted:
    """The difference of the two classes' means, of length 1; the bias puts 0 half-way between them.

    Raises:
        NotEnough: no row of one class, or equal means.
    """
    z, y, mean, scale = _standard(x, y, standardise)
    up, down = z[y].mean(axis=0), z[~y].mean(axis=0)
    length = np.linalg.norm(up - down)
    if length == 0:
        raise NotEnough("The two classes have the same mean.")
    direction = (up - down) / length
    return Fitted(direction, float(-direction @ (up + down) / 2), mean, scale)


def logistic(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    *,
    ridge: float = 1e-2,
    standardise: str = "mean_scale",
    balanced: bool = True,
) -> Fitted:
    """Logistic regression: the least of mean log loss + ridge / 2 · |direction|²; the bias is free.

    Args:
        ridge: L2 strength for each row, > 0 (scikit-learn's C is 1 / (n · ridge)).
        balanced: both classes weigh the same, however many rows they have.

    Newton's method in the rows' own space (at most n of d dimensions bear on a score), until a step gains nothing.

    Raises:
        NotEnough: no row of one class.
        ValueError: `ridge` is not above 0.
    """
    if not ridge > 0:
        raise ValueError("ridge is above 0")
    z, y, mean, scale = _standard(x, y, standardise)
    left, sizes, axes = np.linalg.svd(z, full_matrices=False)
    kept = sizes > sizes.max(initial=0.0) * 1e-12
    design = np.column_stack([left[:, kept] * sizes[kept], np.ones(len(z))])
    weights = (
        np.where(y, 0.5 / y.mean(), 0.5 / (~y).mean()) / len(y) if balanced else np.full(len(y), 1 / len(y))
    )
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 0.0
    sign = np.where(y, 1.0, -1.0)

    def loss(at: Floats) -> float:
        return float(weights @ np.logaddexp(0, -sign * (design @ at)) + 0.5 * penalty @ at**2)

    theta: Floats = np.zeros(design.shape[1])
    now = loss(theta)
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ theta, -500, 500)))
        slope = design.T @ (weights * (chance - y)) + penalty * theta
        bend = (design * (weights * np.maximum(chance * (1 - chance), 1e-12))[:, None]).T @ design + np.diag(
            penalty
        )
        step, length = np.linalg.solve(bend, slope), 1.0
        while (after := loss(theta - length * step)) > now and length > 1e-8:
            length /= 2
        if now - after <= 1e-14 * max(1.0, abs(now)):
            break
        theta, now = theta - length * step, after
    return Fitted(axes[kept].T @ theta[:-1], float(theta[-1]), mean, scale)


def lat(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    *,
    seed: int,
    pairs: npt.NDArray[Any] | None = None,
    standardise: str = "none",
) -> Fitted:
    """Linear artificial tomography: the first principal axis of differences between a positive and a negative row.

    The differences are not centred (each counts in both directions), so that their common part is the axis. It points to
    where positives lie; the bias puts 0 half-way between the classes' means.

    Args:
        seed: of the pairing, where `pairs` is not given.
        pairs: [n] an id that a positive and a negative row share; rows without a partner are not used.

    Raises:
        NotEnough: no row of one class, no pair, or differences that are all 0.

    Source: Zou et al. (2023), "Representation Engineering", section 3.1.
    """
    z, y, mean, scale = _standard(x, y, standardise)
    if pairs is None:
        draw = np.random.default_rng(seed)
        n = min(int(y.sum()), int((~y).sum()))
        up, down = draw.permutation(np.flatnonzero(y))[:n], draw.permutation(np.flatnonzero(~y))[:n]
    else:
        first = {pair: index for index, pair in enumerate(pairs) if not y[index]}
        both = [(index, first[pair]) for index, pair in enumerate(pairs) if y[index] and pair in first]
        if not both:
            raise NotEnough("No positive row has a negative one beside it.")
        up, down = np.array(both).T
    differences = z[up] - z[down]
    axis: Floats = np.linalg.svd(differences, full_matrices=False)[2][0]
    if not differences.any():
        raise NotEnough("Every pair is the same twice.")
    apart = axis @ (z[y].mean(axis=0) - z[~y].mean(axis=0))
    axis = axis if apart >= 0 else -axis
    middle = axis @ (z[y].mean(axis=0) + z[~y].mean(axis=0)) / 2
    return Fitted(axis, float(-middle), mean, scale)


def _standard(
    x: npt.NDArray[Any], y: npt.NDArray[Any], standardise: str
) -> tuple[Floats, npt.NDArray[np.bool_], Floats, Floats]:
    z, y = np.asarray(x, np.float64), np.asarray(y, bool)
    if z.ndim != 2 or y.shape != (len(z),):
        raise ValueError("activations are [n, d] and labels [n]")
    if not np.isfinite(z).all():
        raise ValueError("an activation is not finite")
    if standardise not in STANDARDISATIONS:
        raise ValueError(f"standardisation is one of {', '.join(STANDARDISATIONS)}")
    if not y.any() or y.all():
        raise NotEnough("A probe needs rows of both classes.")
    mean, scale = np.zeros(z.shape[1]), np.ones(z.shape[1])
    if standardise != "none":
        mean = z.mean(axis=0)
    if standardise == "mean_scale":
        spread = z.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
    return (z - mean) / scale, y, mean, scale


def auroc(scores: npt.NDArray[Any], y: npt.NDArray[Any]) -> float | None:
    """The chance that a positive scores above a negative, ties counting half; None without both."""
    y = np.asarray(y, bool)
    n, m = int(y.sum()), int((~y).sum())
    if not n or not m:
        return None
    return float((_ranks(np.asarray(scores, np.float64))[y].sum() - n * (n + 1) / 2) / (n * m))


def _ranks(values: Floats) -> Floats:
    """From 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[inverse]
    return ranks


def auroc_interval(
    scores: npt.NDArray[Any],
    y: npt.NDArray[Any],
    groups: npt.NDArray[Any],
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """AUROC with a percentile interval over groups drawn with replacement.

    None for the ends with fewer than two groups, or where fewer than half of the resamples have both labels.
    """
    scores, y = np.asarray(scores, np.float64), np.asarray(y, bool)
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    rows = [np.flatnonzero(member == index) for index in range(len(names))]
    draw, found = np.random.default_rng(seed), []
    for _ in range(resamples if len(names) > 1 else 0):
        chosen = np.concatenate([rows[index] for index in draw.integers(0, len(rows), len(rows))])
        value = auroc(scores[chosen], y[chosen])
        if value is not None:
            found.append(value)
    low = high = None
    if found and len(found) >= resamples / 2:
        low, high = (float(end) for end in np.quantile(found, [(1 - level) / 2, (1 + level) / 2]))
    return Interval(auroc(scores, y), low, high, level, seed, len(found), int(y.sum()), int((~y).sum()))


def random_label_control(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    held_out: npt.NDArray[Any],
    *,
    groups: npt.NDArray[Any],
    fit: Fit,
    seed: int,
    times: int = 10,
) -> list[float]:
    """AUROCs on held-out rows of probes trained on labels that were dealt out anew among groups; about 0.5 if nothing leaks.

    Args:
        held_out: [n] bool; the others train. Held-out rows keep their labels.

    A deal that leaves the training rows without one class is left out.
    """
    x, y, held = np.asarray(x, np.float64), np.asarray(y, bool), np.asarray(held_out, bool)
    draw, found = np.random.default_rng(seed), []
    _, member = np.unique(np.asarray(groups)[~held], return_inverse=True)
    n = int(member.max(initial=-1)) + 1
    share = np.array([y[~held][member == index].mean() for index in range(n)])
    for _ in range(times):
        dealt = draw.permutation(share)[member] > draw.random(len(member))
        try:
            value = auroc(fit(x[~held], dealt).scores(x[held]), y[held])
        except NotEnough:
            continue
        found += [] if value is None else [value]
    return found


def surface(texts: Sequence[str]) -> Floats:
    """What a probe may see of texts without any meaning: [n, len(SURFACE)], see SURFACE for the columns."""
    return np.array([_surface(text) for text in texts], np.float64).reshape(len(texts), len(SURFACE))


def _surface(text: str) -> tuple[float, ...]:
    n = max(len(text), 1)
    return (
        float(np.log1p(len(text))),
        float(np.log1p(text.count("\n"))),
        float(len(LIST_MARK.findall(text))),
        sum(sign.isdigit() for sign in text) / n,
        sum(sign.isupper() for sign in text) / n,
        sum(not sign.isalnum() and not sign.isspace() for sign in text) / n,
        text.count("?") / n,
        float(text.count("```")),
    )
