"""The real `manage.py run` in a process of its own, with a private `var/`, and eyes on every process below it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg

BASE = Path(__file__).resolve().parents[2]
KINDS = {  # part of the command line -> what it is
    "auditor.runtime.web": "web",
    "caller@auditor": "caller",
    " worker ": "worker",
    " beat ": "beat",
    "postgres": "postgres",
    "valkey": "broker",
}
FOREIGN = ("DATABASE_URL", "CELERY_BROKER_URL", "AUDITOR_EAGER_TASKS", "AUDITOR_SECRET_KEY", "AUDITOR_DEBUG")


class Product:
    """Starts, kills, looks at and stops one installation."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        self.environment |= {"AUDITOR_VAR": str(var), "PYTHONUNBUFFERED": "1"}

    def start(self) -> float:
        """Start it; seconds until the first page is served."""
        began = monotonic()
        command = [sys.executable, "manage.py", "run", "--no-sample", "--port", str(self.port)]
        with (self.var / "said.log").open("ab") as said:
            self.process = subprocess.Popen(
                command, cwd=BASE, env=self.environment, stdout=said, stderr=said, start_new_session=True
            )
        process = self.process
        until(lambda: process.poll() is not None or self.answers(), 90, "the first page")
        if process.poll() is not None:
            raise RuntimeError(f"it did not start: {(self.var / 'said.log').read_text()[-2000:]}")
        return monotonic() - began

    def command(self, *words: str) -> str:
        """What a management command prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=BASE,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def answers(self) -> bool:
        """Whether a page is served."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", "/sign-in/")
            return line.getresponse().status in (200, 302)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()

    def children(self) -> dict[str, int]:
        """The supervisor's own children by kind."""
        assert self.process is not None
        table = processes()
        found = {}
        for pid, (parent, words) in table.items():
            if parent == self.process.pid and (kind := _kind(words)):
                found[kind] = pid
        return found

    def below(self, root: int) -> set[int]:
        """Every living process below `root`."""
        table = processes()
        found: set[int] = set()
        while more := {pid for pid, (parent, _) in table.items() if parent in found | {root}} - found:
            found |= more
        return found

    def kill(self, kind: str) -> float:
        """kill -9 the child of this kind; seconds until the supervisor has started another."""
        until(lambda: kind in self.children(), 40, f"a {kind} to kill")
        before = self.children()[kind]
        began = monotonic()
        os.kill(before, signal.SIGKILL)
        until(lambda: self.children().get(kind, before) != before, 40, f"another {kind}")
        return monotonic() - began

    def kill_supervisor(self) -> float:
        """kill -9 the supervisor; seconds until nothing below it is left."""
        assert self.process is not None
        below = self.below(self.process.pid)
        began = monotonic()
        self.process.kill()
        self.process.wait()
        until(lambda: not below & processes().keys(), 60, "its children to go")
        return monotonic() - began

    def stop(self) -> float:
        """As Ctrl-C does; seconds it took."""
        assert self.process is not None
        began = monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        return monotonic() - began

    def left(self) -> list[str]:
        """Processes that have to do with this `var/`, by their place, their words or their environment."""
        found = []
        mark = str(self.var).encode()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes()
                place = os.fsencode((entry / "cwd").readlink())
                if int(entry.name) != os.getpid() and any(
                    mark in text for text in (words, place, (entry / "environ").read_bytes())
                ):
                    found.append(f"{entry.name} {words.replace(bytes(1), b' ').decode()[:100]}")
            except OSError:
                continue
        return found

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the embedded database answers."""
        with psycopg.connect(
            host=str(self.var / "pg-socket"), port=5432, user="auditor", dbname="auditor",
            passfile=str(self.var / "pgpass"), connect_timeout=10,
        ) as line:  # fmt: skip
            return line.execute(query.encode()).fetchall()


def processes() -> dict[int, tuple[int, str]]:
    """Every living process: its parent and its command line."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if state not in ("Z", "X"):
            found[int(entry.name)] = (int(parent), words)
    return found


def until(holds: Callable[[], bool], patience: float, what: str) -> None:
    """Wait for it, or raise TimeoutError."""
    deadline = monotonic() + patience
    while not holds():
        if monotonic() > deadline:
            raise TimeoutError(f"waited {patience:.0f} s for {what}")
        sleep(0.05)


def _kind(words: str) -> str:
    return next((kind for part, kind in KINDS.items() if part in words), "")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
