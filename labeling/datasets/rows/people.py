"""What people are called in a release, and how their labels are referred to."""

from typing import Any

from django.utils.crypto import salted_hmac

from labeling.datasets.definition import Definition
from labeling.datasets.models import ImportedPerson
from labeling.datasets.rows.fetching import LabelRow


class People:
    """Names that are the same throughout a release: pseudonyms that lead back to nobody, or the people's own.

    A pseudonym depends on the release's seed and on this installation's secret. People of an imported release keep
    the name that they had there, which is all that is known of them.
    """

    def __init__(self, definition: Definition, project_id: int, names: dict[int, str]) -> None:
        self.definition, self.project_id, self.names = definition, project_id, names
        self.met: set[str] = set()  # reviewers with a label in the release
        self._known: dict[int, str] = {}
        people = ImportedPerson.objects.filter(project_id=project_id)
        self._imported: dict[int, str] = dict(people.values_list("user_id", "name"))

    def name(self, user_id: int | None) -> str | None:
        """What the person is called here; nobody is None."""
        if user_id is None:
            return None
        known = self._known.get(user_id)
        if known is None:
            known = self._known[user_id] = self._named(user_id)
        return known

    def reference(self, label: LabelRow | None) -> dict[str, Any] | None:
        """A label as rulings cite it."""
        if label is None:
            return None
        return {"reviewer": self.name(label.reviewer_id), "stage": label.stage, "number": label.number}

    def _named(self, user_id: int) -> str:
        if not self.definition.pseudonyms:
            return self.names[user_id]
        if (imported := self._imported.get(user_id)) is not None:
            return imported
        said = f"{self.definition.seed}:{self.project_id}:{user_id}"
        return f"r-{salted_hmac('labeling.datasets.pseudonym', said, algorithm='sha256').hexdigest()[:12]}"
