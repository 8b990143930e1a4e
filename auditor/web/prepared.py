"""Statements that many requests make: the database plans them once for each connection, and not each time."""

from types import SimpleNamespace
from typing import Any, cast

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

THRESHOLD = 2  # times that a statement is planned anew


def prepared() -> CursorWrapper:
    """A cursor like `connection.cursor()` whose statements are kept planned once they were made a few times.

    Values go beside the statement and not into its text, so each `%s` stands where the database knows its type.
    """
    database = cast(Any, connection)
    database.ensure_connection()
    with database.wrap_database_errors:
        line = database.connection
        line.prepare_threshold = THRESHOLD
        cursor = cast(Any, Logged if database.queries_logged else ServerBindingCursor)(line)
        return cast(CursorWrapper, database._prepare_cursor(cursor))


class Logged(ServerBindingCursor):
    """Says what it asked, which psycopg keeps to itself where a statement is planned already."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        own = cast(Any, self)
        answer = cast(Any, super()).execute(query, params, **options)
        if own._query is None:
            own._query = SimpleNamespace(query=str(query).encode())
        return answer
