"""Where a reviewer stands with an item at the moment of a commit, held until its transaction ends.

Two statements: every label is committed through here, and asking for whole rows costs more than the rest
of a commit. What a statement does not bring is fetched when somebody asks for it.
"""

from auditor.accounts.models import User
from auditor.corpus.models import Transcript
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared
from labeling.annotations.actions.refusals import NotOnDesk
from labeling.annotations.held import NEWEST, REVEAL, VERSION
from labeling.annotations.models import LabelRevision
from labeling.annotations.queries import Standing, standing_among
from labeling.queues.models import Item, Lease, Round

LEASE = Columns(Lease, "id", "item_id", "slot", "reviewer_id", "state", "reason", "taken_at", "expires_at")
ITEM = Columns(Item, "id", "round_id", "transcript_id", "role", "sample_item_id", "wanted", "finished_at")
ROUND = Columns(
    Round,
    "id",
    "project_id",
    "name",
    "codebook_version_id",
    "overlap",
    "policy",
    "lease_minutes",
    "closed_at",
)
TRANSCRIPT = Columns(Transcript, "id", "project_id", "parent_id", "shared", "n_messages")
LABEL = Columns(LabelRevision, "id", "item_id", "reviewer_id", "stage", "number", "late", "label")
# One tab of a reviewer at a time; comes before every lock on leases and items, as in `queues.actions`.
SEAT = """
    SELECT seat.id FROM queues_roundmember seat JOIN queues_item item ON item.round_id = seat.round_id
    WHERE item.id = %s AND seat.user_id = %s FOR UPDATE OF seat
"""
HELD = f"""
    SELECT {LEASE.of("lease")}, {ITEM.of("item")}, {ROUND.of("round")}, {VERSION.of("version")},
        {TRANSCRIPT.of("transcript")}, {REVEAL.of("reveal")},
        (SELECT json_agg(json_build_array({LABEL.of("said")}) ORDER BY said.number)
         FROM annotations_labelrevision said WHERE said.item_id = lease.item_id AND said.reviewer_id = lease.reviewer_id)
    FROM queues_lease lease JOIN queues_item item ON item.id = lease.item_id
    JOIN queues_round round ON round.id = item.round_id
    JOIN codebooks_codebookversion version ON version.id = round.codebook_version_id
    JOIN corpus_transcript transcript ON transcript.id = item.transcript_id
    LEFT JOIN annotations_reveal reveal ON reveal.item_id = item.id AND reveal.reviewer_id = lease.reviewer_id
    WHERE lease.item_id = %s AND lease.reviewer_id = %s {NEWEST} FOR UPDATE OF lease
"""  # noqa: S608 - made of constants


def hold(item_id: int, reviewer: User, project_id: int | None = None) -> Standing:
    """Where the reviewer stands, with their seat and their lease's row held.

    Raises:
        NotOnDesk: the item was never handed to them, or is of another project than the one named.
    """
    with prepared() as cursor:
        cursor.execute(SEAT, [item_id, reviewer.pk])
        cursor.execute(HELD, [item_id, reviewer.pk])
        found = cursor.fetchone()
        if found is None:
            raise NotOnDesk("This item is not on your desk.")
    values = iter(found)
    lease, item, round = LEASE.row(values), ITEM.row(values), ROUND.row(values)
    if project_id is not None and round.project_id != project_id:
        raise NotOnDesk("This item is not on your desk.")
    lease.item, lease.reviewer = item, reviewer
    item.round, round.codebook_version = round, VERSION.row(values)
    item.transcript = TRANSCRIPT.row(values)
    shown = REVEAL.row_or_none(values)
    revisions = [LABEL.row(iter(said)) for said in next(values) or ()]
    return standing_among(revisions, item, lease, shown)
