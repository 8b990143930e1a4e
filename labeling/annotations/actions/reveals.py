"""The reveal: the moment at which a reviewer is shown the evidence, and a record of what there was to see."""

from auditor.accounts.models import User
from auditor.evidence.actions import lift_veils
from auditor.evidence.opinions import MOST_READINGS
from auditor.evidence.queries import MACHINE
from auditor.ledger.actions import record
from labeling.annotations.models import Reveal
from labeling.annotations.queries import Standing, visible_blocks, visible_readings, visible_tracks
from labeling.queues.models import OPEN, Item, Lease, Round


def reveal(standing: Standing, reviewer: User) -> Reveal:
    """Lift this round's veil over the machine evidence, and write down what is there to see from now on.

    Veils that other rounds laid stay, and what they hide is not shown here either. The caller holds
    the transaction.
    """
    item = standing.item
    lift_veils(
        round_key=standing.round.veil_key,
        scopes=[MACHINE],
        person_id=reviewer.pk,
        transcript_id=item.transcript_id,
    )
    return _shown_to(item, reviewer)


def open_up(*, lease: Lease, round: Round) -> None:
    """In a round that hides nothing the evidence is shown with the item; safe to repeat.

    The caller holds the transaction in which the item is handed out.
    """
    if round.policy != OPEN or Reveal.objects.filter(item=lease.item_id, reviewer=lease.reviewer_id).exists():
        return
    lease.item.round = round
    _shown_to(lease.item, lease.reviewer)


def shown(item: Item, reviewer: User) -> list[int]:
    """Ids of the readings that are there to see."""
    rows = visible_readings(reviewer, item.transcript_id).select_related(None).order_by()
    return sorted(rows.values_list("pk", flat=True)[:MOST_READINGS])


def _shown_to(item: Item, reviewer: User) -> Reveal:
    tracks = visible_tracks(reviewer, item.transcript_id).select_related(None).order_by()
    blocks = visible_blocks(reviewer, item.transcript_id).select_related(None).order_by()
    made = Reveal.objects.create(
        item=item,
        reviewer=reviewer,
        readings=shown(item, reviewer),
        tracks=sorted(tracks.values_list("pk", flat=True)[:MOST_READINGS]),
        blocks=sorted(blocks.values_list("pk", flat=True)[:MOST_READINGS]),
    )
    record(
        verb="evidence.revealed", subject=made, actor=reviewer, project_id=item.round.project_id,
        item=item.pk, readings=len(made.readings), tracks=len(made.tracks), blocks=len(made.blocks),
    )  # fmt: skip
    return made
