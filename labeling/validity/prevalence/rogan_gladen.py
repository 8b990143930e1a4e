"""A judge's rate, corrected by how often it is right: Rogan and Gladen's estimator with its interval; no Django here."""

import math
from dataclasses import dataclass

from labeling.validity.prevalence.intervals import LEVEL, Interval, normal_quantile

LEAST_YOUDEN = 0.2
TOO_WEAK = (
    "Refused: sensitivity + specificity − 1 is {:.2f}, below {}. A judge that tells so little apart cannot be "
    "corrected: what is divided by is almost nothing."
)
ONE_KIND = "Sensitivity and specificity need labels of both kinds, and all of these are {}."


@dataclass(frozen=True)
class Corrected:
    """The corrected rate, or why there is none."""

    value: float | None
    interval: Interval | None
    sensitivity: float | None
    specificity: float | None
    reason: str = ""

    @property
    def youden(self) -> float | None:
        """Sensitivity + specificity - 1: 1 is perfect, 0 tells nothing apart."""
        if self.sensitivity is None or self.specificity is None:
            return None
        return self.sensitivity + self.specificity - 1


def corrected(
    positive: float,
    n: float | None,
    sensitivity: float,
    n_sensitivity: float,
    specificity: float,
    n_specificity: float,
    *,
    level: float = LEVEL,
) -> Corrected:
    """The rate that a judge's share of positives stands for.

    value = (positive + specificity - 1) / (sensitivity + specificity - 1). The interval adds z^2/2 of z^2 to the
    share of positives, 1 of 2 to both others, and moves its middle by 2 z^2 (value se (1 - se) / n_se -
    (1 - value) sp (1 - sp) / n_sp).

    Args:
        positive: the judge's share.
        n: of how many; None if it is known for all of them and is no estimate.
        sensitivity, specificity: the judge's, from so many labels of each kind, which need not be whole numbers.

    Source: Rogan and Gladen (1978); Lang and Reiczigel (2014), "Confidence limits for prevalence of disease
    adjusted for estimated sensitivity and specificity", Preventive Veterinary Medicine 113; for judges
    Lee et al. (2025), arXiv:2511.21140.
    """
    youden = sensitivity + specificity - 1
    if youden < LEAST_YOUDEN - 1e-12:
        reason = TOO_WEAK.format(youden, LEAST_YOUDEN).replace("is -", "is −")
        return Corrected(None, None, sensitivity, specificity, reason)
    z = normal_quantile((1 + level) / 2)
    value = min(1.0, max(0.0, (positive + specificity - 1) / youden))
    share = positive if n is None else (n * positive + z**2 / 2) / (n + z**2)
    se, n_se = (n_sensitivity * sensitivity + 1) / (n_sensitivity + 2), n_sensitivity + 2
    sp, n_sp = (n_specificity * specificity + 1) / (n_specificity + 2), n_specificity + 2
    divisor = se + sp - 1
    if divisor <= 0:
        return Corrected(value, None, sensitivity, specificity, "too few labels for an interval")
    middle = (share + sp - 1) / divisor
    of_se, of_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    own = 0.0 if n is None else share * (1 - share) / (n + z**2)
    half = z * math.sqrt(own + middle**2 * of_se + (1 - middle) ** 2 * of_sp) / divisor
    middle += 2 * z**2 * (middle * of_se - (1 - middle) * of_sp)
    middle = min(1.0, max(0.0, middle))  # so that there is a width where the judge's share fits no rate
    low, high = min(max(middle - half, 0.0), value), max(min(middle + half, 1.0), value)
    return Corrected(value, Interval(low, high), sensitivity, specificity)
