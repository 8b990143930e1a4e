"""A backup is whole or refused, and a restore loses nothing without being told to."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from auditor.runtime import archive, backup, binaries
from auditor.runtime.postgres import PostgresServer
from tests.auditor.runtime.machine import connect

NASTY = "tab\there, newline\nthere, \\. and \N{SNOWMAN}\nSET transaction_timeout = 0;"


@contextmanager
def installation(var: Path, major: int | None = None) -> Iterator[dict[str, Any]]:
    """A running database of this major; yields what Django's settings say of it."""
    with pytest.MonkeyPatch.context() as patch:
        if major is not None:
            programs = next(found for found in binaries.installed_postgres() if found.major == major)
            patch.setenv("AUDITOR_PG_BIN", str(programs.folder))
        server = PostgresServer(var, settings={"fsync": "off"})
        server.start()
    try:
        yield {
            "HOST": str(server.socket_folder),
            "PORT": "5432",
            "NAME": "auditor",
            "USER": "auditor",
            "PASSWORD": "",
            "OPTIONS": {"passfile": str(var / "pgpass")},
        }
    finally:
        server.stop()


def fill(var: Path) -> None:
    with connect(var) as session:
        session.execute("CREATE TABLE said (words text PRIMARY KEY, n int NOT NULL)")
        session.execute("INSERT INTO said VALUES (%s, 1), ('SET transaction_timeout = 1;', 2)", [NASTY])
        session.execute("CREATE SEQUENCE counted START 41")
    deep = var / "files" / "ab" / "ünïcode 名.bin"
    deep.parent.mkdir(parents=True)
    deep.write_bytes(bytes(range(256)) * 100)


def assert_filled(var: Path) -> None:
    with connect(var) as session:
        assert session.execute("SELECT words, n FROM said ORDER BY n").fetchall() == [
            (NASTY, 1),
            ("SET transaction_timeout = 1;", 2),
        ]
        assert session.execute("SELECT nextval('counted')").fetchone() == (41,)
    assert (var / "files" / "ab" / "ünïcode 名.bin").read_bytes() == bytes(range(256)) * 100


@pytest.fixture
def made(open_place: Path) -> Path:
    """A backup of a small installation on the preferred PostgreSQL."""
    return make(open_place, None)


def make(place: Path, major: int | None) -> Path:
    path = place / "auditor.backup"
    with installation(place / "first", major) as database:
        fill(place / "first")
        backup.back_up(path, database=database, files=place / "first" / "files", version="1")
    return path


def restored(path: Path, var: Path, database: dict[str, Any], *, replace: bool = False) -> archive.Manifest:
    return backup.restore(path, database=database, files=var / "files", replace=replace)


def test_everything_comes_back_into_an_empty_place(made: Path, var: Path) -> None:
    with installation(var) as database:
        restored(made, var, database)
        assert_filled(var)
        assert not list(var.glob(".restore-*"))


def test_a_target_that_holds_something_is_kept_unless_told(made: Path, var: Path) -> None:
    with installation(var) as database:
        with connect(var) as session:
            session.execute("CREATE TABLE precious AS SELECT 1 AS n")
        (var / "files").mkdir()
        (var / "files" / "precious").write_text("mine")
        with pytest.raises(backup.Refused, match="--replace"):
            restored(made, var, database)
        with connect(var) as session:
            assert session.execute("SELECT n FROM precious").fetchone() == (1,)
        restored(made, var, database, replace=True)
        assert_filled(var)
        assert not (var / "files" / "precious").exists()
        with connect(var) as session:
            assert session.execute("SELECT to_regclass('precious')").fetchone() == (None,)


def test_a_database_in_use_is_not_replaced(made: Path, var: Path) -> None:
    with installation(var) as database, connect(var), pytest.raises(backup.Refused, match="Stop web, worker"):
        restored(made, var, database)


@pytest.mark.parametrize(("old", "new"), [(15, 18), (16, 18), (16, 16)])
def test_an_older_postgresql_moves_into_a_newer_one(open_place: Path, var: Path, old: int, new: int) -> None:
    majors = {found.major for found in binaries.installed_postgres()}
    if missing := {old, new} - majors:
        pytest.skip(f"PostgreSQL {missing} is not installed here")
    path = make(open_place, old)
    with installation(var, new) as database:
        restored(path, var, database)
        assert_filled(var)


def test_a_newer_postgresql_does_not_move_into_an_older_one(made: Path, var: Path) -> None:
    with installation(var, 16) as database, pytest.raises(backup.Refused, match="PostgreSQL 18 or newer"):
        restored(made, var, database)


def test_a_changed_backup_is_refused_before_anything_is_touched(made: Path, var: Path) -> None:
    content = bytearray(made.read_bytes())
    where = content.rfind(bytes(range(256)))
    content[where + 100] ^= 1
    made.write_bytes(content)
    with installation(var) as database:
        with pytest.raises(archive.BadBackup, match="was changed: files/ab"):
            restored(made, var, database, replace=True)
        assert not (var / "files").exists()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.5])
def test_a_cut_off_backup_is_refused(made: Path, kept: float) -> None:
    content = made.read_bytes()
    made.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(archive.BadBackup):
        archive.verify(made)


@pytest.mark.parametrize("name", ["/etc/passwd", "files/../../escape", "../escape", "secret_key", "files"])
def test_a_name_outside_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.backup"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 3
        tar.addfile(member, io.BytesIO(b"bad"))
    with pytest.raises(archive.BadBackup, match="which no backup of Auditor holds"):
        archive.verify(path)


def test_a_link_inside_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.backup"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("files/link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(member)
    with pytest.raises(archive.BadBackup, match="which no backup"):
        archive.verify(path)


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.backup"
    path.write_text("dear diary " * 1000)
    with pytest.raises(archive.BadBackup):
        archive.verify(path)


def test_a_backup_is_its_owners_alone(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o600
    assert [
        path.name for path in made.parent.iterdir() if path.name.startswith((".backup", "auditor.backup."))
    ] == []
