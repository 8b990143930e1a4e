"""How much one channel adds to another: nested logistic models, judged on transcripts they were not fitted on.

Scores are standardised on what a model is fitted on, and slopes are shrunk by a ridge of one unit (the
intercept is not), so that two kinds wholly apart still have a fit. No Django here.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from labeling.agreement.ratings import Floats, Whole
from labeling.validity.scored import Mask

FOLDS = 5
RIDGE = 1.0
_STEPS = 50
_LEAST = 1e-12


@dataclass(frozen=True)
class Predicted:
    """Chances of the positive kind on units that the model did not see, without and with the second channel."""

    alone: Floats
    both: Floats


def fit(x: Floats, positive: Mask, weights: Floats, ridge: float = RIDGE) -> Floats:
    """Coefficients of a logistic model, the intercept first, by iteratively reweighted least squares.

    Maximises the weighted log-likelihood (weights of mean 1) less ridge / 2 times the squared slopes.

    Args:
        x: (n, k).
    """
    design = np.column_stack([np.ones(len(x)), x])
    w = weights / weights.mean()
    penalty = np.diag([0.0, *[ridge] * x.shape[1]])
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = chance(found, x)
        slope = design.T @ (w * (positive - p)) - penalty @ found
        curvature = (design * (w * p * (1 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature + 1e-10 * np.eye(len(found)), slope)
        found = found + step * min(1.0, 5.0 / max(float(np.abs(step).max()), _LEAST))
        if float(np.abs(step).max()) < 1e-10:
            break
    return found


def chance(coefficients: Floats, x: Floats) -> Floats:
    """The modelled probability of the positive kind."""
    linear = coefficients[0] + x @ coefficients[1:]
    found: Floats = 1 / (1 + np.exp(-np.clip(linear, -500, 500)))
    return found


def folds(clusters: Whole, seed: int, count: int = FOLDS) -> Whole:
    """A fold for each unit; units of one transcript share it. It follows from the seed and the transcript."""
    numbers = {
        int(one): int.from_bytes(hashlib.sha256(f"{seed}\0{one}".encode()).digest()[:4], "big") % count
        for one in np.unique(clusters)
    }
    return np.array([numbers[int(one)] for one in clusters], dtype=np.int64)


def predicted(
    a: Floats, b: Floats, positive: Mask, weights: Floats, clusters: Whole, seed: int
) -> Predicted | None:
    """Each unit's chances by models fitted on the other folds; None where a fold leaves only one kind to fit on."""
    of = folds(clusters, seed)
    alone, both = np.empty(len(a)), np.empty(len(a))
    x = np.column_stack([a, b])
    for number in np.unique(of):
        held = of == number
        seen = ~held
        if not positive[seen].any() or positive[seen].all():
            return None
        middle, spread = x[seen].mean(axis=0), x[seen].std(axis=0)
        z = (x - middle) / np.where(spread > 0, spread, 1.0)
        for columns, out in (([0], alone), ([0, 1], both)):
            fitted = fit(z[seen][:, columns], positive[seen], weights[seen])
            out[held] = chance(fitted, z[held][:, columns])
    return Predicted(alone, both)


def losses(chances: Floats, positive: Mask) -> Floats:
    """Minus the log of the chance given to what was, in nats, of each unit."""
    p = np.clip(chances, 1e-9, 1 - 1e-9)
    return np.where(positive, -np.log(p), -np.log(1 - p))
