"""The text on the page is the stored text, whatever marks are drawn on it."""

import html
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.corpus.document import Cut, Document, Mark, Markup, level, render


@dataclass
class Said:
    text: str = ""
    role: str = "assistant"
    position: int = 0
    reasoning: str = ""
    parts: list[Mapping[str, Any]] = field(default_factory=list)
    model_name: str = ""


def words_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def one(text: str, *marks: Mark) -> str:
    return render([Said(text)], marks)[0].blocks[0].html


class Reader(HTMLParser):
    """Covers each character with the marks of its element, as a browser would."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.chars: list[tuple[str, set[str]]] = []
        self.inside: list[set[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("span", "i")
        self.inside.append(set((dict(attrs).get("data-m") or "").split()))

    def handle_endtag(self, tag: str) -> None:
        self.inside.pop()

    def handle_data(self, data: str) -> None:
        self.chars += [(char, set().union(*self.inside)) for char in data]


storable = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60)
spots = st.integers(-5, 70)
any_mark = st.builds(
    Mark,
    position=st.just(0),
    part=st.just("text"),
    start=spots,
    end=spots,
    kind=st.sampled_from(["heat", "span", "quote", "hit", "target", "differs", "style"]),
    css=st.sampled_from(["intent", "halluc", "truth", 'x" onload="y']),
    level=st.none() | st.integers(-3, 40),
    label=st.sampled_from(["", "a", '"><b>']),
    title=st.sampled_from(["", "0.8", '"><script>']),
)


@given(storable, st.lists(any_mark, max_size=12))
@settings(max_examples=300)
def test_the_text_comes_back_unchanged_under_any_marks(text: str, marks: list[Mark]) -> None:
    blocks = render([Said(text)], marks)[0].blocks
    assert "".join(words_of(block.html) for block in blocks) == text


@given(st.text(alphabet="a*_`#>|-[]()\n<& ", max_size=80), st.lists(any_mark, max_size=6))
@settings(max_examples=200)
def test_markdown_adds_and_takes_no_character(text: str, marks: list[Mark]) -> None:
    message = render([Said(text, reasoning=text)], marks, markdown=True)[0]
    for block in message.blocks:
        assert words_of(block.html) == text
        assert block.html.count("<span") == block.html.count("</span>")
        assert set(re.findall(r"<(\w+)", block.html)) <= {"span", "i"}


@given(storable, st.lists(any_mark, max_size=6), spots, spots)
def test_a_stretch_is_that_stretch_of_the_text(text: str, marks: list[Mark], start: int, end: int) -> None:
    cut = Cut(20, {(0, "text"): (start, end)})
    for block in render([Said(text)], marks, markdown=True, cut=cut)[0].blocks:
        assert words_of(block.html) == text[block.start : block.end]
        assert block.before + block.after + block.end - block.start == block.n_chars == len(text)


def test_marks_keep_their_words_in_a_stretch() -> None:
    cut = Cut(3, {(1, "text"): (4, 9)})
    first, second = render(
        [Said("abcdef"), Said("abcdefghijkl", position=1)],
        [Mark(0, "text", 1, 5, "hit"), Mark(1, "text", 3, 5, "hit"), Mark(1, "text", 8, 12, "hit")],
        cut=cut,
    )
    assert first.blocks[0].html == 'a<span class="m hit">bc</span>'
    assert second.blocks[0].html == '<span class="m hit">e</span>fgh<span class="m hit">i</span>'
    assert (second.blocks[0].before, second.blocks[0].after) == (4, 3)


def test_images_have_an_address_only_where_their_bytes_are_kept() -> None:
    parts = [
        {"kind": "image", "media_type": "image/png", "blob": "a" * 64},
        {"kind": "image", "media_type": "image/svg+xml", "blob": "b" * 64},
        {"kind": "file", "media_type": "text/html", "blob": "c" * 64, "name": "<x>"},
        {"kind": "image", "media_type": "image/png"},
    ]
    blocks = render([Said(parts=parts)], media=lambda digest: f"/media/{digest[:1]}/")[0].blocks
    assert [(block.url, block.shown_as_image) for block in blocks] == [
        ("/media/a/", True), ("/media/b/", False), ("/media/c/", False), ("", False),
    ]  # fmt: skip
    assert "&lt;x&gt;" in blocks[2].html


@given(storable.filter(bool), st.lists(st.tuples(spots, spots), max_size=8))
def test_every_character_carries_exactly_its_marks(text: str, ranges: list[tuple[int, int]]) -> None:
    marks = [Mark(0, "text", a, b, "span", "intent", ident=f"s{i}") for i, (a, b) in enumerate(ranges)]
    reader = Reader()
    reader.feed(one(text, *marks).replace("&#13;", "&#x2190;"))  # the parser, unlike a browser, folds CR
    reader.close()
    assert len(reader.chars) == len(text)
    for index, (_, covered) in enumerate(reader.chars):
        assert covered == {f"s{i}" for i, (a, b) in enumerate(ranges) if a <= index < b}


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "&amp; &lt;b&gt; &#13; &notin;",
        "\"quotes\" 'and' `more`",
        "\n\nfirst line is empty",
        "line\r\nline\rline",
        "emoji \U0001f9d1\u200d\U0001f680 and \u6f22\u5b57 and \u0635",
        "<div style='x' onclick=\"y\">",
        "https://example.org/?a=1&b=2",
        "\u202eright to left\u202c \ufeff\u0085\u2028",
    ],
)
def test_hostile_text_is_inert_and_whole(text: str) -> None:
    drawn = one(text, Mark(0, "text", 1, 4, "span", "intent", ident="x"))
    assert words_of(drawn) == text
    assert set(re.findall(r"<(\w+)", drawn)) == {"span"}
    assert "<a" not in drawn


def test_attributes_cannot_be_broken_out_of() -> None:
    drawn = one("abc", Mark(0, "text", 0, 2, "span", '"><b>', label='"><b>', ident='x"><b> y', title='"><b>'))
    assert drawn == (
        '<span class="m u0-mine" id="mark-x-b-y" data-m="x-b-y" title="&quot;&gt;&lt;b&gt;"'
        ' data-label="&quot;&gt;&lt;b&gt;">ab</span>c'
    )


def test_overlapping_marks_are_cut_at_their_boundaries() -> None:
    drawn = one(
        "abcdef",
        Mark(0, "text", 0, 4, "span", "intent", label="a", ident="a"),
        Mark(0, "text", 2, 6, "quote", "judge", ident="q"),
        Mark(0, "text", 3, 5, "heat", level=9),
    )
    assert drawn == (
        '<span class="m u0-intent" id="mark-a" data-m="a">ab</span>'
        '<span class="m u0-intent u1-judge" id="mark-q" data-m="a q">c</span>'
        '<span class="m u0-intent u1-judge heat-9" data-m="a q" data-label="a">d</span>'
        '<span class="m u1-judge heat-9" data-m="q">e</span>'
        '<span class="m u1-judge" data-m="q">f</span>'
    )


def test_two_marks_that_begin_together_are_both_link_targets() -> None:
    drawn = one(
        "abc", Mark(0, "text", 0, 3, "span", "intent", ident="a"), Mark(0, "text", 0, 1, "hit", ident="b")
    )
    assert drawn.startswith(
        '<i id="mark-b"></i><span class="m u0-intent hit" id="mark-a" data-m="a b">a</span>'
    )


def test_an_ident_is_a_link_target_once() -> None:
    document = render(
        [Said("ab"), Said("cd", position=1)],
        [Mark(0, "text", 0, 1, "hit", ident="h"), Mark(1, "text", 0, 1, "hit", ident="h")],
    )
    assert "".join(m.blocks[0].html for m in document).count('id="mark-h"') == 1


def test_marks_out_of_range_are_cut_or_left_out_and_counted() -> None:
    document = render(
        [Said("abc")],
        [
            Mark(0, "text", 1, 99, "span", "intent"),
            Mark(0, "text", -4, 1, "hit"),
            Mark(0, "text", 7, 9, "hit"),
            Mark(0, "text", 2, 2, "hit"),
            Mark(0, "text", 0, 1, "heat"),
            Mark(0, "reasoning", 0, 1, "hit"),
            Mark(8, "text", 0, 1, "hit"),
        ],
    )
    assert (document.clamped, document.ignored) == (2, 5)
    assert document[0].blocks[0].html == '<span class="m hit">a</span><span class="m u0-intent">bc</span>'


def test_offsets_count_code_points() -> None:
    drawn = one("\U0001f600\U0001f600lie", Mark(0, "text", 2, 5, "span", "intent"))
    assert drawn == '\U0001f600\U0001f600<span class="m u0-intent">lie</span>'


def test_a_message_says_how_hot_it_is_and_which_hues_it_has() -> None:
    marks = [
        Mark(0, "text", 0, 1, "heat", level=3),
        Mark(0, "text", 1, 2, "heat", level=30),
        Mark(0, "text", 0, 3, "span", "halluc"),
        Mark(0, "text", 2, 3, "quote", "judge"),
    ]
    warm, cold = render([Said("abc"), Said("d", position=1)], marks)
    assert (warm.heat, warm.hues, warm.has_marks) == (30, ("halluc", "judge"), True)
    assert (cold.heat, cold.hues, cold.has_marks) == (None, (), False)


def test_reasoning_comes_first_and_tool_calls_last() -> None:
    call = {"kind": "tool_call", "id": "1", "name": "ledger.search", "text": '{"a": 1}', "valid": False}
    image = {"kind": "image", "media_type": "image/png", "size": "12 kB"}
    message = render([Said("Let me look.", reasoning="Hm.", parts=[image, call])])[0]
    assert [(b.part, b.kind, b.title, b.anchored) for b in message.blocks] == [
        ("reasoning", "reasoning", "", True),
        ("text", "text", "", True),
        ("part:0", "image", "image", False),
        ("part:1", "tool_call", "ledger.search", True),
    ]
    assert message.blocks[3].note == "arguments are not valid JSON"
    assert message.n_chars == 3 + 12 + 8


def test_a_tool_result_names_its_tool_and_its_error() -> None:
    part = {"kind": "tool_result", "tool_call_id": "1", "name": "ledger.search", "error": "timeout"}
    message = render([Said("503 unavailable", role="tool", parts=[part])])[0]
    assert message.name == "tool result"
    assert [(b.part, b.kind, b.title, b.note) for b in message.blocks] == [
        ("text", "tool_result", "ledger.search", "timeout")
    ]


def test_a_result_that_carries_its_own_text_is_its_own_block() -> None:
    part = {"kind": "tool_result", "name": "sh", "error": None, "text": "<ok>"}
    blocks = render([Said("", role="user", parts=[part])])[0].blocks
    assert [(b.part, b.html) for b in blocks] == [("part:0", "&lt;ok&gt;")]


def test_unknown_parts_are_shown_as_they_are() -> None:
    blocks = render([Said(parts=[{"kind": "hologram", "text": "{}"}, {"kind": "audio"}])])[0].blocks
    assert [(b.kind, b.title, b.html) for b in blocks] == [
        ("other", "hologram", "{}"),
        ("audio", "audio", "not kept here"),
    ]


def test_templates_print_it_without_escaping_it_twice() -> None:
    from django.utils.html import conditional_escape

    assert conditional_escape(one("<b>")) == "&lt;b&gt;"
    assert isinstance(one("x"), Markup)


def test_no_messages_make_an_empty_document() -> None:
    assert render([]) == Document()


@pytest.mark.parametrize(
    ("fraction", "expected"), [(None, 0), (float("nan"), 0), (-1, 0), (0, 0), (0.5, 16), (1, 31), (7, 31)]
)
def test_a_value_becomes_one_of_32_levels(fraction: float | None, expected: int) -> None:
    assert level(fraction) == expected


def test_what_a_text_with_a_mark_on_every_token_takes_grows_as_it_does() -> None:
    """Eight times as much text and marks take eight times as long, not sixty-four times."""

    def drawn(times: int) -> float:
        text = "word " * (5_000 * times)
        marks = [
            Mark(0, "text", i * 4, i * 4 + 4, "heat", level=i % 32, title="0.5") for i in range(6_250 * times)
        ]
        marks += [
            Mark(0, "text", i * 600, i * 600 + 900, "span", "intent", ident=f"s{i}")
            for i in range(40 * times)
        ]
        began = time.process_time()
        found = one(text, *marks)
        took = time.process_time() - began
        assert words_of(found) == text
        return took

    assert min(drawn(8) for _ in range(2)) < 24 * min(drawn(1) for _ in range(3))
