"""Questions about what is known beforehand, and what somebody learns from it."""

from django.db.models import Count, QuerySet
from django.http import Http404

from auditor.accounts.models import Membership, User
from auditor.evidence.models import Channel, Reading
from auditor.evidence.queries import SCOPES, visible_to
from labeling.queues.models import TRAINING, GoldItem, GoldResult, GoldSet, Round

RULINGS = "people.ruling"  # the channel that adjudication writes


def gold_sets_of(project_id: int) -> QuerySet[GoldSet]:
    """The gold sets of a project, newest first, with `n_items`."""
    rows = GoldSet.objects.filter(project_id=project_id).select_related("codebook", "created_by")
    return rows.annotate(n_items=Count("items")).order_by("-pk")


def access_gold_set(membership: Membership, pk: int) -> GoldSet:
    """A gold set of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = gold_sets_of(membership.project.pk).filter(pk=pk).first()
    if found is None:
        raise Http404("no such gold set")
    return found


def shown_answers(gold_set: GoldSet, asker: User) -> tuple[list[GoldItem], int]:
    """The answers that this person may see, and how many are hidden: those they have yet to label blind."""
    rows = list(gold_set.items.select_related("transcript").order_by("-pk"))
    ids = [one.transcript_id for one in rows]
    blind = {pk for scope in SCOPES for pk in visible_to(asker).veiled_ids(ids, scope)}
    shown = [one for one in rows if one.transcript_id not in blind]
    return shown, len(rows) - len(shown)


def rulings_of_round(round: Round, asker: User) -> list[Reading]:
    """What was ruled in a round, as far as this person may see it: readings that name the round."""
    channel = Channel.objects.filter(project_id=round.project_id, key=RULINGS).first()
    if channel is None:
        return []
    rows = visible_to(asker).readings_on([channel]).filter(identifier=round.veil_key).exclude(label="")
    return list(rows.order_by("transcript_id"))


def access_feedback(membership: Membership, item_id: int) -> GoldResult:
    """How the member did on an item of the training.

    Raises:
        Http404: not in this project, no training, or not labelled by them.
    """
    rows = GoldResult.objects.select_related(
        "item__round__project", "item__round__codebook_version__codebook"
    )
    rows = rows.filter(item_id=item_id, item__round__project=membership.project, item__role=TRAINING)
    found = rows.filter(reviewer=membership.user).first()
    if found is None:
        raise Http404("no such feedback")
    return found
