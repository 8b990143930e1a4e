"""Questions about codebooks: which versions there are, and what one of them defines."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import Http404

from auditor.accounts.models import Membership
from labeling.codebooks.definition import Codebook, load
from labeling.codebooks.examples import Addition, has
from labeling.codebooks.models import Codebook as CodebookRow
from labeling.codebooks.models import CodebookDraft, CodebookVersion
from labeling.codebooks.written import Written, read_text, write_text

KEPT = 64  # definitions held in memory; one takes some 100 kB
_read: dict[str, Codebook] = {}


def definition_of(version: CodebookVersion) -> Codebook:
    """What the version defines; read once for each digest, since a version never changes."""
    found = _read.get(version.digest)
    if found is None:
        if len(_read) >= KEPT:
            _read.clear()
        found = _read[version.digest] = load(version.definition)
    return found


def versions_of(project_id: int) -> QuerySet[CodebookVersion]:
    """Every version in the project, the newest of each codebook first."""
    rows = CodebookVersion.objects.filter(codebook__project_id=project_id)
    return (
        rows.select_related("codebook", "created_by").defer("definition").order_by("codebook_id", "-number")
    )


def codebooks_of(project_id: int) -> QuerySet[CodebookRow]:
    """The codebooks of a project by name, each with its newest version's `version`, `number` and `at`, and `drafting`."""
    newest = CodebookVersion.objects.filter(codebook=OuterRef("pk")).order_by("-number")
    return (
        CodebookRow.objects.filter(project_id=project_id)
        .annotate(
            version=Subquery(newest.values("pk")[:1]),
            number=Subquery(newest.values("number")[:1]),
            at=Subquery(newest.values("created_at")[:1]),
            drafting=Exists(CodebookDraft.objects.filter(codebook=OuterRef("pk"), changed=True)),
        )
        .order_by("name", "pk")
    )


def access_codebook(membership: Membership, pk: int) -> CodebookRow:
    """A codebook of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = CodebookRow.objects.filter(project_id=membership.project.pk, pk=pk).first()
    if found is None:
        raise Http404("no such codebook")
    return found


def version_before(version: CodebookVersion) -> CodebookVersion | None:
    """The version that this one followed; None for the first."""
    earlier = CodebookVersion.objects.filter(codebook_id=version.codebook_id, number__lt=version.number)
    return earlier.order_by("-number").first()


def access_version(membership: Membership, pk: int) -> CodebookVersion:
    """A version of the member's project.

    Raises:
        Http404: not in this project.
    """
    version = versions_of(membership.project.pk).filter(pk=pk).first()
    if version is None:
        raise Http404("no such codebook version")
    return version


@dataclass(frozen=True)
class Sheet:
    """What an editor has before them: the draft, or the newest version where nothing is drafted."""

    codebook: CodebookRow
    draft: CodebookDraft | None
    newest: CodebookVersion | None
    based_on: CodebookVersion | None  # what the text began as
    number: int  # of the draft's last save; 0 before the first
    changed: bool  # the text says something that no version says yet
    text: str

    @cached_property
    def written(self) -> Written:
        """The text, read."""
        return read_text(self.text)

    @cached_property
    def newest_definition(self) -> Codebook | None:
        """What the newest version defines."""
        return definition_of(self.newest) if self.newest is not None else None

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """Examples for labels that the text does not have now."""
        return list(self.draft.waiting) if self.draft is not None else []

    def missed_since(self, base: int) -> list[dict[str, Any]] | None:
        """The examples that came after that save, if nothing else did; None if the text was changed."""
        additions = self.draft.additions if self.draft is not None and self.changed else []
        missed = {one["number"]: one["example"] for one in additions if one["number"] > base}
        whole = base <= self.number and set(missed) == set(range(base + 1, self.number + 1))
        return list(missed.values()) if whole else None

    @property
    def labels(self) -> tuple[str, ...]:
        """Codes of the labels the text has, as far as it reads."""
        return tuple(self.written.codebook.by_code) if self.written.codebook is not None else ()

    @property
    def is_behind(self) -> bool:
        """A version was published since this text was begun."""
        return self.changed and self.newest is not None and self.based_on != self.newest

    def has(self, addition: Addition) -> bool:
        """Whether the example is in the text or waits beside it."""
        codebook = self.written.codebook
        return (codebook is not None and has(codebook, addition)) or addition.plain() in self.waiting


def sheet_of(codebook: CodebookRow) -> Sheet:
    """The text to write on: the draft's while it says something new, else the newest version's.

    Of a published draft the text stays as it was typed, comments and all, until a newer version comes.
    """
    draft = CodebookDraft.objects.filter(codebook=codebook).select_related("based_on", "updated_by").first()
    newest = codebook.versions.order_by("-number").first()
    if draft is not None and (draft.changed or (draft.text and draft.based_on == newest)):
        return Sheet(codebook, draft, newest, draft.based_on, draft.number, draft.changed, draft.text)
    text = write_text(definition_of(newest)) if newest is not None else ""
    return Sheet(codebook, draft, newest, newest, draft.number if draft else 0, False, text)
