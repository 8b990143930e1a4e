"""Real processes for these tests: a whole product in the foreground, other users, and who is still alive."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psycopg

from auditor.runtime.places import BASE_DIR, postgres_socket_directory
from auditor.runtime.processes import is_alive

STRANGER = 12345  # a uid that nobody has
NOBODY = 65534


def clean_environment(var: Path, **extra: str) -> dict[str, str]:
    """The environment of a person's shell: nothing that this test session set."""
    dropped = ("DATABASE_URL", "CELERY_BROKER_URL", "PYTEST_", "AUDITOR_", "DJANGO_ALLOW", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    # One web process, since the cores are shared with other tests, and it is looked at by itself. The worker for
    # models is this interpreter, with torch or without: what it loads it loads when a task needs it.
    return {
        **kept, "AUDITOR_VAR": str(var), "AUDITOR_WEB_PROCESSES": "1", "PYTHONUNBUFFERED": "1",
        "AUDITOR_INTERP_PYTHON": sys.executable, **extra,
    }  # fmt: skip


def manage(var: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a management command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=clean_environment(var, **extra),
        capture_output=True,
        text=True,
        timeout=60,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of a page on this machine; (0, b"") where nobody answers."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        line.close()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def descendants(pid: int) -> dict[int, str]:
    """The living processes below `pid`, with their command lines."""
    parents, words = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            parents[int(entry.name)] = int(status[1])
            words[int(entry.name)] = (
                (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
        except OSError:
            continue
    found: dict[int, str] = {}
    layer = {pid}
    while layer:
        layer = {child for child, parent in parents.items() if parent in layer}
        found.update({child: words[child] for child in layer if is_alive(child)})
    return found


class Product:
    """`manage.py run` on its own `var/`."""

    SIGNS = {
        "postgres": "bin/postgres -D",
        "broker": "valkey-server",
        "worker": "-n worker@auditor",
        "caller": "-n caller@auditor",
        "modeller": "-n modeller@auditor",
        "beat": "celery -A auditor.config beat",
        "web": "auditor.runtime.web",
    }

    def __init__(self, var: Path, *arguments: str, **extra: str) -> None:
        self.var = var
        self.port = free_port()
        self.lines: list[str] = []
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", str(self.port), *arguments],
            cwd=BASE_DIR,
            env=clean_environment(var, **extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if "Another link" in line:
                break
        else:
            raise AssertionError("it did not start:\n" + "".join(self.lines))
        self.seconds_to_first_page = time.monotonic() - begun
        started = ("worker", "caller", "modeller", "beat")
        assert within(20, lambda: None not in [self.pid(name) for name in started])

    def pid(self, name: str) -> int | None:
        """The child of this name that is directly below the supervisor."""
        for pid, words in descendants(self.process.pid).items():
            if self.SIGNS[name] in words and _parent(pid) == self.process.pid:
                return pid
        return None

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; (0, b"") where nobody answers."""
        return get(self.port, path)

    def is_healthy(self) -> bool:
        return self.get("/healthz")[0] == 200

    def stop(self, number: int = signal.SIGINT) -> str:
        """Ask it to stop and return what it printed after that."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=40)
        return rest


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def connect(var: Path, *, password: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
    """A client of the embedded server of `var`."""
    folder = str(postgres_socket_directory(var))
    if password is not None:
        return psycopg.connect(host=folder, dbname="auditor", user="auditor", password=password)
    return psycopg.connect(host=folder, dbname="auditor", user="auditor", passfile=str(var / "pgpass"))


def as_user(uid: int, deed: Callable[[], object]) -> str:
    """Do something as another user in a forked child; returns the exception's words, empty where it worked."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            deed()
        except BaseException:
            os.write(writing, traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as words:
        said = words.read()
    os.waitpid(pid, 0)
    return said
