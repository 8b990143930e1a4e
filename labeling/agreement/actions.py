"""Computing agreement: at once where little is asked, as a run where it takes long.

A report of a round is written together with how uncertain each of its transcripts is, as a reading on
a channel of people: to order by uncertainty is to order by that channel, and veils hide it like any label.
"""

from typing import Any

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.evidence.actions import NewReading, declare_channel, write_readings
from auditor.evidence.models import HUMAN
from auditor.ledger.actions import record
from auditor.runs.actions import Ticket, open_run
from labeling.agreement.models import AgreementReport
from labeling.agreement.queries import (
    Scope,
    digest_of,
    labels_of,
    made_now,
    report_in_work,
    scope_of_report,
)
from labeling.agreement.report import Report, fit
from labeling.queues.models import Item, Round

TASK = "agreement.compute_report"
CHANNEL = "people.uncertainty"


def open_report(*, scope: Scope, actor: User) -> AgreementReport:
    """A report waiting to be computed; ring for it with `tasks.queue_report`. One in work is not opened twice."""
    with transaction.atomic():
        Round.objects.select_for_update(of=("self",)).get(pk=scope.rounds[0].pk)
        waiting = report_in_work(scope)
        if waiting is not None:
            return waiting
        run = open_run(
            project_id=scope.project_id, kind="agreement", title=f"Agreement: {scope.name}", task=TASK,
            actor=actor, unit="measures",
        )  # fmt: skip
        row = _new(scope, actor)
        row.run = run
        row.save()
        record(
            verb="agreement.asked", subject=row, actor=actor, project_id=scope.project_id,
            round=row.round_id, codebook=row.codebook_id,
        )  # fmt: skip
    return row


def compute_now(*, scope: Scope, actor: User) -> AgreementReport:
    """A report of the labels as they stand, computed while the caller waits."""
    digest = digest_of(scope)  # before the labels are read: what comes in between makes it out of date
    made = made_now(scope, _everything(scope), digest)
    row = _new(scope, actor)
    with transaction.atomic():
        row.save()
        _keep(row, scope, digest, made)
    return row


def compute(*, row: AgreementReport, ticket: Ticket) -> None:
    """Carry a report out; safe to repeat: one that is computed is left alone."""
    if row.computed_at is not None:
        return
    ticket.beat(done=0, note="Reading labels", force=True)
    scope = scope_of_report(row)
    digest = digest_of(scope)

    def tick(done: int, total: int) -> None:
        ticket.beat(done=done, total=total, note="Drawing resamples")

    made = made_now(scope, _everything(scope), digest, tick)
    with transaction.atomic():
        locked = AgreementReport.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if locked.computed_at is None:
            _keep(locked, scope, digest, made)


def _everything(scope: Scope) -> list[str]:
    return [measure.key for measure in scope.measures]


def _new(scope: Scope, actor: User) -> AgreementReport:
    return AgreementReport(
        project_id=scope.project_id, round=scope.round, codebook=scope.codebook, asked_by=actor
    )


def _keep(row: AgreementReport, scope: Scope, digest: str, made: Report) -> None:
    """Store what was made; the caller holds the transaction."""
    row.digest, row.seed, row.figures, row.computed_at = digest, made.seed, made.plain(), timezone.now()
    row.save()
    written = publish_uncertainty(scope=scope, source=f"agreement:{row.pk}") if scope.round is not None else 0
    record(
        verb="agreement.computed", subject=row, actor=row.asked_by, project_id=row.project_id,
        round=row.round_id, codebook=row.codebook_id, digest=digest, seed=made.seed, uncertain=written,
    )  # fmt: skip


def publish_uncertainty(*, scope: Scope, source: str) -> int:
    """Write how uncertain each labelled transcript of a round is, superseding what was written before.

    The caller holds the transaction and records its event.
    """
    model, _, items, _ = fit(labels_of(scope, scope.stages[-1]), scope.measures[0])
    if not items:
        return 0
    transcripts: dict[int, int] = dict(Item.objects.filter(pk__in=items).values_list("pk", "transcript_id"))
    declared: dict[str, Any] = {
        "name": "Uncertainty of reviewers' labels",
        "lo": 0.0,
        "polarity": "reviewers leave it open which label holds",
        "notice": "Bits of entropy of Dawid and Skene's model over people's labels; judges have no vote in it.",
    }
    channel = declare_channel(project_id=scope.project_id, key=CHANNEL, kind=HUMAN, actor=None, **declared)
    readings = [
        NewReading(
            channel=channel, transcript_id=transcripts[item], value=round(float(bits), 6),
            identifier=f"round:{scope.rounds[0].pk}",
        )
        for item, bits in zip(items, model.entropy, strict=True)
    ]  # fmt: skip
    return write_readings(readings=readings, source=source)
