"""Statements that many requests make: the database plans them once for each connection, and not each time."""

from typing import Any, cast

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


def prepared() -> CursorWrapper:
    """A cursor like `connection.cursor()` whose statements are kept planned once they were made a few times.

    Values go beside the statement and not into its text, so each `%s` stands where the database knows its type.
    """
    database = cast(Any, connection)
    database.ensure_connection()
    with database.wrap_database_errors:
        cursor = cast(Any, ServerBindingCursor)(database.connection)
        return cast(CursorWrapper, database._prepare_cursor(cursor))
