"""How well somebody does on items whose label is known: a share of few, with its uncertainty.

The interval is Wilson's score interval (E. B. Wilson, 1927): all true shares p that the observed share
is within z standard errors of, the standard error being that of p itself. With x right of n and
z = 1.959964 for 95 percent:

    centre = (x + z²/2) / (n + z²)      half = z / (n + z²) * sqrt(x (n - x) / n + z²/4)
"""

from dataclasses import dataclass
from math import sqrt

Z95 = 1.959963984540054  # the normal quantile of 0.975


@dataclass(frozen=True)
class Accuracy:
    """So many right of so many, and the 95 percent interval of the share; without any, nothing is known."""

    right: int
    of: int

    @property
    def share(self) -> float | None:
        return self.right / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.right, self.of)

    def is_below(self, bar: float) -> bool:
        """Surely below: even the upper bound of the interval is. Never, as long as nothing is known."""
        return self.interval is not None and self.interval[1] < bar


def wilson(right: int, of: int, z: float = Z95) -> tuple[float, float] | None:
    """Wilson's score interval of a share; None without any observation.

    It stays within 0 and 1, and is not a point where all or none are right.

    Raises:
        ValueError: more right than there were, or negative counts.
    """
    if not 0 <= right <= of:
        raise ValueError(f"{right} right of {of}")
    if of == 0:
        return None
    around = of + z * z
    centre = (right + z * z / 2) / around
    half = z / around * sqrt(right * (of - right) / of + z * z / 4)
    return (0.0 if right == 0 else centre - half, 1.0 if right == of else centre + half)


def passes(accuracy: Accuracy, percent: int) -> bool:
    """Whether a training is passed: so many percent right, in whole numbers."""
    return 100 * accuracy.right >= percent * accuracy.of
