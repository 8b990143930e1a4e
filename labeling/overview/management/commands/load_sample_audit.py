"""Load the audit that ships with the app."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from labeling.overview.loader import load_sample_audit
from labeling.overview.queries import sample_project


class Command(BaseCommand):
    help = "Load the sample audit unless it is there. It is made up, evidence and all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="do nothing, in silence, if it was loaded before"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"] and sample_project() is not None:
            return
        project = load_sample_audit()
        self.stdout.write(f"The sample audit is at /p/{project.slug}/")
