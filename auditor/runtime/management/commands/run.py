"""`manage.py run`: the whole product in the foreground."""

import io
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from auditor.runtime import places
from auditor.runtime.processes import AlreadyRunning, StartFailed
from auditor.runtime.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run everything: database, broker, worker, clock and web server. Ctrl-C stops all of it in order."
    requires_system_checks: list[
        str
    ] = []  # the settings are checked by the web process; a start is not slowed

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.RUN_HOST, help="address to listen on (AUDITOR_HOST)")
        parser.add_argument("--port", type=int, default=settings.RUN_PORT, help="port (AUDITOR_PORT)")
        parser.add_argument("--no-sample", action="store_true", help="do not load the sample audit")

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor = Supervisor(
            var=places.VAR,
            host=options["host"],
            port=options["port"],
            own_database=settings.OWN_DATABASE,
            own_broker=settings.OWN_BROKER,
            broker_url=settings.CELERY_BROKER_URL,
            caller_processes=settings.CALLER_PROCESSES,
            interp_python=settings.INTERP_PYTHON,
            prepare=lambda: self._prepare(sample=not options["no_sample"]),
            welcome=self._welcome,
            say=self._say,
        )
        try:
            supervisor.run()
        except (AlreadyRunning, StartFailed, places.UnsafePlace) as problem:
            raise CommandError(str(problem)) from problem

    def _prepare(self, *, sample: bool) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        if sample and "load_sample_audit" in get_commands():
            call_command("load_sample_audit", "--once")
        connections.close_all()

    def _welcome(self, address: str) -> None:
        link = io.StringIO()
        call_command("sign_in_link", "--base-url", address, stdout=link)
        connections.close_all()
        self._say(f"\nAuditor runs at {address}/  (data and logs: {places.VAR}; stop: Ctrl-C)")
        self._say(f"Sign in once with this link:\n\n    {link.getvalue().strip()}\n")
        self._say("Another link: .venv/bin/python manage.py sign_in_link")

    def _say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()
