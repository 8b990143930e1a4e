"""Who meets which item: a balanced plan, by the design of block experiments.

Each item is a block of `overlap` reviewers. Over all subsets of that size, each reviewer and each pair
occur equally often, so whole cycles of all subsets are balanced perfectly. What is left of the items
after whole cycles gets subsets of its own choosing: at two labels an item the edges of the complete
graph in an order in which degrees stay within one, above that the subset that keeps loads level and
has met least, one after the other.

    n items = q cycles of all subsets + r remaining, r < number of subsets

The plan is the same for the same seed. The seed decides who stands for which point of the design, and
which item gets which block; it never decides the balance.
"""

from itertools import combinations, pairwise
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
MOST_SUBSETS = 5000  # with more, whole cycles are out of reach, and blocks are built person by person
EXCHANGES = 20_000
LOAD = 1e6  # a level load goes before level pairs
LEVEL = 2  # by how much pair counts may differ
SHAKEN = 3  # exchanges by chance where none helps
LOOKED_AT = 200  # slots of one giver, when one is chosen
TRIED = 8  # blocks of a pair that is to be parted


class NoPlan(ValueError):
    """There are not as many reviewers as labels wanted for an item."""


def plan(items: int, reviewers: int, overlap: int, seed: int) -> Whole:
    """Reviewers of each item, as places in the list of reviewers.

    Loads differ by at most one; pair counts by at most one at two labels an item, and by at most two
    above, for up to 12 reviewers and 6 labels (beyond, as near as the search comes).

    Returns:
        Shape (items, overlap); the reviewers of an item are distinct, and in no particular order.

    Raises:
        NoPlan: fewer reviewers than labels wanted.
    """
    if not 1 <= overlap <= reviewers:
        raise NoPlan(f"{overlap} labels an item need at least {overlap} reviewers.")
    rng = np.random.default_rng(seed)
    if comb(reviewers, overlap) <= MOST_SUBSETS:
        blocks = _cycles(items, reviewers, overlap)
    else:
        slots = np.repeat(np.arange(items), overlap)
        nobody = np.zeros((items, reviewers), dtype=bool)
        blocks = fill(slots, nobody, np.zeros(reviewers), np.zeros((reviewers, reviewers)), seed)
        blocks = blocks.reshape(items, overlap)
    names = rng.permutation(reviewers)
    blocks = names[blocks[rng.permutation(items)]]
    return rng.permuted(blocks, axis=1) if items else blocks.reshape(0, overlap)


def fill(slots: Whole, barred: NDArray[np.bool_], loads: NDArray[Any], met: NDArray[Any], seed: int) -> Whole:
    """Give slots to reviewers one after the other, each to whoever has least and has met the others least.

    For what comes after the plan: more labels an item, more items, what somebody leaves behind.

    Args:
        slots: for each slot, which item it belongs to; shape (n,).
        barred: shape (items, reviewers), who cannot get the item, because they have it or gave it back.
        loads: how much each reviewer has; shape (reviewers,).
        met: how often each two have met; shape (reviewers, reviewers).

    Returns:
        For each slot the reviewer's place, or -1 where nobody is left; shape (n,).
    """
    rng = np.random.default_rng(seed)
    barred, loads, met = barred.copy(), loads.astype(float), met.astype(float)
    chance = rng.random(loads.shape)
    found = np.full(len(slots), -1, dtype=np.int64)
    for at in rng.permutation(len(slots)).tolist():
        inside = barred[slots[at]]
        if inside.all():
            continue
        cost = loads * LOAD + met[inside].sum(axis=0) + chance
        cost[inside] = np.inf
        one = int(cost.argmin())
        met[one, inside] += 1
        met[inside, one] += 1
        inside[one] = True
        loads[one] += 1
        found[at] = one
    return found


def even(items: Whole, holders: Whole, barred: NDArray[np.bool_], met: NDArray[Any]) -> Whole:
    """Give slots on until loads are as level as they can be: no slot could move on to lower the sum of squares.

    Where whoever has most can give nothing to whoever has least, it goes by way of others, each giving on
    one slot; where no such way is left, no other distribution is more level (Harvey et al. 2006, optimal
    semi-matchings). Of the first slots that fit, the one whose others the taker has met least moves.

    Args:
        items: for each slot, which item it belongs to; in the order in which they are given away; shape (n,).
        holders: for each slot, who has it; shape (n,).
        barred: shape (items, reviewers), who has the item, or cannot get it.
        met: how often each two have met; shape (reviewers, reviewers).

    Returns:
        For each slot who has it then; shape (n,).
    """
    holders, barred, met = holders.copy(), barred.copy(), met.astype(float)
    reviewers = barred.shape[1]
    loads = np.bincount(holders, minlength=reviewers)
    fits = np.zeros((reviewers, reviewers), dtype=np.int64)  # how many slots of one the other could get
    np.add.at(fits, holders, ~barred[items])
    of_item: dict[int, list[int]] = {}
    for slot, item in enumerate(items.tolist()):
        of_item.setdefault(item, []).append(slot)
    while way := _way(fits, loads):
        for giver, taker in pairwise(way):
            slot = _spare(items, holders, barred, met, giver, taker)
            item = int(items[slot])
            others = [one for one in of_item[item] if one != slot]
            inside = [int(holders[one]) for one in others]
            fits[giver] -= ~barred[item]
            barred[item, giver], barred[item, taker] = False, True
            fits[taker] += ~barred[item]
            for one in inside:
                fits[one, giver] += 1
                fits[one, taker] -= 1
            for who, by in ((giver, -1), (taker, 1)):
                met[who, inside] += by
                met[inside, who] += by
            holders[slot] = taker
            loads[giver] -= 1
            loads[taker] += 1
    return holders


def _way(fits: Whole, loads: Whole) -> list[int]:
    """From somebody with much to somebody with at least two less, each able to give a slot to the next."""
    for start in np.argsort(-loads, kind="stable").tolist():
        before, layer = {start: start}, [start]
        while layer:
            found: dict[int, int] = {}
            for one in layer:
                for other in np.flatnonzero(fits[one]).tolist():
                    if other not in before:
                        found.setdefault(other, one)
            before |= found
            layer = list(found)
        end = min(before, key=lambda one: (int(loads[one]), one))
        if loads[end] <= loads[start] - 2:
            way = [end]
            while way[-1] != start:
                way.append(before[way[-1]])
            return way[::-1]
    return []


def _spare(
    items: Whole, holders: Whole, barred: NDArray[np.bool_], met: NDArray[Any], giver: int, taker: int
) -> int:
    """The giver's slot that goes to the taker."""
    mine = np.flatnonzero(holders == giver)
    mine = mine[~barred[items[mine], taker]][:LOOKED_AT]
    return int(mine[(barred[items[mine]] @ met[taker]).argmin()])


def strewn(work: int, gold: int, rng: np.random.Generator) -> tuple[Whole, Whole]:
    """Places in one reviewer's order for so much work, and for gold strewn evenly but unpredictably among it.

    The order is cut into as many stretches as there is gold, and each has one at a place by chance.
    """
    every = np.arange(work + gold)
    edges = np.arange(gold + 1) * (work + gold) // max(gold, 1)
    at = np.array([rng.integers(lo, hi) for lo, hi in pairwise(edges)], dtype=np.int64)
    return np.setdiff1d(every, at), at


def _cycles(items: int, reviewers: int, overlap: int) -> Whole:
    subsets = np.array(
        _edges(reviewers) if overlap == 2 else list(combinations(range(reviewers), overlap)), dtype=np.int64
    )
    whole, left = divmod(items, len(subsets))
    last = subsets[:left] if overlap == 2 else _level(left, reviewers, overlap)
    return np.concatenate([np.tile(subsets, (whole, 1)), last])


def _edges(n: int) -> list[tuple[int, int]]:
    """Every pair once, in an order in which after each pair the degrees differ by at most one.

    An even complete graph falls into perfect matchings (one point stands still, the others turn round
    it). An odd one falls into Hamiltonian cycles (Walecki: one point stands still, the others are
    zigzagged through); in each, every second edge is taken first, all the way round, then the others.
    """
    turning = n - 1
    if n % 2 == 0:
        return [
            (turning, first) if pair == 0 else ((first + pair) % turning, (first - pair) % turning)
            for first in range(turning)
            for pair in range(n // 2)
        ]
    edges = []
    for first in range(turning // 2):
        zigzag = [
            (first + (-step // 2 if step % 2 == 0 else (step + 1) // 2)) % turning for step in range(turning)
        ]
        ring = [turning, *zigzag]
        edges += [(ring[2 * step % n], ring[(2 * step + 1) % n]) for step in range(n)]
    return edges


def _level(count: int, reviewers: int, overlap: int) -> Whole:
    """Some blocks in which loads differ by at most one and pair counts by at most two; shape (count, overlap).

    Dealing out the reviewers in turn makes the loads level. Pairs are levelled by exchange: a reviewer
    of one block changes places with one of another, which leaves all loads as they are, as long as the
    sum of squared pair counts falls.
    """
    if not count:
        return np.zeros((0, overlap), dtype=np.int64)
    dealt = np.arange(count * overlap).reshape(count, overlap) % reviewers
    within = np.zeros((count, reviewers), dtype=np.int64)
    np.put_along_axis(within, dealt, 1, axis=1)
    rng = np.random.default_rng(0)
    met = within.T @ within
    upper = np.triu_indices(reviewers, 1)
    for _ in range(EXCHANGES):
        counts = met[upper]
        if counts.max() - counts.min() <= LEVEL:
            break
        found = _helpful(within, met, upper, rng)
        for b, i, c, j in [found] if found else _any(within, rng, SHAKEN):
            for block, out, into in ((b, i, j), (c, j, i)):
                met -= np.outer(within[block], within[block])
                within[block, out], within[block, into] = 0, 1
                met += np.outer(within[block], within[block])
    return np.nonzero(within)[1].reshape(count, overlap)


def _helpful(
    within: Whole, met: Whole, upper: tuple[Whole, Whole], rng: np.random.Generator
) -> tuple[int, int, int, int] | None:
    """The exchange (b, i, c, j) that helps most to part a pair that has met most often; None if none helps.

    Of the blocks b and c, b gives i for j and c gives j for i. Those who are in both meet i and j as
    often as before. Anybody else in b loses i and wins j, anybody else in c the other way round, so the
    sum of squares changes by 2 - 2d for the former and 2 + 2d for the latter, d being by how much more
    often they have met i than j.
    """
    counts = met[upper]
    for pair in rng.permutation(np.flatnonzero(counts == counts.max())):
        ends = int(upper[0][pair]), int(upper[1][pair])
        for i, other in (ends, ends[::-1]):
            for b in rng.permutation(np.flatnonzero(within[:, i] & within[:, other]))[:TRIED]:
                if found := _best(within, met, int(b), i):
                    return int(b), i, *found
    return None


def _any(within: Whole, rng: np.random.Generator, times: int) -> list[tuple[int, int, int, int]]:
    """Exchanges between disjoint pairs of blocks, by chance: the way out where no single one helps."""
    order = rng.permutation(len(within))[: 2 * times]
    found = []
    for b, c in zip(order[::2].tolist(), order[1::2].tolist(), strict=False):
        mine, theirs = np.flatnonzero(within[b] > within[c]), np.flatnonzero(within[c] > within[b])
        if len(mine):
            found.append((b, int(rng.choice(mine)), c, int(rng.choice(theirs))))
    return found


def _best(within: Whole, met: Whole, b: int, i: int) -> tuple[int, int] | None:
    """For reviewer i of block b: the block and the reviewer of the exchange that helps most, if any does."""
    best: tuple[int, int, int] | None = None
    for j in np.flatnonzero(within[b] == 0):
        others = np.flatnonzero((within[:, j] == 1) & (within[:, i] == 0))
        if not len(others):
            continue
        differs = met[i] - met[j]
        differs[[i, j]] = 0
        only_b = within[b] * (1 - within[others])
        only_c = within[others] * (1 - within[b])
        only_b[:, [i, j]] = only_c[:, [i, j]] = 0
        change = (only_b * (2 - 2 * differs)).sum(axis=1) + (only_c * (2 + 2 * differs)).sum(axis=1)
        least = int(change.argmin())
        if change[least] < 0 and (best is None or change[least] < best[0]):
            best = int(change[least]), int(others[least]), int(j)
    return None if best is None else best[1:]
