"""Attach an evidence file on the server itself, whatever its size."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.accounts.models import Project, User
from auditor.evidence.attach import attach_file
from auditor.runs.actions import RunFailed


class Command(BaseCommand):
    help = "Attach an evidence file (JSONL or Parquet); running it again adds only what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--project", required=True, help="the project's short name in its address")
        parser.add_argument("--as", dest="email", help="address of the person who attaches (default: nobody)")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']}")
        actor = (
            User.objects.filter(email__iexact=options["email"], is_active=True).first()
            if options["email"]
            else None
        )
        if options["email"] and actor is None:
            raise CommandError(f"no active person has the address {options['email']}")
        if not path.is_file():
            raise CommandError(f"{path} is no file")
        try:
            batch = attach_file(project=project, path=path, file_name=path.name, actor=actor)
        except RunFailed as problem:
            raise CommandError(f"{path.name}: {problem}") from problem
        self.stdout.write(
            f"{path.name}: {batch.readings_written} readings and {batch.tracks_written} token tracks new, "
            f"{batch.unchanged} already there, {batch.rejected} rejected"
        )
        for reject in batch.rejects.all()[:20]:
            self.stderr.write(f"  {reject.place}: {reject.reason}")
        if batch.rejected and not (batch.readings_written or batch.tracks_written or batch.unchanged):
            raise CommandError("nothing was attached: every line was rejected", returncode=1)
