"""The tables of a new installation in one step: what all migrations together say to an empty database, recorded.

Django makes every model anew for every operation of every migration, half a minute of arithmetic before the first
page. The statements that come of it are always the same ones, so they stand in `recorded_schema.sql`, and an empty
database gets those. Migrations younger than the record, and databases that hold something, go Django's own way.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

RECORD = Path(__file__).with_suffix(".sql")
HEAD = "-- Written by `manage.py record_schema`: what the migrations say to an empty database. Not to be edited.\n"
MIGRATION = re.compile(r"^-- Migration (\w+)\.(\w+)$", re.MULTILINE)
CHANGES_NOTHING = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE|ROLLBACK)\b", re.IGNORECASE)
MOMENT = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00:00'::timestamptz")  # when it was recorded

Name = tuple[str, str]  # app label, migration


def lay(connection: BaseDatabaseWrapper) -> list[Name]:
    """Make the recorded tables where the database is empty; returns the migrations that are thereby done.

    It is one transaction. Nothing is done where the record names a migration that is not there: then the record is
    of another version.
    """
    if connection.introspection.table_names():
        return []
    text = RECORD.read_text(encoding="utf-8")
    names: list[Name] = [(found[1], found[2]) for found in MIGRATION.finditer(text)]
    if not set(names) <= set(MigrationLoader(None).disk_migrations or ()):
        return []
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        recorder = MigrationRecorder(connection)
        recorder.ensure_schema()
        cursor.execute(text)
        recorder.migration_qs.bulk_create(recorder.Migration(app=app, name=name) for app, name in names)
    return names


def record(connection: BaseDatabaseWrapper) -> str:
    """Run every migration on an empty database, and return what changed it, as text for `lay`."""
    parts = [HEAD]
    executor = MigrationExecutor(connection)
    executor.recorder.ensure_schema()
    with heard(connection) as statements:
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        state = executor._create_project_state(with_applied_migrations=True)  # type: ignore[attr-defined]
        for migration, backwards in plan:
            parts.append(f"\n-- Migration {migration.app_label}.{migration.name}\n")
            state = executor.migrate([], [(migration, backwards)], state=state)
            parts += [
                f"{said}\n;\n" if "--" in said.splitlines()[-1] else f"{said};\n" for said in statements
            ]
            statements.clear()
    return "".join(parts)


@contextmanager
def heard(connection: BaseDatabaseWrapper) -> Iterator[list[str]]:
    """The statements that change an empty database, as they are sent while this lasts."""
    said: list[str] = []

    def hear(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        text = connection.ops.compose_sql(str(sql), params) if params else str(sql)  # type: ignore[attr-defined]
        if not CHANGES_NOTHING.match(text) and MigrationRecorder.Migration._meta.db_table not in text:
            said.append(MOMENT.sub("now()", text.strip().removesuffix(";")))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(hear):
        yield said
