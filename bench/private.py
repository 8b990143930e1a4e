"""A private PostgreSQL for measuring and proving, with the settings that `make run` uses."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_server() -> Iterator[Path]:
    """Start it and make Django ready on it; DATABASE_URL names another server instead. Yields a scratch folder."""
    folder = Path(tempfile.mkdtemp(prefix="auditor-bench-"))
    os.environ["AUDITOR_VAR"] = str(folder)
    os.environ["AUDITOR_EAGER_TASKS"] = "True"
    os.environ.setdefault("AUDITOR_SECRET_KEY", "for measuring only")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "auditor.config.settings")
    from auditor.runtime.postgres import PostgresServer

    server = None if os.environ.get("DATABASE_URL") else PostgresServer(folder)
    if server:
        server.start()
    try:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield folder
    finally:
        if server:
            from django.db import connections

            connections.close_all()
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
