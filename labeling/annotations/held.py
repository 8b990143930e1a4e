"""What a reviewer has of an item, in one statement, and what they have said of it: every page of the desk begins here."""

from dataclasses import dataclass
from typing import Any

from auditor.accounts.models import User
from auditor.corpus.models import Transcript
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared
from labeling.annotations.models import Draft, LabelRevision, LabelSpan, LabelUnit, Reveal
from labeling.codebooks.models import Codebook, CodebookVersion
from labeling.queues.models import Item, Lease, Round

LEASE, ITEM, ROUND, CODEBOOK = Columns(Lease), Columns(Item), Columns(Round), Columns(Codebook)
DRAFT, REVEAL, LABEL, UNIT, SPAN = (
    Columns(Draft), Columns(Reveal), Columns(LabelRevision), Columns(LabelUnit), Columns(LabelSpan),
)  # fmt: skip
VERSION = Columns(CodebookVersion, "id", "codebook_id", "number", "digest")
TRANSCRIPT = Columns(
    Transcript, "id", "project_id", "parent_id", "shared", "external_id", "model_name", "conditions", "metadata", "n_messages",
    "n_chars",
)  # fmt: skip
# The lease that counts: done, held, or else the newest that was released.
NEWEST = "ORDER BY lease.state, lease.id DESC LIMIT 1"
READ = f"""
    SELECT {LEASE.of("lease")}, {ITEM.of("item")}, {ROUND.of("round")}, {VERSION.of("version")},
        {CODEBOOK.of("codebook")}, {TRANSCRIPT.of("transcript")}, said."any", {DRAFT.of("draft")},
        {REVEAL.of("reveal")}
    FROM queues_lease lease JOIN queues_item item ON item.id = lease.item_id
    JOIN queues_round round ON round.id = item.round_id
    JOIN codebooks_codebookversion version ON version.id = round.codebook_version_id
    JOIN codebooks_codebook codebook ON codebook.id = version.codebook_id
    JOIN corpus_transcript transcript ON transcript.id = item.transcript_id
    CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(stage = 'blind'), false) AS blind, count(*) > 0 AS "any"
        FROM annotations_labelrevision WHERE item_id = item.id AND reviewer_id = lease.reviewer_id) said
    LEFT JOIN annotations_draft draft ON draft.item_id = item.id AND draft.reviewer_id = lease.reviewer_id
        AND draft.stage = CASE WHEN said.blind OR round.policy = 'open' THEN 'final' ELSE 'blind' END
    LEFT JOIN annotations_reveal reveal ON reveal.item_id = item.id AND reveal.reviewer_id = lease.reviewer_id
    WHERE lease.item_id = %s AND lease.reviewer_id = %s AND round.project_id = %s {NEWEST}
"""  # noqa: S608 - made of constants
LABELS = f"""
    SELECT {LABEL.of("said")} FROM annotations_labelrevision said
    WHERE said.item_id = %s AND said.reviewer_id = %s ORDER BY said.number
"""  # noqa: S608 - made of constants
UNITS = f"""
    SELECT {UNIT.of("unit")} FROM annotations_labelunit unit WHERE unit.revision_id = ANY(%s) ORDER BY unit.number
"""  # noqa: S608 - made of constants
SPANS = f"""
    SELECT {SPAN.of("span")} FROM annotations_labelspan span WHERE span.revision_id = ANY(%s)
    ORDER BY span.position, span.start, span.id
"""  # noqa: S608 - made of constants


@dataclass(frozen=True)
class Held:
    """A lease, and what is around it."""

    lease: Lease
    item: Item
    has_said: bool  # labels of theirs are there
    draft: Draft | None  # of the present stage
    reveal: Reveal | None


def read(item_id: int, reviewer: User, project_id: int) -> Held | None:
    """What they have of the item; None where it is of another project, or never was on their desk."""
    with prepared() as cursor:
        cursor.execute(READ, [item_id, reviewer.pk, project_id])
        found = cursor.fetchone()
    if found is None:
        return None
    values = iter(found)
    lease = LEASE.row(values)
    lease.reviewer = reviewer
    lease.item = item = ITEM.row(values)
    item.round = ROUND.row(values)
    version = VERSION.row(values)
    version.codebook = CODEBOOK.row(values)
    item.round.codebook_version = version
    item.transcript = TRANSCRIPT.row(values)
    has_said = next(values)
    return Held(lease, item, has_said, DRAFT.row_or_none(values), REVEAL.row_or_none(values))


def labels(item_id: int, reviewer_id: int) -> list[LabelRevision]:
    """Their labels of the item by number, with units and spans."""
    with prepared() as cursor:
        cursor.execute(LABELS, [item_id, reviewer_id])
        found = [LABEL.row(iter(row)) for row in cursor.fetchall()]
        ids = [revision.pk for revision in found]
        cursor.execute(UNITS, [ids])
        units = [UNIT.row(iter(row)) for row in cursor.fetchall()]
        cursor.execute(SPANS, [ids])
        spans = [SPAN.row(iter(row)) for row in cursor.fetchall()]
    for revision in found:
        _brings(revision, "units", [one for one in units if one.revision_id == revision.pk])
        _brings(revision, "spans", [one for one in spans if one.revision_id == revision.pk])
    return found


def _brings(revision: LabelRevision, name: str, rows: list[Any]) -> None:
    """As `prefetch_related` leaves it: what is behind the revision is there."""
    behind = getattr(revision, name).all()
    behind._result_cache, behind._prefetch_done = rows, True
    vars(revision).setdefault("_prefetched_objects_cache", {})[name] = behind
