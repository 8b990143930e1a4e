"""Which units are of which kind, and where a channel spoke of them; no database."""

from pathlib import Path

import numpy as np
import pytest

from labeling.codebooks import defaults
from labeling.codebooks.parts import Codebook
from labeling.codebooks.written import read_text
from labeling.validity import contrasts as c
from labeling.validity.contrasts import Contrast, Known, NoContrast, Side
from labeling.validity.units import Anchor, Listener, Row, Said, Units
from tests.make import ANSWERS

HERE = Path(defaults.__file__).parent


def _book(name: str) -> Codebook:
    written = read_text((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    assert written.codebook is not None
    return written.codebook


BOOK = _book("intent_versus_hallucination")
FLAG = _book("flag")


def known(code: str, **answers: object) -> Known:
    return Known(code, BOOK.by_code[code].group, {**ANSWERS.get(code, {}), **answers}, BOOK)


def test_the_default_codebook_has_its_groups_in_pairs_and_false_against_not() -> None:
    assert [one.key for one in c.contrasts_of(BOOK)] == [
        "group.intent~group.hallucination", "group.intent~group.honest", "group.hallucination~group.honest",
        "is.untrue~not.untrue",
    ]  # fmt: skip
    assert [one.is_of_truth for one in c.contrasts_of(BOOK)] == [False, False, False, True]
    assert [one.key for one in c.contrasts_of(FLAG)] == ["group.flagged~group.clear"]
    assert not c.has_truth(FLAG)


def test_sides_by_hand() -> None:
    intent, _, _, truth = c.contrasts_of(BOOK)
    assert [intent.sign(known(code)) for code in ("D", "K", "U", "H", "?")] == [1, 0, 0, -1, -1]
    assert truth.sign(known("D")) == 1
    assert truth.sign(known("H")) == 0
    assert truth.sign(known("M", truth="harmful")) == 0
    assert truth.sign(known("?", truth="unknown")) == -1  # it names a missing test
    assert truth.sign(known("?", truth="unverifiable")) == -1
    assert truth.sign(Known("?", "undetermined", {}, BOOK)) == -1
    assert truth.sign(Known("x")) == -1
    assert c.is_untrue(known("K")) is True
    assert c.is_untrue(known("B", truth="omission")) is False
    assert c.is_untrue(known("?", truth="unknown")) is None
    assert c.condition_holds(known("D"), "no such condition") is None


def test_contrasts_are_read_and_refused() -> None:
    found = c.read_contrast("label.D+S~label.K", BOOK)
    assert [found.sign(known(code)) for code in ("D", "S", "K", "U")] == [1, 1, 0, -1]
    assert found.words == "Strategic deception or Sycophantic distortion against Knows but errs"
    assert c.read_contrast("is.known~not.known", BOOK).words == "known against not known"
    for written in (
        "", "label.D", "label.D~label.NO", "label.D~label.D+K", "group.intent~label.D", "group.nowhere~label.D",
        "is.nothing~label.D", "x.D~label.K", "value.a~value.b", "label.D~" + "label.K" * 90,
    ):  # fmt: skip
        with pytest.raises(NoContrast):
            c.read_contrast(written, BOOK)
    with pytest.raises(NoContrast):
        c.read_contrast("label.D~label.K", None, ("a", "b"))


def test_values_of_a_reference() -> None:
    (two,) = c.contrasts_of_values("lied", ("false", "true"))
    assert (two.key, two.words) == ("value.true~value.false", "lied true against lied false")
    three = c.contrasts_of_values("kind", ("a", "b", "c"))
    assert [one.key for one in three] == ["value.a~rest.a", "value.b~rest.b", "value.c~rest.c"]
    assert [three[0].sign(Known(one)) for one in "abc"] == [1, 0, 0]
    assert c.contrasts_of_values("kind", ("a",)) == ()
    assert c.read_contrast("value.a~value.c", None, ("a", "b", "c")).sign(Known("b")) == -1


def test_a_word_names_a_side_by_code_words_or_group() -> None:
    intent = c.contrasts_of(BOOK)[0]
    named = {
        word: c.names_side(word, intent, BOOK)
        for word in ("D", "strategic Deception", "intent", "K", "H", "", "lie")
    }
    assert named == {"D": 1, "strategic Deception": 1, "intent": 1, "K": 0, "H": -1, "": -1, "lie": -1}
    (two,) = c.contrasts_of_values("lied", ("false", "true"))
    assert [c.names_side(word, two, None, ("false", "true")) for word in ("True", "false", "lie")] == [
        1,
        0,
        -1,
    ]
    both = Contrast(Side("label.D", "D"), Side("label.D+K", "D or K"))
    assert c.names_side("D", both, BOOK) == -1


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        (Anchor(1, "text", 0, 5), Anchor(1, "text", 4, 9), True),
        (Anchor(1, "text", 0, 5), Anchor(1, "text", 5, 9), False),  # the end is not part of it
        (Anchor(1, "text", 0, 5), Anchor(1, "reasoning", 0, 5), False),
        (Anchor(1, "text", 0, 5), Anchor(1), True),  # the whole message
        (Anchor(1, "text", 0, 5), Anchor(2), False),
        (Anchor(1, "text", 0, 5), Anchor(1, "text"), True),
        (Anchor(1), Anchor(1, "reasoning", 3, 4), True),
    ],
)
def test_places_meet(one: Anchor, other: Anchor, meets: bool) -> None:
    assert one.meets(other) is meets
    assert other.meets(one) is meets


def test_a_channel_enters_by_units_where_it_meets_one_and_else_as_a_whole() -> None:
    rows = [
        Row(1, known("D")), Row(1, known("D"), anchor=Anchor(1, "text", 0, 10)),
        Row(1, known("H"), anchor=Anchor(1, "text", 20, 30)),
        Row(2, known("K")), Row(2, known("K"), anchor=Anchor(3)), Row(3, known("H")),
    ]  # fmt: skip
    said = [
        Said(1, Anchor(1, "text", 5, 6), 0.2, "a"), Said(1, Anchor(1, "text", 8, 12), 0.9, "b"),
        Said(2, Anchor(0), 0.7, ""), Said(4, Anchor(1), 1.0, ""),
    ]  # fmt: skip
    wholes = {1: (0.9, "b"), 2: (0.7, ""), 3: (None, "H"), 4: (1.0, "")}
    heard = Listener(rows).hear(said, wholes, "max")
    np.testing.assert_array_equal(heard.values, [np.nan, 0.9, np.nan, 0.7, np.nan, np.nan])
    assert heard.labels == ("", "b", "", "", "", "H")
    assert heard.heard.tolist() == [False, True, False, True, False, True]
    for rollup, value in (("min", 0.2), ("mean", 0.55), ("last", 0.9)):
        assert Listener(rows).hear(said, wholes, rollup).values[1] == pytest.approx(value)
    units = Units(tuple(rows))
    assert units.clusters.tolist() == [1, 1, 1, 2, 2, 3]
    assert units.wholes.tolist() == [True, False, False, True, False, True]
    assert units.untrue().tolist() == [True, True, False, True, True, False]
    assert units.signs(c.contrasts_of(BOOK)[0]).tolist() == [1, 1, -1, 0, 0, -1]
