"""What a reviewer has of an item, in one statement: every page of the desk and every commit begins with it."""

from dataclasses import dataclass

from auditor.accounts.models import User
from auditor.corpus.models import Transcript
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared
from labeling.annotations.models import Draft, Reveal
from labeling.codebooks.models import Codebook, CodebookVersion
from labeling.queues.models import Item, Lease, Round

LEASE, ITEM, ROUND, CODEBOOK, DRAFT, REVEAL = (
    Columns(Lease), Columns(Item), Columns(Round), Columns(Codebook), Columns(Draft), Columns(Reveal),
)  # fmt: skip
VERSION = Columns(CodebookVersion, "id", "codebook_id", "number", "digest")
TRANSCRIPT = Columns(
    Transcript, "id", "project_id", "parent_id", "shared", "external_id", "model_name", "conditions", "metadata", "n_messages"
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
