"""Run the benchmarks: `make bench`, `make bench ONLY=import SIZE=10000`.

Each size has a process and a private PostgreSQL of its own with the settings of `make run`, unless
DATABASE_URL names another server.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.private import private_server

if TYPE_CHECKING:
    from bench.harness import Result

SIZES = (1_000, 10_000)
GROUPS = (
    "import",
    "browse",
    "submit",
    "export",
    "load",
    "agreement",
)  # some by ONLY=import,browse, or all of them
APART = (
    "scale",
    "reading",
    "desk",
    "calls",
    "judging",
    "sae",
    "heat",
    "tracks",
)  # by ONLY alone: they take long
LARGE = {
    "scale": (1_000_000,),
    "reading": (100_000,),
    "desk": (1_000,),
    "calls": (20_000,),
    "judging": (20_000,),
    "sae": (16_384, 65_536),
    "heat": (32_000,),
}  # transcripts; messages of one transcript; calls; transcripts; features of a dictionary; tokens of one transcript
INTERP = Path(__file__).resolve().parents[1] / ".venv-interp/bin/python"  # where torch is
FILLED = 100_000  # transcripts from which on a corpus to label, and above which one to browse, is filled without a file


def main() -> int:
    """Measure the chosen groups at the chosen sizes; exit 2 for a group that does not exist."""
    only = [name for name in os.environ.get("ONLY", "").split(",") if name]
    if not set(only) <= {*GROUPS, *APART} or (len(only) > 1 and set(only) & set(APART)):
        print(f"ONLY must be of {', '.join(GROUPS)}, or one of {', '.join(APART)}", file=sys.stderr)
        return 2
    if not os.environ.get("SIZE"):
        sizes = LARGE.get(only[0] if only else "", SIZES)
        return max(_in_its_own_process(size) for size in sizes)
    size = int(os.environ["SIZE"])
    if only == ["sae"]:  # no database, and another environment
        return subprocess.run(
            [INTERP, "-m", "bench.encoding"], env={**os.environ, "SIZE": str(size)}, check=False
        ).returncode
    with private_server(broker=True) as folder:
        from bench.harness import emit, header

        header()
        for result in _measure(set(only or GROUPS), size, folder):
            emit(result)
    return 0


def _in_its_own_process(size: int) -> int:
    """So that the memory of one size is not the other's."""
    words = [sys.executable, "-m", "bench"]
    return subprocess.run(words, env={**os.environ, "SIZE": str(size)}, check=False).returncode


def _measure(wanted: set[str], size: int, folder: Path) -> Iterator["Result"]:
    from django.test.utils import override_settings

    from bench import agreement, browse, calls, export, importing, load, submit
    from bench.scene import begin, fill, stock
    from bench.served import served

    if "agreement" in wanted:
        yield from agreement.run(size)
    if wanted == {"agreement"}:
        return
    project, owner = begin(f"Bench {size}")
    with override_settings(ALLOWED_HOSTS=["testserver", "127.0.0.1"]):
        if "calls" in wanted:
            yield from calls.run(project, owner, size)
            return
        if "scale" in wanted:
            yield from importing.scale(owner, size, folder)
            return
        if "reading" in wanted:
            from bench import reading  # needs a browser

            yield from reading.run(project, owner, size)
            return
        if "heat" in wanted:
            from bench import heat  # needs a browser

            yield from heat.run(project, owner, size)
            return
        if "desk" in wanted:
            from bench import highlights  # needs a browser

            yield from highlights.run(project, owner, size, folder)
            return
        if "judging" in wanted:
            from bench import judging  # needs the client

            fill(project, owner, size, **importing.SHORT)
            yield from judging.run(project, owner, size)
            return
        if "tracks" in wanted:
            from bench import tracks  # needs the slice of models

            fill(project, owner, size, **tracks.TEXTS)
            yield from tracks.run(project, owner, size)
            return
        if (wanted == {"browse"} and size > FILLED) or (wanted <= {"submit", "load"} and size >= FILLED):
            fill(project, owner, size, **importing.SHORT)
        elif "import" in wanted:
            yield from importing.run(project, owner, size, folder)
        else:
            stock(project, owner, size)
        if "browse" in wanted:
            yield from browse.run(project, owner, size)
        if wanted & {"submit", "load"}:
            with served(folder) as port:
                crew = submit.prepare(project, owner, port)
                if "submit" in wanted:
                    yield from submit.run(crew, size)
                if "load" in wanted:
                    yield from load.run(crew, size)
        if "export" in wanted:
            yield from export.run(project, owner, size, folder)


if __name__ == "__main__":
    sys.exit(main())
