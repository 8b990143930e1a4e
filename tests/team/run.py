"""`make test-team`: private instances of this machine's own PostgreSQL and Redis, and the main story on them.

The machine's services are not touched: both servers live in a temporary folder, on free ports of 127.0.0.1,
with a password, and end with this process.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditor.runtime import processes

TESTS = [
    "tests/test_flow.py",
    "tests/auditor/runtime/test_team.py",
    "tests/auditor/runtime/test_recorded_schema.py",  # every migration, one after the other, on this PostgreSQL too
]


def main() -> int:
    """The exit status of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="auditor-team-"))
    folder.chmod(0o755)
    try:
        with postgres(folder) as database_url, redis(folder) as broker_url:
            environment = {**os.environ, "DATABASE_URL": database_url, "CELERY_BROKER_URL": broker_url}
            return subprocess.run(
                [sys.executable, "-m", "pytest", "-n", "0", "-m", "not browser", *TESTS, *sys.argv[1:]],
                env=environment,
            ).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL of the machine on a free port; yields its URL."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))[-1]
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
    data, port, password = folder / "pg", free_port(), secrets.token_hex(16)
    data.mkdir(mode=0o700)
    secret = folder / "pg-password"
    secret.write_text(password)
    if user is not None:
        os.chown(data, user, user)
        os.chown(secret, user, user)
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    subprocess.run(
        [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "team",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        **as_user,  # type: ignore[call-overload]
    )
    server = processes.spawn(
        [
            str(programs / "postgres"),
            "-D",
            str(data),
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "-k",
            "",
            "-c",
            "fsync=off",
        ],
        death_signal=signal.SIGINT,
        log=folder / "logs" / "postgres.log",
        user=user,
    )
    try:
        wait_for(port)
        yield f"postgresql://team:{password}@127.0.0.1:{port}/postgres"
    finally:
        processes.stop(server, [(signal.SIGINT, 20.0)])


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis of the machine on a free port; yields its URL."""
    port, password = free_port(), secrets.token_hex(16)
    program = shutil.which("redis-server")
    assert program is not None, "apt-get install redis-server"
    server = processes.spawn(
        [
            program,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--requirepass",
            password,
            "--save",
            "",
            "--dir",
            str(folder),
        ],
        death_signal=signal.SIGTERM,
        log=folder / "logs" / "redis.log",
    )
    try:
        wait_for(port)
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        processes.stop(server, [(signal.SIGTERM, 10.0)])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until the port answers; raises TimeoutError after 30 seconds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


if __name__ == "__main__":
    sys.exit(main())
