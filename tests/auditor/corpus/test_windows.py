"""Windows hold what fits on a page and join without gap or overlap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.accounts.models import Project
from auditor.corpus.records import ParsedMessage
from auditor.corpus.windows import (
    BEFORE,
    FROM,
    LONGEST,
    MESSAGES,
    SHOWN,
    Size,
    Window,
    around,
    digests_between,
    roles_by_bucket,
    window,
    window_after,
    window_around,
    window_before,
)
from tests import make

weights = st.lists(st.integers(0, 2 * SHOWN), min_size=1, max_size=30)


@given(weights, st.data())
def test_a_window_holds_its_message_and_no_more_than_fits(sizes: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sizes) - 1))
    found = around([Size(7 + i, size, size) for i, size in enumerate(sizes)], 7 + at)
    assert 7 <= found.first <= 7 + at < found.end <= 7 + len(sizes)
    held = sizes[found.first - 7 : found.end - 7]
    assert sum(held) <= SHOWN or (found.end - found.first == 1 or sum(held) - sizes[at] <= SHOWN // 3)


def test_short_messages_come_by_the_hundred(project: Project) -> None:
    row = make.transcript(project, [ParsedMessage(role="user", text=f"number {i}") for i in range(250)])
    assert window(row, at=0) == Window(0, MESSAGES)
    assert window(row, at=149) == Window(100, 200)
    assert window(row, at=9999) == Window(200, 250)
    assert window_after(row, 200) == Window(200, 250)
    assert window_after(row, 250) == Window(250, 250)
    assert window_before(row, 100) == Window(0, 100)
    assert window_before(row, 30) == Window(0, 30)
    assert window_around(row, at=149) == Window(149 - BEFORE, 149 + FROM)
    assert window_around(row, at=3) == Window(0, 3 + FROM)
    assert window_around(row, at=9999) == Window(249 - BEFORE, 250)


def test_long_messages_come_by_what_is_shown_of_them(project: Project) -> None:
    big = "x" * (3 * LONGEST)
    row = make.transcript(project, [ParsedMessage(role="user", text=big)] * 40)
    fit = SHOWN // LONGEST
    first = window(row, at=0)
    assert first == Window(0, fit)
    assert window_after(row, first.end) == Window(fit, 2 * fit)
    assert window_before(row, 40) == Window(40 - fit, 40)
    held = window(row, at=20)
    assert held.first < 20 < held.end
    assert held.end - held.first == fit


@pytest.mark.parametrize("n", [0, 1])
def test_the_smallest_transcripts_have_a_window(project: Project, n: int) -> None:
    row = make.transcript(project, [ParsedMessage(role="user", text="x")] * n)
    assert window(row, at=5) == Window(0, n)
    assert window_around(row, at=5) == Window(0, n)
    assert window_before(row, 0) == Window(0, 0)


def test_equal_messages_have_equal_digests_and_roles_are_counted(project: Project) -> None:
    messages = [
        ParsedMessage(role="user", text="a"),
        ParsedMessage(role="user", text="a"),
        ParsedMessage(role="assistant", text="a"),
        ParsedMessage(role="assistant", text="", reasoning="a"),
    ]
    row = make.transcript(project, messages)
    a, b, c, d = digests_between(row, 0, 10)
    assert a == b
    assert len({a, c, d}) == 3
    assert digests_between(row, 1, 3) == [b, c]
    assert roles_by_bucket(row, 3) == {0: {"user": 2, "assistant": 1}, 1: {"assistant": 1}}
