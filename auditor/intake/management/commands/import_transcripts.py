"""Import files of transcripts on the server itself, whatever their size."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.accounts.models import Project, User
from auditor.intake.actions import CannotImport, import_file
from auditor.intake.importers import FORMATS
from auditor.intake.importers.detect import HEAD, detect
from auditor.intake.importers.mapping import MappingError
from auditor.runs.actions import RunFailed


class Command(BaseCommand):
    help = "Import files of transcripts; running it again adds only what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--project", required=True, help="the project's short name in its address")
        parser.add_argument("--format", choices=sorted(FORMATS), help="default: as the content looks")
        parser.add_argument("--mapping", type=Path, help="JSON file that says which field is what")
        parser.add_argument("--as", dest="email", help="address of the person who imports (default: nobody)")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']}")
        actor = person_of(options["email"])
        mapping = _mapping(options["mapping"])
        taken = 0
        for path in options["files"]:
            taken += self._import(project, path, options["format"], mapping, actor)
        if not taken:
            raise CommandError("nothing was imported: every record was rejected", returncode=1)

    def _import(
        self,
        project: Project,
        path: Path,
        format: str | None,
        mapping: dict[str, Any] | None,
        actor: User | None,
    ) -> int:
        if not path.is_file():
            raise CommandError(f"{path} is no file")
        size = path.stat().st_size
        with path.open("rb") as file:
            found = detect(file.read(HEAD), path.name)
        format = format or ("mapped_jsonl" if mapping and found.format == "openai_chat" else found.format)
        try:
            batch = import_file(
                project=project, path=path, file_name=path.name, format=format, mapping=mapping, actor=actor,
                beat=lambda done, words: self.stderr.write(f"{path.name}: {100 * done // max(size, 1)}%, {words}"),
            )  # fmt: skip
        except CannotImport as problem:
            why = f" (it looks like {found.why})" if format not in FORMATS else ""
            raise CommandError(f"{path.name}: {problem}{why}") from problem
        except (MappingError, RunFailed) as problem:
            raise CommandError(f"{path.name}: {problem}") from problem
        self.stdout.write(
            f"{path.name}: {batch.transcripts_written} new, {batch.already_there} already there, "
            f"{batch.rejected} rejected, {batch.warned} with warnings"
        )
        for reject in batch.rejects.all()[:20]:
            self.stderr.write(f"  {reject.place}: {reject.reason}")
        if batch.rejected > 20:
            self.stderr.write(f"  and {batch.rejected - 20} more, listed on the import's page")
        return batch.transcripts_written + batch.already_there


def person_of(email: str | None) -> User | None:
    """The active person of an address; none for no address.

    Raises:
        CommandError: nobody has it.
    """
    if not email:
        return None
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        raise CommandError(f"no active person has the address {email}")
    return user


def _mapping(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise CommandError(f"{path} cannot be read: {problem}") from problem
    if not isinstance(mapping, dict):
        raise CommandError(f"{path} holds no JSON object")
    return mapping
