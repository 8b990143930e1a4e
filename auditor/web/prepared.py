"""Statements that many requests make: the database plans them once for each connection, and not each time."""

from types import SimpleNamespace
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

THRESHOLD = 2  # times that a statement is planned anew


def prepared() -> CursorWrapper:
    """A cursor like `connection.cursor()` whose statements are kept planned once they were made a few times.

    Values go beside the statement and not into its text, so each `%s` stands where the database knows its type.
    """
    database = cast(Any, connections[DEFAULT_DB_ALIAS])
    if database.connection is None:
        database.ensure_connection()
    line = database.connection
    line.prepare_threshold = THRESHOLD
    if database.queries_logged or database.execute_wrappers:
        with database.wrap_database_errors:
            return cast(CursorWrapper, database._prepare_cursor(cast(Any, Logged)(line)))
    return cast(CursorWrapper, cast(Any, Plain)(cast(Any, ServerBindingCursor)(line), database))


class Plain(CursorWrapper):
    """Django's cursor, without looking for anybody who listens to statements: there was nobody when it was made.

    The answer has arrived whole when `execute` returns, so no error of the database can come up in fetching it.
    """

    def __init__(self, cursor: Any, db: Any) -> None:
        super().__init__(cursor, db)
        self.fetchone, self.fetchall = cursor.fetchone, cursor.fetchall

    def execute(self, sql: Any, params: Any = None) -> Any:
        own = cast(Any, self)
        own.db.validate_no_broken_transaction()
        with own.db.wrap_database_errors:
            return own.cursor.execute(sql, params)

    def __exit__(self, *problem: object) -> None:
        """The server holds nothing of it, and nobody else does."""


class Logged(ServerBindingCursor):
    """Says what it asked, which psycopg keeps to itself where a statement is planned already."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        own = cast(Any, self)
        answer = cast(Any, super()).execute(query, params, **options)
        if own._query is None:
            own._query = SimpleNamespace(query=str(query).encode())
        return answer
