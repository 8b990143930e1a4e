"""Celery's door into judging: runs of judges, preflights, and checks against planted instructions."""

from collections.abc import Callable

from celery import shared_task
from django.db import transaction

from auditor.accounts.models import User
from auditor.judging import actions, running
from auditor.judging.injecting import check
from auditor.judging.models import InjectionCheck, JudgeRun, JudgeVersion, Preflight
from auditor.judging.preflight import estimate
from auditor.runs.actions import Ticket, carry, reopen_run
from auditor.runs.tasks import ring_run
from auditor.sampling.choosing import Chosen


def queue_judging(
    *,
    version: JudgeVersion,
    chosen: Chosen,
    actor: User,
    cap: int | None = None,
    concurrency: int | None = None,
) -> JudgeRun:
    """Open a judge run and wake a worker for it once it is committed."""
    with transaction.atomic():
        made = actions.open_judging(
            version=version, chosen=chosen, actor=actor, cap=cap, concurrency=concurrency
        )
        ring_run(made.run)
    return made


def queue_preflight(*, version: JudgeVersion, chosen: Chosen, actor: User) -> Preflight:
    """Open a preflight and wake a worker for it once it is committed."""
    with transaction.atomic():
        made = actions.open_preflight(version=version, chosen=chosen, actor=actor)
        ring_run(made.run)
    return made


def queue_injection_check(*, version: JudgeVersion, actor: User) -> InjectionCheck:
    """Open a check and wake a worker for it once it is committed."""
    with transaction.atomic():
        made = actions.open_injection_check(version=version, actor=actor)
        ring_run(made.run)
    return made


def queue_retry(*, judging: JudgeRun, actor: User) -> int:
    """Put what got no reply back to waiting, and let the run go on; returns how many verdicts that are."""
    with transaction.atomic():
        n = actions.retry_failed(judging=judging, actor=actor)
        if n:
            ring_run(reopen_run(run=judging.run, actor=actor, when_done=True))
    return n


@shared_task(name="judging.judge")
def judge(run_id: int) -> None:
    """Safe to run again: only waiting rows are asked about, and replies that are stored are not paid again."""
    with carry(run_id) as ticket:
        if ticket is not None:
            running.judge(ticket)
    if ticket is not None and ticket.again:
        ring_run(ticket.run)


@shared_task(name="judging.preflight")
def preflight(run_id: int) -> None:
    """Safe to run again: what was tried is found in the cache."""
    with carry(run_id) as ticket:
        if ticket is not None:
            estimate(ticket)


@shared_task(name="judging.injections")
def injections(run_id: int) -> None:
    """Safe to run again: what was asked is found in the cache."""
    with carry(run_id) as ticket:
        if ticket is not None:
            check(ticket)


CARRIED: dict[str, Callable[[Ticket], None]] = {
    actions.JUDGE_TASK: running.judge,
    actions.PREFLIGHT_TASK: estimate,
    actions.INJECTIONS_TASK: check,
}  # what carries a run of each kind, for those who have no worker
