"""Run the benchmarks: `make bench`, `make bench ONLY=import SIZE=10000`.

Each size has a project of its own on one private PostgreSQL with the settings of `make run`, unless
DATABASE_URL names another server.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.private import private_server

if TYPE_CHECKING:
    from bench.harness import Result

SIZES = (1_000, 10_000)
GROUPS = ("import", "browse", "submit", "export", "load")


def main() -> int:
    """Measure the chosen groups at the chosen sizes; exit 2 for a group that does not exist."""
    only = os.environ.get("ONLY", "")
    if only and only not in GROUPS:
        print(f"ONLY must be one of {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    sizes = (int(os.environ["SIZE"]),) if os.environ.get("SIZE") else SIZES
    with private_server(broker=True) as folder:
        from bench.harness import emit, header

        header()
        for size in sizes:
            for result in _measure(only, size, folder):
                emit(result)
    return 0


def _measure(only: str, size: int, folder: Path) -> Iterator["Result"]:
    from django.test.utils import override_settings

    from bench import browse, export, importing, load, submit
    from bench.scene import begin

    project, owner = begin(f"Bench {size}")
    with override_settings(ALLOWED_HOSTS=["testserver", "127.0.0.1"]):
        for result in importing.run(project, owner, size, folder):
            if only in ("", "import"):
                yield result
        if only in ("", "browse"):
            yield from browse.run(project, owner, size)
        if only in ("", "submit", "load"):
            crew = submit.prepare(project, owner)
            if only in ("", "submit"):
                yield from submit.run(crew, size)
            if only in ("", "load"):
                yield from load.run(crew, size)
        if only in ("", "export"):
            yield from export.run(project, owner, size, folder)


if __name__ == "__main__":
    sys.exit(main())
