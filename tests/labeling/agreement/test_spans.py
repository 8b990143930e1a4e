"""Agreement on marked words: by hand, character by character, and against every possible matching."""

import math
import random
from itertools import combinations, permutations

import numpy as np
import pytest

from labeling.agreement.resampling import Figure
from labeling.agreement.spans import ENOUGH, Marked, Span, character_alpha, matched_f1, overlap
from tests.labeling.agreement import plain

TEXT = (0, "text")


def span(start: int, end: int, kind: str = "truth", place: tuple[int, str] = TEXT) -> Span:
    return Span(kind, place, start, end)


def of(figure: Figure, items: int) -> float:
    return float(figure(np.ones((1, items)))[0])


def alpha(items: list[tuple[int, Marked]], kind: str = "truth") -> float:
    return of(character_alpha(items, kind)[0], len(items))


def f1(items: list[Marked], kind: str = "truth") -> float:
    return of(matched_f1(items, kind)[0], len(items))


def test_characters_by_hand() -> None:
    # Ten characters; Ana marks 0 to 4, Bo marks 2 to 6. Inside: 4 + 4 of 20 values. Unlike: the characters
    # 0, 1, 4, 5, each two ordered pairs over (2 - 1): 8. D_o = 8/20. D_e = 2 * 8 * 12 / (20 * 19).
    # Alpha = 1 - 19 * 8 / (2 * 8 * 12) = 1 - 152/192.
    items: list[tuple[int, Marked]] = [(10, {1: [span(0, 4)], 2: [span(2, 6)]})]
    assert alpha(items) == pytest.approx(1 - 152 / 192, abs=1e-12)
    assert f1([items[0][1]]) == 0  # 2 of 6 characters is less than half


def test_equal_spans_agree_and_disjoint_ones_do_not() -> None:
    same: Marked = {1: [span(0, 4)], 2: [span(0, 4)]}
    apart: Marked = {1: [span(0, 4)], 2: [span(6, 9)]}
    assert alpha([(10, same)]) == 1
    assert alpha([(10, apart)]) < 0
    assert (f1([same]), f1([apart])) == (1, 0)


def test_spans_match_within_one_text_and_kind_only() -> None:
    assert overlap(span(0, 4), span(0, 4, place=(1, "text"))) == 0
    assert overlap(span(0, 4), span(4, 6)) == 0
    assert overlap(span(0, 4), span(2, 6)) == pytest.approx(2 / 6)
    other: Marked = {1: [span(0, 4)], 2: [span(0, 4, "misleads")]}
    assert f1([other]) == 0
    assert alpha([(10, other)]) < 0


def test_a_reviewer_who_marks_nothing_disagrees_with_who_does() -> None:
    # Ana marks 4 of 10, Bo none: inside 4 of 20, unlike 8. Alpha = 1 - 19 * 8 / (2 * 4 * 16) = 1 - 152/128.
    marked: Marked = {1: [span(0, 4)], 2: []}
    assert alpha([(10, marked)]) == pytest.approx(1 - 152 / 128, abs=1e-12)
    assert f1([marked]) == 0


def test_where_nobody_marked_or_nobody_was_second_nothing_is_defined() -> None:
    nothing: Marked = {1: [], 2: []}
    figure, n = character_alpha([(10, nothing)], "truth")
    assert (math.isnan(of(figure, 1)), n) == (True, 1)
    figure, n = matched_f1([nothing], "truth")
    assert (math.isnan(of(figure, 1)), n) == (True, 0)
    figure, n = character_alpha([(10, {1: [span(0, 3)]})], "truth")
    assert (math.isnan(of(figure, 1)), n) == (True, 0)
    assert character_alpha([], "truth")[1] == 0


def test_overlapping_spans_of_one_reviewer_count_once() -> None:
    twice: Marked = {1: [span(0, 4), span(2, 6)], 2: [span(0, 6)]}
    assert alpha([(10, twice)]) == 1


def test_the_best_matching_is_found_where_the_nearest_would_block_it() -> None:
    # 0-10 overlaps 0-8 by 0.8 and 3-10 by 0.7; 0-7 overlaps 0-8 by 7/8 only. Both can match.
    marked: Marked = {1: [span(0, 10), span(0, 7)], 2: [span(0, 8), span(3, 10)]}
    assert f1([marked]) == 1


def drawn(draw: random.Random, reviewers: int) -> Marked:
    def one() -> Span:
        start = draw.randint(0, 25)
        return span(
            start,
            start + draw.randint(1, 9),
            draw.choice(["truth", "misleads"]),
            draw.choice([TEXT, (2, "text")]),
        )

    return {reviewer: [one() for _ in range(draw.randint(0, 4))] for reviewer in range(reviewers)}


@pytest.mark.parametrize("seed", range(8))
def test_they_equal_the_definitions_written_out(seed: int) -> None:
    draw = random.Random(seed)
    items = [(80, drawn(draw, draw.randint(1, 4))) for _ in range(12)]
    units = [  # one a character of the two texts, which are 40 characters each
        [
            any(s.kind == "truth" and s.place == place and s.start <= at < s.end for s in spans)
            for spans in marked.values()
        ]
        for _, marked in items
        for place in (TEXT, (2, "text"))
        for at in range(40)
    ]
    assert alpha(items) == pytest.approx(float(plain.alpha(units)), abs=1e-9)
    matched = total = 0
    for _, marked in items:
        kept = [[s for s in spans if s.kind == "truth"] for spans in marked.values()]
        for one, other in combinations(kept, 2):
            few, many = sorted((one, other), key=len)
            total += len(one) + len(other)
            matched += max(
                sum(overlap(a, b) >= ENOUGH for a, b in zip(few, order, strict=True))
                for order in permutations(many, len(few))
            )
    assert f1([marked for _, marked in items]) == pytest.approx(2 * matched / total, abs=1e-12)


def test_weights_are_items_taken_so_often() -> None:
    draw = random.Random(11)
    items = [(80, drawn(draw, 3)) for _ in range(6)]
    times = [2, 0, 1, 3, 0, 1]
    again = [item for item, n in zip(items, times, strict=True) for _ in range(n)]
    weights = np.array([times], dtype=float)
    assert float(character_alpha(items, "truth")[0](weights)[0]) == pytest.approx(alpha(again), abs=1e-12)
    marked = [one for _, one in items]
    assert float(matched_f1(marked, "truth")[0](weights)[0]) == pytest.approx(
        f1([one for _, one in again]), abs=1e-12
    )
