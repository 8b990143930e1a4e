"""Prediction-powered inference of a mean, PPI++, for labels and predictions that are independent and alike; no Django here.

For draws from a frame see `estimators`: with equal odds the estimate there is this one, with the frame's members
that have no label as the unlabelled, and the interval is that of the frame instead of an endless supply like it.
"""

from dataclasses import dataclass

import numpy as np

from auditor.sampling.designs.arrays import Floats
from labeling.validity.prevalence.intervals import LEVEL, Interval, normal_quantile


@dataclass(frozen=True)
class Powered:
    """A mean with its normal interval, and how much weight the predictions were given."""

    value: float
    interval: Interval
    lam: float


def mean(y: Floats, predicted: Floats, unlabelled: Floats, *, level: float = LEVEL) -> Powered:
    """The mean of labels, helped by predictions as far as these help.

    value = lam mean(unlabelled) + mean(y - lam predicted); its variance is lam^2 var(unlabelled) / N +
    var(y - lam predicted) / n; lam = cov(y, predicted) / ((1 + n/N) var(all predictions)), from 0 to 1.

    Args:
        y: (n,) labels.
        predicted: (n,) predictions for them.
        unlabelled: (N,) predictions for others.

    Raises:
        ValueError: different lengths, or nothing given.

    Source: Angelopoulos, Duchi and Zrnic (2023), "PPI++: Efficient Prediction-Powered Inference",
    arXiv:2311.01453; equal to `ppi_mean_ci` of ppi-python.
    """
    n, more = len(y), len(unlabelled)
    if len(predicted) != n or not n or not more:
        raise ValueError("as many predictions as labels, and some without a label")
    together = np.concatenate([predicted, unlabelled])
    spread = float(together.var(ddof=1))
    covariance = float(((y - y.mean()) * (predicted - predicted.mean())).mean())
    lam = min(1.0, max(0.0, covariance / ((1 + n / more) * spread))) if spread > 0 else 0.0
    value = lam * float(unlabelled.mean()) + float((y - lam * predicted).mean())
    variance = lam**2 * float(unlabelled.var()) / more + float((y - lam * predicted).var()) / n
    half = normal_quantile((1 + level) / 2) * variance**0.5
    return Powered(value, Interval(value - half, value + half), lam)
