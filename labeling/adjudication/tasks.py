"""Celery's door to settling: rung when an item is finished, and swept for what the bell missed."""

from celery import shared_task

from auditor.runs.tasks import ring
from labeling.adjudication import actions
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
