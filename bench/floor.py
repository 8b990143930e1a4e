"""What plain SQL needs for the rows of a label: the same rows once more, into tables with the same indexes."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

import psycopg
from django.db import connection
from psycopg import sql

Work = TypeVar("Work")
# What a label writes: table -> which of its rows belong to one item and reviewer.
WRITTEN = {
    "annotations_labelrevision": "item_id = %(item)s AND reviewer_id = %(person)s",
    "annotations_labelunit": "revision_id IN (SELECT id FROM annotations_labelrevision"
    " WHERE item_id = %(item)s AND reviewer_id = %(person)s)",
    "annotations_labelspan": "revision_id IN (SELECT id FROM annotations_labelrevision"
    " WHERE item_id = %(item)s AND reviewer_id = %(person)s)",
    "annotations_reveal": "item_id = %(item)s AND reviewer_id = %(person)s",
    "queues_lease": "item_id = %(item)s AND reviewer_id = %(person)s",
    "evidence_reading": "transcript_id = %(transcript)s AND identifier = %(person)s::text AND channel_id IN"
    " (SELECT id FROM evidence_channel WHERE key = 'people.label')",
    "evidence_rollup": "transcript_id = %(transcript)s AND channel_id IN"
    " (SELECT id FROM evidence_channel WHERE key = 'people.label')",
    "ledger_event": "actor_id = %(person)s AND project_id = %(project)s AND detail->>'item' = %(item)s::text",
}
INSERT = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s) ON CONFLICT DO NOTHING"
MESSAGES = "SELECT position, role, text, reasoning, parts FROM corpus_message WHERE transcript_id = %s ORDER BY position"
POP = """
    UPDATE floor_queue SET is_open = false WHERE id = (
        SELECT id FROM floor_queue WHERE is_open ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id
"""
POPS = 200  # of each connection, where nothing else is done


def database() -> str:
    """How this server is reached, as libpq takes it."""
    given = connection.get_connection_params()
    known = ("host", "port", "user", "password", "dbname", "passfile")
    return psycopg.conninfo.make_conninfo(**{name: given[name] for name in known if given.get(name)})


@contextmanager
def tables(queue: int) -> Iterator[None]:
    """Empty tables like those that a label writes, and a queue that holds so many slots."""
    with connection.cursor() as cursor:
        for table in WRITTEN:
            cursor.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")
        cursor.execute("CREATE TABLE floor_queue (id int PRIMARY KEY, is_open bool NOT NULL DEFAULT true)")
        cursor.execute("INSERT INTO floor_queue SELECT generate_series(1, %s)", [queue])
        cursor.execute("CREATE INDEX ON floor_queue (id) WHERE is_open")
        cursor.execute("ANALYZE floor_queue")
        try:
            yield
        finally:
            for table in (*(f"floor_{one}" for one in WRITTEN), "floor_queue"):
                cursor.execute(f"DROP TABLE {table}")


def labels(
    project: int, people: Sequence[int], items: Sequence[Sequence[int]]
) -> list[list[tuple[dict[str, str], int]]]:
    """For each reviewer: for each of their labels, its rows by table as JSON arrays, and the transcript that came next."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, transcript_id FROM queues_item WHERE id = ANY(%s)",
            [[one for mine in items for one in mine]],
        )
        transcripts = dict(cursor.fetchall())
        found = []
        for person, mine in zip(people, items, strict=True):
            rows = []
            for item, following in zip(mine, [*mine[1:], *mine[:1]], strict=True):
                key = {"item": item, "person": person, "transcript": transcripts[item], "project": project}
                written = {}
                for table, which in WRITTEN.items():
                    cursor.execute(f"SELECT json_agg(row_to_json(t))::text FROM {table} t WHERE {which}", key)
                    written[table] = cursor.fetchone()[0]
                assert written["annotations_labelrevision"], f"a label on item {item} wrote nothing"
                rows.append(
                    ({table: text for table, text in written.items() if text}, transcripts[following])
                )
            found.append(rows)
    return found


def written_again(work: Sequence[Sequence[tuple[dict[str, str], int]]]) -> tuple[list[float], float]:
    """As many connections as reviewers: pop a slot, write a label's rows in one transaction, read the next messages.

    Returns:
        The ms of each label, and the seconds that all took.
    """
    took: list[float] = []

    def one(line: psycopg.Connection[tuple[object, ...]], mine: Sequence[tuple[dict[str, str], int]]) -> None:
        for rows, following in mine:
            began = perf_counter()
            with line.transaction():
                line.execute(POP)
                for table, text in rows.items():
                    line.execute(sql.SQL(INSERT).format(sql.Identifier(f"floor_{table}")), [text])
            line.execute(MESSAGES, [following]).fetchall()
            took.append(1000 * (perf_counter() - began))

    return took, _at_once(one, work)


def popped(connections: int) -> float:
    """Slots a second that so many connections take from a narrow queue, each in a transaction of its own."""

    def one(line: psycopg.Connection[tuple[object, ...]], times: int) -> None:
        for _ in range(times):
            line.execute(POP)

    return POPS * connections / _at_once(one, [POPS] * connections)


def _at_once(
    one: Callable[[psycopg.Connection[tuple[object, ...]], Work], None], work: Sequence[Work]
) -> float:
    """Seconds from a common start until the last is done; each has a connection and a thread."""
    lines = [psycopg.connect(database(), autocommit=True) for _ in work]
    threads = [threading.Thread(target=one, args=pair) for pair in zip(lines, work, strict=True)]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = perf_counter() - began
    for line in lines:
        line.close()
    return took
