"""One private PostgreSQL for a test session, started before Django reads the settings.

Named in pyproject's `addopts`, because pytest-django reads the settings before any conftest. Each session has
its own temporary `var/`, so several can run at once. With DATABASE_URL the tests use that server instead.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
FAST = {  # a crash may lose the data of a test run
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "autovacuum": "off",
}

# The products that tests start are a dozen processes, and each would compile every module again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

if not IS_WORKER:  # an xdist worker inherits what the controller set
    os.environ["AUDITOR_VAR"] = tempfile.mkdtemp(prefix="auditor-test-")
    os.environ["AUDITOR_EAGER_TASKS"] = "True"
    os.environ.setdefault("AUDITOR_SECRET_KEY", "for tests only")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the thread of the test

from auditor.runtime import places  # noqa: E402  (reads AUDITOR_VAR when imported)
from auditor.runtime.postgres import PostgresServer  # noqa: E402

if (
    IS_WORKER
):  # a worker has a database of its own, so it has files of its own: else one would tidy away another's
    places.FILES = places.FILES / os.environ["PYTEST_XDIST_WORKER"]

SERVER = pytest.StashKey[PostgresServer]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the session's server, in the controller only."""
    if IS_WORKER or os.environ.get("DATABASE_URL") or config.option.collectonly:
        return
    server = PostgresServer(Path(os.environ["AUDITOR_VAR"]), settings=FAST)
    server.start()
    config.stash[SERVER] = server


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and remove the session's data."""
    if IS_WORKER:
        return
    if (server := config.stash.get(SERVER, None)) is not None:
        server.stop()
    shutil.rmtree(os.environ["AUDITOR_VAR"], ignore_errors=True)
