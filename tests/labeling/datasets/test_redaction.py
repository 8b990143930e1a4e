"""Blacked-out texts: lengths stay, spans hold, nothing hangs, and what is no pattern is refused."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.datasets.redaction import BLOCK, MOST, BadPattern, Pattern, Redactor


def redactor(*patterns: tuple[str, bool]) -> Redactor:
    return Redactor(Pattern.several([{"text": text, "regex": regex} for text, regex in patterns]))


def test_each_code_point_becomes_one_block() -> None:
    covered = redactor(("Ada Löw 👩‍🔬", False), (r"sk-[a-z0-9]+", True))
    assert covered.covered("I am Ada Löw 👩‍🔬; key sk-a1.") == f"I am {BLOCK * 11}; key {BLOCK * 5}."
    assert covered.code_points == 16
    assert dict(covered.places) == {"text 1": 1, "expression 2": 1}


def test_a_literal_is_no_expression() -> None:
    assert redactor(("a.b", False)).covered("a.b axb") == f"{BLOCK * 3} axb"


def test_matches_that_overlap_are_blacked_out_once() -> None:
    covered = redactor(("abcd", False), ("cdef", False))
    assert covered.covered("xabcdefx") == f"x{BLOCK * 6}x"
    assert covered.code_points == 6


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80), words=st.text(min_size=1, max_size=3))
def test_the_length_never_changes_and_the_words_are_gone(text: str, words: str) -> None:
    covered = redactor((words, False)).covered(text)
    assert len(covered) == len(text)
    assert words not in covered or set(words) == {BLOCK}
    assert all(a in (b, BLOCK) for a, b in zip(covered, text, strict=True))


def test_what_would_hang_other_engines_takes_no_time() -> None:
    began = time.monotonic()
    redactor((r"(a+)+$", True), (r"(a|aa)*b", True), (r"(x?){30}x{30}", True)).covered("a" * 200_000 + "c")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(a", "cannot be read"),
        (r"(?<=a)b", "cannot be read"),
        (r"(a)\1", "cannot be read"),
        ("a*", "matches where nothing stands"),
        ("(a{1000}){1000}", "cannot be read"),
        ("", "1 to 500"),
        ("x" * 501, "1 to 500"),
    ],
)
def test_what_is_no_pattern_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadPattern, match=words):
        Pattern.several([{"text": text, "regex": True}])


def test_there_is_an_end_to_patterns() -> None:
    with pytest.raises(BadPattern, match="the most"):
        Pattern.several([{"text": "a"}] * (MOST + 1))


def test_json_is_covered_all_through() -> None:
    assert redactor(("key", False)).everywhere({"key": ["a key", {"n": 1, "x": None}]}) == {
        BLOCK * 3: [f"a {BLOCK * 3}", {"n": 1, "x": None}]
    }


def test_what_is_called_by_name_never_says_the_pattern() -> None:
    (pattern,) = Pattern.several([{"text": "Ada", "name": "People"}])
    assert pattern.called(1) == "People"
    assert Pattern("Ada").called(2) == "text 2"


def test_names_of_fields_are_covered_at_every_depth() -> None:
    covers = redactor(("Ada", False))
    said = covers.everywhere({"note": "Ada", "Ada's key": [{"of Ada": 1, "x": {"Ada": "Ada"}}], "n": 7})
    assert said == {
        "note": BLOCK * 3,
        f"{BLOCK * 3}'s key": [{f"of {BLOCK * 3}": 1, "x": {BLOCK * 3: BLOCK * 3}}],
        "n": 7,
    }
    assert (covers.places["text 1"], covers.code_points, covers.alike) == (5, 15, 0)


def test_names_that_become_the_same_lose_nothing_and_are_counted() -> None:
    covers = redactor(("Ada|Bob|Cyd", True))
    plain = f"{BLOCK * 3} 2"
    said = covers.everywhere({"Ada": 1, "Bob": 2, plain: 3, "Cyd": {"Ada": 4, "Bob": 5}})
    assert said == {BLOCK * 3: 1, f"{BLOCK * 3} 3": 2, plain: 3, f"{BLOCK * 3} 4": {BLOCK * 3: 4, plain: 5}}
    assert covers.alike == 3


@settings(max_examples=60, deadline=None)
@given(
    value=st.dictionaries(st.text(alphabet="ab\u2588 2", max_size=4), st.integers(), max_size=8),
    words=st.text(alphabet="ab", min_size=1, max_size=2),
)
def test_no_value_is_lost_whatever_the_names(value: dict[str, int], words: str) -> None:
    covers = redactor((words, False))
    said = covers.everywhere(value)
    assert list(said.values()) == list(value.values())
    assert not any(words in name for name in said)
    assert {name: one for name, one in value.items() if words not in name}.items() <= said.items()


def test_without_patterns_names_stay() -> None:
    assert redactor().everywhere({"a": {"b": "c"}}) == {"a": {"b": "c"}}
