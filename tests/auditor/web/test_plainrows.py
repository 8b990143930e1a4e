"""Rows of plain statements as instances of models."""

from typing import Any

import pytest
from django.db import connection

from auditor.accounts.models import Project, User
from auditor.ledger.models import Event
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared


def test_some_columns_are_there_and_the_others_are_fetched_when_asked_for(
    mia: User, django_assert_num_queries: Any
) -> None:
    some = Columns(User, "id", "name")
    with django_assert_num_queries(2), prepared() as cursor:
        cursor.execute(f"SELECT {some.of('one')} FROM accounts_user one WHERE id = %s", [mia.pk])
        found = some.row(iter(cursor.fetchone()))
        assert (found, found.name) == (mia, "Mia")
        assert found.email == "mia@example.org"


def test_json_is_read_and_a_row_that_was_not_joined_is_none(project: Project) -> None:
    events = Columns(Event)
    statement = f"""
        SELECT {events.of("event")}, other.id FROM accounts_project other
        LEFT JOIN ledger_event event ON event.project_id = other.id AND event.verb = %s ORDER BY event.id LIMIT 1
    """
    with prepared() as cursor:
        cursor.execute(statement, ["project.created"])
        values = iter(cursor.fetchone())
        event = events.row_or_none(values)
        assert event is not None
        assert event.detail == Event.objects.get(pk=event.pk).detail
        assert next(values) == project.pk  # what follows the row is left
        cursor.execute(statement, ["nothing.of.the.kind"])
        values = iter(cursor.fetchone())
        assert events.row_or_none(values) is None
        assert next(values) == project.pk


def test_a_column_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="nmae"):
        Columns(User, "id", "nmae")


def test_a_statement_made_often_is_kept_planned(db: None) -> None:
    statement = "SELECT %s::int + 17171"
    for value in range(6):
        with prepared() as cursor:
            cursor.execute(statement, [value])
            assert cursor.fetchone() == (value + 17171,)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE position('17171' IN statement) > 0")
        assert cursor.fetchone() == (1,)
