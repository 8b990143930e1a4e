"""Celery's door to settling: rung when an item is finished, swept for what the bell missed, and run by rules."""

from celery import shared_task

from auditor.runs.actions import carry
from auditor.runs.tasks import ring, ring_run
from labeling.adjudication import actions
from labeling.adjudication.actions import bulk, changing
from labeling.adjudication.models import BulkRun, CaseRules
from labeling.queues.models import Item


def queue_settling(item: Item) -> None:
    """Settle the item once this transaction has committed."""
    ring("adjudication.settle_item", item.pk)


@shared_task(name="adjudication.settle_item")
def settle_item(item_id: int) -> None:
    """Safe to run twice: settling an item that is settled changes nothing."""
    item = Item.objects.filter(pk=item_id).first()
    if item is not None:
        actions.settle(item=item)


@shared_task(name="adjudication.settle_due")
def settle_due() -> None:
    """A bounded number of items each time; beat comes back for the rest."""
    actions.settle_due()
    actions.take_back_due()


def queue_run(row: CaseRules | BulkRun) -> None:
    """Carry out changed rules or a bulk rule once this transaction has committed."""
    ring_run(row.run)


@shared_task(name=changing.TASK)
def settle_anew(run_id: int) -> None:
    """Safe to run twice: an item that is settled by the newest rules is left alone."""
    with carry(run_id) as ticket:
        if ticket is not None:
            actions.settle_anew(rules=CaseRules.objects.get(run_id=run_id), ticket=ticket)


@shared_task(name=bulk.TASK)
def apply_bulk_rule(run_id: int) -> None:
    """Safe to run twice: what the rule has settled as it does now is left alone."""
    with carry(run_id) as ticket:
        if ticket is not None:
            rows = BulkRun.objects.select_related("round__codebook_version", "created_by")
            actions.apply_bulk(bulk=rows.get(run_id=run_id), ticket=ticket)
