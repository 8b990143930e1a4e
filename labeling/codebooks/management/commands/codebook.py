"""Codebooks from the command line: export one, import one, or check a file without touching anything."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from auditor.accounts.models import Project, Role, User
from labeling.codebooks import actions
from labeling.codebooks.definition import digest
from labeling.codebooks.models import Codebook, CodebookVersion
from labeling.codebooks.queries import definition_of, sheet_of
from labeling.codebooks.written import MAX_TEXT, Written, read_text, write_text


class Command(BaseCommand):
    help = "Export, import or check a codebook as YAML."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        exported = does.add_parser("export", help="print a version as YAML")
        exported.add_argument("--project", required=True, help="the project's short name in its address")
        exported.add_argument("name", help="the codebook's name")
        exported.add_argument("--version-number", type=int, help="which version (default: the newest)")
        exported.add_argument("--to", type=Path, help="the file to write (default: print it)")
        imported = does.add_parser(
            "import", help="write a file into the draft of a codebook, made if need be"
        )
        imported.add_argument("--project", required=True, help="the project's short name in its address")
        imported.add_argument("file", type=Path, help="a YAML file; - reads standard input")
        imported.add_argument("--name", help="the codebook's name (default: its title)")
        imported.add_argument(
            "--as", dest="email", help="address of the manager who imports (default: the owner)"
        )
        imported.add_argument("--publish", action="store_true", help="publish it as the next version at once")
        checked = does.add_parser("check", help="say whether a file defines a codebook, and where it fails")
        checked.add_argument("file", type=Path, help="a YAML file; - reads standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        {"export": self.export, "import": self.take_in, "check": self.check_file}[options["does"]](options)

    def export(self, options: dict[str, Any]) -> None:
        project = _project(options["project"])
        versions = CodebookVersion.objects.filter(codebook__project=project, codebook__name=options["name"])
        if options["version_number"] is not None:
            versions = versions.filter(number=options["version_number"])
        version = versions.order_by("-number").first()
        if version is None:
            raise CommandError(f"no such version of a codebook “{options['name']}” in {project.slug}")
        text = write_text(definition_of(version))
        if options["to"] is None:
            self.stdout.write(text, ending="")
        else:
            options["to"].write_text(text, encoding="utf-8")

    def take_in(self, options: dict[str, Any]) -> None:
        project = _project(options["project"])
        actor = _person(project, options["email"])
        written = _read(options["file"])
        if written.codebook is None:
            raise CommandError(_fault(options["file"], written))
        name = (options["name"] or written.codebook.title)[:150]
        with transaction.atomic():
            codebook = Codebook.objects.filter(project=project, name=name).first()
            if codebook is None:
                codebook = actions.create(project=project, name=name, text=written.text, actor=actor)
            else:
                sheet = sheet_of(codebook)
                if sheet.changed and sheet.text != written.text:
                    raise CommandError(f"“{name}” is being drafted; publish or discard that draft first")
                actions.save_draft(codebook=codebook, text=written.text, base=sheet.number, actor=actor)
            if options["publish"]:
                base = sheet_of(codebook).number
                version = actions.publish_draft(codebook=codebook, base=base, actor=actor)
                self.stdout.write(f"{version}, digest {version.digest[:12]}")
            else:
                self.stdout.write(f"draft of {name}")

    def check_file(self, options: dict[str, Any]) -> None:
        written = _read(options["file"])
        if written.codebook is None:
            raise CommandError(_fault(options["file"], written))
        book = written.codebook
        self.stdout.write(
            f"{book.title}: {len(book.questions)} questions, {len(book.labels)} labels, {len(book.rules)} rules, "
            f"{len(book.grades)} grades, digest {digest(book)[:12]}"
        )


def _project(slug: str) -> Project:
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise CommandError(f"there is no project {slug}")
    return project


def _person(project: Project, email: str | None) -> User:
    """A manager of the project: the one named, else its first owner."""
    members = project.memberships.filter(user__is_active=True, role__gte=Role.MANAGER).select_related("user")
    if email:
        members = members.filter(user__email__iexact=email)
    member = members.order_by("-role", "pk").first()
    if member is None:
        raise CommandError(f"{email or 'nobody'} manages {project.slug}")
    return member.user


def _read(path: Path) -> Written:
    most = 4 * MAX_TEXT + 1  # bytes; a text that long is refused all the same
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(most)
        else:
            with path.open("rb") as file:
                data = file.read(most)
        return read_text(data.decode("utf-8-sig"))
    except OSError as problem:
        raise CommandError(f"{path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise CommandError(f"{path}: no text in UTF-8") from problem


def _fault(path: Path, written: Written) -> str:
    problem = written.problem
    assert problem is not None
    return f"{path}:{problem.line}: {problem.words}" if problem.line else f"{path}: {problem.words}"
