"""A private PostgreSQL and broker for measuring and proving, with the settings that `make run` uses."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_server(*, broker: bool = False) -> Iterator[Path]:
    """Start it and make Django ready on it; DATABASE_URL names another server instead. Yields a scratch folder.

    With `broker`, tasks are sent to a private broker, where nobody takes them up: what a web process
    pays. Without, they run where they are rung for.
    """
    folder = Path(tempfile.mkdtemp(prefix="auditor-bench-"))
    os.environ["AUDITOR_VAR"] = str(folder)
    os.environ["AUDITOR_EAGER_TASKS"] = str(not broker)
    os.environ.setdefault("AUDITOR_SECRET_KEY", "for measuring only")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "auditor.config.settings")
    from auditor.runtime.broker import BrokerServer
    from auditor.runtime.postgres import PostgresServer

    server = None if os.environ.get("DATABASE_URL") else PostgresServer(folder)
    bell = BrokerServer(folder) if broker and not os.environ.get("CELERY_BROKER_URL") else None
    try:
        if server:
            server.start()
        if bell:
            bell.start()
        import django
        from django.core.management import call_command

        django.setup()
        for chatty in ("celery", "django.request"):
            logging.getLogger(chatty).setLevel(logging.ERROR)
        call_command("migrate", verbosity=0)
        yield folder
    finally:
        if bell:
            bell.stop()
        if server:
            from django.db import connections

            connections.close_all()
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
