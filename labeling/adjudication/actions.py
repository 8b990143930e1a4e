"""Settling items: by the rule where all labels agree, by an adjudicator where they do not.

Every settling holds the item's row, so that two of them cannot number or cite differently.
"""

from collections.abc import Mapping
from typing import Any, Literal

from django.db import transaction

from auditor.accounts.models import User
from auditor.evidence.actions import NewReading, declare_channel, write_readings
from auditor.evidence.models import HUMAN, Channel
from auditor.ledger.actions import record
from labeling.adjudication.models import ADJUDICATOR, UNANIMOUS, Case, Ruling
from labeling.adjudication.queries import due_items, evidence_kinds, latest_ruling, stamp_of, standing_labels
from labeling.adjudication.standing import agree, lowest_grade, shared_answers
from labeling.annotations.models import LabelRevision
from labeling.codebooks.grades import NotAllowed, check_submission
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Item

CHANNEL = "people.ruling"
Outcome = Literal["waiting", "unanimous", "case", "unchanged"]


class CannotRule(Exception):
    """The decision cannot be stored; the message says why."""


class Stale(CannotRule):
    """Labels or rulings have changed since the page was shown."""


def settle(*, item: Item) -> Outcome:
    """Rule on a finished item by unanimity, or open a case; safe to repeat and to run twice at once.

    Call again after a reviewer has revised a label: a ruling by the rule follows the labels, an
    adjudicator's ruling stands.
    """
    with transaction.atomic():
        locked = _lock(item)
        labels = standing_labels([locked])[locked.pk]
        if locked.finished_at is None or len(labels) < locked.round.overlap:
            return "waiting"
        last = latest_ruling(locked)
        case = Case.objects.filter(item=locked).first()
        if last is not None and last.rule == ADJUDICATOR:
            return "unchanged"
        if agree(labels):
            return _rule_unanimous(locked, labels, last, case)
        if case is not None and case.settled_at is None:
            return "unchanged"
        _open_case(locked, case, last)
        return "case"


def settle_due(*, round_id: int | None = None, limit: int = 200) -> int:
    """Settle up to `limit` items that wait for it; returns how many were looked at."""
    items = due_items(round_id, limit=limit)
    for item in items:
        settle(item=item)
    return len(items)


def rule(
    *,
    case: Case,
    adjudicator: User,
    reason: str,
    took: LabelRevision | None = None,
    answers: Mapping[str, Any] | None = None,
    label: str = "",
    grade: str = "",
    stamp: str = "",
) -> Ruling:
    """An adjudicator's ruling: a reviewer's label taken over, or one of their own.

    Args:
        took: a standing label of the item; without it, `answers`, `label` and `grade` are their own.
        stamp: `queries.stamp_of` what was shown; empty to rule on whatever stands now.

    Raises:
        Stale: a label or ruling has changed since `stamp`, or `took` no longer stands.
        CannotRule: no reason, or the codebook does not allow the label or grade.
    """
    reason = reason.strip()
    if not reason:
        raise CannotRule("Write down the reason; it is kept with the label.")
    with transaction.atomic():
        item = _lock(case.item)
        labels = standing_labels([item])[item.pk]
        last = latest_ruling(item)
        if stamp and stamp != stamp_of(labels, last):
            raise Stale(
                "A label or a ruling has changed since this page was opened. Look again, then decide."
            )
        if took is not None:
            if took.pk not in {one.pk for one in labels}:
                raise Stale("That label has been revised since. Look again, then decide.")
            content = (took.label, took.grade, dict(took.answers))
        else:
            content = _own(item, labels, dict(answers or {}), label, grade, reason)
        ruling = _write(
            item, labels, last, ADJUDICATOR, content, reason=reason, adjudicator=adjudicator, took=took
        )
        Case.objects.filter(pk=case.pk).update(settled_at=ruling.created_at)
    return ruling


def _lock(item: Item) -> Item:
    rows = Item.objects.select_for_update(of=("self",)).select_related("round__codebook_version")
    rows = rows.defer("round__codebook_version__definition")
    return rows.get(pk=item.pk)


def _own(
    item: Item, labels: list[LabelRevision], answers: dict[str, Any], label: str, grade: str, reason: str
) -> tuple[str, str, dict[str, Any]]:
    """The adjudicator's own label, through the gate that every label passes."""
    attached = evidence_kinds(LabelRevision.objects.filter(pk__in=[one.pk for one in labels]).select_related(
        "item__round").prefetch_related("spans"))  # fmt: skip
    try:
        passed = check_submission(
            definition_of(item.round.codebook_version), answers, label, grade, attached, reason
        )
    except NotAllowed as problem:
        raise CannotRule(str(problem)) from problem
    return passed.label, passed.grade, passed.answers


def _rule_unanimous(
    item: Item, labels: list[LabelRevision], last: Ruling | None, case: Case | None
) -> Literal["unanimous", "unchanged"]:
    is_open = case is not None and case.settled_at is None
    if (
        last is not None
        and not is_open
        and set(last.cites.values_list("pk", flat=True)) == {one.pk for one in labels}
    ):
        return "unchanged"
    ladder = definition_of(item.round.codebook_version).ladder
    content = (labels[0].label, lowest_grade(labels, ladder), shared_answers(labels))
    ruling = _write(item, labels, last, UNANIMOUS, content)
    if case is not None and is_open:
        Case.objects.filter(pk=case.pk).update(settled_at=ruling.created_at)
    return "unanimous"


def _open_case(item: Item, case: Case | None, last: Ruling | None) -> None:
    """Ask for an adjudicator; a ruling by the rule that held until now holds no longer."""
    if case is None:
        case = Case.objects.create(item=item)
    else:
        Case.objects.filter(pk=case.pk).update(settled_at=None)
    if last is not None:
        reading = _reading(item, label="", detail={"withdrawn": "the labels differ now"})
        write_readings(readings=[reading], source=f"adjudication:case:{case.pk}")
    record(
        verb="case.opened",
        subject=case,
        project_id=item.round.project_id,
        item=item.pk,
        again=last is not None,
    )


def _write(
    item: Item,
    labels: list[LabelRevision],
    last: Ruling | None,
    by: str,
    content: tuple[str, str, dict[str, Any]],
    *,
    reason: str = "",
    adjudicator: User | None = None,
    took: LabelRevision | None = None,
) -> Ruling:
    """The next ruling, its citations, its reading and its event."""
    label, grade, answers = content
    codebook = definition_of(item.round.codebook_version)
    entry = codebook.by_code[label]
    ruling = Ruling.objects.create(
        item=item,
        number=last.number + 1 if last else 1,
        rule=by,
        label=label,
        group=entry.group,
        grade=grade,
        answers=answers,
        codebook_version=item.round.codebook_version,
        reason=reason,
        adjudicator=adjudicator,
        took=took,
    )
    ruling.cites.set(labels)
    detail = {"group": entry.group, "words": entry.words, "grade": grade}
    write_readings(readings=[_reading(item, label=label, detail=detail)], source=f"adjudication:{ruling.pk}")
    record(
        verb="item.ruled",
        subject=ruling,
        actor=adjudicator,
        project_id=item.round.project_id,
        item=item.pk,
        number=ruling.number,
        rule=by,
        took=took.pk if took else None,
        cites=sorted(one.pk for one in labels),
    )
    return ruling


def _reading(item: Item, *, label: str, detail: Mapping[str, Any]) -> NewReading:
    return NewReading(
        channel=_channel(item.round.project_id),
        transcript_id=item.transcript_id,
        value=None,
        label=label,
        identifier=item.round.veil_key,
        detail=detail,
    )


def _channel(project_id: int) -> Channel:
    found = Channel.objects.filter(project_id=project_id, key=CHANNEL).first()
    return found or declare_channel(
        project_id=project_id,
        key=CHANNEL,
        kind=HUMAN,
        actor=None,
        name="Rulings",
        polarity="what the item is held to be",
    )
