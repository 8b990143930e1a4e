"""What a report of prevalence holds, as it is stored and shown; no Django here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

LABELS, POWERED, CORRECTED, JUDGE = "labels", "powered", "corrected", "judge"
ESTIMATORS = (POWERED, LABELS, CORRECTED, JUDGE)
TOTAL, SUPPLY = "horvitz_thompson", "endless_supply"  # beside the four, for who checks them
ALL = "all"
RULINGS, UNDETERMINED, VERDICTS = "rulings", "undetermined", "verdicts"


@dataclass(frozen=True)
class Line:
    """One figure: by what, of what part, and how large."""

    estimator: str
    cut: str
    part: str
    value: float | None
    low: float | None
    high: float | None
    n: int  # labels behind it
    of: int  # members of the frame
    deviation: float | None = None  # standard error
    effective: float | None = None  # labels drawn with equal odds that would tell as much
    reason: str = ""

    @property
    def width(self) -> float | None:
        return None if self.low is None or self.high is None else self.high - self.low


@dataclass(frozen=True)
class Difference:
    """How much commoner it is in one part than in another."""

    estimator: str
    cut: str
    a: str
    b: str
    value: float
    low: float
    high: float
    sure: bool  # whether it holds for all pairs of the cut together


@dataclass(frozen=True)
class Bound:
    """Where a figure goes if all that is missing were no, and if it were yes."""

    what: str
    estimator: str
    missing: int
    low: float
    high: float
    outer_low: float  # the ends of the intervals of both
    outer_high: float


@dataclass(frozen=True)
class Report:
    """Prevalence of one code in one frame."""

    size: int
    drawn: int
    labelled: int
    judged: int
    lines: tuple[Line, ...] = ()
    differences: tuple[Difference, ...] = ()
    bounds: tuple[Bound, ...] = ()
    more: Mapping[str, int | None] = field(
        default_factory=dict
    )  # by estimator, labels that halve its interval
    lam: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None
    compared: Mapping[str, int] = field(default_factory=dict)  # by cut, pairs
    left_out: Mapping[str, int] = field(default_factory=dict)  # by cut, parts beyond those shown

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    def line(self, estimator: str, cut: str = ALL, part: str = "") -> Line | None:
        """One figure, if it is there."""
        wanted = (estimator, cut, part)
        return next((one for one in self.lines if (one.estimator, one.cut, one.part) == wanted), None)

    @property
    def default(self) -> Line | None:
        """The figure to cite: PPI++, else the labels alone."""
        for estimator in (POWERED, LABELS):
            found = self.line(estimator)
            if found is not None and found.value is not None:
                return found
        return None


def read(data: Mapping[str, Any]) -> Report:
    """A report from its stored form."""
    return Report(
        **{
            **data,
            "lines": tuple(Line(**one) for one in data["lines"]),
            "differences": tuple(Difference(**one) for one in data["differences"]),
            "bounds": tuple(Bound(**one) for one in data["bounds"]),
        }
    )
