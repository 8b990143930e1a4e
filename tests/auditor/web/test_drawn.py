"""Pieces of a page that are drawn once."""

from typing import Any

import pytest
from django.template import Context, Engine, Template, TemplateSyntaxError

PAGE = "{% load drawn %}{% drawn key other %}{{ count }} <{{ key }}>{% enddrawn %}"


@pytest.fixture
def piece() -> Template:
    return Engine(libraries={"drawn": "auditor.web.templatetags.drawn"}).from_string(PAGE)


def draw(piece: Template, **values: Any) -> str:
    return piece.render(Context(values))


def test_a_piece_is_drawn_once_for_the_same_values(piece: Template) -> None:
    assert draw(piece, key="a&b", other=1, count=1) == "1 <a&amp;b>"
    assert draw(piece, key="a&b", other=1, count=2) == "1 <a&amp;b>"
    assert draw(piece, key="a&b", other=2, count=3) == "3 <a&amp;b>"
    assert draw(piece, key="c", other=1, count=4) == "4 <c>"


def test_nothing_is_kept_where_the_first_value_is_empty(piece: Template) -> None:
    assert draw(piece, key="", other=1, count=1) == "1 <>"
    assert draw(piece, other=1, count=2) == "2 <>"


def test_pieces_of_two_places_are_two(piece: Template) -> None:
    another = Engine(libraries={"drawn": "auditor.web.templatetags.drawn"}).from_string(PAGE)
    assert draw(piece, key="a", other=1, count=1) == "1 <a>"
    assert draw(another, key="a", other=1, count=2) == "2 <a>"


def test_no_more_than_so_many_are_held(piece: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.web.templatetags.drawn.MOST", 0)
    assert draw(piece, key="a", other=1, count=1) == "1 <a>"
    assert draw(piece, key="a", other=1, count=2) == "2 <a>"


def test_what_it_depends_on_must_be_said() -> None:
    with pytest.raises(TemplateSyntaxError, match="depends on"):
        Engine(libraries={"drawn": "auditor.web.templatetags.drawn"}).from_string(
            "{% load drawn %}{% drawn %}{% enddrawn %}"
        )
