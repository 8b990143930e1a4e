"""`manage.py migrate`: Django's own, except that an empty database gets its tables in one step."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from auditor.runtime.recorded_schema import lay

IN_PART = (
    "app_label",
    "fake",
    "fake_initial",
    "plan",
    "check_unapplied",
    "prune",
)  # somebody wants less, or to look


class Command(migrate.Command):
    help = migrate.Command.help + " An empty database gets what is recorded of them in one step."

    def handle(self, *args: Any, **options: Any) -> None:
        if not any(options.get(name) for name in IN_PART):
            laid = lay(connections[options["database"]])
            if laid and options["verbosity"] >= 1:
                self.stdout.write(f"Made the tables of {len(laid)} migrations in one step.")
        super().handle(*args, **options)
