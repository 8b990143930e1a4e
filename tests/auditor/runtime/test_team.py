"""The team's topology: the same command on servers that are not ours. Run by `make test-team`."""

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from auditor.runtime.processes import is_alive
from tests.auditor.runtime.machine import Product, descendants, manage, within

pytestmark = [
    pytest.mark.team,
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("DATABASE_URL"), reason="make test-team gives it a PostgreSQL and a Redis"
    ),
]


@pytest.fixture
def databases() -> Iterator[list[str]]:
    """Two empty databases on the team's server."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    names = ["team_one", "team_two"]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        for name in names:
            session.execute(f"CREATE DATABASE {name}".encode())
        yield [urlunsplit(parts._replace(path=f"/{name}")) for name in names]
        for name in names:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def place() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="auditor-team-"))
    yield place
    shutil.rmtree(place)


def test_the_same_command_uses_the_teams_servers_and_a_real_worker_takes_work(
    databases: list[str], place: Path
) -> None:
    team = {
        "DATABASE_URL": databases[0],
        "CELERY_BROKER_URL": os.environ["CELERY_BROKER_URL"],
        "AUDITOR_SECRET_KEY": "for this test only",
    }
    product = Product(place / "var", "--no-sample", **team)
    try:
        below = descendants(product.process.pid)
        assert not [words for words in below.values() if re.search("bin/postgres|valkey|redis-server", words)]
        assert not (place / "var" / "pg").exists()
        assert product.is_healthy()
        with psycopg.connect(databases[0], autocommit=True) as session:
            # Beat rings through Redis, and a real worker of each queue writes its row; of models' where torch is.
            pulses = "SELECT name FROM runs_pulse"
            assert within(60, lambda: {"io", "llm"} <= {name for (name,) in session.execute(pulses)})
    finally:
        words = product.stop(signal.SIGTERM)
        assert product.process.stdout is not None
        product.process.stdout.close()
    assert "Stopped." in words
    assert not [pid for pid in below if is_alive(pid)]

    path = place / "team.backup"
    taken = manage(place / "var", "backup", str(path), **team)
    assert taken.returncode == 0, taken.stderr
    restored = manage(place / "other", "restore", str(path), **{**team, "DATABASE_URL": databases[1]})
    assert restored.returncode == 0, restored.stderr
    with psycopg.connect(databases[1]) as session:
        assert session.execute("SELECT count(*) FROM accounts_user").fetchone() == (1,)
