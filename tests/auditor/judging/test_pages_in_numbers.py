"""What the pages of judges work out before they draw: by hand, and at the edges."""

import math
import random
from typing import Any

import pytest

from auditor.evidence.language import parse
from auditor.evidence.nodes import to_text
from auditor.judging.boundaries import Boundary, Score, different_labels, disagreement
from auditor.judging.differing import difference
from auditor.judging.expected import Expected
from auditor.judging.leftout import left_out
from auditor.judging.moving import by_family, wilson
from auditor.judging.panels import Rate
from auditor.judging.plots import EDGE, WIDTH, rate_axis
from auditor.judging.progress import counted, distributions, left
from auditor.judging.queries import States
from auditor.judging.rendering import Unread
from auditor.judging.rubric import parse_rubric
from auditor.judging.states import ANSWERED
from tests.auditor.judging.scene import NUMBERS, RUBRIC

STATES = dict.fromkeys(("waiting", *ANSWERED, "timed_out", "failed"), 0)


@pytest.mark.parametrize(
    ("op", "at_29", "at_30", "at_31"),
    [
        ("below", True, False, False),
        ("at_most", True, True, False),
        ("at_least", False, True, True),
        ("above", False, False, True),
    ],
)
def test_a_boundary_is_on_one_side_or_the_other(op: str, at_29: bool, at_30: bool, at_31: bool) -> None:
    boundary = Boundary("judge.a", op, at=30)
    assert [boundary.says(Score(value)) for value in (29.0, 30.0, 31.0)] == [at_29, at_30, at_31]
    assert boundary.says(Score(None, "x")) is None
    assert boundary.says(None) is None


def test_a_label_says_yes_no_or_nothing() -> None:
    boundary = Boundary("judge.a", "is", "lie")
    assert [boundary.says(Score(None, label)) for label in ("lie", "honest", "")] == [True, False, None]


def test_the_likeliest_number_needs_a_score_and_no_tie() -> None:
    boundary = Boundary("judge.a", "below", at=50, reads="argmax")
    assert boundary.says(Score(60.0, "", Expected(60.0, 1.0, {20: 0.6, 90: 0.4}, 20))) is True
    assert boundary.says(Score(60.0, "", Expected(60.0, 1.0, {20: 0.5, 90: 0.5}, None))) is None
    assert boundary.says(Score(None, "", Expected(None, 0.1, {20: 0.1}, 20))) is None
    assert boundary.says(Score(40.0)) is True  # a plain answer is its own likeliest


def test_disagreements_are_an_expression_that_reads_back() -> None:
    two = [Boundary("judge.a", "below", at=30), Boundary("judge.odd key", "is", 'a "word"')]
    node = disagreement(two, [[], ["x", 'a "word"']])
    assert node is not None
    text = to_text(node)
    assert parse(text) == node
    assert text.startswith('(judge.a < 30 or channel "odd key"') or 'channel "judge.odd key"' in text
    assert disagreement(two[:1], [[]]) is None
    assert disagreement(two, [[], []]) is None
    assert different_labels(["a", "b"], [["x"], []]) is None
    apart = different_labels(["judge.a", "judge.b"], [["x"], ["y"]])
    assert apart is not None
    assert to_text(apart) == 'judge.a = "x" and judge.b = "y"'


def test_equal_texts_have_no_difference() -> None:
    assert difference("a\nb", "a\nb").same
    assert difference("", "").rows == ()


def test_lines_stand_beside_each_other_and_the_rest_is_folded() -> None:
    old = "\n".join(str(k) for k in range(1, 21))
    new = old.replace("\n10\n", "\nten\nand a half\n")
    found = difference(old, new)
    assert (found.added, found.removed) == (2, 1)
    kinds = [row.kind for row in found.rows]
    assert kinds == ["folded", "same", "same", "same", "changed", "added", "same", "same", "same", "folded"]
    changed, added = found.rows[4], found.rows[5]
    assert (changed.old_number, changed.old, changed.new_number, changed.new) == (10, "10", 10, "ten")
    assert (added.old_number, added.new_number, added.new) == (0, 11, "and a half")
    assert [row.n for row in found.rows if row.kind == "folded"] == [6, 7]


def test_nothing_is_lost_between_two_texts() -> None:
    chance = random.Random(7)
    for _ in range(300):
        texts = ["".join(chance.choices("abc\n", k=chance.randint(0, 60))) for _ in range(2)]
        old, new = (text.splitlines() for text in texts)
        rows = difference(*texts).rows
        assert sum(row.n if row.kind == "folded" else bool(row.old_number) for row in rows) == len(old)
        assert sum(row.n if row.kind == "folded" else bool(row.new_number) for row in rows) == len(new)
        assert all(old[row.old_number - 1] == row.old for row in rows if row.old_number)
        assert all(new[row.new_number - 1] == row.new for row in rows if row.new_number)


def test_texts_too_long_are_said_to_be() -> None:
    long = "\n".join(str(k) for k in range(5_000))
    assert difference(long, long + "\n5000").too_long
    assert not difference(long, long).too_long


def test_what_was_left_out_is_gathered_by_reason() -> None:
    found = left_out(
        [
            Unread(0, "text", 0, 10, "a"),
            {"position": 4, "part": "text", "start": 5, "end": 105, "why": "b"},
            {"position": 4, "part": "reasoning", "start": 0, "end": 1, "why": "b"},
            *[Unread(k, "text", 0, 1, "c") for k in range(15)],
        ]
    )
    assert [(one.why, one.n, one.characters) for one in found] == [("b", 2, 101), ("c", 15, 15), ("a", 1, 10)]
    assert found[0].messages == (5,)
    assert (found[1].messages, found[1].more) == (tuple(range(1, 13)), 3)


def test_wilson_by_hand_and_at_the_ends() -> None:
    """2 of 10: centre (2 + 1.9207) / 13.8415 = 0.28326, half = 1.95996 / 13.8415 * sqrt(2 * 8 / 10 + 0.96036) = 0.22658."""
    found = wilson(2, 10)
    assert found.low == pytest.approx(0.05668, abs=2e-5)
    assert found.high == pytest.approx(0.50984, abs=2e-5)
    assert wilson(0, 4).low == 0.0
    assert wilson(4, 4).high == 1.0
    assert wilson(0, 0).value is wilson(0, 0).low is None
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


def test_wilson_solves_its_equation() -> None:
    """Both ends are where (p - x/n)^2 = z^2 p (1 - p) / n: an independent form of the same interval."""
    chance = random.Random(5)
    for _ in range(50):
        n = chance.randint(1, 400)
        found = wilson(chance.randint(0, n), n)
        for p in (found.low, found.high):
            assert p is not None
            assert found.value is not None
            if 0 < p < 1:
                assert math.isclose(
                    (p - found.value) ** 2, 1.959963984540054**2 * p * (1 - p) / n, rel_tol=1e-9
                )


def test_families_count_each_outcome() -> None:
    rows: list[dict[str, Any]] = [
        {"family": "b_c", "outcome": "moved", "towards": True},
        {"family": "b_c", "outcome": "moved", "towards": False},
        {"family": "b_c", "outcome": "silenced", "towards": None},
        {"family": "b_c", "outcome": "untried", "towards": None},
        {"family": "a", "outcome": "held", "towards": None},
    ]
    a, b = by_family(rows)
    assert (a.name, a.share.count, a.share.n) == ("a", 0, 1)
    assert (b.name, b.share.count, b.share.n, b.towards, b.silenced, b.untried) == ("b c", 2, 3, 1, 1, 1)


def test_what_waits_in_a_run_that_is_over_is_missing() -> None:
    words = {one.state: one.words for one in counted(States(STATES | {"waiting": 2}, over=True))}
    assert words["waiting"] == "missing"
    assert {one.words for one in counted(States(STATES, over=False))} >= {
        "waiting",
        "refused",
        "cut off",
        "timed out",
    }


def test_time_left_says_nothing_without_a_pace() -> None:
    states = States(STATES | {"waiting": 90, "ok": 10}, over=False)
    assert left(states, rate=3.0, asks=2).seconds == 60.0
    assert left(states, rate=0.0, asks=2).seconds is None
    assert left(States(STATES | {"ok": 10}, over=False), rate=3.0, asks=1).seconds is None


def test_rates_leave_room_for_what_has_no_value() -> None:
    rubric = parse_rubric(RUBRIC)
    said = [
        (1, 0, "ok", "", {"candour": 3, "why": "slip"}),
        (2, 0, "ok", "", {"candour": 10, "why": "slip"}),
        (3, 0, "ok", "", {"candour": 0, "why": "plan"}),
        (4, 0, "refused", "", {}),
    ]
    candour, why = distributions(rubric, said)
    assert (candour.known, candour.missing) == (3, 1)
    assert candour.mean == pytest.approx(13 / 3)
    assert [bar.n for bar in candour.bars] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert [(one.word, one.rate.yes, one.rate.known, one.rate.missing) for one in why.tallied] == [
        ("nothing", 0, 3, 1),
        ("slip", 2, 3, 1),
        ("plan", 1, 3, 1),
    ]
    assert (why.tallied[1].rate.low, why.tallied[1].rate.high) == (0.5, 0.75)
    assert all(one.known == 0 for one in distributions(rubric, []))


def test_wide_scales_are_binned_with_their_ends() -> None:
    rubric = parse_rubric(NUMBERS)
    said = [
        (k, 0, "ok", "fine", {"aligned": value, "coherent": None})
        for k, value in enumerate((0, 4.99, 5, 100))
    ]
    label, aligned, coherent = distributions(rubric, said)
    assert label.tallied[0].rate == Rate(4, 4, 0)
    assert [aligned.bars[at].n for at in (0, 1, 19)] == [2, 1, 1]
    assert sum(bar.n for bar in aligned.bars) == 4
    assert (coherent.known, coherent.missing, coherent.mean) == (0, 4, None)


def test_rates_share_an_axis() -> None:
    axis = rate_axis([Rate(3, 100, 0), Rate(9, 100, 5)])
    assert axis.high == 0.2
    assert (axis.at(0), axis.at(0.2), axis.at(9)) == (EDGE, WIDTH - EDGE, WIDTH - EDGE)
    drawn = axis.drawn(Rate(9, 100, 5))
    assert drawn.left == axis.at(9 / 105)
    assert drawn.width == pytest.approx(axis.at(14 / 105) - axis.at(9 / 105), abs=0.011)
    assert axis.drawn(Rate(0, 0, 0)).x is None
    assert rate_axis([]).high == 1.0
    assert rate_axis([Rate(0, 3, 0)]).high == 0.1
