"""Values along words: tokens that share a character are one, peaks stand out, and the packed form loses nothing that is seen."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.evidence.blockformat import TokenTable
from auditor.evidence.stretches import Stretch, highest, leb128, packed, stretch_of, stretches_of
from tests.auditor.evidence.packets import tokens_of


def table(places: list[tuple[int, int, int, int, int]]) -> TokenTable:
    """Tokens at (position, part, start, end, counted)."""
    position, part, start, end, counted = (np.array(column) for column in zip(*places, strict=True))
    n = len(places)
    at = np.arange(n, dtype=np.uint32)
    return TokenTable(
        id=np.zeros(n, np.int32), at=at, till=at + 1, position=position.astype(np.int32), part=part.astype(np.uint8),
        start=start.astype(np.uint32), end=end.astype(np.uint32), special=np.zeros(n, np.uint8), counted=counted.astype(np.uint8),
    )  # fmt: skip


def floats(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_a_block_is_cut_into_parts_in_reading_order() -> None:
    tokens = table([(-1, 0, 0, 0, 0), (0, 0, 0, 3, 0), (0, 0, 3, 5, 0), (1, 1, 0, 4, 1), (1, 0, 0, 2, 1)])
    found = stretches_of(tokens, ("text", "reasoning"), floats(9, 1, 2, 3, 4))
    assert [(one.position, one.part, one.values.tolist()) for one in found] == [
        (0, "text", [1, 2]), (1, "text", [4]), (1, "reasoning", [3])
    ]  # fmt: skip
    assert [one.counted.tolist() for one in found] == [[0, 0], [1], [1]]


def test_the_bytes_of_one_character_are_one_token_with_the_highest_value() -> None:
    # 😀 is one code point and four byte tokens; a token without words stands between
    tokens = table([(0, 0, 0, 1, 0), (0, 0, 0, 1, 1), (0, 0, 1, 1, 1), (0, 0, 0, 1, 0), (0, 0, 1, 2, 1)])
    (one,) = stretches_of(tokens, ("text",), floats(-3, 7, 99, 2, 1))
    assert (one.starts.tolist(), one.ends.tolist(), one.values.tolist(), one.counted.tolist()) == (
        [0, 1], [1, 2], [7, 1], [1, 1]
    )  # fmt: skip


def test_a_block_without_words_has_no_stretch() -> None:
    assert stretches_of(table([(-1, 0, 0, 0, 0), (0, 0, 4, 4, 1)]), ("text",), floats(1, 2)) == []
    empty = stretch_of(0, "text", np.array([]), np.array([]), np.array([]), counted=True)
    assert len(empty) == 0
    assert packed([empty])["parts"] == []


def test_a_peak_is_higher_than_all_around_it_and_counted() -> None:
    values, counted = np.zeros(60, np.float32), np.ones(60, np.uint8)
    values[[5, 10, 30, 40]] = [2, 3, 1, 8]  # 5 stands beside 10, 30 beside 40, which does not count
    counted[40] = 0
    assert highest(values, counted, most=9) == [10, 30]
    assert highest(values, counted, most=1) == [10]
    values[31] = 1  # of equal neighbours the first
    assert highest(values, counted, most=9) == [10, 30]
    assert highest(-values, counted, most=9) == []
    assert highest(np.zeros(0, np.float32), np.zeros(0, np.uint8), most=9) == []


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.integers(1, 5))
def test_peaks_agree_with_a_plain_look_at_each_token(values: list[int], around: int) -> None:
    plain = [
        i
        for i, value in enumerate(values)
        if value > 0
        and all(value > other for other in values[max(0, i - around) : i])
        and all(value >= other for other in values[i + 1 : i + 1 + around])
    ]
    counted = np.ones(len(values), np.uint8)
    assert highest(np.array(values, np.float32), counted, most=999, around=around) == plain


@given(st.lists(st.integers(0, 2**35 - 1), max_size=50))
def test_numbers_are_written_as_leb128(numbers: list[int]) -> None:
    expected = bytearray()
    for number in numbers:
        while True:
            number, low = number >> 7, number & 127
            expected.append(low | (128 if number else 0))
            if not number:
                break
    assert leb128(np.array(numbers, np.uint64)) == bytes(expected)


tokens = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 200), st.floats(-1e6, 1e6, width=32), st.booleans()), max_size=40
)  # fmt: skip


@given(st.lists(tokens, max_size=4))
def test_what_is_packed_is_read_back_in_order_and_within_half_a_step(parts: list[list[tuple]]) -> None:  # type: ignore[type-arg]
    stretches = []
    for position, some in enumerate(parts):
        starts = np.cumsum([gap for gap, *_ in some]).astype(np.uint32)
        ends = starts + np.array([size for _, size, *_ in some], np.uint32)
        values = np.array([value for _, _, value, _ in some], np.float32)
        counted = np.array([is_counted for *_, is_counted in some], np.uint8)
        stretches.append(Stretch(position, "text", starts, ends, values, counted))
    packet = packed(stretches)
    read = tokens_of(packet)
    half = (packet["hi"] - packet["lo"]) / 131070 * (1 + 1e-9) + 1e-12
    for one in stretches:
        got = read.get((one.position, "text"), [])
        assert [(start, end, counted) for start, end, _, counted in got] == list(
            zip(one.starts.tolist(), one.ends.tolist(), (one.counted > 0).tolist(), strict=True)
        )
        assert [value for _, _, value, _ in got] == pytest.approx(one.values.tolist(), abs=half)
    said = sorted(
        (float(value), got)
        for one in stretches if len(one)
        for value, (_, _, got, _) in zip(one.values, read[one.position, "text"], strict=True)
    )  # fmt: skip
    assert all(before[1] <= after[1] for before, after in pairwise(said))
