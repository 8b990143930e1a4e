"""Paging by key meets every row once, in order, whatever the keys are."""

import pytest
from django.db.models import F

from auditor.accounts.models import Project
from auditor.corpus.models import Transcript
from auditor.web.keyset import BadCursor, decode, encode, page_of
from tests import make


@pytest.fixture
def corpus(project: Project) -> None:
    judge = make.channel(project)
    for value in (3.0, None, 1.0, 3.0, 3.0, None, 2.0):
        transcript = make.transcript(project)
        if value is not None:
            make.reading(judge, transcript, value)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 10])
@pytest.mark.usefixtures("corpus")
def test_every_row_once_with_equal_and_missing_keys(descending: bool, size: int) -> None:
    rows = Transcript.objects.annotate(value=F("rollups__value"))
    seen: list[tuple[float | None, int]] = []
    cursor = ""
    while True:
        page = page_of(rows, key="value", descending=descending, cursor=cursor, size=size, nullable=True)
        seen += [(row.value, row.pk) for row in page.rows]
        cursor = page.after
        if not cursor:
            break
    assert len({pk for _, pk in seen}) == len(seen) == 7
    values = [value for value, _ in seen]
    assert values[-2:] == [None, None]
    assert values[:5] == sorted([3.0, 1.0, 3.0, 3.0, 2.0], reverse=descending)


@pytest.mark.parametrize("cursor", ["%%%", "e30", "bm90", encode([{"a": 1}]), encode([1]), encode([1, "x"])])
@pytest.mark.usefixtures("corpus")
def test_a_damaged_cursor_is_an_error_and_not_a_crash(cursor: str) -> None:
    with pytest.raises(BadCursor):
        page_of(Transcript.objects.all(), key="id", descending=True, cursor=cursor, size=2)


@pytest.mark.parametrize("key", ["created_at", "n_messages", "id"])
@pytest.mark.parametrize("value", ["x", "2026-13-01"])
@pytest.mark.usefixtures("corpus")
def test_a_cursor_of_another_type_is_an_error_too(key: str, value: object) -> None:
    with pytest.raises(BadCursor):
        page_of(Transcript.objects.all(), key=key, descending=True, cursor=encode([value, 1]), size=2)


def test_a_cursor_comes_back_as_it_went() -> None:
    assert decode(encode([0.5, 12])) == [0.5, 12]
