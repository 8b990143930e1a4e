"""Texts are found in what a template writes, or the template is refused with the message where that shows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.interp.conversation import Call, Turn, Words, turns_of
from auditor.interp.placing import DoesNotFit, Placed, lone, place
from auditor.judging.rendering import MessageView
from tests.auditor.interp import templates

SCRIPTS = 'abz .\n\t😀👩‍👩‍👧數数é\u0301אש\u200fـ\ufeff\u2003<|>{}"\\Qn0x'
TEXTS = st.one_of(
    st.text(SCRIPTS, max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            "\n",
            "<|im_end|>",
            "<|im_start|>assistant\n",
            "</think>",
            '{"a": 0}',
            "\u2003Q0x\u2003",
            "  hi\n",
        ]
    ),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
ROLES = st.sampled_from(["user", "assistant", "tool"])


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Turn, ...]:
    found = []
    for position in range(draw(st.integers(1, 4))):
        words = [Words(position, "reasoning", draw(TEXTS)), Words(position, "text", draw(TEXTS))]
        found.append(Turn(position, draw(ROLES), tuple(one for one in words if one.text)))
    return tuple(found)


def shown(placed: Placed, index: int) -> str:
    """What stands in the rendered text for one of the texts."""
    return "".join(sign for sign, owner in zip(placed.rendered, placed.owner, strict=True) if owner == index)


def check(placed: Placed, turns: tuple[Turn, ...]) -> None:
    """Every code point that is said to be a text's is that code point of it, and all of a text but white space stands or none."""
    for at, (owner, start, end) in enumerate(zip(placed.owner, placed.start, placed.end, strict=True)):
        if owner >= 0:
            assert placed.words[owner].text[start:end] == placed.rendered[at]
    for index, words in enumerate(placed.words):
        assert shown(placed, index).strip() in ("", words.text.strip())
    stands = int((placed.owner >= 0).sum())
    spoken = sum(len(words.text) for turn in turns for words in turn.words if words.text.strip())
    assert placed.left_out == spoken - stands


@given(conversations(), st.sampled_from([templates.chatml, templates.trims, templates.thinks_last]))
def test_what_is_placed_is_what_was_said(turns: tuple[Turn, ...], template) -> None:  # type: ignore[no-untyped-def]
    placed = place(turns, template, reasoning_key="reasoning_content")
    check(placed, turns)
    for index, words in enumerate(placed.words):
        if words.part == "text" and words.text.strip():
            assert shown(placed, index), "a text is never lost"


@given(conversations())
def test_with_nothing_around_it_is_exact_or_refused(turns: tuple[Turn, ...]) -> None:
    try:
        placed = place(turns, templates.bare)
    except DoesNotFit:
        return
    check(placed, turns)


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_lone_text_is_itself(text: str) -> None:
    placed = lone(Words(3, "text", text), "assistant")
    assert placed.rendered == text
    assert [text[a:b] for a, b in zip(placed.start, placed.end, strict=True)] == list(text)


def test_earlier_reasoning_that_a_template_drops_is_counted_as_left_out() -> None:
    turns = (
        Turn(0, "user", (Words(0, "text", "Why?"),)),
        Turn(1, "assistant", (Words(1, "reasoning", "I will not say."), Words(1, "text", "No reason."))),
        Turn(2, "assistant", (Words(2, "reasoning", "\nStill not.\n"), Words(2, "text", "\nNone."))),
    )
    placed = place(turns, templates.thinks_last, reasoning_key="reasoning_content")
    assert [shown(placed, n) for n in range(5)] == ["Why?", "", "No reason.", "Still not.", "None."]
    assert (
        placed.left_out == len("I will not say.") + 2 + 1
    )  # two new lines of the reasoning, one of the text
    untold = place(turns, templates.chatml)  # a template that knows of no reasoning
    assert untold.left_out == len("I will not say.") + len("\nStill not.\n")


def test_a_call_s_arguments_are_tied_through_another_spelling_of_the_same_json() -> None:
    stored = '{\n  "city": "S\\u00e3o Paulo \\"SP\\"",\n  "n": [1, 2.50]\n}'
    turns = (
        Turn(0, "assistant", (Words(0, "text", "Looking."),), (Call(Words(0, "part:0", stored), "find"),)),
    )
    placed = place(turns, templates.calls_as_json)
    assert '{"city": "São Paulo \\"SP\\"", "n": [1, 2.5]}' in placed.rendered
    assert placed.words[1].part == "part:0"
    assert placed.left_out == 0
    at = placed.rendered.index("São")
    assert stored[placed.start[at] : placed.end[at]] == '"S\\u00e3o Paulo \\"SP\\""', (
        "another spelling is tied as a whole"
    )
    at = placed.rendered.index("2.5")
    assert stored[placed.start[at] : placed.end[at]] == "2.50"
    at = placed.rendered.index("n")
    assert json.loads(shown(placed, 1)) == json.loads(stored)
    at = placed.rendered.index('"n"')
    assert stored[placed.start[at] : placed.end[at + 2]] == '"n"'


def test_arguments_in_no_json_belong_to_the_template_and_all_else_is_tied() -> None:
    turns = (
        Turn(0, "assistant", (Words(0, "text", "Looking."),), (Call(Words(0, "part:0", '{"a": "x"}'), "f"),)),
        Turn(1, "user", (Words(1, "text", "And?"),)),
    )
    placed = place(turns, templates.calls_as_tags)
    assert [one.part for one in placed.words] == ["text", "text"]
    assert [shown(placed, n) for n in (0, 1)] == ["Looking.", "And?"]
    assert placed.left_out == len('{"a": "x"}')


def test_broken_arguments_are_given_as_they_are() -> None:
    turns = (Turn(0, "assistant", (), (Call(Words(0, "part:0", '{"a": '), "f", valid=False),)),)
    placed = place(turns, templates.calls_as_json)
    assert placed.words[0].text == '{"a": '
    assert shown(placed, 0) == '{\\"a\\": '.replace('\\"', '\\"')


def test_a_quoted_result_is_tied_through_its_escapes() -> None:
    turns = (
        Turn(0, "tool", (Words(0, "text", 'a "b"\nc'),)),
        Turn(1, "assistant", (Words(1, "text", "ok"),)),
    )
    placed = place(turns, templates.quotes_tools)
    assert placed.rendered == '[tool]"a \\"b\\"\\nc"[assistant]ok'
    at = placed.rendered.index("\\n")
    assert [(placed.start[n], placed.end[n]) for n in (at, at + 1)] == [(5, 6)] * 2
    assert placed.left_out == 0


@pytest.mark.parametrize(
    ("template", "texts", "position"),
    [
        (templates.shouts, ["LOUD", "quiet"], 1),
        (templates.peeks, ["Yes.", "No?", "Yes."], 1),
    ],
)
def test_a_template_that_changes_words_is_refused_with_the_message(template, texts, position) -> None:  # type: ignore[no-untyped-def]
    turns = tuple(Turn(n, "user", (Words(n, "text", text),)) for n, text in enumerate(texts))
    with pytest.raises(DoesNotFit, match="template") as problem:
        place(turns, template)
    assert problem.value.position in (position, position - 1)
    assert problem.value.token_index is None


def test_a_template_that_refuses_is_refused_in_its_words() -> None:
    with pytest.raises(DoesNotFit, match="refuses these messages: Conversation roles must alternate"):
        place((Turn(0, "user", (Words(0, "text", "x"),)),), templates.refuses)


def test_a_template_that_is_not_the_same_twice_is_refused() -> None:
    times = iter(range(100))
    with pytest.raises(DoesNotFit):
        place(
            (Turn(0, "user", (Words(0, "text", "x"),)),),
            lambda messages: f"{next(times)}{messages[0]['content']}",
        )
    with pytest.raises(DoesNotFit, match="chat template"):
        place((Turn(0, "user", ()),), lambda messages: "a" + "b" * next(times))


def test_white_space_that_could_be_two_texts_is_refused() -> None:
    # "a\n" then a template's new line then "\nb", and the template trims new lines of some: either could have kept its own.
    turns = (Turn(0, "user", (Words(0, "text", "a\n"),)), Turn(1, "user", (Words(1, "text", "\nb"),)))
    with pytest.raises(DoesNotFit, match="which white space"):
        place(turns, lambda messages: messages[0]["content"].rstrip("\n") + "\n" + messages[1]["content"])


def test_messages_become_turns() -> None:
    call = {"kind": "tool_call", "id": "c1", "name": "f", "text": '{"a": 1}', "valid": True}
    result = {"kind": "tool_result", "tool_call_id": "c1", "name": "f", "text": ""}
    image = {"kind": "image", "text": "a cat"}
    turns = turns_of(
        [
            MessageView(0, "user", "Hi", parts=(image,)),
            MessageView(1, "assistant", "", "Hm", (call,)),
            MessageView(2, "tool", "42", parts=(result,)),
        ]
    )
    assert turns[0].words == (Words(0, "text", "Hi"),)
    assert turns[1].words == (Words(1, "reasoning", "Hm"),)
    assert turns[1].calls[0].arguments == {"a": 1}
    assert (turns[2].answers, turns[2].tool) == ("c1", "f")
