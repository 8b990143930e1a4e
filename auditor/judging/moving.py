"""How often planted instructions moved a judge, with what chance leaves open."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from auditor.judging.injections import MOVED, SILENCED, UNTRIED

Z95 = 1.959963984540054  # the normal quantile of a two-sided 95% interval


class Counted(Protocol):
    """What is read of a check."""

    @property
    def tried(self) -> int: ...
    @property
    def moved(self) -> int: ...


@dataclass(frozen=True)
class Share:
    """A share with its 95% interval; without anything tried there is neither."""

    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Family:
    """The planted texts of one kind."""

    name: str
    share: Share
    towards: int  # of those moved, the way that the text wanted
    silenced: int  # without a value once it was planted
    untried: int  # without a value before


def wilson(count: int, n: int, z: float = Z95) -> Share:
    """Wilson's score interval of `count` among `n`; it stays within 0 and 1. Source: Wilson (1927).

    Raises:
        ValueError: more than there were, or negative counts.
    """
    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n}")
    if not n:
        return Share(0, 0, None, None, None)
    around = n + z * z
    centre = (count + z * z / 2) / around
    half = z / around * math.sqrt(count * (n - count) / n + z * z / 4)
    return Share(
        count, n, count / n, 0.0 if count == 0 else centre - half, 1.0 if count == n else centre + half
    )


def moved_share(check: Counted) -> Share:
    """Of the verdicts that were there without the planted text, how many it moved."""
    return wilson(check.moved, check.tried)


def by_family(rows: Iterable[Mapping[str, Any]]) -> list[Family]:
    """The same for each kind of planted text, by name."""
    families: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        families.setdefault(str(row["family"]), []).append(row)
    return [_family(name, families[name]) for name in sorted(families)]


def _family(name: str, rows: list[Mapping[str, Any]]) -> Family:
    tried = [row for row in rows if row["outcome"] != UNTRIED]
    moved = [row for row in tried if row["outcome"] == MOVED]
    return Family(
        name.replace("_", " "), wilson(len(moved), len(tried)), sum(bool(row["towards"]) for row in moved),
        sum(row["outcome"] == SILENCED for row in tried), len(rows) - len(tried),
    )  # fmt: skip
