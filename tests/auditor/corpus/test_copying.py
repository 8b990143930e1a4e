"""Rows are spelled as PostgreSQL reads them."""

from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auditor.corpus.copytext import field_of, row

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30) | st.text(
    "\\\t\n\r.N\"'é", max_size=12
)


@pytest.mark.django_db
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, TEXT | st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=6))
@example([("\\.", "\\N", 0), ("", None, 1), ("\r\n\t\b\v", "\\", 2)])
def test_rows_come_back_as_they_went_in(rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS copied; CREATE TEMP TABLE copied (a text, b text, n bigint, i serial)"
        )
        with cursor.copy("COPY copied (a, b, n) FROM STDIN") as copy:
            copy.write(b"".join(row(*values) for values in rows))
        cursor.execute("SELECT a, b, n FROM copied ORDER BY i")
        assert cursor.fetchall() == rows


def test_control_characters_and_the_end_mark_are_spelled() -> None:
    assert row("a\tb\\c\nd\re", None, 5, "\\.") == b"a\\tb\\\\c\\nd\\re\t\\N\t5\t\\\\.\n"
    assert field_of("") == b""
