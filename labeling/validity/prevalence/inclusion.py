"""Who of a frame could be drawn, who was, and with which odds; no Django here.

A frame falls into parts that are drawn independently of each other. What chance left no say in is a part
taken whole. Members that a Poisson draw could take are one part, since nothing ties their number to strata.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditor.sampling.designs.arrays import Floats, Mask, Whole
from auditor.sampling.designs.drawing import Plan

CERTAIN = 1 - 1e-12  # odds this close to one leave nothing to chance
POISSON, FIXED = "poisson", "fixed"  # FIXED: a set number, whether the odds are equal or not
WHOLE = "what is taken whole"
BY_ITSELF = "what was drawn one by one"
NEVER = "What had no chance of being drawn stands in the frame, so rates cannot be carried back to it."


@dataclass(frozen=True)
class Part:
    """Members of the frame that are drawn together."""

    name: str
    kind: str  # POISSON or FIXED
    size: int  # members of the frame


@dataclass(frozen=True)
class Inclusion:
    """A design over its frame of N, and the n that it drew."""

    parts: tuple[Part, ...]
    part: Whole  # (N,) index into `parts`
    odds: Floats  # (N,) in (0, 1]
    drawn: Whole  # (n,) places in the frame

    @property
    def size(self) -> int:
        """N."""
        return len(self.part)

    def labelled(self, which: Mask) -> "Labelled":
        """Those of the drawn whose label is known, as if they were a random part of the drawn in each part.

        Args:
            which: (n,) parallel to `drawn`.
        """
        k = len(self.parts)
        place = self.drawn[which]
        part = self.part[place]
        sizes = np.array([one.size for one in self.parts], dtype=np.float64)
        n_drawn = np.bincount(self.part[self.drawn], minlength=k).astype(np.float64)
        n_known = np.bincount(part, minlength=k).astype(np.float64)
        answered = np.divide(n_known, n_drawn, out=np.ones(k), where=n_drawn > 0)
        odds = self.odds[place] * answered[part]
        raw = 1 / odds
        sums = np.bincount(part, weights=raw, minlength=k)
        weight = raw * sizes[part] / sums[part]
        gaps = tuple(one.name for one, n in zip(self.parts, n_known, strict=True) if one.size and not n)
        group = _groups(self.parts, part, odds)
        return Labelled(self, place, part, odds, weight, group, gaps, answered)


@dataclass(frozen=True)
class Labelled:
    """The n whose label is known; arrays are parallel to `place`."""

    design: Inclusion
    place: Whole  # in the frame
    part: Whole
    odds: Floats  # of being drawn and labelled
    weight: Floats  # adds up to the size of each part, so to N where no part is a gap
    group: Whole  # parts whose spread is estimated together; -1 where chance had no say
    gaps: tuple[str, ...]  # parts of the frame without any label
    answered: Floats  # (K,) share of the drawn of each part that is labelled

    @property
    def at_random(self) -> Mask:
        """Whose being here was left to chance. Shape (n,)."""
        random: Mask = self.group >= 0
        return random

    @property
    def freedom(self) -> int:
        """Degrees of freedom of a variance: labels left to chance less the groups they are in."""
        here = self.group[self.at_random]
        return max(1, len(here) - len(np.unique(here)))

    def spread_over(self, values: Floats) -> float:
        """The variance that the design gives the weighted total of values known over the whole frame, (N,).

        Equal odds: N^2 (1 - n/N) S^2 / n. Unequal odds with a set number: Hajek's (1964) form for large
        entropy. Poisson: that of the total of deviations from the part's mean.
        """
        design, k = self.design, len(self.design.parts)
        odds_of = design.odds * self.answered[design.part]
        open_ = (odds_of < CERTAIN) & (odds_of > 0)
        part, odds, known = design.part[open_], odds_of[open_], values[open_]
        n = np.bincount(part, minlength=k).astype(np.float64)
        e = known - (np.bincount(part, weights=known, minlength=k) / np.maximum(n, 1))[part]
        shares = odds * (1 - odds)
        tied = np.bincount(part, weights=(1 - odds) * e, minlength=k)
        middle = tied / np.maximum(np.bincount(part, weights=shares, minlength=k), np.finfo(float).tiny)
        one_by_one = np.array([one.kind == POISSON for one in design.parts])
        middle[one_by_one] = 0.0
        scale = np.where(one_by_one, 1.0, n / np.maximum(n - 1, 1))
        return float((scale[part] * shares * (e / odds - middle[part]) ** 2).sum())

    def form(self, a: Floats, b: Floats, *, unbiased: bool = True) -> float:
        """The covariance that the design gives the weighted totals of two values; with a twice, its variance.

        Sum over groups of n/(n - 1) * sum (1 - odds) (w e_a - A_a) (w e_b - A_b), with e the deviation from the
        group's weighted mean and A the mean of w e weighted by 1 - odds; A is zero for a Poisson draw. With equal
        odds that is N^2 (1 - n/N) s^2 / n, exactly. Source: Sarndal, Swensson and Wretman (1992), chapters 3.6
        and 7; Deville (1999) for unequal odds with a set number.

        Args:
            a, b: (n,).
            unbiased: without it n/(n - 1) is left out.
        """
        scale = self.scale if unbiased else 1.0
        return float((scale * (1 - self.odds) * self.pieces(a) * self.pieces(b)).sum())

    def pieces(self, values: Floats) -> Floats:
        """w e - A of each, zero for those taken for certain; shapes (n,)."""
        made = np.zeros(len(values))
        for index in np.unique(self.group[self.at_random]).tolist():
            here = self.group == index
            weight, slack = self.weight[here], 1 - self.odds[here]
            weighted = weight * (values[here] - (weight * values[here]).sum() / weight.sum())
            if self.design.parts[int(self.part[here][0])].kind != POISSON:
                weighted = weighted - (slack * weighted).sum() / slack.sum()
            made[here] = weighted
        return made

    @property
    def scale(self) -> Floats:
        """n/(n - 1) of each one's group, 1 where it is alone. Shape (n,)."""
        n = np.bincount(self.group + 1, minlength=len(self.design.parts) + 1)[self.group + 1]
        scale: Floats = np.where(n > 1, n / np.maximum(n - 1, 1), 1.0)
        return scale


def of_plan(plan: Plan, drawn: Whole) -> Inclusion:
    """The inclusion of a stored plan.

    Args:
        drawn: (n,) places in the plan's frame.

    Raises:
        ValueError: something in the frame had no chance, or an item was drawn that had none.
    """
    if plan.why_not or (plan.odds <= 0).any():
        raise ValueError(plan.why_not or NEVER)
    certain = plan.odds >= 1
    part = np.zeros(len(plan.odds), dtype=np.int64)
    parts = [Part(WHOLE, FIXED, int(certain.sum()))]
    by_itself = -1
    for index, stratum in enumerate(plan.strata):
        here = (plan.member == index) & ~certain
        if not here.any():
            continue
        if stratum.selection == POISSON:
            if by_itself < 0:
                by_itself = len(parts)
                parts.append(Part(BY_ITSELF, POISSON, 0))
            part[here] = by_itself
            continue
        part[here] = len(parts)
        parts.append(Part(stratum.name, FIXED, int(here.sum())))
    if by_itself >= 0:
        parts[by_itself] = Part(BY_ITSELF, POISSON, int((part == by_itself).sum()))
    return Inclusion(tuple(parts), part, plan.odds, drawn)


def of_union(members: Sequence[Whole], odds: Floats, drawn: Whole, *, equal: bool) -> Inclusion:
    """Several draws, each of which excluded all before it, as one.

    Within a cell, which is where the strata of all draws cross, every member was treated alike by each of
    them. So given how many of it were drawn, those are a simple random sample of it, and the cell is a part.
    A cell of which nothing was drawn joins the largest of the last draw's stratum.

    Args:
        members: each draw's strata over the N of the frame that all of them share, the first draw's first.
        odds: (N,) of being in any of them.
        drawn: (n,) places in that frame.
        equal: whether every draw took equal odds within its strata. If not, the last draw's strata are the parts.

    Raises:
        ValueError: something in the frame had no chance.
    """
    if (odds <= 0).any():
        raise ValueError(NEVER)
    last = members[-1].astype(np.int64)
    if not equal:
        certain = odds >= 1
        part = np.where(certain, 0, last + 1)
        return _numbered(part, odds, drawn)
    cell = last
    for one in reversed(members[:-1]):
        cell = np.unique(np.stack([cell, one.astype(np.int64)]), axis=1, return_inverse=True)[1].reshape(-1)
    counts = np.bincount(cell, minlength=int(cell.max()) + 1)
    taken = np.bincount(cell[drawn], minlength=len(counts))
    home = np.zeros(len(counts), dtype=np.int64)
    home[cell] = last
    target = np.arange(len(counts))
    for empty in np.flatnonzero(taken == 0).tolist():
        beside = np.flatnonzero((home == home[empty]) & (taken > 0))
        if len(beside):
            target[empty] = beside[np.argmax(counts[beside])]
    part = target[cell]
    made = _numbered(part, odds, drawn)
    sizes = np.array([one.size for one in made.parts], dtype=np.float64)
    n = np.bincount(made.part[drawn], minlength=len(sizes))
    realised = np.where(n > 0, n / sizes, 1.0)[made.part]
    return Inclusion(made.parts, made.part, realised, drawn)


def _numbered(part: Whole, odds: Floats, drawn: Whole) -> Inclusion:
    there, numbered = np.unique(part, return_inverse=True)
    sizes = np.bincount(numbered.reshape(-1)).tolist()
    parts = tuple(Part(f"part {int(one) + 1}", FIXED, size) for one, size in zip(there, sizes, strict=True))
    return Inclusion(parts, numbered.reshape(-1).astype(np.int64), odds, drawn)


def _groups(parts: Sequence[Part], part: Whole, odds: Floats) -> Whole:
    """Each part by itself; one with a single label is taken together with its neighbour of the same kind.

    Collapsing strata overstates the variance rather than understates it (Cochran 1977, section 5A.12).
    """
    group = np.where(odds < CERTAIN, part, -1)
    n = np.bincount(group[group >= 0], minlength=len(parts))
    alone = [index for index in range(len(parts)) if n[index] == 1 and parts[index].kind == FIXED]
    for index in alone:
        others = [
            at for at in range(len(parts)) if at != index and n[at] > 0 and parts[at].kind == FIXED
        ]  # a neighbour that has itself been joined still has the others of its group
        if not others:
            continue
        nearest = min(others, key=lambda at: (abs(at - index), at))
        there = group[part == nearest]
        group[part == index] = there[there >= 0][0]
    return group.astype(np.int64)
