"""`manage.py backup FILE`: database and files into one file, while the product runs or not."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

import auditor
from auditor.runtime import backup, places
from auditor.runtime.processes import StartFailed


class Command(BaseCommand):
    help = "Write the database and all files to FILE. The product may be running."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the backup to write; must not exist")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if path.exists():
            raise CommandError(f"{path} exists; a backup is never overwritten")
        try:
            with backup.served(places.VAR, own_database=settings.OWN_DATABASE, alone=False):
                made = backup.back_up(
                    path,
                    database=settings.DATABASES["default"],
                    files=places.FILES,
                    version=auditor.__version__,
                )
        except (backup.Refused, StartFailed, OSError) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(
            f"{path}: {len(made.members) - 1} files and the database, {path.stat().st_size:,} bytes"
        )
