"""Beginning a project: its owner, and the codebook it starts with."""

from django.db import transaction

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, User
from labeling.codebooks import actions as codebooks


class NotAllowed(Exception):
    """This person may not begin projects here."""


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
