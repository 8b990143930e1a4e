"""The items behind a number of the dashboard: which they are, and who has them; never what was said about them."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from auditor.accounts.models import Membership
from auditor.corpus.models import Transcript
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import MACHINE, visible_to
from labeling.queues.models import TAKEN, WORK, Item, Lease, Round

STATES = {
    "": "all items",
    "open": "not finished",
    "finished": "finished",
    "held": "on a desk now",
    "escalated": "handed to adjudication",
    "skipped": "given back by somebody",
    "case": "an open case",
    "returned": "sent back with a question",
}
PAGE = 100


@dataclass(frozen=True)
class Row:
    """One item of the list."""

    item: Item
    name: str  # empty while the reader has still to label it
    done: int
    holders: list[Lease]


TOLD = ("case", "returned")  # states that tell whether colleagues agree


def items_of(
    membership: Membership, round: Round, *, state: str = "", reviewer: int | None = None
) -> QuerySet[Item]:
    """The round's items of work in this state, in the sample's order, as far as the member may know them.

    Items that check or teach are left out: who could tell them apart would know when they are checked.
    """
    rows = Item.objects.filter(round=round, role=WORK).order_by("order", "pk")
    leases = Lease.objects.filter(item=OuterRef("pk"))
    if reviewer is not None:
        leases = leases.filter(reviewer=reviewer)
        rows = rows.filter(Exists(leases.filter(Q(state__in=TAKEN) | Q(reason="skipped"))))
    if state in TOLD:
        seen = visible_to(membership.user).unveiled(
            Transcript.objects.filter(pk=OuterRef("transcript")), [HUMAN]
        )
        rows = rows.filter(Exists(seen))
    match state:
        case "open":
            return rows.filter(finished_at=None)
        case "finished":
            return rows.filter(finished_at__isnull=False)
        case "held":
            return rows.filter(Exists(leases.filter(state="held")))
        case "escalated":
            return rows.filter(escalated_at__isnull=False)
        case "skipped":
            return rows.filter(Exists(leases.filter(reason="skipped")))
        case "case":
            return rows.filter(case__isnull=False, case__settled_at=None)
        case "returned":
            return rows.filter(case__settled_at=None, case__returned_at__isnull=False)
    return rows


def rows_for(membership: Membership, items: QuerySet[Item], *, after: int = 0) -> tuple[list[Row], bool]:
    """A page of these items beyond the order `after`, as the member may see them, and whether there are more."""
    taken = Prefetch("leases", Lease.objects.filter(state__in=TAKEN).select_related("reviewer"))
    found = list(
        items.filter(order__gte=after)
        .select_related("transcript", "round")
        .prefetch_related(taken)[: PAGE + 1]
    )
    veiled = visible_to(membership.user).veiled_ids([one.transcript_id for one in found], MACHINE)
    rows = [
        Row(
            item=one,
            name="" if one.transcript_id in veiled else one.transcript.name,
            done=sum(lease.state == "done" for lease in one.leases.all()),
            holders=[lease for lease in one.leases.all() if lease.state == "held"],
        )
        for one in found[:PAGE]
    ]
    return rows, len(found) > PAGE
