"""Where labels went between the blind and the final one, beside what each channel had said; no Django here.

A channel takes a side on an item in one of two ways. Where its reading names a label or a group of the
codebook, a label that comes to what was named moved toward it. Else its value does, high or low: above
or below the middle of its declared scale, or of the values shown where it declares none. High argues
for the more severe label, unless the channel is said to mean the opposite.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from labeling.agreement.proportions import Share, mcnemar_exact, wilson
from labeling.codebooks.parts import Codebook

TOWARD, AWAY, ELSEWHERE, STAYED = "toward", "away", "elsewhere", "stayed"
WAYS = (TOWARD, AWAY, ELSEWHERE, STAYED)


@dataclass(frozen=True)
class Move:
    """One reviewer's labels of one item, and the ruling of a person on it."""

    item: int
    reviewer: int
    blind: str
    final: str
    ruling: str = ""  # empty where nobody ruled


@dataclass(frozen=True)
class Saying:
    """What a channel had said of an item when it was shown."""

    value: float | None
    names: frozenset[str] = frozenset()  # codes of labels that it names


@dataclass(frozen=True)
class Judged:
    """How adjudicators saw the labels that moved."""

    final: Share  # rulings that agree with the final label
    blind: Share
    neither: Share


@dataclass(frozen=True)
class Pull:
    """What one channel did to the labels of those who saw it."""

    channel: str
    n: int  # labels made final after seeing it
    toward: Share
    away: Share
    elsewhere: int  # changed, but neither way
    stayed: int
    p: float | None  # exact McNemar, toward against away; None where nobody moved either way
    judged: Judged  # of the moves toward it
    cut: float | None  # what counts as high, where its values were used
    ways: Mapping[tuple[int, int], str] = field(default_factory=dict)  # by item and reviewer


@dataclass(frozen=True)
class Shift:
    """What became of the blind labels, whatever was shown."""

    n: int
    changed: Share
    up: int  # to a more severe label
    down: int
    p: float | None  # exact McNemar, up against down
    judged: Judged  # of the labels that changed


def shift_of(moves: Sequence[Move], severity: Mapping[str, int]) -> Shift:
    """How often labels changed, and whether more of them became more severe than less."""
    changed = [move for move in moves if move.blind != move.final]
    steps = [severity.get(move.final, 0) - severity.get(move.blind, 0) for move in changed]
    up, down = sum(step > 0 for step in steps), sum(step < 0 for step in steps)
    return Shift(
        len(moves), wilson(len(changed), len(moves)), up, down, mcnemar_exact(up, down), judged(changed)
    )


def pull_of(
    channel: str,
    heard: Sequence[tuple[Move, Saying]],
    severity: Mapping[str, int],
    *,
    scale: tuple[float | None, float | None] = (None, None),
    reversed: bool = False,
) -> Pull:
    """What became of the labels of those who saw this channel.

    Args:
        heard: each label that was made final after the channel was shown, with what it had said.
        scale: the channel's declared ends.
        reversed: high argues for the less severe label.
    """
    cut = cut_of((saying.value for _, saying in heard if not saying.names), *scale)
    sign = -1 if reversed else 1
    ways = {(move.item, move.reviewer): way_of(move, saying, severity, cut, sign) for move, saying in heard}
    counts = Counter(ways.values())
    n, toward, away = len(ways), counts[TOWARD], counts[AWAY]
    moved = [move for move, _ in heard if ways[move.item, move.reviewer] == TOWARD]
    return Pull(
        channel, n, wilson(toward, n), wilson(away, n), counts[ELSEWHERE], counts[STAYED],
        mcnemar_exact(toward, away), judged(moved), cut, ways,
    )  # fmt: skip


def way_of(move: Move, saying: Saying, severity: Mapping[str, int], cut: float | None, sign: int) -> str:
    """Toward what the channel said, away from it, elsewhere, or not at all."""
    if move.blind == move.final:
        return STAYED
    if saying.names:
        before, after = move.blind in saying.names, move.final in saying.names
        return ELSEWHERE if before == after else TOWARD if after else AWAY
    step = severity.get(move.final, 0) - severity.get(move.blind, 0)
    side = 0.0 if saying.value is None or cut is None else sign * (saying.value - cut)
    return ELSEWHERE if not step * side else TOWARD if step * side > 0 else AWAY


def cut_of(values: Iterable[float | None], low: float | None, high: float | None) -> float | None:
    """The middle of the declared scale, else of the values; None without either."""
    if low is not None and high is not None:
        return (low + high) / 2
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None


def judged(moves: Iterable[Move]) -> Judged:
    """Rulings on labels that moved: for the final label, for the blind one, for neither."""
    ruled = [move for move in moves if move.ruling]
    n = len(ruled)
    final = sum(move.ruling == move.final for move in ruled)
    blind = sum(move.ruling == move.blind and move.ruling != move.final for move in ruled)
    return Judged(wilson(final, n), wilson(blind, n), wilson(n - final - blind, n))


def names_of(label: str, codebook: Codebook) -> frozenset[str]:
    """The labels that a reading's label names: one by its code or words, or those of a group."""
    wanted = label.strip().casefold()
    if not wanted:
        return frozenset()
    codes = {one.code for one in codebook.labels if wanted in (one.code.casefold(), one.words.casefold())}
    groups = {one.key for one in codebook.groups if wanted in (one.key.casefold(), one.words.casefold())}
    return frozenset(codes or {one.code for one in codebook.labels if one.group in groups})
