"""The web process: granian in front of the WSGI application that the settings name.

Run as `python -m auditor.runtime.web --host 127.0.0.1 --port 8000`.
"""

import argparse
import os
import signal
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from auditor.runtime import processes

THREADS = 8  # requests served at once by a process; a page waits on the database, not on the processor
# One for each core, up to four: Python itself needs most of a page's time.
PROCESSES = int(os.environ.get("AUDITOR_WEB_PROCESSES") or min(4, os.cpu_count() or 1))


def load(target: str) -> Any:
    """The application in a worker, which ends with granian's own main process even if that is killed."""
    processes.die_with_parent(signal.SIGKILL, parent=os.getppid())()
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


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
