"""Splits: named parts of a dataset that no group straddles, stratified as far as whole groups allow.

Groups are near duplicates and records of one prompt. Which part a group goes to depends on the seed, the shares, and
on what the groups are: not on the order in which records come.
"""

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST = 10
NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


class BadSplits(ValueError):
    """No splits can be made like this; the message says why."""


@dataclass(frozen=True)
class Split:
    """One part and the share of the records that it should have."""

    name: str
    share: float  # in (0, 1]

    @classmethod
    def several(cls, given: Iterable[Mapping[str, object]]) -> "tuple[Split, ...]":
        """Splits from plain data, checked; none at all is fine.

        Raises:
            BadSplits: a name that cannot be one or comes twice, a share of nothing, or shares that miss 1.
        """
        made = tuple(cls(str(one.get("name", "")).strip(), _number(one.get("share"))) for one in given)
        if not made:
            return ()
        if len(made) > MOST:
            raise BadSplits(f"{MOST} splits are the most.")
        for one in made:
            if not NAME.fullmatch(one.name):
                raise BadSplits(
                    f"'{one.name[:40]}' cannot name a split: a small letter, then letters, digits, - or _."
                )
            if not 0 < one.share <= 1:
                raise BadSplits(f"{one.name}: a share lies above 0 and is at most 1.")
        if len({one.name for one in made}) < len(made):
            raise BadSplits("Each split needs its own name.")
        if not math.isclose(whole := sum(one.share for one in made), 1, abs_tol=1e-6):
            raise BadSplits(f"Shares add up to 1; these add up to {whole:g}.")
        return made


@dataclass(frozen=True)
class Member:
    """One record as splitting sees it."""

    record: str  # names it on every installation
    group: str  # records of one group stay together
    label: str = ""


def groups_of(ties: Mapping[str, Iterable[Hashable]]) -> dict[str, str]:
    """For each record the digest of its group: all that are tied to it, directly or through others.

    Args:
        ties: for each record what ties it to others that have the same: its prompt, its near-duplicates' first.
    """
    parent = {record: record for record in ties}

    def root(record: str) -> str:
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    first: dict[Hashable, str] = {}
    for record, some in ties.items():
        for tie in some:
            parent[root(record)] = root(first.setdefault(tie, record))
    members: dict[str, list[str]] = defaultdict(list)
    for record in ties:
        members[root(record)].append(record)
    named = {
        top: hashlib.sha256("\n".join(sorted(some)).encode()).hexdigest()[:16]
        for top, some in members.items()
    }
    return {record: named[root(record)] for record in ties}


def assigned(members: Iterable[Member], splits: Sequence[Split], seed: int) -> dict[str, str]:
    """Which split each record is in.

    Larger groups come first, groups of one size in an order that the seed decides. Each goes to the split that is
    furthest behind on the group's labels, among those that it still fits into; where it fits into none, to the one
    that is furthest behind altogether. So every split has as many records as its share of them all, give or take
    fewer than the largest group has.

    Args:
        members: in any order; a record that comes twice counts twice.

    Returns:
        record -> name of its split; empty without splits.
    """
    if not splits:
        return {}
    groups: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        groups[member.group].append(member)
    totals = Counter(one.label for some in groups.values() for one in some)
    n = totals.total()
    order = sorted(groups, key=lambda name: (-len(groups[name]), _draw(seed, name)))
    behind = [split.share * n for split in splits]
    behind_on = [{label: split.share * k for label, k in totals.items()} for split in splits]
    found: dict[str, str] = {}
    for name in order:
        some = groups[name]
        labels = Counter(one.label for one in some)
        fits = [at for at in range(len(splits)) if behind[at] >= len(some)]
        if fits:
            chosen = max(fits, key=lambda at: (_need(behind_on[at], labels), behind[at], -at))
        else:
            chosen = max(range(len(splits)), key=lambda at: (behind[at], -at))
        behind[chosen] -= len(some)
        for label, k in labels.items():
            behind_on[chosen][label] -= k
        for one in some:
            found[one.record] = splits[chosen].name
    return found


def _need(behind: Mapping[str, float], labels: Mapping[str, int]) -> float:
    return sum(k * behind[label] for label, k in sorted(labels.items()))


def _draw(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}:{group}".encode()).digest()


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadSplits("A share is a number, as 0.8.")
    return number
