"""The people of a release in the project that it is imported into: users who labelled, and cannot sign in."""

import hashlib
from collections.abc import Iterable

from auditor.accounts.models import Project, User
from labeling.datasets.models import ImportedPerson

HOST = "imported.invalid"  # nothing is ever delivered there


def people_of(project: Project, names: Iterable[str]) -> dict[str, int]:
    """The users that stand for these names in the project, made where there are none yet; by name.

    Somebody of the same name in another import into the project is the same person, as pseudonyms say.
    """
    wanted = sorted(set(names))
    known = dict(
        ImportedPerson.objects.filter(project=project, name__in=wanted).values_list("name", "user_id")
    )
    for name in wanted:
        if name not in known:
            user = User(email=address_of(project.pk, name), name=name[:150], is_active=False)
            user.set_unusable_password()
            user.save()
            ImportedPerson.objects.create(project=project, user=user, name=name)
            known[name] = user.pk
    return known


def address_of(project_id: int, name: str) -> str:
    """An address that is nobody's."""
    return f"{hashlib.sha256(f'{project_id}:{name}'.encode()).hexdigest()[:24]}@{HOST}"
