"""Beginning a project, letting it rest, and taking it away."""

from django.db import transaction
from django.utils import timezone

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, User
from auditor.ledger.actions import record
from auditor.runs.actions import Refused, Ticket, open_run
from auditor.runs.models import Run
from labeling.codebooks import actions as codebooks
from labeling.datasets.models import Release
from labeling.overview.removal import files_of, forget_files, remove_rows

REMOVE = "overview.remove_project"


class NotAllowed(Exception):
    """The project cannot be begun, archived or deleted; the message says why."""


def begin_project(*, name: str, owner: User, description: str = "", is_sample: bool = False) -> Project:
    """A project that is ready for its first import, with the default codebook.

    Raises:
        NotAllowed: the person may not create projects on this installation.
    """
    if not owner.may_create_projects:
        raise NotAllowed("You may not begin projects here. Ask whoever runs this installation.")
    with transaction.atomic():
        project = accounts.create_project(
            name=name, owner=owner, description=description, is_sample=is_sample
        )
        codebooks.adopt_default(project=project, actor=owner)
    return project


def archive(*, project: Project, actor: User) -> None:
    """The project is read only from now on and leaves the lists.

    Raises:
        NotAllowed: a run is still going, which would write on.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        if n := Run.objects.open().filter(project=project).count():
            going = "a run is" if n == 1 else f"{n} runs are"
            raise NotAllowed(f"{going.capitalize()} still going. Wait for the end, or cancel first.")
        accounts.archive(project=project, actor=actor)


def ask_removal(*, project: Project, typed: str, actor: User) -> Run:
    """A run that deletes the project as a whole; ring for it with `tasks.queue_removal`.

    Args:
        typed: the project's name, as its owner typed it.

    Raises:
        NotAllowed: the name is another, the project is not archived, or a dataset of it must be kept.
    """
    with transaction.atomic():
        locked = Project.objects.select_for_update().get(pk=project.pk)
        if locked.archived_at is None:
            raise NotAllowed("Archive it first; what is deleted cannot be brought back.")
        if typed.strip() != locked.name:
            raise NotAllowed("That is not its name.")
        if problem := kept_by(locked):
            raise NotAllowed(problem)
        if locked.removal_at is not None:
            raise NotAllowed("It is being deleted already.")
        locked.removal_at = timezone.now()
        locked.save(update_fields=["removal_at"])
        record(
            verb="project.removal_asked", subject=locked, actor=actor, project_id=locked.pk, name=locked.name
        )
        return open_run(
            project_id=locked.pk, kind="removal", title=locked.name, task=REMOVE, actor=actor, unit="rows"
        )


def kept_by(project: Project) -> str:
    """Why the project cannot be deleted; empty where it can."""
    names = list(
        Release.objects.filter(project=project, kept_at__isnull=False).values_list("name", flat=True)
    )
    return f"It has datasets that must be kept: {', '.join(sorted(names))}." if names else ""


def remove(*, ticket: Ticket) -> None:
    """Delete the run's project: all rows in one transaction, then the files that nobody else names.

    The trail keeps that it was, and who asked. Safe to run again: nothing is done by halves.

    Raises:
        Refused: nobody asked for it, or a dataset must be kept by now.
    """
    run = ticket.run
    project = Project.objects.get(pk=run.project_id)
    if project.removal_at is None:
        raise Refused("Nobody asked for this project to be deleted.")
    files = files_of(project)
    with transaction.atomic():
        locked = Project.objects.select_for_update().get(pk=project.pk)
        if problem := kept_by(locked):
            raise Refused(problem)
        counts = remove_rows(locked)
        record(
            verb="project.removed", subject=project, actor=run.created_by, project_id=project.pk,
            name=project.name, slug=project.slug, rows=counts,
        )  # fmt: skip
    forget_files(files)
