"""A codebook's text: reading is bounded and says where it failed, and what is written reads back equal."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.codebooks.definition import digest
from labeling.codebooks.parts import Example
from labeling.codebooks.written import MAX_PARTS, MAX_TEXT, read_text, write_text

TEXT = (
    Path(__file__).parents[3] / "labeling/codebooks/defaults/intent_versus_hallucination.yaml"
).read_text()
CODEBOOK = read_text(TEXT).codebook
assert CODEBOOK is not None
UNIT = next(line for line in TEXT.splitlines() if line.startswith("unit: "))


def test_the_default_codebook_reads_back_equal_with_an_equal_digest():
    again = read_text(write_text(CODEBOOK))
    assert again.codebook == CODEBOOK
    assert digest(again.codebook) == digest(CODEBOOK)


def test_writing_what_was_written_changes_nothing():
    text = write_text(CODEBOOK)
    assert write_text(read_text(text).codebook) == text


words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(words, words, words, st.sampled_from(["yes", "NULL", "1e3", "0x1f", "~", "- a", "#x", "a: b", "\u2028", "\ufeff", "é\n \n", "👩‍🔬"]))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_words_survive_the_text(title, case, because, odd):
    first = replace(CODEBOOK.labels[0], rule=odd, examples=(Example(case, because, odd),))
    changed = replace(CODEBOOK, title=title, labels=(first, *CODEBOOK.labels[1:]))
    again = read_text(write_text(changed))
    assert again.problem is None
    assert again.codebook == changed
    assert digest(again.codebook) == digest(changed)


def test_a_line_end_of_another_alphabet_stays_what_it_is():
    for word in ("\x85", "a\x85b", "\u2028", "a\u2029 b"):
        changed = replace(CODEBOOK, title=word)
        assert read_text(write_text(changed)).codebook == changed


def line_of(needle: str) -> int:
    return TEXT[: TEXT.index(needle)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "words", "at"),
    [
        ("value: fiction,", "value: none,", "questions[2].codes[1].value: used twice", "value: fiction,"),
        ("words: Ignorance", "wrods: Ignorance", "labels[9].words: missing", "code: U\n"),
        ("{is: untrue}, {truth", "{is: untreu}, {truth", "conditions.wrong.any[0].is: no condition 'untreu'", "wrong: {any"),
        ("label: G,", "label: GG,", "rules[0].label: 'GG' is not one of", "{label: G,"),
        (UNIT, f"{UNIT}s", f"unit: '{UNIT[6:]}s' is not one of", UNIT),
        (UNIT, f"{UNIT}\ntitle: Two", "'title' is given twice", UNIT),
        ("  - code: D", "  - code: [D", "No YAML", "words: Strategic deception"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_its_line(old, new, words, at):
    written = read_text(TEXT.replace(old, new, 1))
    assert written.codebook is None
    assert words in written.problem.words
    extra = new.count("\n")
    assert abs(written.problem.line - line_of(at) - extra) <= (1 if at in ("code: U\n", "wrong: {any") else 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x", "Aliases"),
        ("x: &a [*a]", "Aliases"),
        ("[" * 100, "Nested deeper"),
        ("{a: " * 5000, "Nested deeper"),
        ("- " * 5000 + "a", "Nested deeper"),
        ("- a\n" * (MAX_PARTS + 1), "More than 30,000"),
        ("a" * (MAX_TEXT + 1), "longer than 300,000"),
        ("a: !!python/object/apply:os.system ['true']", "constructor"),
        ("!!python/name:os.system", "constructor"),
        ("<<: {a: 1}", "Merging"),
        ("a: " + "9" * 5000, "cannot be read"),
        ("!!int ''", "cannot be read"),
        ("!!bool x", "cannot be read"),
        ("!!timestamp x", "cannot be read"),
        ("? [a]\n: 1", "No YAML"),
        ("--- 1\n--- 2", "another document"),
        ("a: \x01", "does not allow"),
        ("\ud800", "cannot be read"),
        ("title: \"\\0\"", "questions: missing"),
        ("", "expected a mapping, found nothing"),
        ("2020-01-01", "expected a mapping, found 2020-01-01"),
        ("!!set {a}", "expected a mapping"),
    ],
)  # fmt: skip
def test_hostile_text_is_refused_in_words(text, words):
    written = read_text(text)
    assert written.codebook is None
    assert words in written.problem.words


@given(st.text(max_size=200) | st.text("abc:-[]{}&*!|>'\"#%@? \n\t0123", max_size=80))
@settings(max_examples=400, deadline=None)
def test_no_text_makes_reading_crash(text):
    written = read_text(text)
    assert (written.codebook is None) == (written.problem is not None)


@given(st.integers(0, len(TEXT) - 1), st.text("abc:-[]{}&*!|>'\"\n\t0", max_size=4), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_no_slip_in_a_real_text_makes_reading_crash(at, put, cut):
    written = read_text(TEXT[:at] + put + TEXT[at + cut :])
    assert (written.codebook is None) == (written.problem is not None)
