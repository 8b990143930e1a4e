"""Datasets from the command line: make, list, follow, freeze, keep and check them, fetch, verify and bring one in."""

import json
import shutil
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.accounts.models import Project, Role
from auditor.sampling.commandline import in_project, manager_of, project_of
from labeling.datasets import actions, verifying
from labeling.datasets.exporters import ALWAYS, FORMATS, digest_of
from labeling.datasets.importing.opening import CannotOpen
from labeling.datasets.models import Release
from labeling.datasets.queries import brought_by, hidden_from
from labeling.datasets.tasks import (
    build_release,
    check_release,
    import_release,
    queue_build,
    queue_check,
    queue_import,
)
from labeling.queues.models import Round


class Command(BaseCommand):
    help = "Make, list, follow, freeze, keep, check, fetch, verify or import datasets."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        made = in_project(does.add_parser("make", help="make a dataset of rounds, in this process"))
        made.add_argument("--name", required=True, help="of the dataset; a name is taken once")
        made.add_argument(
            "--round",
            dest="rounds",
            action="append",
            required=True,
            metavar="NAME",
            help="repeat for several",
        )
        others = [key for key in FORMATS if key not in ALWAYS]
        made.add_argument(
            "--format", dest="formats", action="append", default=[], choices=others, help="repeat for several"
        )
        made.add_argument(
            "--settings", type=Path, help="a JSON file with further settings, as the API takes them"
        )
        made.add_argument("--queue", action="store_true", help="leave the building to a worker")
        in_project(does.add_parser("list", help="list the datasets of a project"))
        for verb, words in (
            ("status", "say how far a dataset and its check are, and what stands"),
            ("freeze", "from now on no file of it changes"),
            ("keep", "it must be kept: its project cannot be deleted; for owners"),
            ("let-go", "it need no longer be kept; for owners"),
        ):
            in_project(does.add_parser(verb, help=words)).add_argument("name", help="of the dataset")
        compared = in_project(
            does.add_parser("check", help="build it once more, in this process, and compare every byte")
        )
        compared.add_argument("name", help="of the dataset")
        compared.add_argument("--queue", action="store_true", help="leave it to a worker")
        fetched = in_project(does.add_parser("fetch", help="write the files of a dataset into a folder"))
        fetched.add_argument("name", help="of the dataset")
        fetched.add_argument(
            "folder", type=Path, help="made if need be; what is there and whole is left alone"
        )
        checked = does.add_parser(
            "verify", help="say whether a dataset in a folder is whole; needs no database"
        )
        checked.add_argument("folder", type=Path)
        taken = in_project(does.add_parser("import", help="bring a dataset into a project, in this process"))
        taken.add_argument("path", type=Path, help="its folder, or a ZIP archive of it")
        taken.add_argument("--queue", action="store_true", help="leave it to a worker")

    def handle(self, *args: Any, **options: Any) -> None:
        doing = {
            "make": self.make, "list": self.list, "status": self.status, "freeze": self.freeze, "keep": self.keep,
            "let-go": self.keep, "check": self.check_again, "fetch": self.fetch, "verify": self.verify, "import": self.bring,
        }  # fmt: skip
        doing[options["does"]](options)

    def make(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        actor = manager_of(project, options)
        settings: dict[str, Any] = {}
        if options["settings"] is not None:
            try:
                settings = json.loads(options["settings"].read_text(encoding="utf-8"))
            except (OSError, ValueError) as problem:
                raise CommandError(f"{options['settings']}: {problem}") from problem
            if not isinstance(settings, dict):
                raise CommandError(f"{options['settings']}: not a JSON object")
        formats = [*settings.get("formats", []), *options["formats"]]
        try:
            release = actions.open_release(
                project=project, name=options["name"], rounds=_rounds(project, options["rounds"]),
                parameters={**settings, "formats": formats}, actor=actor,
            )  # fmt: skip
        except actions.CannotRelease as problem:
            raise CommandError(str(problem)) from problem
        assert release.run is not None
        if options["queue"]:
            queue_build(release)
            self.stdout.write(f"{release.name}: run {release.run.pk}")
            return
        build_release(release.run.pk)
        release.refresh_from_db()
        release.run.refresh_from_db()
        if release.built_at is None:
            raise CommandError(release.run.note or release.run.status)
        for file in release.files.all():
            self.stdout.write(f"{file.digest}  {file.name}")

    def list(self, options: dict[str, Any]) -> None:
        for one in Release.objects.filter(project=project_of(options)).select_related("run").order_by("pk"):
            state = "not built" if one.run is None else one.run.status
            said = f"{one.manifest['counts']['included']:,} records" if one.built_at else state
            self.stdout.write(
                f"{one.name}\t{said}\t{(one.as_of or one.created_at).isoformat(timespec='seconds')}"
            )

    def status(self, options: dict[str, Any]) -> None:
        release = _named(project_of(options), options["name"])
        for words, run in (("built", release.run), ("checked", release.check_run)):
            if run is not None:
                of = f"/{run.total:,}" if run.total is not None else ""
                self.stdout.write(f"{words}\trun {run.pk}\t{run.status}\t{run.done:,}{of}\t{run.note}")
        for words, moment in (("frozen", release.frozen_at), ("must be kept", release.kept_at)):
            said = "no" if moment is None else f"since {moment.isoformat(timespec='seconds')}"
            self.stdout.write(f"{words}\t{said}")

    def freeze(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        release, actor = _named(project, options["name"]), manager_of(project, options)
        try:
            actions.freeze(release=release, actor=actor)
        except actions.CannotRelease as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{release.name}: frozen")

    def keep(self, options: dict[str, Any]) -> None:
        project, kept = project_of(options), options["does"] == "keep"
        release, actor = _named(project, options["name"]), manager_of(project, options)
        if not project.memberships.filter(user=actor, role__gte=Role.OWNER).exists():
            raise CommandError(f"{actor} does not own {project.slug}")
        actions.keep(release=release, kept=kept, actor=actor)
        self.stdout.write(f"{release.name}: {'must be kept' if kept else 'need not be kept'}")

    def check_again(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        release, actor = _named(project, options["name"]), manager_of(project, options)
        try:
            release = actions.open_check(release=release, actor=actor)
        except actions.CannotRelease as problem:
            raise CommandError(str(problem)) from problem
        assert release.check_run is not None
        if options["queue"]:
            queue_check(release)
            self.stdout.write(f"{release.name}: run {release.check_run.pk}")
            return
        check_release(release.check_run.pk)
        release.check_run.refresh_from_db()
        if release.check_run.status != "done":
            raise CommandError(release.check_run.note or release.check_run.status)
        self.stdout.write(f"{release.name}: {release.check_run.note}")

    def fetch(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        actor = manager_of(project, options)
        release = Release.objects.filter(
            project=project, name=options["name"], built_at__isnull=False
        ).first()
        if release is None:
            raise CommandError(f"{project.slug} has no built dataset “{options['name']}”")
        if hidden_from(release, actor):
            raise CommandError(f"something in it is still hidden from {actor}")
        for file in release.files.all():
            path = options["folder"] / file.name
            if path.is_file() and path.stat().st_size == file.size and digest_of(path) == file.digest:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            with default_storage.open(file.path, "rb") as stored, part.open("wb") as out:
                shutil.copyfileobj(stored, out, 1 << 20)
            if digest_of(part) != file.digest:
                part.unlink()
                raise CommandError(f"{file.name}: what is stored has another sha256")
            part.replace(path)
        self.verify(options)

    def verify(self, options: dict[str, Any]) -> None:
        found = verifying.problems(options["folder"])
        for one in found[: verifying.MOST]:
            self.stderr.write(one)
        if found:
            raise CommandError(f"{options['folder']}: not whole")
        self.stdout.write(f"{options['folder']}: whole")

    def bring(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        actor = manager_of(project, options)
        path: Path = options["path"]
        if not path.exists():
            raise CommandError(f"{path}: no such file or folder")
        try:
            into = actions.open_import(project=project, path=path, file_name=path.name, actor=actor)
        except CannotOpen as problem:
            raise CommandError(str(problem)) from problem
        assert into.run is not None
        if options["queue"]:
            queue_import(into)
            self.stdout.write(f"{path.name}: run {into.run.pk}")
            return
        import_release(into.run.pk)
        into.refresh_from_db()
        into.run.refresh_from_db()
        if into.done_at is None:
            raise CommandError(into.run.note or into.run.status)
        said = ", ".join(f"{n:,} {words.lower()}" for words, n in brought_by(into))
        self.stdout.write(f"{into.name}: {said}")


def _named(project: Project, name: str) -> Release:
    found = Release.objects.filter(project=project, name=name).select_related("run", "check_run").first()
    if found is None:
        raise CommandError(f"{project.slug} has no dataset “{name}”")
    return found


def _rounds(project: Project, names: list[str]) -> list[Round]:
    found = list(Round.objects.filter(project=project, name__in=names))
    if missing := sorted(set(names) - {one.name for one in found}):
        raise CommandError(f"{project.slug} has no round “{missing[0]}”")
    return found
