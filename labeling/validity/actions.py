"""Measuring what channels are worth: a report by a run, and the worth of each channel written down to the evidence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.models import ChannelWorth
from auditor.evidence.withdrawal import withdrawn_on
from auditor.evidence.worth import AREA, Basis, write_worth
from auditor.ledger.actions import record
from auditor.runs.actions import Refused, Ticket, open_run
from labeling.agreement.resampling import seed_of
from labeling.validity.contrasts import (
    Contrast,
    NoContrast,
    contrasts_of,
    contrasts_of_values,
    read_contrast,
)
from labeling.validity.figures import LR_PLUS, Detail
from labeling.validity.gathering import (
    Gathered,
    Hearing,
    digest_of,
    gather,
    is_narrowed,
    names_of,
    newest_reading,
    voices_of,
)
from labeling.validity.models import ChannelFigures, ValidityReport
from labeling.validity.references import NoReference, Reference, reference_of
from labeling.validity.report import Line, Question, Report, Scan, report
from labeling.validity.report_queries import has_whole_worth, report_in_work, reports_of
from labeling.validity.units import Units

TASK = "validity.compute_report"
MOST_ASKED = 8  # contrasts besides the reference's own
KEPT = 20  # newest reports of a reference whose details are kept
NARROWED = (
    "Whoever asked for this still labels: labels that are hidden from them are left out of it. What others see of reports "
    "and of the worth of channels stays as it was."
)
NOTHING = "No transcript has a ruling by this codebook yet, in rounds that you may know of."


def open_report(*, project: Project, reference: Reference, actor: User, contrast: str = "") -> ValidityReport:
    """A report waiting to be computed; ring for it with `tasks.queue_report`. One in work is not opened twice.

    Args:
        contrast: one more than the reference's own, which later reports keep.

    Raises:
        NoContrast: what was asked for is none.
    """
    with transaction.atomic():
        Project.objects.select_for_update(of=("self",)).get(pk=project.pk)
        waiting = report_in_work(project.pk, reference.key)
        if waiting is not None and (not contrast or contrast in waiting.contrasts):
            by = waiting.asked_by
            if by == actor or (by is not None and not is_narrowed(reference, by)):
                return waiting
        before = reports_of(project.pk, reference.key).first()
        asked = list(before.contrasts) if before is not None else []
        if contrast and contrast not in asked:
            found = gather(reference, actor)
            read_contrast(contrast, found.codebook, found.values)
            asked = [*asked, contrast][-MOST_ASKED:]
        run = open_run(
            project_id=project.pk, kind="validity", title=f"Validity against {reference.words}", task=TASK,
            actor=actor, unit="steps",
        )  # fmt: skip
        row = ValidityReport.objects.create(
            project=project, reference=reference.key, contrasts=asked, run=run, asked_by=actor
        )
        record(
            verb="validity.asked", subject=row, actor=actor, project_id=project.pk, reference=reference.key
        )
    return row


def compute(*, row: ValidityReport, ticket: Ticket) -> None:
    """Carry a report out; safe to repeat: one that is computed is left alone.

    Raises:
        Refused: the reference is gone, or who asked is.
    """
    if row.computed_at is not None:
        return
    ticket.beat(done=0, note="Reading labels", force=True)
    person = row.asked_by
    if person is None:
        raise Refused("Nobody asks for this report any more.")
    try:
        reference = reference_of(row.project_id, row.reference)
    except NoReference as problem:
        raise Refused(str(problem)) from problem
    narrowed = is_narrowed(reference, person)
    labels = digest_of(names_of(reference, person), row.contrasts)  # before anything is read
    found = gather(reference, person)
    if not found.rows:
        raise Refused(" ".join(found.notes[-1:]) if not reference.is_adjudicated else NOTHING)
    transcripts = sorted({one.transcript for one in found.rows})
    withdrawn = withdrawn_on(transcripts)
    newest = newest_reading(row.project_id, transcripts, person)
    seed = seed_of(labels, newest)
    row.details.all().delete()

    def keep(channel: int, question: Question, detail: Detail, met: list[tuple[str, str, int]]) -> None:
        figures = {**detail.plain(), "met": [list(one) for one in met]}
        ChannelFigures.objects.create(report=row, channel_id=channel, question=question.key, figures=figures)

    made = report(
        Units(found.rows), voices_of(reference), Hearing(found.rows, person, row.project_id),
        contrasts_for(found, row.contrasts), codebook=found.codebook, values=found.values, seed=seed, keep=keep,
        tick=lambda done, total, note: ticket.beat(done=done, total=total, note=note),
    )  # fmt: skip
    ticket.beat(done=1, note="Writing down what was found", force=True)
    with transaction.atomic():
        locked = ValidityReport.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if locked.computed_at is None:
            rests_on = {
                "labels": labels, "transcripts": transcripts, "withdrawn": withdrawn, "narrowed": narrowed,
                "notes": [*found.notes, NARROWED] if narrowed else list(found.notes),
            }  # fmt: skip
            _keep(locked, found, made, rests_on=rests_on, newest=newest)


def contrasts_for(found: Gathered, asked: Sequence[str]) -> list[Contrast]:
    """The reference's own contrasts, and those that were asked for as far as they still mean something."""
    own: Sequence[Contrast] = (
        contrasts_of(found.codebook)
        if found.codebook is not None
        else contrasts_of_values(found.reference.name, found.values)
    )
    more = []
    for written in asked:
        try:
            more.append(read_contrast(written, found.codebook, found.values))
        except NoContrast:  # the codebook has changed since
            continue
    known = {one.key for one in own}
    return [*own, *(one for one in more if one.key not in known)]


def _keep(
    row: ValidityReport, found: Gathered, made: Report, *, rests_on: Mapping[str, Any], newest: int
) -> None:
    """Store what was made, and write each channel's worth down; the caller holds the transaction."""
    row.seed, row.figures, row.newest_reading = made.seed, made.plain(), newest
    row.basis = {**found.basis(), **rests_on}
    row.rounds, row.computed_at = [one.pk for one in found.rounds], timezone.now()
    row.digest = f"{rests_on['labels'][:32]}{rests_on['withdrawn']:016x}{newest:016x}"
    row.save()
    narrowed = rests_on["narrowed"]
    old = reports_of(row.project_id, row.reference, narrowed=narrowed).values_list("pk", flat=True)[KEPT:]
    ChannelFigures.objects.filter(report__in=list(old)).delete()
    reference = found.reference
    basis = Basis(
        reference.key, found.words, reference.is_adjudicated, row.digest, made.seed, found.reviewed,
        {"report": row.pk, "narrowed": narrowed, **found.detail},
    )  # fmt: skip
    written = None
    if not narrowed or not has_whole_worth(row.project_id, reference.key):
        written = write_worth(project_id=row.project_id, basis=basis, figures=_worths(made))
    record(
        verb="validity.computed", subject=row, actor=row.asked_by, project_id=row.project_id,
        reference=row.reference, digest=row.digest, seed=made.seed,
        worth=written.pk if written is not None else None,
        channels=len({line.channel for line in made.lines}) + len({one.channel for one in made.scans}),
    )  # fmt: skip


def _worths(made: Report) -> Iterator[ChannelWorth]:
    places = {key: at for at, (key, *_) in enumerate(made.questions)}
    words = {key: text for key, text, *_ in made.questions}
    for line in made.lines:
        at, question = places[line.question], words[line.question]
        yield _of_line(line, at, question, made.scanned[line.question])
        if line.at is not None and line.at.found is not None and line.auroc.value is not None:
            yield _of_ratio(line, at, question)
    for one in made.scans:
        yield _of_scan(one, places[one.question], words[one.question], made.scanned[one.question])


def _of_line(line: Line, place: int, words: str, scanned: int) -> ChannelWorth:
    one = line.auroc
    return ChannelWorth(
        channel_id=line.channel, place=2 * place, contrast=line.question, words=words, figure=AREA, value=one.value,
        low=one.low, high=one.high, n_positive=one.n_positive, n_negative=one.n_negative, weighted=one.weighted,
        method=one.method, seed=one.seed, reason=one.reason, q=line.q, n_scanned=scanned if line.q is not None else 0,
        detail={"units": line.n_units},
    )  # fmt: skip


def _of_ratio(line: Line, place: int, words: str) -> ChannelWorth:
    at = line.at
    assert at is not None
    assert at.found is not None
    ratio = at.found.lr_plus
    detail: dict[str, Any] = {"threshold": at.found.threshold, "control": at.control, "wanted": at.wanted}
    return ChannelWorth(
        channel_id=line.channel, place=2 * place + 1, contrast=line.question, words=words, figure=LR_PLUS,
        value=ratio.value, low=ratio.low, high=ratio.high, n_positive=at.found.tpr.n, n_negative=at.found.fpr.n,
        weighted=line.auroc.weighted, method="log", reason=ratio.reason[:300], detail=detail,
    )  # fmt: skip


def _of_scan(one: Scan, place: int, words: str, scanned: int) -> ChannelWorth:
    return ChannelWorth(
        channel_id=one.channel, place=2 * place, contrast=one.question, words=words, figure=AREA, value=one.value,
        low=one.low, high=one.high, n_positive=one.n_positive, n_negative=one.n_negative, weighted=one.weighted,
        method="linearised", reason=one.reason, q=one.q, n_scanned=scanned if one.q is not None else 0,
        detail={"units": one.n_units},
    )  # fmt: skip
