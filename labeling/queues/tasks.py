"""Celery's door to the queue: the clock that gives on what nobody works on."""

from celery import shared_task

from labeling.queues import actions


@shared_task(name="queues.give_on")
def give_on() -> None:
    """Safe to run at any time: a bounded number of leases that ran out, and of items that nobody can take."""
    actions.release_expired()
    actions.escalate_stuck()
