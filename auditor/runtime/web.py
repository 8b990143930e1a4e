"""The web process: granian in front of the WSGI application that the settings name.

Run as `python -m auditor.runtime.web --host 127.0.0.1 --port 8000`.
"""

import argparse
import gc
import os
import signal
import threading
from importlib import import_module
from pathlib import Path
from time import sleep
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from auditor.runtime import processes

THREADS = 8  # requests served at once by a process; a page waits on the database, not on the processor
# One for each core, up to four: Python itself needs most of a page's time.
PROCESSES = int(os.environ.get("AUDITOR_WEB_PROCESSES") or min(4, os.cpu_count() or 1))
LATER = 1.5  # seconds after which templates are loaded: a process that was killed has answered by then
# Objects made and not yet freed before the collector looks for cycles; a page leaves some 600.
SELDOM = 20_000


def load(target: str) -> Any:
    """The application in a worker, which ends with granian's own main process even if that is killed."""
    processes.die_with_parent(signal.SIGKILL, parent=os.getppid())()
    module, _, name = target.partition(":")
    application = getattr(import_module(module), name)
    warm()
    return application


def warm(after: float = LATER) -> threading.Thread:
    """Load what the first page would wait for: the views at once, the templates beside what is answered by then.

    Args:
        after: seconds that whoever asked while nobody answered comes first.
    """
    from django.urls import get_resolver

    _ = get_resolver().url_patterns
    beside = threading.Timer(after, _compile)
    beside.daemon = True
    beside.start()
    return beside


def _compile() -> None:
    from django.template import engines

    for folder in engines["django"].dirs:
        for path in sorted(Path(folder).rglob("*.html")):
            engines["django"].get_template(path.relative_to(folder).as_posix())
            sleep(0.002)  # a request that waits for its turn gets it
    settle()


def settle() -> None:
    """What is loaded by now stays: the collector of cycles passes it over, and comes once for some thirty pages, not for each."""
    gc.freeze()
    gc.set_threshold(SELDOM)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=PROCESSES)
    options = parser.parse_args()
    Granian(
        "auditor.config.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=THREADS,
        websockets=False,
        log_access=False,
        respawn_failed_workers=True,
        respawn_interval=0.5,  # seconds
        workers_kill_timeout=10,
    ).serve(target_loader=load, wrap_loader=True)


if __name__ == "__main__":
    main()
