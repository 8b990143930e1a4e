"""Agreement over time: one point for each week, a gap where nothing is known, nothing where there is no course."""

from labeling.agreement.figures import Line
from labeling.agreement.timeline import FOOT, HEIGHT, LEFT, RIGHT, TOP, WIDTH, timeline


def line(value: float | None, low: float | None = None, high: float | None = None, n: int = 10) -> Line:
    return Line(
        "label", "final", "week", "", "alpha", value, n, low, high, 1, "" if value is not None else "too few"
    )


def test_one_point_is_no_course() -> None:
    assert timeline([]) is None
    assert timeline([("a", line(0.5)), ("b", line(None))]) is None


def test_three_weeks_by_hand() -> None:
    found = timeline([("1 June", line(0.5, 0.25, 1.0)), ("8 June", line(0.0)), ("15 June", line(1.0))])
    assert found is not None
    middle = (WIDTH - RIGHT + LEFT) / 2
    bottom, top = HEIGHT - FOOT, TOP
    assert [(one.x, one.y) for one in found.moments] == [
        (LEFT, (bottom + top) / 2), (middle, bottom), (WIDTH - RIGHT, top),
    ]  # fmt: skip
    assert (found.moments[0].low, found.moments[0].high) == (bottom - 0.25 * (bottom - top), top)
    assert found.moments[1].low is None  # no interval: none is drawn
    assert [words for _, words in found.ticks] == ["0.0", "0.5", "1.0"]
    assert found.moments[0].said == "1 June: 0.50 [0.25, 1.00] of 10 items"
    assert found.n == 30


def test_the_line_is_not_drawn_across_what_is_not_known() -> None:
    found = timeline(
        [("a", line(0.5)), ("b", line(0.5)), ("c", line(None)), ("d", line(0.5)), ("e", line(0.4))]
    )
    assert found is not None
    assert len(found.lines) == 2
    assert found.moments[2].y is None
    assert "too few" in found.moments[2].said


def test_below_zero_the_axis_goes_on_and_of_many_weeks_some_are_named() -> None:
    found = timeline([(str(k), line(-0.4 if k == 3 else 0.9)) for k in range(30)])
    assert found is not None
    assert next(words for _, words in found.ticks) == "−0.5"
    assert 5 <= sum(one.named for one in found.moments) <= 10
    assert "−0.40" in found.moments[3].said
