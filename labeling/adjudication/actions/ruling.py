"""An adjudicator's ruling: a reviewer's label taken over, a mixture of several, or one of their own."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction

from auditor.accounts.models import User
from labeling.adjudication.actions.examples import make_example
from labeling.adjudication.actions.holding import check_holder
from labeling.adjudication.actions.refusals import CannotRule, Stale
from labeling.adjudication.actions.writing import lock_item, write_ruling
from labeling.adjudication.content import Held, spans_of, taken, unit_of, whole
from labeling.adjudication.models import ADJUDICATOR, Case, Ruling
from labeling.adjudication.queries import (
    evidence_kinds,
    has_labelled,
    latest_ruling,
    rules_of,
    stamp_of,
    standing_labels,
)
from labeling.adjudication.reasons import WORDS
from labeling.adjudication.standing import mixture
from labeling.annotations.models import LabelRevision
from labeling.annotations.rail import most_severe
from labeling.codebooks.grades import NotAllowed, check_submission
from labeling.codebooks.path import with_spans
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Item

OWN_LABEL = "You labelled this transcript yourself, so somebody else rules on it."


def rule(
    *,
    case: Case,
    adjudicator: User,
    reason: str,
    took: LabelRevision | None = None,
    mixed: Mapping[str, LabelRevision] | None = None,
    answers: Mapping[str, Any] | None = None,
    kept: Collection[int] | None = None,
    units: Collection[int] = (),
    label: str = "",
    grade: str = "",
    reason_code: str = "",
    example: str | None = None,
    stamp: str = "",
) -> Ruling:
    """The ruling of somebody who holds the case, or of anybody while nobody does.

    Args:
        took: a standing label of the item, taken over as it is.
        mixed: for each question whose answer to take; what all answered alike need not be named.
        answers: their own; as `mixed`, they lead to `label` and `grade` through the codebook's gate.
        kept: ids of the reviewers' spans that a mixture or an own label rests on; None for all of
            them (of a mixture: of those whose answers were taken).
        units: ids of the reviewers' units that stand beside a mixture or an own label, which must be
            the most severe of them all.
        example: the case in a few words, to make the ruling an example in the codebook as well.
        stamp: `queries.stamp_of` what was shown; empty to rule on whatever stands now.

    Raises:
        Stale: a label or ruling has changed since `stamp`, or what was taken no longer stands.
        Occupied: a colleague has the case open.
        CannotRule: no reason, their own label is among those to judge, the codebook does not
            allow the label or grade, or the example cannot be made.
    """
    reason = reason.strip()
    if not reason:
        raise CannotRule("Write down the reason; it is kept with the label.")
    if reason_code and reason_code not in WORDS:
        raise CannotRule(f"There is no reason code '{reason_code}'.")
    with transaction.atomic():
        check_holder(case=case, adjudicator=adjudicator)
        item = lock_item(case.item)
        if has_labelled(item, adjudicator) and not rules_of(item.round).rules.own_rulings:
            raise CannotRule(OWN_LABEL)
        labels = standing_labels([item], whole=True)[item.pk]
        last = latest_ruling(item)
        if stamp and stamp != stamp_of(labels, last):
            raise Stale(
                "A label or a ruling has changed since this page was opened. Look again, then decide."
            )
        standing = {one.pk for one in labels}
        if {one.pk for one in ([took] if took else []) + list((mixed or {}).values())} - standing:
            raise Stale("That label has been revised since. Look again, then decide.")
        if took is not None:
            held = taken(next(one for one in labels if one.pk == took.pk))
        elif mixed:
            held = _mixture(item, labels, mixed, kept, units, label, grade, reason)
        else:
            held = _built(item, labels, labels, dict(answers or {}), kept, units, label, grade, reason)
        ruling = write_ruling(
            item, labels, last, ADJUDICATOR, held, reason_code=reason_code, reason=reason,
            adjudicator=adjudicator, took=took, mixed=mixed if took is None else None,
        )  # fmt: skip
        if example is not None:
            make_example(ruling=ruling, excerpt=example, actor=adjudicator)
    return ruling


def _mixture(
    item: Item,
    labels: Sequence[LabelRevision],
    mixed: Mapping[str, LabelRevision],
    kept: Collection[int] | None,
    units: Collection[int],
    label: str,
    grade: str,
    reason: str,
) -> Held:
    """One reviewer's answer here, another's there; only evidence of those whose answers were taken counts."""
    answers = mixture(labels, mixed)
    chosen_ids = {one.pk for one in mixed.values()}
    chosen = [one for one in labels if one.pk in chosen_ids]
    return _built(item, labels, chosen, answers, kept, units, label, grade, reason)


def _built(
    item: Item,
    labels: Sequence[LabelRevision],
    chosen: Sequence[LabelRevision],
    answers: dict[str, Any],
    kept: Collection[int] | None,
    units: Collection[int],
    label: str,
    grade: str,
    reason: str,
) -> Held:
    """A label that none of them gave, through the gate that every label passes."""
    spans = [
        span
        for one in (labels if kept is not None else chosen)
        for span in one.spans.all()
        if kept is None or span.pk in kept
    ]
    if kept is not None and set(kept) - {span.pk for span in spans}:
        raise Stale("One of the spans no longer stands. Look again, then decide.")
    marked = frozenset(span.kind for span in spans)
    attached = marked | evidence_kinds(chosen, item.round.project_id)
    codebook = definition_of(item.round.codebook_version)
    answers = with_spans(codebook, answers, marked)
    try:
        passed = check_submission(codebook, answers, label, grade, attached, reason)
    except NotAllowed as problem:
        raise CannotRule(str(problem)) from problem
    group = codebook.by_code[passed.label].group
    beside = [unit for one in labels for unit in one.units.all() if unit.pk in units]
    if set(units) - {unit.pk for unit in beside}:
        raise Stale("One of the units no longer stands. Look again, then decide.")
    if most_severe(codebook, [(passed.label, passed.grade), *((u.label, u.grade) for u in beside)]):
        raise CannotRule(
            "One of the units is more severe than this label, which has to speak for all of them."
        )
    numbers = {unit.pk: number for number, unit in enumerate(beside, 1)}
    theirs = [span for one in labels for span in one.spans.all() if span.unit_id in numbers]
    return Held(
        passed.label, passed.grade, passed.answers,
        [whole(passed.label, group, passed.grade, passed.answers), *(unit_of(u, numbers[u.pk]) for u in beside)],
        spans_of([*spans, *theirs], numbers),
    )  # fmt: skip
