"""As whom the embedded PostgreSQL runs: it refuses to be root, and no user may be added for it.

An ordinary user runs it as itself. Root runs it as `nobody`, who sees only what it is given; where `nobody`
cannot reach the programs or the data (an environment under /root), root runs it in a user namespace, in
which it is still root's files but no longer root's powers.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from auditor.runtime.places import NOBODY
from auditor.runtime.processes import StartFailed

UNREACHABLE = """PostgreSQL refuses to run as root, and neither way around it works on this machine:
    as nobody: {nobody}
    in a user namespace: {namespace}
Any one of these mends it:
    run Auditor as an ordinary user
    move the project (with its .venv) to a folder that every user may enter, such as /srv/auditor
    AUDITOR_VAR=/srv/auditor-data make run, if it is only the data that nobody cannot reach
    DATABASE_URL=postgresql://user:password@host/name make run"""


@dataclass(frozen=True)
class ServerUser:
    """How to start a program as the server's user, and who then owns its files."""

    uid: int | None = None  # None: as this process
    prefix: tuple[str, ...] = ()

    @property
    def owner(self) -> int:
        """The uid that must own the data."""
        return os.geteuid() if self.uid is None else self.uid

    def run(self, argv: list[str], *, words: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this user and return what it printed (both streams in stdout)."""
        return subprocess.run(  # noqa: S603  (the programs are ours)
            [*self.prefix, *argv],
            input=words or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=server_environment(),
            user=self.uid,
            group=self.uid,
            extra_groups=None if self.uid is None else [],
        )


def server_environment() -> dict[str, str]:
    """The environment of the servers: none of the caller's PG variables or locale."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}


def choose_server_user(program: str, data: Path) -> ServerUser:
    """Who can run `program` on the folder `data`; raises StartFailed where root finds no way."""
    if os.geteuid() != 0:
        return ServerUser()
    nobody = ServerUser(uid=NOBODY)
    first = _try(nobody, program, data)
    if not first:
        return nobody
    unshare = shutil.which("unshare")
    second = "there is no program `unshare`"
    if unshare:
        inside = ("--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
        setpriv = shutil.which("setpriv")  # becoming another user may clear the wish to die with the parent
        repeat = (setpriv, "--pdeathsig", "INT") if setpriv else ()
        namespace = ServerUser(prefix=(unshare, *inside, *repeat))
        second = _try(namespace, program, data)
        if not second:
            return namespace
    raise StartFailed(UNREACHABLE.format(nobody=first, namespace=second))


def _try(user: ServerUser, program: str, data: Path) -> str:
    """Why this user cannot run `program` with `data`; empty if it can."""
    try:
        done = user.run(["/bin/sh", "-c", 'cd "$0" && exec "$1" --version', str(data), program])
    except OSError as problem:
        return str(problem)
    return "" if done.returncode == 0 else done.stdout.strip() or f"exit status {done.returncode}"
