"""Tokens are tied to the words they stand on, code point by code point, or refused with the first that does not fit."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.interp.alignment import Counting, DoesNotFit, Piece, lone, place, tie, tie_spelled
from auditor.interp.conversation import Turn, Words
from auditor.interp.pieces import BYTE_LEVEL, byte_level, sentencepiece
from tests.auditor.interp import templates
from tests.auditor.interp.test_placing import conversations

REVERSE = {byte: sign for sign, byte in BYTE_LEVEL.items()}
TURNS = (
    Turn(0, "user", (Words(0, "text", "Was it 數 😀?"),)),
    Turn(1, "assistant", (Words(1, "reasoning", "hm"), Words(1, "text", "It was<|im_end|> é."))),
)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def pieces_of(rendered: str, cuts: list[int]) -> list[Piece]:
    return [Piece(one) for one in cut(rendered.encode(), cuts)]


@given(conversations(), st.lists(st.integers(0, 400), max_size=40))
def test_any_cut_of_the_bytes_is_tied_to_the_code_points_that_it_touches(
    turns: tuple[Turn, ...], cuts: list[int]
) -> None:
    placed = place(turns, templates.chatml)
    pieces = pieces_of(placed.rendered, cuts)
    table = tie(placed, pieces, ids=range(len(pieces))).table
    bytes_before = 0
    for n, piece in enumerate(pieces):
        # By hand: which code points have a byte in this token.
        begin, end = bytes_before, bytes_before + len(piece.bytes)
        touched, at = [], 0
        for index, sign in enumerate(placed.rendered):
            till = at + len(sign.encode())
            touched += [index] if at < end and till > begin else []
            at = till
        assert (table.at[n], table.till[n]) == (touched[0], touched[-1] + 1)
        words = [index for index in touched if placed.owner[index] >= 0]
        if not words:
            assert table.position[n] == -1
            assert table.start[n] == table.end[n]
        else:
            owner = placed.owner[words[0]]
            assert table.position[n] == placed.words[owner].position
            mine = [index for index in words if placed.owner[index] == owner]
            text = placed.words[owner].text[table.start[n] : table.end[n]]
            assert text == "".join(placed.rendered[index] for index in mine)
        bytes_before = end


@given(conversations())
def test_bytes_one_by_one_give_each_word_back(turns: tuple[Turn, ...]) -> None:
    placed = place(turns, templates.chatml)
    pieces = [Piece(bytes([byte])) for byte in placed.rendered.encode()]
    tied = tie(placed, pieces, ids=[0] * len(pieces))
    for words in placed.words:
        here = (tied.table.position == words.position) & (
            np.array(tied.parts)[tied.table.part] == words.part if tied.parts else False
        )
        spans = sorted(set(zip(tied.table.start[here].tolist(), tied.table.end[here].tolist(), strict=True)))
        if words.part == "text" and words.text.strip():
            assert "".join(words.text[a:b] for a, b in spans) == words.text


def test_by_hand() -> None:
    placed = place(TURNS, templates.chatml)
    tokens = [
        "<|im_start|>", "user\n", "Was it ", b"\xe6\x95", b"\xb8 ", "😀?", "<|im_end|>", "\n",
        "<|im_start|>", "assistant\nI", "t was", "<|im_end|>", " é.<|im", "_end|>\n",
    ]  # fmt: skip
    pieces = [
        Piece(one if isinstance(one, bytes) else one.encode(), special=one in ("<|im_start|>", "<|im_end|>"))
        for one in tokens
    ]
    tied = tie(placed, pieces, ids=range(14))
    table = tied.table
    assert table.position.tolist() == [-1, -1, 0, 0, 0, 0, -1, -1, -1, 1, 1, 1, 1, -1]
    assert list(zip(table.start.tolist(), table.end.tolist(), strict=True)) == [
        (0, 0), (0, 0), (0, 7), (7, 8), (7, 9), (9, 11), (0, 0), (0, 0), (0, 0), (0, 1), (1, 6), (6, 16), (16, 19), (0, 0),
    ]  # fmt: skip
    assert table.special.tolist() == [1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0], (
        "a marker inside a text is a marker all the same"
    )
    assert table.counted.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0]
    assert tied.left_out == len("hm")


def test_what_counts_is_a_rule() -> None:
    placed = place(TURNS, templates.thinks_last, reasoning_key="reasoning_content")
    pieces = [Piece(bytes([byte])) for byte in placed.rendered.encode()]
    ids = range(len(pieces))
    spoken = tie(placed, pieces, ids=ids).table
    both = tie(placed, pieces, ids=ids, counting=Counting(kinds=("text", "reasoning"))).table
    theirs = tie(placed, pieces, ids=ids, counting=Counting(roles=("user",))).table
    assert both.counted.sum() == spoken.counted.sum() + 2
    assert set(theirs.position[theirs.counted == 1].tolist()) == {0}


# --- Planted faults: each is found, at the token where it begins.


def planted(pieces: list[Piece]) -> DoesNotFit:
    placed = place(TURNS, templates.chatml)
    with pytest.raises(DoesNotFit) as problem:
        tie(placed, pieces, ids=range(len(pieces)))
    return problem.value


def whole() -> list[Piece]:
    placed = place(TURNS, templates.chatml)
    return [Piece(placed.rendered[at : at + 4].encode()) for at in range(0, len(placed.rendered), 4)]


def test_a_token_too_many_at_the_beginning_is_found() -> None:
    problem = planted([Piece(b"<s>", special=True, added=True), *whole()])
    assert (problem.token_index, problem.token_text) == (0, "<s>")


def test_a_token_that_is_missing_is_found() -> None:
    pieces = whole()
    problem = planted([*pieces[:7], *pieces[8:]])
    assert problem.token_index == 7
    assert planted(pieces[:-1]).token_index == len(pieces) - 1
    assert planted(pieces[1:]).token_index == 0


def test_a_shift_by_one_is_found() -> None:
    pieces = whole()
    problem = planted([*pieces[:4], Piece(pieces[4].bytes + pieces[5].bytes[:1]), *pieces[5:]])
    assert problem.token_index == 5
    assert problem.position == 0


def test_reasoning_that_the_model_read_and_the_transcript_shows_otherwise_is_found() -> None:
    placed = place(TURNS, templates.thinks_last, reasoning_key="reasoning_content")
    cut_short = placed.rendered.replace("<think>\nhm\n</think>\n\n", "<think>\n</think>\n\n")
    pieces = [Piece(sign.encode()) for sign in cut_short]
    with pytest.raises(DoesNotFit) as problem:
        tie(placed, pieces, ids=range(len(pieces)))
    assert problem.value.token_index == cut_short.index("</think>")
    assert problem.value.position == 1


def test_other_bytes_inside_a_character_are_found() -> None:
    pieces = whole()
    n = next(n for n, one in enumerate(pieces) if "數".encode() in one.bytes)
    problem = planted([*pieces[:n], Piece(pieces[n].bytes.replace(b"\xb8", b"\xb0")), *pieces[n + 1 :]])
    assert problem.token_index == n


# --- Dummy spaces, byte fallback, tokens that swallow white space.


def test_a_dummy_space_shows_nothing() -> None:
    placed = lone(Words(0, "text", "hi 数"), "assistant")
    table = tie(
        placed, [Piece(sentencepiece(t)) for t in ("▁hi", "▁", "<0xE6>", "<0x95>", "<0xB0>")], ids=range(5)
    ).table
    assert list(zip(table.start.tolist(), table.end.tolist(), strict=True)) == [
        (0, 2),
        (2, 3),
        (3, 4),
        (3, 4),
        (3, 4),
    ]
    alone = tie(placed, [Piece(sentencepiece(t)) for t in ("▁", "hi", "▁数")], ids=range(3)).table
    assert alone.position.tolist() == [-1, 0, 0]


def test_a_text_that_begins_with_a_space_keeps_it() -> None:
    placed = lone(Words(0, "text", " hi"), "assistant")
    for tokens, spans in ((("▁▁hi",), [(0, 3)]), (("▁hi",), [(0, 3)]), (("▁", "▁hi"), [(0, 0), (0, 3)])):
        table = tie(placed, [Piece(sentencepiece(t)) for t in tokens], ids=range(len(tokens))).table
        assert list(zip(table.start.tolist(), table.end.tolist(), strict=True)) == spans


def test_a_dummy_space_after_each_marker() -> None:
    placed = place((Turn(0, "assistant", (Words(0, "text", "yes"),)),), lambda m: f"<s>{m[0]['content']}</s>")
    mark = {"special": True, "added": True}
    pieces = [Piece(b"<s>", **mark), Piece(b" "), Piece(b"yes"), Piece(b"</s>", **mark)]
    table = tie(placed, pieces, ids=range(4)).table
    assert table.position.tolist() == [-1, -1, 0, -1]
    assert (table.start[2], table.end[2]) == (0, 3)


def test_a_marker_may_swallow_white_space() -> None:
    placed = lone(Words(0, "text", "a  <m>\n b"), "user")
    pieces = [Piece(b"a"), Piece(b"<m>", added=True, takes_left=True, takes_right=True), Piece(b"b")]
    table = tie(placed, pieces, ids=range(3)).table
    assert list(zip(table.start.tolist(), table.end.tolist(), strict=True)) == [(0, 1), (1, 8), (8, 9)]


@given(st.binary(max_size=20))
def test_byte_level_spelling_goes_both_ways(data: bytes) -> None:
    assert byte_level("".join(REVERSE[byte] for byte in data)) == data


def test_tokens_known_by_their_spelling_alone_are_tied_in_whichever_fits() -> None:
    placed = lone(Words(2, "text", "Größe 数"), "assistant")
    spelled = {
        "plain": ["Größe", " 数"],
        "byte_level": ["GrÃ¶ÃŁe", "Ġæķ°"],
        "sentencepiece": ["▁Größe", "▁", "<0xE6>", "<0x95>", "<0xB0>"],
    }
    for tokens in spelled.values():
        tied = tie_spelled(placed, tokens)
        assert tied.table.end[-1] == 7
        assert tied.table.counted.tolist() == [1] * len(tokens)
    with pytest.raises(DoesNotFit) as problem:
        tie_spelled(placed, ["Größe", " 敷"])
    assert problem.value.token_index == 1


def test_no_tokens_for_no_text() -> None:
    assert len(tie(lone(Words(0, "text", ""), "user"), [], ids=[]).table) == 0
    with pytest.raises(DoesNotFit) as problem:
        tie(lone(Words(0, "text", "x"), "user"), [], ids=[])
    assert problem.value.token_index == 0
