"""Bulk rules: when the labels of an item are enough to settle it without anybody looking; no database.

    unanimous   all labels name one code
    threshold   one code has at least k votes, and at least a share t of them
    posterior   a model of the reviewers (Dawid and Skene) gives one code a probability of at least t

Only people's labels count. Judges never vote: they make each other's mistakes, and counting or
modelling them as reviewers takes that for agreement (see `agreement.dawid_skene`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

BULK_UNANIMOUS, BULK_THRESHOLD, BULK_POSTERIOR = "bulk_unanimous", "bulk_threshold", "bulk_posterior"
BULK = (BULK_UNANIMOUS, BULK_THRESHOLD, BULK_POSTERIOR)
FEWEST = 2  # labels that an item needs; one person alone agrees with themselves


class BadBulkRule(ValueError):
    """The rule cannot be applied like this; the message says why."""


@dataclass(frozen=True)
class BulkRule:
    """One rule with its limits."""

    kind: str  # one of BULK
    votes: int = FEWEST  # threshold: at least so many
    share: float = 0.5  # threshold: at least this share of the votes
    posterior: float = 0.95
    flagged: bool = False  # also items that a reviewer flagged

    def plain(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "kind"}

    @classmethod
    def of(cls, kind: str, parameters: Mapping[str, Any]) -> "BulkRule":
        return cls(kind, **parameters)

    @property
    def words(self) -> str:
        """The rule as a person would write it."""
        if self.kind == BULK_UNANIMOUS:
            return "All labels agree"
        if self.kind == BULK_THRESHOLD:
            return f"At least {self.votes} labels and {self.share:.0%} of them agree"
        return f"The model of the reviewers gives a label at least {self.posterior:.0%}"


def check(rule: BulkRule) -> None:
    """Refuse a rule that could settle what is open.

    Raises:
        BadBulkRule: the first thing that is wrong.
    """
    if rule.kind not in BULK:
        raise BadBulkRule(f"There is no bulk rule '{rule.kind}'.")
    if rule.kind == BULK_THRESHOLD and not FEWEST <= rule.votes <= 50:
        raise BadBulkRule("At least 2 labels have to agree.")
    if rule.kind == BULK_THRESHOLD and not 0.5 <= rule.share <= 1:
        raise BadBulkRule("The share is between 50% and 100%.")
    if rule.kind == BULK_POSTERIOR and not 0.5 < rule.posterior < 1:
        raise BadBulkRule("The probability is above 50% and below 100%.")


def decide(rule: BulkRule, codes: Sequence[str], posterior: Mapping[str, float] | None = None) -> str:
    """The code that the rule settles on; empty if it leaves the item to people.

    Args:
        codes: what each reviewer's standing label names.
        posterior: of the model, for the rule that asks for it; a code that nobody named is never
            settled on, however probable.
    """
    if len(codes) < FEWEST:
        return ""
    votes = Counter(codes)
    (first, most), *others = votes.most_common()
    if rule.kind == BULK_UNANIMOUS:
        return "" if others else first
    if rule.kind == BULK_THRESHOLD:
        alone = not others or others[0][1] < most
        return first if alone and most >= rule.votes and most / len(codes) >= rule.share else ""
    likely = {code: chance for code, chance in (posterior or {}).items() if code in votes}
    best = max(likely, key=lambda code: likely[code], default="")
    return best if best and likely[best] >= rule.posterior else ""
