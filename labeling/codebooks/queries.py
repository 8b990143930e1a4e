"""Questions about codebooks: which versions there are, and what one of them defines."""

from django.db.models import QuerySet
from django.http import Http404

from auditor.accounts.models import Membership
from labeling.codebooks.definition import Codebook, load
from labeling.codebooks.models import CodebookVersion

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


def access_version(membership: Membership, pk: int) -> CodebookVersion:
    """A version of the member's project.

    Raises:
        Http404: not in this project.
    """
    version = versions_of(membership.project.pk).filter(pk=pk).first()
    if version is None:
        raise Http404("no such codebook version")
    return version
