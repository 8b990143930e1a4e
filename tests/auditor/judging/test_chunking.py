"""Long transcripts in stretches: nothing is lost, and what is not read is said."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.judging.chunking import BEYOND, Chunk, WindowTooSmall, chunks, size, stretches_of, tokens, unread
from auditor.judging.rendering import LEFT_OUT, MessageView, Renderer, Unread, render
from tests.auditor.judging.written import said

ALL = Renderer(cut_arguments=0, cut_results=0)
CODE = "0123456789"


def laid(
    messages: list[MessageView], budget: int, renderer: Renderer = ALL, **more: int | bool
) -> list[Chunk]:
    pieces = render(messages, nonce=CODE, renderer=renderer)
    return chunks(pieces, budget, 1.0, **more)  # type: ignore[arg-type]


def test_what_fits_is_one_stretch() -> None:
    (only,) = laid(said(("user", "Hello"), ("assistant", "Good day")), 1000)
    assert only.is_all
    assert (only.index, only.of, only.first, only.last, only.nonce) == (0, 1, 1, 2, CODE)
    assert only.tokens == size(only.text)


def test_no_messages_are_one_empty_stretch() -> None:
    (only,) = chunks([], 1000)
    assert (only.text, only.first, only.last, only.held) == ("", 0, 0, ())


def test_messages_stay_whole_and_keep_their_numbers() -> None:
    messages = said(*[("assistant", "x" * 100)] * 10)
    found = laid(messages, 500, repeat_opening=False)
    assert [(one.first, one.last) for one in found] == [(1, 3), (4, 6), (7, 9), (10, 10)]
    assert "⟦M4 assistant 0123456789⟧" in found[1].text
    assert [(one.index, one.of) for one in found] == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_a_long_message_is_cut_between_words_with_its_characters_named() -> None:
    words = " ".join(f"word{n}" for n in range(200))
    found = laid(said(("assistant", words)), 600)
    assert len(found) > 2
    assert found[0].text.startswith("⟦M1 assistant 0123456789⟧\n⟦text, characters 1 to ")
    assert found[0].text.endswith("⟦/M1, to be continued 0123456789⟧")
    assert found[1].text.startswith("⟦M1 assistant, continued 0123456789⟧")
    assert found[-1].text.endswith("⟦/M1 0123456789⟧")
    read = ""
    for one in found:
        (held,) = one.held
        assert f"characters {held.start + 1} to {held.end} of {len(words)}" in one.text
        assert words[held.start : held.end] in one.text
        assert held.start == len(read)
        assert read == "" or read.endswith(" ")
        read += words[held.start : held.end]
    assert read == words


def test_the_opening_stands_before_later_stretches_too() -> None:
    messages = said(("system", "You sell cars."), ("user", "Hi"), *[("assistant", "x" * 200)] * 6)
    found = laid(messages, 900)
    assert [one.repeated for one in found] == [0, 2, 2]
    assert found[1].text.startswith(
        "⟦the beginning again 0123456789⟧\n⟦M1 system 0123456789⟧\nYou sell cars."
    )
    assert "⟦/the beginning again 0123456789⟧" in found[1].text
    assert found[1].first == found[0].last + 1  # what is repeated does not count as read again
    assert [one.repeated for one in laid(messages, 900, repeat_opening=False)] == [0, 0]


def test_a_long_opening_is_not_repeated() -> None:
    messages = said(("system", "You sell cars. " * 30), *[("assistant", "x" * 200)] * 6)
    assert {one.repeated for one in laid(messages, 900)} == {0}


def test_a_window_without_room_is_refused() -> None:
    with pytest.raises(WindowTooSmall):
        laid(said(("user", "x" * 500)), 80)
    with pytest.raises(WindowTooSmall):
        laid([MessageView(0, "user", "", "", ({"kind": "image", "name": "n" * 200},))], 100)


def test_what_lies_beyond_the_last_stretch_is_said() -> None:
    messages = said(*[("assistant", "x" * 100)] * 10)
    pieces = render(messages, nonce=CODE, renderer=ALL)
    found = chunks(pieces, 500, 1.0, most=2)
    assert [one.of for one in found] == [2, 2]
    assert stretches_of(unread(pieces, found)) == [(6, 9, BEYOND)]
    assert unread(pieces, found)[0] == Unread(6, "text", 0, 100, BEYOND)


def test_a_message_read_by_half_says_which_half() -> None:
    pieces = render(said(("assistant", "x" * 1000)), nonce=CODE, renderer=ALL)
    found = chunks(pieces, 500, 1.0, most=1)
    (missing,) = unread(pieces, found)
    assert (missing.start, missing.end) == (found[0].held[0].end, 1000)


def test_a_stretch_that_was_not_asked_about_is_unread_too() -> None:
    pieces = render(said(("assistant", "x" * 1000)), nonce=CODE, renderer=ALL)
    found = chunks(pieces, 500, 1.0)
    assert len(found) > 2
    (before, after) = unread(pieces, found[1:2])
    (held,) = found[1].held
    assert ((before.start, before.end), (after.start, after.end)) == ((0, held.start), (held.end, 1000))


def test_reasons_are_merged_over_neighbouring_messages() -> None:
    found = [
        Unread(position, "text", 0, 5, why)
        for position, why in ((0, "a"), (1, "a"), (1, "b"), (3, "a"), (2, "b"))
    ]
    assert stretches_of(found) == [(0, 1, "a"), (1, 2, "b"), (3, 3, "a")]
    assert stretches_of([]) == []


def test_tokens_are_estimated_by_bytes() -> None:
    assert tokens("", 3.0) == 0
    assert tokens("abcd", 3.0) == 2
    assert tokens("数" * 10, 3.0) == 10
    assert tokens("\ud800", 3.0) == 1


TEXT = st.one_of(
    st.text(max_size=40),
    st.tuples(st.sampled_from(["word ", "数", "🙂", "x", "é\n", "a\u0301"]), st.integers(0, 400)).map(
        lambda one: one[0] * one[1]
    ),
)
PARTS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["tool_call", "tool_result", "image", "odd"]),
            "text": TEXT,
            "name": st.just("tool"),
        }
    ),
    max_size=2,
).map(tuple)
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["system", "user", "assistant", "tool"]), TEXT, st.one_of(st.just(""), TEXT), PARTS
    ),
    max_size=6,
).map(lambda rows: [MessageView(at, *row) for at, row in enumerate(rows)])


@given(
    MESSAGES,
    st.integers(500, 3000),
    st.booleans(),
    st.sampled_from([0, 10, 100]),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_every_character_is_shown_once_or_said_to_be_unread(
    messages: list[MessageView], budget: int, reasoning: bool, cut: int, most: int, repeat: bool
) -> None:
    renderer = Renderer(reasoning=reasoning, cut_arguments=cut, cut_results=cut)
    pieces = render(messages, nonce=CODE, renderer=renderer)
    found = chunks(pieces, budget, 1.0, repeat_opening=repeat, most=most)
    missing = unread(pieces, found)
    assert all(size(one.text) <= budget for one in found)
    seen: dict[tuple[int, str], list[tuple[int, int]]] = {}
    stored: dict[tuple[int, str], str] = {}
    for message in messages:
        texts = {"text": message.text, "reasoning": message.reasoning}
        texts |= {f"part:{at}": part["text"] for at, part in enumerate(message.parts)}
        stored |= {(message.position, part): text for part, text in texts.items()}
    for one in found:
        for held in one.held:
            text = stored[held.position, held.part][held.start : held.end]
            assert text in one.text
            if text:
                assert f"⟦M{held.position + 1} " in one.text
                seen.setdefault((held.position, held.part), []).append((held.start, held.end))
    for gone in missing:
        if gone.why != LEFT_OUT["media"]:
            seen.setdefault((gone.position, gone.part), []).append((gone.start, gone.end))
    for place, text in stored.items():
        ends = sorted(seen.get(place, []))
        assert [start for start, _ in ends] == [0, *[end for _, end in ends[:-1]]] if text else not ends
        assert not text or ends[-1][1] == len(text)
    if not most:
        numbers = [int(n) for one in found for n in re.findall(rf"⟦M(\d+) [a-z]+ {CODE}⟧", own(one))]
        assert numbers == list(range(1, len(messages) + 1))
        assert BEYOND not in {one.why for one in missing}


def own(chunk: Chunk) -> str:
    """What a stretch shows that was not shown before."""
    return chunk.text.partition(f"⟦/the beginning again {CODE}⟧")[2] if chunk.repeated else chunk.text
