"""How far two people's marked words coincide.

Both measures are 1 where both marked the same words or neither marked any, and 0 where nothing
coincides: they decide whether a case opens, and a pair that marked nothing has nothing to rule on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

Place = tuple[int, str, int, int]  # message position, part, start, end (code points, end exclusive)
HALF = 0.5  # two spans are the same one from this intersection over union on


def characters(first: Sequence[Place], second: Sequence[Place]) -> float:
    """Dice coefficient of the marked characters: twice those both marked, over all that each marked."""
    ours, theirs = _merged(first), _merged(second)
    total = _length(ours) + _length(theirs)
    if not total:
        return 1.0
    shared = sum(_common(ours[where], theirs[where]) for where in ours.keys() & theirs.keys())
    return 2 * shared / total


def matched_f1(first: Sequence[Place], second: Sequence[Place], *, least: float = HALF) -> float:
    """F1 of spans matched one to one, a pair counting from an intersection over union of `least` on.

    The matching is the largest there is, so the order in which spans were marked plays no part.
    """
    if not first and not second:
        return 1.0
    near = [[at for at, other in enumerate(second) if iou(one, other) >= least] for one in first]
    taken: dict[int, int] = {}  # index in second -> index in first
    matched = sum(_place(at, near, taken, set()) for at in range(len(first)))
    return 2 * matched / (len(first) + len(second))


def iou(one: Place, other: Place) -> float:
    """Intersection over union of two spans; 0 in different parts of the transcript."""
    if one[:2] != other[:2]:
        return 0.0
    shared = min(one[3], other[3]) - max(one[2], other[2])
    return max(0, shared) / ((one[3] - one[2]) + (other[3] - other[2]) - max(0, shared))


MEASURES = {"spans": matched_f1, "characters": characters}


def _place(at: int, near: list[list[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Give span `at` a partner, moving others to another partner of theirs where that makes room."""
    for partner in near[at]:
        if partner in tried:
            continue
        tried.add(partner)
        if partner not in taken or _place(taken[partner], near, taken, tried):
            taken[partner] = at
            return True
    return False


def _merged(spans: Iterable[Place]) -> dict[tuple[int, str], list[tuple[int, int]]]:
    """The spans of each part as stretches that do not overlap, in order."""
    found: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    for position, part, start, end in sorted(spans):
        stretches = found[position, part]
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
        else:
            stretches.append((start, end))
    return found


def _length(merged: dict[tuple[int, str], list[tuple[int, int]]]) -> int:
    return sum(end - start for stretches in merged.values() for start, end in stretches)


def _common(ours: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> int:
    return sum(max(0, min(b, d) - max(a, c)) for a, b in ours for c, d in theirs)
