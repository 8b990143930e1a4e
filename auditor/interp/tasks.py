"""Celery's door into models: checks and captures, in the queue of the one worker that loads torch."""

from collections.abc import Callable, Sequence
from typing import Any

from celery import shared_task
from celery.worker import state as worker
from django.db import transaction

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel
from auditor.interp import capturing, checking, learning, scoring
from auditor.interp.actions import captures, controls, explanations, subjects, trainings
from auditor.interp.models import Capture, ExplanationFile, ProbeTraining, SubjectModel
from auditor.runs.actions import Ticket, carry, reopen_run
from auditor.runs.models import Run
from auditor.runs.tasks import ring_run
from auditor.sampling.choosing import Chosen


def queue_subject(*, project: Project, actor: User, **said: Any) -> SubjectModel:
    """Register a subject model and wake the worker that checks it once it is committed."""
    with transaction.atomic():
        made = subjects.register_subject(project=project, actor=actor, **said)
        assert made.run is not None
        ring_run(made.run)
    return made


def queue_check(*, subject: SubjectModel, actor: User) -> SubjectModel:
    """Have a model checked once more."""
    with transaction.atomic():
        row = subjects.check_again(subject=subject, actor=actor)
        assert row.run is not None
        ring_run(row.run)
    return row


def queue_capture(
    *,
    project: Project,
    subject: SubjectModel,
    wanted: Sequence[captures.Wanted],
    chosen: Chosen,
    actor: User,
) -> Capture:
    """Open a capture and wake the worker for it once it is committed."""
    with transaction.atomic():
        made = captures.open_capture(
            project=project, subject=subject, wanted=wanted, chosen=chosen, actor=actor
        )
        ring_run(made.run)
    return made


def queue_retry(*, capture: Capture, actor: User) -> int:
    """Put what failed back to waiting, and let the capture go on; returns how many transcripts that are."""
    with transaction.atomic():
        n = captures.retry_failed(capture=capture, actor=actor)
        if n:
            ring_run(reopen_run(run=capture.run, actor=actor, when_done=True))
    return n


def queue_scoring(
    *, channels: Sequence[Channel], subject: SubjectModel, actor: User, packs: Sequence[str] = ()
) -> Run:
    """Ask what channels say of control packs, and wake the worker for it once it is committed."""
    with transaction.atomic():
        run = controls.open_scoring(channels=channels, subject=subject, actor=actor, packs=packs)
        ring_run(run)
    return run


def queue_training(*, project: Project, subject: SubjectModel, actor: User, **said: Any) -> ProbeTraining:
    """Ask for a probe and wake the worker for it once it is committed."""
    with transaction.atomic():
        made = trainings.open_training(project=project, subject=subject, actor=actor, **said)
        ring_run(made.run)
    return made


def queue_explanations(**said: Any) -> ExplanationFile:
    """Keep a file of explanations and wake a worker that reads it; takes what `explanations.hand_in` takes."""
    with transaction.atomic():
        made = explanations.hand_in(**said)
        ring_run(made.run)
    return made


def _stopping() -> bool:
    """Whether this worker has been asked to end; what is carried is then put down at the next transcript."""
    asked = [getattr(worker, name) for name in ("should_stop", "should_terminate")]
    return any(one is not None and one is not False for one in asked)  # an exit code, which may be 0


@shared_task(name=subjects.CHECK_TASK)
def check_subject(run_id: int) -> None:
    """Safe to run again: a model that is checked is left alone."""
    with carry(run_id) as ticket:
        if ticket is not None:
            checking.check(ticket)


@shared_task(name=captures.CAPTURE_TASK)
def capture(run_id: int) -> None:
    """Safe to run again: only waiting rows are read, and a chunk is stored whole or not at all."""
    with carry(run_id) as ticket:
        if ticket is not None:
            capturing.capture(ticket, stopping=_stopping)
    if ticket is not None and ticket.again:
        ring_run(ticket.run)


@shared_task(name=controls.CONTROLS_TASK)
def score_controls(run_id: int) -> None:
    """Safe to run again: packs that are scored are left alone."""
    with carry(run_id) as ticket:
        if ticket is not None:
            scoring.score(ticket)


@shared_task(name=trainings.TRAIN_TASK)
def train_probe(run_id: int) -> None:
    """Safe to run again: activations that were stored are not read again, and a probe that is made is left alone."""
    with carry(run_id) as ticket:
        if ticket is not None:
            learning.train(ticket)


@shared_task(name=explanations.EXPLAIN_TASK)
def explain(run_id: int) -> None:
    """Safe to run again: what was written is not written twice. It needs no model, so any worker does it."""
    with carry(run_id) as ticket:
        if ticket is not None:
            explanations.take_in(ticket)


CARRIED: dict[str, Callable[[Ticket], None]] = {
    subjects.CHECK_TASK: checking.check,
    captures.CAPTURE_TASK: capturing.capture,
    controls.CONTROLS_TASK: scoring.score,
    trainings.TRAIN_TASK: learning.train,
}  # what carries a run of each kind, for those who have no worker
