"""Which released labels a probe is trained on: what counts as the behaviour, what as its absence, what is held out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LEAST = 20  # of each kind; fewer and no figure would be worth its name
MODEL = "model"  # held out by the model's name; other names are of conditions


class CannotProbe(ValueError):
    """No probe can be trained like this; the message says why."""


@dataclass(frozen=True)
class Released:
    """One released item as a probe sees it."""

    transcript_id: int
    record: str  # digest of its record and its ordinal: what the example is, on every installation
    label: str
    model: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)
    split: str = ""  # train, validation or test, where the release has splits

    def has(self, name: str) -> str:
        """The value of a condition, or the model's name."""
        return self.model if name == MODEL else self.conditions.get(name, "")


@dataclass(frozen=True)
class Contrast:
    """Labels that count as the behaviour and labels that count as its absence; others teach nothing."""

    positive: frozenset[str]
    negative: frozenset[str]
    held_name: str = ""  # of a condition, or `MODEL`
    held_value: str = ""

    @classmethod
    def of(
        cls,
        positive: Collection[str],
        negative: Collection[str],
        *,
        known: Collection[str],
        held_out: str = "",
    ) -> "Contrast":
        """The contrast that somebody asks for.

        Args:
            known: the labels that the release has.
            held_out: "name=value" of a condition or of the model; empty: nothing is held out.

        Raises:
            CannotProbe: a side is empty, a label is on both or in none of the items, or `held_out` is no pair.
        """
        for side, labels in (("counts as the behaviour", positive), ("counts as its absence", negative)):
            if not labels:
                raise CannotProbe(f"Choose at least one label that {side}.")
            if unknown := sorted(set(labels) - set(known)):
                raise CannotProbe(f"No item of the dataset is labelled {', '.join(unknown)}.")
        if both := sorted(set(positive) & set(negative)):
            raise CannotProbe(f"{', '.join(both)} cannot be on both sides.")
        name, equals, value = held_out.partition("=")
        if held_out and not (name.strip() and equals and value.strip()):
            raise CannotProbe("What is held out is a name and a value: model=…, or a condition's name=….")
        return cls(frozenset(positive), frozenset(negative), name.strip(), value.strip())

    def to_json(self) -> dict[str, Any]:
        """What a training keeps of it."""
        held = f"{self.held_name}={self.held_value}" if self.held_name else ""
        return {"positive": sorted(self.positive), "negative": sorted(self.negative), "held_out": held}


def examples(rows: Iterable[Released], contrast: Contrast) -> list[dict[str, Any]]:
    """The items that teach or test, in the release's order.

    Raises:
        CannotProbe: fewer than twenty of a kind are left to learn from, or nothing has what is held out.
    """
    found = [
        {
            "transcript": row.transcript_id,
            "record": row.record,
            "label": int(row.label in contrast.positive),
            "split": row.split,
            "held": bool(contrast.held_name) and row.has(contrast.held_name) == contrast.held_value,
        }
        for row in rows
        if row.label in contrast.positive or row.label in contrast.negative
    ]
    if contrast.held_name and not any(one["held"] for one in found):
        raise CannotProbe(f"No item has {contrast.held_name}={contrast.held_value}.")
    for label, words in ((1, "the behaviour"), (0, "its absence")):
        n = sum(one["label"] == label and not one["held"] for one in found)
        if n < LEAST:
            raise CannotProbe(
                f"Only {n} items show {words}; a probe needs {LEAST} of each kind to learn and be tested on."
            )
    return found
