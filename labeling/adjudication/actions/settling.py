"""Settling items: by the round's rules where they find nothing to decide, else by opening a case."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from django.db import transaction

from auditor.ledger.actions import record
from labeling.adjudication.actions.returning import take_back
from labeling.adjudication.actions.writing import lock_item, withdraw_reading, write_ruling
from labeling.adjudication.bulkrules import BULK
from labeling.adjudication.content import taken
from labeling.adjudication.disagreement import Measured
from labeling.adjudication.models import ADJUDICATOR, TOLERATED, UNANIMOUS, Case, CaseLease, Ruling
from labeling.adjudication.queries import (
    VersionedRules,
    cites_exactly,
    due_items,
    latest_ruling,
    measured,
    newest_label_of,
    rules_of,
    standing_labels,
)
from labeling.adjudication.standing import agree, basis, shared_answers
from labeling.annotations.models import LabelRevision
from labeling.codebooks.queries import definition_of
from labeling.queues.models import WORK, Item

Outcome = Literal["waiting", "unanimous", "case", "unchanged"]


def settle(*, item: Item, bulk_stands: bool = True) -> Outcome:
    """Rule on a finished item by the round's rules, or open a case; safe to repeat and to run twice at once.

    Call again after a reviewer has revised a label or the rules have changed: a ruling by the rules
    follows the labels, an adjudicator's ruling stands, and so does one of a bulk rule until a label
    it rests on is revised (or, without `bulk_stands`, until now).
    """
    with transaction.atomic():
        locked = lock_item(item)
        rules = rules_of(locked.round)
        labels = standing_labels([locked], whole=True)[locked.pk]
        complete = locked.finished_at is not None and len(labels) >= locked.wanted
        if locked.role != WORK or not (complete or locked.escalated_at):
            return "waiting"
        last = latest_ruling(locked)
        case = Case.objects.filter(item=locked).first()
        is_open = case is not None and case.settled_at is None
        if last is not None and last.rule == ADJUDICATOR:
            return "unchanged"
        is_bulk = last is not None and last.rule in BULK
        if last is not None and is_bulk and bulk_stands and not is_open and cites_exactly(last, labels):
            return "unchanged"
        found = measured(locked, labels, rules.rules)
        if not found.reasons:
            if last is not None and not is_bulk and not is_open and cites_exactly(last, labels):
                return "unchanged"
            return _rule(locked, labels, last, rules)
        return _dispute(locked, case, last, found, rules)


def settle_due(*, round_id: int | None = None, limit: int = 200) -> int:
    """Settle up to `limit` items that wait for it; returns how many were looked at."""
    items = due_items(round_id, limit=limit)
    for item in items:
        settle(item=item)
    return len(items)


def _rule(
    item: Item, labels: Sequence[LabelRevision], last: Ruling | None, rules: VersionedRules
) -> Literal["unanimous"]:
    """What all can stand behind: the label they share, as the one of them puts it who claims least."""
    base = basis(labels, definition_of(item.round.codebook_version))
    sharing = [one for one in labels if one.label == base.label]
    held = replace(taken(base), answers=shared_answers(sharing))
    by = UNANIMOUS if agree(labels) else TOLERATED
    write_ruling(item, labels, last, by, held, rule_number=rules.number)
    return "unanimous"


def _dispute(
    item: Item, case: Case | None, last: Ruling | None, found: Measured, rules: VersionedRules
) -> Literal["case", "unchanged"]:
    """Ask for an adjudicator; a ruling by the rules that held until now holds no longer."""
    says = {
        "disagreement": found.disagreement, "reasons": found.words, "axes": found.axes,
        "rules_number": rules.number, "newest_label": newest_label_of(item),
    }  # fmt: skip
    if case is not None and case.settled_at is None:
        _measure_again(item, case, says)
        take_back(case=case)
        return "unchanged"
    if case is None:
        case = Case.objects.create(item=item, **says)
        CaseLease.objects.create(case=case)
    else:
        Case.objects.filter(pk=case.pk).update(settled_at=None, returned_at=None, **says)
    if last is not None:
        withdraw_reading(item, case)
    record(
        verb="case.opened",
        subject=case,
        project_id=item.round.project_id,
        item=item.pk,
        again=last is not None,
    )  # what it is about stays behind the veils: the trail is read by managers who may review
    return "case"


def _measure_again(item: Item, case: Case, says: dict[str, object]) -> None:
    if all(getattr(case, name) == value for name, value in says.items()):
        return
    Case.objects.filter(pk=case.pk).update(**says)
    record(verb="case.measured", subject=case, project_id=item.round.project_id, item=item.pk)
