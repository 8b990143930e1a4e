"""The sweep over the trail, and the sending."""

from celery import shared_task

from auditor.runs.tasks import ring
from auditor.webhooks import actions


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    """Safe to run at any time: makes what is missing, and rings for what is due."""
    for subscription_id in actions.sweep():
        ring_deliveries(subscription_id)


@shared_task(name="webhooks.forget")
def forget() -> None:
    """Safe to run at any time: shortens the log."""
    actions.forget()


@shared_task(name="webhooks.deliver")
def deliver(subscription_id: int) -> None:
    """Safe to run twice: the second goes away while the first sends."""
    actions.deliver_due(subscription_id=subscription_id)


def ring_deliveries(subscription_id: int) -> None:
    """Wake a worker for one subscription."""
    ring("webhooks.deliver", subscription_id)
