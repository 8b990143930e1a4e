"""How far marked words coincide: by hand, at the edges, and against a second implementation."""

from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labeling.adjudication.overlap import Place, characters, iou, matched_f1


def on(start: int, end: int, position: int = 0, part: str = "text") -> Place:
    return (position, part, start, end)


def test_worked_by_hand() -> None:
    # 0-10 against 5-15: five characters of ten each are shared, 2*5/20; as spans 5/15 < 1/2, no match.
    assert characters([on(0, 10)], [on(5, 15)]) == 0.5
    assert matched_f1([on(0, 10)], [on(5, 15)]) == 0.0
    # 0-10 against 2-12: eight shared of twelve covered, 2/3 >= 1/2.
    assert iou(on(0, 10), on(2, 12)) == pytest.approx(8 / 12)
    assert matched_f1([on(0, 10)], [on(2, 12)]) == 1.0
    # One of two found again: 2*1/(2+1).
    assert matched_f1([on(0, 10), on(20, 30)], [on(0, 10)]) == pytest.approx(2 / 3)


def test_nothing_marked_by_both_is_nothing_to_rule_on_and_by_one_is_total_disagreement() -> None:
    for measure in (characters, matched_f1):
        assert measure([], []) == 1.0
        assert measure([on(0, 3)], []) == 0.0
        assert measure([], [on(0, 3)]) == 0.0


def test_the_same_offsets_elsewhere_are_other_words() -> None:
    for other in (on(0, 10, position=1), on(0, 10, part="reasoning")):
        assert characters([on(0, 10)], [other]) == 0.0
        assert matched_f1([on(0, 10)], [other]) == 0.0


def test_a_span_marked_in_pieces_covers_the_same_characters() -> None:
    assert characters([on(0, 10)], [on(0, 6), on(4, 10)]) == 1.0
    assert matched_f1([on(0, 10)], [on(0, 6), on(4, 10)]) == pytest.approx(2 / 3)


def test_one_span_never_answers_for_two() -> None:
    # Both of ours lie on their first; giving it to the wrong one would leave the other without a partner.
    ours, theirs = [on(0, 10), on(0, 8)], [on(0, 9), on(0, 14)]
    assert matched_f1(ours, theirs) == 1.0
    assert matched_f1(list(reversed(ours)), theirs) == 1.0


spans = st.lists(
    st.tuples(st.integers(0, 1), st.just("text"), st.integers(0, 12), st.integers(1, 6)).map(
        lambda s: (s[0], s[1], s[2], s[2] + s[3])
    ),
    max_size=5,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(spans, spans)
def test_both_measures_agree_with_counting_one_by_one(ours: list[Place], theirs: list[Place]) -> None:
    a = {(p, at) for p, _, s, e in ours for at in range(s, e)}
    b = {(p, at) for p, _, s, e in theirs for at in range(s, e)}
    if a or b:
        assert characters(ours, theirs) == pytest.approx(2 * len(a & b) / (len(a) + len(b)))
    few, many = sorted((ours, theirs), key=len)
    best = max(
        sum(iou(x, y) >= 0.5 for x, y in zip(few, order, strict=False))
        for order in permutations(many, len(few))
    )
    if ours or theirs:
        assert matched_f1(ours, theirs) == pytest.approx(2 * best / (len(ours) + len(theirs)))
    assert matched_f1(ours, theirs) == pytest.approx(matched_f1(theirs, ours))
