"""Agreement on marked words: alpha over characters, and F1 of spans that overlap enough.

Both are sums over items, so that an item bootstrap weighs items and never looks at a span again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from labeling.agreement.coefficients import alpha_of, over, unlike_by_chance
from labeling.agreement.ratings import Floats
from labeling.agreement.resampling import Figure

ENOUGH = 0.5  # intersection over union from which two spans count as one


@dataclass(frozen=True)
class Span:
    """Words that somebody marked; `place` names the text they stand in, offsets are code points."""

    kind: str
    place: tuple[int, str]  # message position, part
    start: int
    end: int


Marked = Mapping[int, Sequence[Span]]  # what each reviewer of an item marked, by reviewer; possibly nothing


def character_alpha(items: Sequence[tuple[int, Marked]], kind: str) -> tuple[Figure, int]:
    """Krippendorff's nominal alpha where each character of each text is a unit, and how many items count.

    A character's value is whether the reviewer marked it as `kind`. Items that fewer than two labelled
    are left out.

    Args:
        items: the length of an item's text in code points, and its reviewers' spans.

    Source: Krippendorff (1995), "On the reliability of unitizing continuous data", in the form that
    compares every position of the continuum (as in his cu-alpha), not gaps by their squared length.
    """
    sums = np.array([_characters(length, marked, kind) for length, marked in items]).reshape(-1, 3)
    values, inside, unlike = sums.T  # per item: characters x reviewers, those inside, unlike pairs
    totals = np.column_stack([inside, values - inside])

    return alpha_of(totals, unlike, unlike_by_chance), int((values > 0).sum())


def matched_f1(items: Sequence[Marked], kind: str, enough: float = ENOUGH) -> tuple[Figure, int]:
    """2 x matches / all spans, over all pairs of reviewers of each item, and how many items have a span.

    Two spans of a kind match where they stand in the same text and their intersection is at least
    `enough` of their union; each span matches one other at most, and as many match as can.
    """
    sums = np.array([_matches(marked, kind, enough) for marked in items]).reshape(-1, 2)
    matched, spans = sums.T

    def figure(weights: Floats) -> Floats:
        return over(2 * (weights @ matched), weights @ spans)

    return figure, int((spans > 0).sum())


def overlap(one: Span, other: Span) -> float:
    """Intersection over union in code points; 0 in different texts."""
    if one.place != other.place:
        return 0.0
    both = min(one.end, other.end) - max(one.start, other.start)
    return max(0, both) / (max(one.end, other.end) - min(one.start, other.start)) if both > 0 else 0.0


def _characters(length: int, marked: Marked, kind: str) -> tuple[float, float, float]:
    """Values, values inside, and unlike ordered pairs over (m - 1), of one item."""
    m = len(marked)
    if m < 2:
        return 0.0, 0.0, 0.0
    steps: dict[tuple[int, str], dict[int, int]] = {}
    for spans in marked.values():
        for place, start, end in _merged(span for span in spans if span.kind == kind):
            at = steps.setdefault(place, {})
            at[start], at[end] = at.get(start, 0) + 1, at.get(end, 0) - 1
    inside = unlike = 0.0
    covered = 0
    for at in steps.values():
        depth, before = 0, 0
        for here, step in sorted(at.items()):
            width = here - before if depth else 0
            inside += depth * width
            unlike += 2 * depth * (m - depth) * width / (m - 1)
            covered += width
            depth, before = depth + step, here
    return float(m * max(length, covered)), inside, unlike


def _merged(spans: Iterable[Span]) -> list[tuple[tuple[int, str], int, int]]:
    """One reviewer's spans as stretches that do not overlap."""
    found: list[tuple[tuple[int, str], int, int]] = []
    for span in sorted(spans, key=lambda one: (one.place, one.start)):
        if found and found[-1][0] == span.place and span.start <= found[-1][2]:
            place, start, end = found[-1]
            found[-1] = place, start, max(end, span.end)
        else:
            found.append((span.place, span.start, span.end))
    return found


def _matches(marked: Marked, kind: str, enough: float) -> tuple[float, float]:
    """Matches and spans of one item, summed over its pairs of reviewers."""
    of_kind = [[span for span in spans if span.kind == kind] for spans in marked.values()]
    matched = spans = 0
    for one, other in combinations(of_kind, 2):
        spans += len(one) + len(other)
        matched += _most_matches(
            [[j for j, b in enumerate(other) if overlap(a, b) >= enough] for a in one], len(other)
        )
    return float(matched), float(spans)


def _most_matches(near: Sequence[Sequence[int]], others: int) -> int:
    """The size of a largest matching, by augmenting paths; `near[i]` are the partners i may have."""
    partner = [-1] * others

    def place(i: int, tried: set[int]) -> bool:
        for j in near[i]:
            if j not in tried:
                tried.add(j)
                if partner[j] < 0 or place(partner[j], tried):
                    partner[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in range(len(near)))
