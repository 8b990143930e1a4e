"""What counts as reading a query: else the doors would be asked too little."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.watched import Watched, watched

__all__ = ["watched"]


@pytest.mark.parametrize(
    "read",
    [
        lambda query: query["sort"],
        lambda query: query.get("sort"),
        lambda query: query.getlist("sort"),
        lambda query: "sort" in query,
        lambda query: query.copy().get("sort"),
        lambda query: query.copy().pop("sort"),
        lambda query: [key for key in query if key.startswith("s")],
        lambda query: list(query.items()),
        lambda query: list(query.lists()),
        lambda query: query.dict(),
    ],
)
def test_reading_is_seen(watched: type[Watched], read: Callable[[Any], Any]) -> None:
    query = watched("sort=a&q=b")
    watched.forget()
    read(query)
    assert watched.is_asked(["sort"])


def test_parsing_copying_and_writing_out_are_no_reading(watched: type[Watched]) -> None:
    watched.forget()
    query = watched("sort=a&q=b&q=c")
    other = query.copy()
    other["page"] = "2"
    assert other.urlencode() == "sort=a&q=b&q=c&page=2"
    assert not watched.is_asked(["sort", "q", "page"])
    query.get("q")
    assert watched.is_asked(["q", "sort"])
    assert not watched.is_asked(["sort"])
