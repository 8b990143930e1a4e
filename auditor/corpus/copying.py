"""Rows by COPY, a block at a time."""

from collections.abc import Iterable, Sequence

from django.db import connection

BLOCK = 128 * 1024  # bytes handed to the database at a time


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """Append rows, each spelled by `copytext.row`, to a table. The caller holds the transaction.

    Raises:
        IntegrityError: as an insert would; the errors of the database are Django's.
    """
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        block: list[bytes] = []
        size = 0
        for some in rows:
            block.append(some)
            size += len(some)
            if size >= BLOCK:
                copy.write(b"".join(block))
                block, size = [], 0
        if block:
            copy.write(b"".join(block))


def next_ids(table: str, count: int) -> list[int]:
    """The next ids of a table's sequence."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(ids) FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS ids OFFSET 0) AS once,"
            " generate_series(1, %s)",
            [table, count],
        )  # the sequence is looked up once, not for each id
        return [row[0] for row in cursor.fetchall()]
