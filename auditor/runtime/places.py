"""Where this installation keeps its data, and how its own servers are reached there.

Everything lives under one folder, `var/` beside the code or whatever AUDITOR_VAR names. Nothing here
needs Django, so that the servers can be started before the settings are read.

    var/pg              the embedded PostgreSQL's data        var/pg-socket   its socket
    var/pgpass          its password, for libpq               var/broker      the embedded broker's queue and socket
    var/files           sources, shards, releases             var/logs        what the children print
"""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

BASE_DIR = Path(__file__).resolve().parents[2]
VAR = Path(os.environ.get("AUDITOR_VAR") or BASE_DIR / "var").resolve()

DATABASE_NAME = DATABASE_USER = "auditor"
SOCKET_PORT = 5432  # names the socket file `.s.PGSQL.5432`; no port is opened
LONGEST_SOCKET_PATH = 107  # bytes in sun_path, without the closing zero
NOBODY = 65534


class UnsafePlace(RuntimeError):
    """A folder that must be private belongs to somebody else."""


def short_directory(var: Path) -> Path:
    """The private folder for the sockets of a `var` whose own path is too long for a socket."""
    name = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"auditor-{os.geteuid()}-{name}"


def postgres_socket_directory(var: Path) -> Path:
    """The folder of the PostgreSQL socket that serves `var`."""
    place = var / "pg-socket"
    fits = len(os.fsencode(place / f".s.PGSQL.{SOCKET_PORT}")) <= LONGEST_SOCKET_PATH
    return place if fits else short_directory(var) / "pg"


def broker_socket(var: Path) -> Path:
    """The socket of the broker that serves `var`."""
    place = var / "broker" / "broker.sock"
    fits = len(os.fsencode(place)) <= LONGEST_SOCKET_PATH
    return place if fits else short_directory(var) / "broker" / "broker.sock"


def private_directory(path: Path, mode: int = 0o700) -> Path:
    """Make `path` with `mode`, or verify that it is ours; raise UnsafePlace if it is somebody else's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        refuse_foreign(path)
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)
    return path


def refuse_foreign(path: Path) -> None:
    """Raise UnsafePlace unless `path` is absent or a real folder of this user (or of root's server account)."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    ours = {os.geteuid()} | ({NOBODY} if os.geteuid() == 0 else set())
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        raise UnsafePlace(
            f"{path} is not a folder of this user (uid {os.geteuid()}), so it cannot hold private data. "
            f"Remove it, or name another place: AUDITOR_VAR=/a/folder/of/yours make run"
        )


def forget_short_directory(var: Path, socket_folder: Path) -> None:
    """Remove a socket's folder outside `var`, and the one above it once it is empty."""
    if socket_folder.parent == short_directory(var):
        with suppress(OSError):  # still used by the other server
            socket_folder.rmdir()
            socket_folder.parent.rmdir()


PG_DATA = VAR / "pg"
PG_SOCKET_DIR = postgres_socket_directory(VAR)
PG_PASSWORDS = VAR / "pgpass"
BROKER_DATA = VAR / "broker"
BROKER_SOCKET = broker_socket(VAR)
FILES = VAR / "files"
LOGS = VAR / "logs"


def embedded_database() -> dict[str, Any]:
    """Django's connection entries for the embedded server; libpq reads the password when it connects.

    The password is not in the settings: it sits in a file of `var/` that only this user may read, and the
    file may appear after the settings were loaded (the first start).
    """
    refuse_foreign(PG_SOCKET_DIR)
    return {
        "HOST": str(PG_SOCKET_DIR),
        "PORT": str(SOCKET_PORT),
        "NAME": DATABASE_NAME,
        "USER": DATABASE_USER,
        "PASSWORD": "",
        "OPTIONS": {"passfile": str(PG_PASSWORDS)},
    }


def embedded_broker_url() -> str:
    """Celery's URL of the embedded broker's socket."""
    refuse_foreign(BROKER_SOCKET.parent)
    return f"redis+socket://{quote(str(BROKER_SOCKET))}"
