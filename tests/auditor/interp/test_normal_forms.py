"""Normalised texts are those that Unicode's algorithm gives, and each sign of them shows the words it came of."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.interp.alignment import Piece, lone, place, tie
from auditor.interp.conversation import Turn, Words
from auditor.interp.normal_forms import Form, normalised
from tests.auditor.interp import templates

FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
SIGNS = st.text(
    st.one_of(
        st.sampled_from("aeo\u0301\u0323\u0308é한\u1112\u1161\u11abﬁ½Å\u212b\u0345\u0f71\u0f72q<>\n"),
        st.characters(codec="utf-8"),
    ),
    max_size=14,
)


@given(SIGNS, st.sampled_from(FORMS))
def test_it_is_unicode_s_own_and_every_sign_shows_its_stretch(text: str, form: Form) -> None:
    found = normalised(lone(Words(0, "text", text), "assistant"), form)
    assert found.rendered == unicodedata.normalize(form, text)
    assert len(found.owner) == len(found.rendered)
    covered = np.zeros(len(text), bool)
    for sign, start, end in zip(found.rendered, found.start, found.end, strict=True):
        assert sign in unicodedata.normalize(form, text[start:end])
        covered[start:end] = True
    assert covered.all(), "nothing that was stored is lost"
    assert (np.diff(found.start) >= 0).all()


@given(st.lists(SIGNS, min_size=1, max_size=3), st.sampled_from(FORMS))
def test_inside_a_template_too(texts: list[str], form: Form) -> None:
    turns = tuple(Turn(n, "user", (Words(n, "text", text),)) for n, text in enumerate(texts))
    placed = place(turns, templates.chatml)
    found = normalised(placed, form)
    assert found.rendered == unicodedata.normalize(form, placed.rendered)
    pieces = [Piece(bytes([byte])) for byte in found.rendered.encode()]
    table = tie(found, pieces, ids=range(len(pieces))).table
    assert set(table.position.tolist()) <= {-1, *range(len(texts))}


def test_by_hand() -> None:
    found = normalised(lone(Words(0, "text", "xe\u0301y"), "user"), "NFC")
    assert found.rendered == "xéy"
    assert list(zip(found.start.tolist(), found.end.tolist(), strict=True)) == [(0, 1), (1, 3), (3, 4)]
    hangul = normalised(lone(Words(0, "text", "\u1112\u1161\u11ab!"), "user"), "NFC")
    assert hangul.rendered == "한!"
    assert (hangul.start[0], hangul.end[0]) == (0, 3)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_normal_stays(form: Form) -> None:
    placed = lone(Words(0, "text", "plain words"), "user")
    assert normalised(placed, form) is placed
