"""The recorded tables are those that the migrations make, on any server, and only an empty database gets them."""

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from auditor.runtime import recorded_schema
from auditor.runtime.places import BASE_DIR
from auditor.runtime.recorded_schema import RECORD, lay
from tests.auditor.runtime.machine import clean_environment

CATALOGUE = """
    WITH ours AS (SELECT oid, relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    SELECT 'column ' || relname || '.' || attname || ' ' || attnum || ' ' || format_type(atttypid, atttypmod)
        || ' ' || attnotnull || ' ' || attidentity::text || attgenerated::text || ' ' || COALESCE(pg_get_expr(adbin, adrelid), '')
        || ' ' || COALESCE(collname, '') || ' ' || attstorage::text
    FROM ours JOIN pg_attribute ON attrelid = ours.oid LEFT JOIN pg_attrdef ON adrelid = ours.oid AND adnum = attnum
        LEFT JOIN pg_collation c ON c.oid = attcollation
    WHERE relkind IN ('r', 'v', 'S') AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'constraint ' || conname || ' on ' || COALESCE(relname, '') || ' ' || pg_get_constraintdef(c.oid)
    FROM pg_constraint c LEFT JOIN ours ON ours.oid = conrelid WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index JOIN ours ON ours.oid = indexrelid
    UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) || ' ' || tgenabled::text
    FROM pg_trigger t JOIN ours ON ours.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'extension ' || extname FROM pg_extension
    UNION ALL SELECT 'relation ' || relname || ' ' || relkind::text || ' ' || COALESCE(obj_description(oid, 'pg_class'), '') FROM ours
    ORDER BY 1
"""


@pytest.fixture
def empty(db: None) -> Iterator[psycopg.Connection]:
    """A session on a database of the tests' server that holds nothing yet."""
    name = "auditor_recorded"
    params = {**connection.get_connection_params(), "autocommit": True}
    for gone in ("cursor_factory", "context"):
        params.pop(gone, None)
    with psycopg.connect(**params) as session:
        session.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        with psycopg.connect(**{**params, "dbname": name}) as inside:
            yield inside
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def url_of(session: psycopg.Connection) -> str:
    """Where this session is, as DATABASE_URL says it."""
    info, options = session.info, connection.settings_dict["OPTIONS"]
    more = {"host": info.host, **({"passfile": options["passfile"]} if "passfile" in options else {})}
    who = f"{quote(info.user)}:{quote(info.password)}"
    return f"postgresql://{who}@:{info.port}/{info.dbname}?{urlencode(more)}"


@pytest.mark.slow
@pytest.mark.team
@pytest.mark.timeout(300)
def test_the_record_is_what_the_migrations_say_and_makes_the_same_tables(
    empty: psycopg.Connection, tmp_path: Path
) -> None:
    said = tmp_path / "said.sql"
    done = subprocess.run(
        [sys.executable, "manage.py", "record_schema", "--to", str(said)], cwd=BASE_DIR, capture_output=True, text=True,
        env=clean_environment(tmp_path / "var", DATABASE_URL=url_of(empty), AUDITOR_SECRET_KEY="for this test only"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert said.read_text("utf-8") == RECORD.read_text("utf-8"), (
        "a migration came or changed: run `make schema`"
    )
    with connection.cursor() as cursor:
        cursor.execute(CATALOGUE)
        laid = cursor.fetchall()  # the tests' own database was made by `migrate`, which lays the record
    made = empty.execute(CATALOGUE.encode()).fetchall()
    assert len(made) > 1000
    assert laid == made
    done_there = set(empty.execute("SELECT app, name FROM django_migrations").fetchall())
    assert done_there == set(MigrationRecorder(connection).applied_migrations())
    tables = empty.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    )
    for (table,) in tables.fetchall():
        holds = empty.execute(f'SELECT count(*) FROM "{table}"'.encode()).fetchone()
        assert holds == (0,) or table == "django_migrations", f"a migration writes rows into an empty {table}"


@pytest.fixture
def nothing(db: None) -> None:
    """Within this test the database looks empty: what is made comes into a place of its own."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA aside")
        cursor.execute("SET LOCAL search_path = aside")


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def test_an_empty_database_gets_them_once(nothing: None) -> None:
    names = lay(connection)
    assert ("accounts", "0001_initial") in names
    assert count("aside.django_migrations") == len(names) == len(set(names))
    assert count("aside.accounts_user") == 0
    assert lay(connection) == []
    assert count("aside.django_migrations") == len(names)


def test_a_database_that_holds_anything_is_left_alone(nothing: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE theirs (id int)")
    assert lay(connection) == []
    assert connection.introspection.table_names() == ["theirs"]


def test_a_record_of_another_version_is_not_used(
    nothing: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.sql"
    other.write_text(
        "-- Migration accounts.0001_initial\nCREATE TABLE a (id int);\n-- Migration corpus.0999_unknown\n"
    )
    monkeypatch.setattr(recorded_schema, "RECORD", other)
    assert lay(connection) == []
    assert connection.introspection.table_names() == []


def test_the_command_lays_them_and_finds_nothing_left_to_do(nothing: None) -> None:
    said = io.StringIO()
    call_command("migrate", stdout=said)
    assert re.search(r"Made the tables of \d+ migrations in one step", said.getvalue())
    assert "No migrations to apply." in said.getvalue()
    assert count("aside.auth_permission") > 100  # what Django does after it has migrated is done


def test_whoever_asks_for_less_gets_djangos_own_way(nothing: None) -> None:
    call_command("migrate", "ledger", "0001", verbosity=0)
    assert set(MigrationRecorder(connection).applied_migrations()) == {("ledger", "0001_initial")}
    assert connection.introspection.table_names() == ["django_migrations", "ledger_event"]
