"""`manage.py record_schema`: writes down what the migrations say to an empty database, after one was added."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from auditor.runtime import places
from auditor.runtime.backup import served
from auditor.runtime.recorded_schema import RECORD, record


class Command(BaseCommand):
    help = "Run all migrations on an empty database and record what they say to it (`make schema`)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=RECORD, help="the file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        with served(places.VAR, own_database=settings.OWN_DATABASE, alone=True):
            if connection.introspection.table_names():
                raise CommandError("This needs a database that holds nothing; `make schema` brings one.")
            text = record(connection)
            connection.close()
        options["to"].write_text(text, encoding="utf-8")
        self.stdout.write(f"Written: {options['to']}")
