"""Child processes that never outlive their owner, and the leftovers of an owner that was killed."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LARGEST_LOG = 10 << 20  # bytes; a longer log is set aside when its writer starts
libc = ctypes.CDLL(None, use_errno=True)


class AlreadyRunning(RuntimeError):
    """Another process owns what this one wanted to start."""


class StartFailed(RuntimeError):
    """A server did not come up; the message names what is missing and what mends it."""


def die_with_parent(death_signal: int, *, parent: int | None = None) -> Callable[[], None]:
    """What a new child runs first, so that the kernel sends it `death_signal` when its parent dies.

    `parent` is the process that makes this function, unless named.

    The kernel watches the thread that started the child, so children are started from the main thread only.
    Elsewhere than on Linux this does nothing: servers that lost their owner are ended at the next start.
    """
    expected = parent or os.getpid()

    def arrange() -> None:
        if sys.platform == "linux":
            libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != expected:  # the parent died before the kernel was asked
                os._exit(1)

    return arrange


def spawn(
    argv: Sequence[str],
    *,
    death_signal: int,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    user: int | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in its own session, with its output appended to `log`, bound to this process's life."""
    output: IO[Any] | int = subprocess.DEVNULL
    if log is not None:
        output = open_log(log)
    as_user: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    try:
        return subprocess.Popen(  # noqa: S603  (the programs are ours)
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=folder,
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),
            **as_user,
        )
    finally:
        if not isinstance(output, int):
            output.close()


def open_log(path: Path) -> IO[bytes]:
    """Open a log for appending, readable by its owner only; a long one is set aside first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(path.suffix + ".1"))
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for a message about why its writer stopped."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


def stop(process: subprocess.Popen[bytes], steps: Iterable[tuple[int, float]]) -> None:
    """End a child by each (signal, seconds to wait) in turn, then by force; then whatever it left in its session."""
    for number, patience in steps:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
        process.wait()
    end_group(process.pid)


def how_it_ended(status: int) -> str:
    """The end of a child's life in words, from the status that waiting for it gave."""
    if status == -signal.SIGKILL:
        return "was killed, as systems do when memory is short"
    return f"was ended by signal {-status}" if status < 0 else f"ended early with status {status}"


def end_group(leader: int) -> None:
    """Kill what is left of a dead child's process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def take_lock(path: Path, what: str) -> IO[str]:
    """Hold `path` for the life of the returned file; raise AlreadyRunning with the holder's words if it is held."""
    file = open(  # noqa: SIM115  (held until the owner lets go)
        path, "a+", opener=lambda name, flags: os.open(name, flags, 0o600), encoding="utf-8"
    )
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise AlreadyRunning(f"{what} is already running" + (f": {holder}" if holder else ".")) from problem
    return file


def write_lock(file: IO[str], words: str) -> None:
    """Say in a held lock who holds it."""
    file.truncate(0)
    file.write(words)
    file.flush()


def is_alive(pid: int) -> bool:
    """Whether `pid` runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        state = (
            Path(f"/proc/{pid}/stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()[0]
        )
    except OSError:
        return sys.platform != "linux"
    return state not in ("Z", "X")


def processes_in(folder: Path) -> list[int]:
    """The living processes whose working folder is `folder`: servers live in their data, so these are theirs."""
    if sys.platform != "linux":
        return _named_by_commands(folder)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder and is_alive(int(entry.name)):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _named_by_commands(folder: Path) -> list[int]:
    """Where there is no /proc: the processes whose command line names the folder."""
    argv = ["/bin/ps", "-axo", "pid=,command="]
    lines = subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()  # noqa: S603
    return [int(line.split(None, 1)[0]) for line in lines if str(folder) in line]


def end_leftovers(folder: Path, *, gently: int, patience: float = 30.0) -> None:
    """End the processes that a killed owner left in `folder`: `gently` first, by force after `patience` seconds.

    The caller holds the folder's lock, so whoever is found there has lost its owner.
    """
    left = processes_in(folder)
    for pid in left:
        _signal(pid, gently)
    deadline = time.monotonic() + patience
    while left := processes_in(folder):
        if time.monotonic() > deadline:
            for pid in left:
                _signal(pid, signal.SIGKILL)
        time.sleep(0.05)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
