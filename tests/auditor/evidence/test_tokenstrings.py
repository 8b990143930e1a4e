"""Tokens as strings are tied to their text exactly, in every spelling, or refused with the first that does not fit."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auditor.evidence.tokenstrings import _LETTERS, DoesNotFit, align

TO_LETTER = {byte: letter for letter, byte in _LETTERS.items()}
TEXT = "Yes, it cleared — 数は😀 e\u0301 done.\n"


def _cut(data: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({min(max(i, 0), len(data)) for i in at} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(ends)]


def _expected(pieces: list[bytes], text: str) -> list[tuple[int, int]]:
    """By counting bytes character by character, the slow way."""
    spans, at = [], 0
    for piece in pieces:
        touched = [
            number
            for number in range(len(text))
            if len(text[:number].encode()) < at + len(piece) and len(text[: number + 1].encode()) > at
        ]
        spans.append((touched[0], touched[-1] + 1))
        at += len(piece)
    return spans


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), st.lists(st.integers(0, 120), max_size=20)
)
def test_byte_level_tokens_of_any_cut(text: str, at: list[int]) -> None:
    assume("\ufffd" not in text)
    pieces = _cut(text.encode(), at)
    tokens = ["".join(TO_LETTER[byte] for byte in piece) for piece in pieces]
    assume("".join(tokens) != text)  # else it is read as plain, with the same result where bytes are letters
    assert align(tokens, text) == _expected(pieces, text)


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=10)
)
def test_plain_tokens_of_any_cut_between_characters(text: str, at: list[int]) -> None:
    ends = sorted({min(i, len(text)) for i in at} | {0, len(text)})
    spans = list(pairwise(ends))
    assert align([text[a:b] for a, b in spans], text) == spans


def test_sentencepiece_with_its_own_first_space_and_bytes() -> None:
    tokens = ["▁Yes", ",", "▁it", "▁is", "▁", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "."]
    assert align(tokens, "Yes, it is 😀.") == [
        (0, 3), (3, 4), (4, 7), (7, 10), (10, 11), (11, 12), (11, 12), (11, 12), (11, 12), (12, 13),
    ]  # fmt: skip
    assert align(["▁Yes", "▁it"], " Yes it") == [(0, 4), (4, 7)]  # a space that is in the text


def test_gpt2_spelling() -> None:
    assert align(["Yes", "Ġit", "Ċ", "Ã©"], "Yes it\né") == [(0, 3), (3, 6), (6, 7), (7, 8)]


def test_pieces_of_one_character_share_its_place() -> None:
    assert align(["a", "\ufffd", "\ufffd", "b"], "a😀b") == [(0, 1), (1, 2), (1, 2), (2, 3)]
    assert align(["a \ufffd", "\ufffd", "b"], "a 😀b") == [(0, 3), (2, 3), (3, 4)]
    assert align(["a", "\ufffd", "\ufffd."], "a数.") == [(0, 1), (1, 2), (1, 3)]
    assert align(["\ufffd"] * 6, "数数") == [(0, 1)] * 3 + [(1, 2)] * 3  # as many tokens as bytes
    assert align(["a\ufffd", "b"], "a\ufffdb") == [(0, 2), (2, 3)]  # the sign itself stands in the text


def test_pieces_whose_bytes_cannot_be_told_are_refused() -> None:
    with pytest.raises(DoesNotFit, match="cannot be told") as caught:
        align(["a", "\ufffd", "\ufffd", "\ufffd", "b"], "a数数b")  # 3 tokens for 6 bytes
    assert caught.value.index == 1


@pytest.mark.parametrize(
    ("tokens", "index", "words"),
    [
        (["Yes", " it"], 1, r"token 1 \(' it'\) does not fit: the text goes on with ', it cleared"),
        (["<bos>", "Yes", ","], 0, r"token 0 \('<bos>'\) does not fit"),
        (["Yes", ","], 2, "end 20 characters before the text does"),
        (["Yes", ",", " it", " it"], 3, r"token 3 \(' it'\) does not fit"),
        ([], 0, "before the text does"),
    ],
)
def test_the_first_token_that_does_not_fit_is_named(tokens: list[str], index: int, words: str) -> None:
    with pytest.raises(DoesNotFit, match=words) as caught:
        align(tokens, "Yes, it cleared on time.")
    assert caught.value.index == index


def test_one_token_too_many() -> None:
    with pytest.raises(DoesNotFit, match="comes after the end"):
        align(["Yes", "."], "Yes")


@given(st.integers(0, 6))
def test_a_token_left_out_anywhere_is_seen(left_out: int) -> None:
    tokens = ["Yes", ",", " it", " cleared", " — ", "数は", "😀"]
    text = "".join(tokens)
    assert len(align(tokens, text)) == 7
    with pytest.raises(DoesNotFit):
        align(tokens[:left_out] + tokens[left_out + 1 :], text)
