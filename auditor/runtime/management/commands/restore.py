"""`manage.py restore FILE`: database and files as they were when the backup was made."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.runtime import archive, backup, places
from auditor.runtime.processes import StartFailed


class Command(BaseCommand):
    help = "Restore the database and all files from FILE. The product must be stopped."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a file that `manage.py backup` wrote")
        parser.add_argument("--replace", action="store_true", help="lose what the target holds")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            with backup.served(places.VAR, own_database=settings.OWN_DATABASE, alone=True):
                made = backup.restore(
                    path,
                    database=settings.DATABASES["default"],
                    files=places.FILES,
                    replace=options["replace"],
                )
                call_command("migrate", verbosity=0, interactive=False)  # an older backup meets newer code
        except (archive.BadBackup, backup.Refused, StartFailed, OSError) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(
            f"Restored the backup of {made.made_at}: {len(made.members) - 1} files and the database."
        )
