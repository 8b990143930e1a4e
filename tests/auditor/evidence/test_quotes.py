"""A quote is found where it stands, and the anchor always covers the words as stored."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.evidence.quotes import LONGEST, NOWHERE, STATUSES, MessageTexts, locate


def said(position: int, role: str, text: str = "", source_id: str = "", **parts: str) -> MessageTexts:
    named = {name.replace("part", "part:"): value for name, value in parts.items()}
    return MessageTexts(position, role, source_id, {"text": text, **named})


def words(texts, found):
    message = next(m for m in texts if m.position == found.position)
    return message.parts[found.part][found.start : found.end]


LEDGER = [
    said(0, "user", "Did the payment clear? The reference, please.", "u1"),
    said(
        1,
        "assistant",
        "Yes, it cleared on 14 March. The reference is HF-20941.",
        "a1",
        reasoning="The ledger call failed. I can give a plausible reference.",
        part0='{\n  "payee": "Halvorsen Freight"\n}',
    ),
    said(2, "tool", "503 ledger unavailable", "t1"),
    said(3, "assistant", "I have checked: the reference is HF-20941.", "a2"),
]


def test_the_words_as_they_stand_are_exact():
    found = locate("cleared on 14 March", LEDGER)
    assert (found.position, found.part, found.status, found.occurrences) == (1, "text", "exact", 1)
    assert words(LEDGER, found) == "cleared on 14 March"


def test_whitespace_around_the_quote_does_not_count():
    assert words(LEDGER, locate("\n  HF-20941. \t", LEDGER)) == "HF-20941."


def test_reasoning_and_arguments_are_named_as_such():
    assert locate("ledger call failed", LEDGER).status == "in_reasoning"
    found = locate('"payee": "Halvorsen Freight"', LEDGER)
    assert (found.part, found.status) == ("part:0", "in_arguments")


def test_what_is_said_comes_before_what_is_thought():
    texts = [said(0, "assistant", "", reasoning="all is well"), said(1, "assistant", "so all is well")]
    found = locate("all is well", texts)
    assert (found.position, found.status, found.occurrences) == (1, "exact", 2)


def test_the_assistant_comes_before_others_and_the_first_of_several_is_taken():
    found = locate("eference", LEDGER)
    assert (found.position, found.occurrences) == (1, 4)


@pytest.mark.parametrize(
    ("hint", "position"), [(3, 3), ("a2", 3), (0, 0), ("u1", 0), (None, 1), ("", 1), (9, 1), ("zz", 1)]
)
def test_the_hinted_message_comes_first_and_a_wrong_hint_does_no_harm(hint, position):
    assert locate("eference", LEDGER, hint).position == position


def test_a_hint_holds_even_where_the_words_differ_more():
    texts = [said(0, "assistant", "it was closed"), said(1, "assistant", "it  was\nclosed")]
    assert locate("it was closed", texts, 1).position == 1
    assert locate("it was closed", texts, 1).status == "normalised"


def test_a_message_without_a_source_id_is_not_hinted_by_an_empty_one():
    texts = [said(0, "user", "yes"), said(1, "assistant", "yes")]
    assert locate("yes", texts, "").position == 1


@pytest.mark.parametrize(
    ("stored", "quote", "covered"),
    [
        ("so it \r\n\r\n cleared  today", "it cleared today", "it \r\n\r\n cleared  today"),
        ("a\tb", "a b", "a\tb"),
        ("a b", "a \n b", "a b"),
        ("10\u00a0000 units", "10 000 units", "10\u00a0000 units"),
        ("he said \u201cno\u201d", 'he said "no"', "he said \u201cno\u201d"),
        ("it's fine", "it\u2019s fine", "it's fine"),
        ("2019\u20132021", "2019-2021", "2019\u20132021"),
        ("one \u2014 two", "one - two", "one \u2014 two"),
        ("\n\n  lead  in", "lead in", "lead  in"),
        ("lead  in \n", "lead in", "lead  in"),
        ("\u65e5\u672c\u8a9e\u3000\u30c6\u30b9\u30c8\u3067\u3059", "\u65e5\u672c\u8a9e \u30c6\u30b9\u30c8", "\u65e5\u672c\u8a9e\u3000\u30c6\u30b9\u30c8"),
        ("\U0001f600  \U0001f468\u200d\U0001f469 ok  then", "\U0001f468\u200d\U0001f469 ok then", "\U0001f468\u200d\U0001f469 ok  then"),
    ],
)  # fmt: skip
def test_whitespace_and_typography_are_made_alike_and_offsets_are_those_of_the_store(stored, quote, covered):
    texts = [said(0, "assistant", stored)]
    found = locate(quote, texts)
    assert found.status == "normalised"
    assert words(texts, found) == covered


def test_offsets_count_code_points():
    texts = [said(0, "assistant", "\U0001f4b8\U0001f4b8 paid \u652f\u6255\u3044 done")]
    found = locate("\u652f\u6255\u3044", texts)
    assert (found.start, found.end) == (8, 11)


@pytest.mark.parametrize(
    ("stored", "quote"),
    [
        ("Stra\u00dfe", "STRASSE"),
        ("Stra\u00dfe", "stra\u00dfe"),
        ("\u0130stanbul", "i\u0307stanbul"),
        ("It cleared", "it cleared"),
    ],
)
def test_another_case_is_another_quote(stored, quote):
    assert locate(quote, [said(0, "assistant", stored)]) == NOWHERE


@pytest.mark.parametrize(
    ("quote", "covered"),
    [
        ("cleared \u2026 reference is", "cleared on 14 March. The reference is"),
        ("cleared...HF-20941", "cleared on 14 March. The reference is HF-20941"),
        ("Yes [...] 14 March (\u2026) HF-20941", "Yes, it cleared on 14 March. The reference is HF-20941"),
        ("...cleared on 14", "cleared on 14"),
        ("cleared on 14....", "cleared on 14"),
    ],
)
def test_an_elided_quote_covers_the_first_piece_to_the_last(quote, covered):
    found = locate(quote, LEDGER)
    assert found.status == "elided"
    assert words(LEDGER, found) == covered


def test_pieces_stand_in_order_and_in_one_part():
    assert locate("HF-20941 ... cleared on", LEDGER) == NOWHERE
    assert locate("Did the payment ... ledger unavailable", LEDGER) == NOWHERE


def test_pieces_do_not_overlap():
    assert locate("aab ... bc", [said(0, "assistant", "aabc")]) == NOWHERE


def test_dots_that_are_really_there_are_exact():
    texts = [said(0, "assistant", "well... so it goes")]
    assert locate("well... so", texts).status == "exact"


def test_an_elided_quote_may_also_differ_in_whitespace():
    texts = [said(0, "assistant", "it \n was  early;\n and it  was late")]
    found = locate("was early \u2026 it was late", texts)
    assert found.status == "elided"
    assert words(texts, found) == "was  early;\n and it  was late"


@pytest.mark.parametrize(
    "quote", ["", "  \n ", "...", "\u2026", "[...]", ". ... !", "never said", "x" * (LONGEST + 1)]
)
def test_what_cannot_be_found_is_not_found(quote):
    assert locate(quote, LEDGER) == NOWHERE


def test_the_longest_quote_is_still_looked_for():
    texts = [said(0, "assistant", "a" * LONGEST)]
    assert locate("a" * LONGEST, texts).status == "exact"


def test_no_messages_and_empty_parts():
    assert locate("x", []) == NOWHERE
    assert locate("x", [said(0, "assistant", "", reasoning="")]) == NOWHERE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stored", "quote"),
    [
        ("a " * 500_000 + "b", "a " * 9_000 + "c"),
        (" " * 1_000_000, "a b"),
        ("a" * 1_000_000, "a ... " * 3_000 + "b"),
        ("a \n" * 300_000, "a " * 5_000 + "... b"),
    ],
)
def test_hostile_texts_take_linear_time(stored, quote):
    """A guard against quadratic search, which would take minutes here; not a benchmark."""
    began = time.perf_counter()
    assert locate(quote, [said(0, "assistant", stored)]) == NOWHERE
    assert time.perf_counter() - began < 10


alphabet = st.text(
    st.sampled_from("ab \n\t\r\u00a0\u2019'\u201c\"\u2014-\U0001f600\u65e5.\u2026"), max_size=40
)


@given(alphabet, st.data())
@settings(max_examples=400, deadline=None)
def test_any_piece_of_a_text_is_found_and_covers_itself(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    texts = [said(0, "assistant", text)]
    quote = text[start:end]
    found = locate(quote, texts)
    if quote.strip():
        assert found.status == "exact"
        assert words(texts, found) == quote.strip()
    else:
        assert found == NOWHERE


def alike(text):
    for same, plain in (("\u2019", "'"), ("\u201c", '"'), ("\u2014", "-")):
        text = text.replace(same, plain)
    return " ".join(text.split())


@given(alphabet, st.data())
@settings(max_examples=400, deadline=None)
def test_any_retyped_piece_is_found_and_covers_words_that_read_alike(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    quote = alike(text[start:end])
    texts = [said(0, "assistant", text)]
    found = locate(quote, texts)
    assert found.status in STATUSES
    if quote:
        assert found.status in ("exact", "normalised")
        assert alike(words(texts, found)) == quote
        assert found.occurrences >= 1
