"""What channels may be held against: people's rulings by a codebook, or a label that came with the data.

codebook:3               rulings by this codebook, which alone are called adjudicated
meta:original_did_lie    a field of the transcripts' metadata
condition:oversight      a condition that the import declared
channel:7                the words of an imported channel
"""

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.accounts.models import Membership
from auditor.corpus.models import Transcript
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.names import conditions, metadata
from auditor.evidence.queries import MACHINE, visible_to
from labeling.codebooks.models import Codebook
from labeling.queues.models import Round

CODEBOOK, META, CONDITION, CHANNEL = "codebook", "meta", "condition", "channel"
MOST_VALUES = 12  # of a field that may be a label; more and it is a number or a text
LOOKED_AT = 200  # transcripts
OFFERED = 30  # fields


@dataclass(frozen=True)
class Reference:
    """One of them."""

    project_id: int
    kind: str
    name: str  # id of a codebook or channel; path of a field
    words: str
    codebook: Codebook | None = None
    channel: Channel | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def is_adjudicated(self) -> bool:
        """Whether people decided it here."""
        return self.kind == CODEBOOK


class NoReference(ValueError):
    """Nothing of this project is called so."""


def reference_of(project_id: int, key: str) -> Reference:
    """The reference of this key.

    Raises:
        NoReference: the project has none.
    """
    kind, _, name = key[:300].partition(":")
    if kind == CODEBOOK and name.isdigit() and len(name) < 19:
        book = Codebook.objects.filter(project_id=project_id, pk=int(name)).first()
        if book is not None:
            return Reference(project_id, kind, name, f"adjudicated labels by {book.name}", codebook=book)
    if kind == CHANNEL and name.isdigit() and len(name) < 19:
        channel = Channel.objects.filter(project_id=project_id, pk=int(name)).exclude(kind=HUMAN).first()
        if channel is not None:
            return Reference(project_id, kind, name, f"{channel.name}, a channel", channel=channel)
    if kind in (META, CONDITION) and name:
        came = "a field of the metadata" if kind == META else "a condition of the import"
        return Reference(project_id, kind, name, f"{name}, {came}")
    raise NoReference(f"There is no reference '{key[:60]}' here.")


def offered(membership: Membership) -> list[Reference]:
    """What the page lets one choose from: codebooks with rounds, then fields and channels that look like labels."""
    project = membership.project_id
    books = Codebook.objects.filter(
        pk__in=Round.objects.filter(project_id=project).values("codebook_version__codebook")
    )
    found = [reference_of(project, f"{CODEBOOK}:{one.pk}") for one in books.order_by("-pk")]
    sight = visible_to(membership.user)
    paths = [".".join(path) for path in metadata(project, sight)[: 4 * OFFERED]]
    newest = list(
        sight.unveiled(Transcript.objects.of(project), [MACHINE]).order_by("-pk").values_list("metadata", flat=True)[:LOOKED_AT]
    )  # fmt: skip
    fields = [path for path in paths if _looks_like_label([value_at(one, path) for one in newest])]
    found += [reference_of(project, f"{META}:{path}") for path in fields[:OFFERED]]
    found += [reference_of(project, f"{CONDITION}:{name}") for name in conditions(project)[:OFFERED]]
    scores = Channel.objects.filter(project_id=project, kind__in=("score", "other"), own=False)
    found += [reference_of(project, f"{CHANNEL}:{one.pk}") for one in scores.order_by("key")[:OFFERED]]
    return found


def value_at(metadata: object, path: str) -> str | None:
    """What a field says as a word; None where it says nothing that could be a label."""
    found = metadata
    for segment in path.split("."):
        if not isinstance(found, dict) or segment not in found:
            return None
        found = found[segment]
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, str | int) and str(found).strip():
        return str(found).strip()[:100]
    return None


def _looks_like_label(values: Sequence[str | None]) -> bool:
    return 2 <= len({one for one in values if one is not None}) <= MOST_VALUES
