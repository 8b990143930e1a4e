"""The product's own processes under the supervisor: web, workers and beat."""

import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from auditor.runtime import places, processes

QUEUES = "io"  # short work
CALLS = "llm"  # long runs that wait for models
DEVICE = "gpu"  # work for one device: models whose activations are read
INTERP = places.BASE_DIR / ".venv-interp" / "bin" / "python"  # made by `make interp`


class Child:
    """One restartable process: how it is started, asked to stop, and killed with its supervisor."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        *,
        log: Path,
        stop: list[tuple[int, float]],
        prepare: Callable[[], None] | None = None,
        python: str = sys.executable,
    ) -> None:
        self.name = name
        self.arguments = [python, *arguments]
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._stop = stop
        self._prepare = prepare

    def start(self) -> None:
        """Start the process; returns at once."""
        if self._prepare is not None:
            self._prepare()
        self.process = processes.spawn(
            self.arguments, death_signal=signal.SIGKILL, log=self.log, folder=places.BASE_DIR
        )

    def stop(self) -> None:
        """Ask the process to finish, wait, insist."""
        if self.process is not None:
            processes.stop(self.process, self._stop)
            self.process = None


def web(*, host: str, port: int, logs: Path) -> Child:
    """The web server; requests in flight get ten seconds to finish."""
    arguments = ["-m", "auditor.runtime.web", "--host", host, "--port", str(port)]
    return Child("web", arguments, log=logs / "web.log", stop=[(signal.SIGTERM, 10.0)])


def worker(*, logs: Path, prepare: Callable[[], None] | None) -> Child:
    """The Celery worker of short work; a task that does not end in time is carried on after the next start."""
    return _celery("worker", ["-Q", QUEUES], logs=logs, prepare=prepare)


def caller(*, processes: int, logs: Path, prepare: Callable[[], None] | None) -> Child:
    """The Celery worker of long runs of calls, apart so that no short work waits for them."""
    return _celery("caller", ["-Q", CALLS, "-c", str(processes)], logs=logs, prepare=prepare)


def modeller(*, python: str, logs: Path, prepare: Callable[[], None] | None) -> Child:
    """The Celery worker that loads models. It never forks: torch and a device do not live through that."""
    return _celery(
        "modeller", ["-Q", DEVICE, "--pool", "solo"], logs=logs, prepare=prepare, python=python, patience=30.0
    )


def python_with_torch(named: str) -> str:
    """The interpreter for models: the one that is named, else `make interp`'s, else this one; empty if none has torch."""
    if named:
        return named
    if INTERP.exists() and any(INTERP.parent.parent.glob("lib/python3*/site-packages/torch/__init__.py")):
        return str(INTERP)
    return sys.executable if find_spec("torch") is not None else ""


def _celery(
    name: str,
    which: list[str],
    *,
    logs: Path,
    prepare: Callable[[], None] | None,
    python: str = sys.executable,
    patience: float = 10.0,
) -> Child:
    arguments = ["-m", "celery", "-A", "auditor.config", "worker", *which, "-l", "INFO"]
    arguments += ["--without-gossip", "--without-mingle", "-n", f"{name}@auditor"]
    stop: list[tuple[int, float]] = [(signal.SIGTERM, patience), (signal.SIGQUIT, 5.0)]
    return Child(name, arguments, log=logs / f"{name}.log", stop=stop, prepare=prepare, python=python)


def beat(*, logs: Path, folder: Path) -> Child:
    """Celery's clock. Its schedule is intervals of seconds, so what it remembers is dropped at each start."""

    def forget() -> None:
        places.private_directory(folder)
        for left in folder.iterdir():
            left.unlink()

    arguments = ["-m", "celery", "-A", "auditor.config", "beat", "-l", "WARNING", "--pidfile="]
    arguments += ["-s", str(folder / "schedule")]
    return Child("beat", arguments, log=logs / "beat.log", stop=[(signal.SIGTERM, 5.0)], prepare=forget)
