"""Asking for a report of prevalence, and computing it in the background."""

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.evidence.queries import visible_to
from auditor.ledger.actions import record
from auditor.runs.actions import Refused, Ticket, open_run
from labeling.queues.models import Round
from labeling.validity.prevalence import queries
from labeling.validity.prevalence.figures import prevalence
from labeling.validity.prevalence.gathering import gather
from labeling.validity.prevalence.models import PrevalenceReport
from labeling.validity.prevalence.queries import Asked

TASK = "validity.compute_prevalence"
NOT_YOURS = "Evidence on this frame is hidden from the person who asked."


def open_report(*, asked: Asked, actor: User) -> PrevalenceReport:
    """A report waiting to be computed; ring for it with `tasks.queue_prevalence`. One in work is not opened twice."""
    with transaction.atomic():
        Round.objects.select_for_update(of=("self",)).get(pk=asked.round.pk)
        waiting = queries.in_work(asked)
        if waiting is not None:
            return waiting
        project_id = asked.round.project_id
        run = open_run(
            project_id=project_id, kind="prevalence", title=f"Prevalence: {asked.in_words}, {asked.round.name}",
            task=TASK, actor=actor, total=4, unit="steps",
        )  # fmt: skip
        row = PrevalenceReport.objects.create(
            project_id=project_id, round=asked.round, together=asked.together, target=asked.target,
            channel=asked.channel, cut=asked.cut, below=asked.below, yes=list(asked.yes), run=run, asked_by=actor,
        )  # fmt: skip
        record(
            verb="prevalence.asked", subject=row, actor=actor, project_id=project_id, round=asked.round.pk,
            target=asked.target, channel=asked.channel.key if asked.channel else "",
        )  # fmt: skip
    return row


def compute(*, row: PrevalenceReport, ticket: Ticket) -> None:
    """Carry a report out; safe to repeat: one that is computed is left alone.

    Raises:
        Refused: the one who asked may not know it any more.
    """
    if row.computed_at is not None:
        return
    asked = queries.asked_by(row)
    if queries.is_withheld(asked, row.asked_by):
        raise Refused(NOT_YOURS)
    sight = visible_to(row.asked_by)
    digest, newest = queries.digest_of(asked), queries.latest_reading(asked, sight)  # before anything is read
    done = -1

    def tick(words: str = "") -> None:
        """A new step where it has words, else only a sign of life."""
        nonlocal done
        done += bool(words)
        ticket.beat(done=max(done, 0), total=4, note=words, force=bool(words))

    gathered = gather(asked, sight, tick)
    tick("Computing")
    made = prevalence(gathered.given, tick)
    with transaction.atomic():
        locked = PrevalenceReport.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if locked.computed_at is not None:
            return
        locked.digest, locked.newest_reading, locked.computed_at = digest, newest, timezone.now()
        locked.figures = {"report": made.plain(), "in_case": gathered.in_case}
        locked.save()
        record(
            verb="prevalence.computed", subject=locked, actor=locked.asked_by, project_id=locked.project_id,
            round=locked.round_id, target=locked.target, digest=digest,
        )  # fmt: skip
    ticket.beat(done=4, total=4, note="", force=True)
