"""Bringing releases in: kept as they came, checked whole, then written at once."""

from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import IntegrityError, transaction

from auditor.accounts.models import Project, User
from auditor.corpus.models import ImportBatch
from auditor.corpus.sources import incoming, keep_source, open_source
from auditor.ledger.actions import record
from auditor.runs.actions import Refused, Ticket, open_run
from labeling.datasets.importing.checking import check
from labeling.datasets.importing.opening import CannotOpen, opened, pack
from labeling.datasets.importing.watching import watched
from labeling.datasets.importing.writing import write_release
from labeling.datasets.models import ReleaseImport

IMPORT = "datasets.import_release"


def open_import(*, project: Project, path: Path, file_name: str, actor: User) -> ReleaseImport:
    """An import waiting to be carried; ring for it with `tasks.queue_import`.

    Args:
        path: a ZIP archive of a release, or the folder of one.

    Raises:
        CannotOpen: a folder that is no release; an archive is looked into by the run.
    """
    packed = None
    try:
        if path.is_dir():
            packed = incoming()
            pack(path, packed)
        source = keep_source(packed or path)
    finally:
        if packed is not None:
            packed.unlink(missing_ok=True)
    with transaction.atomic():
        made = ReleaseImport.objects.create(
            project=project, file_name=file_name[:300], source=source, created_by=actor
        )
        made.run = open_run(
            project_id=project.pk, kind="release import", title=f"Dataset {file_name}", task=IMPORT, actor=actor,
            unit="records",
        )  # fmt: skip
        made.save(update_fields=["run"])
        record(
            verb="release.import_opened", subject=made, actor=actor, project_id=project.pk, file=made.file_name,
            sha256=source.digest,
        )  # fmt: skip
    return made


def carry_import(*, into: ReleaseImport, ticket: Ticket) -> list[ImportBatch]:
    """Check the release and write it; safe to repeat: one that is there is left alone.

    Raises:
        Refused: it is no whole release, or this project cannot take it; with file, line and reason. Nothing is written.
    """
    if into.done_at is not None:
        return []
    ticket.beat(done=0, note="Unpacking", force=True)
    try:
        with (
            open_source(into.source) as archive,
            TemporaryDirectory(prefix="auditor-release-import-") as scratch,
            opened(archive, Path(scratch), beat=lambda _: ticket.beat(done=0, note="Unpacking")) as release,
        ):
            _named(into, release.manifest.get("name"), release.digest)
            checked = check(release, beat=lambda n: ticket.beat(done=n, note="Checking"))
            ticket.beat(done=0, total=2 * checked.records, note="Writing", force=True)
            with watched(ticket, "Writing") as watch:
                return write_release(
                    into=into, release=release, checked=checked, actor=into.created_by, step=watch.step
                )
    except CannotOpen as problem:
        raise Refused(f"{problem} Nothing was imported.") from problem
    except IntegrityError as problem:
        words = str(problem).splitlines()[0]
        raise Refused(f"It does not fit what the project has: {words}. Nothing was imported.") from problem


def _named(into: ReleaseImport, name: object, digest: str) -> None:
    """What the release calls itself; one that the project has is not brought in again."""
    into.name = (name if isinstance(name, str) and name.strip() else into.file_name)[:150]
    into.save(update_fields=["name"])
    again = ReleaseImport.objects.filter(project=into.project, digest=digest, done_at__isnull=False)
    if again.exists():
        raise CannotOpen(f"This project has imported “{into.name}” already.")
