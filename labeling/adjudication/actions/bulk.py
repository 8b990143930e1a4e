"""Bulk rules: many cases settled in one run, each ruling marked with its rule and run.

Running a rule again keeps what people have ruled and what other rules have settled; its own earlier
rulings are replaced where it decides otherwise now, and taken back where it decides no longer.
"""

from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.ledger.actions import record
from auditor.runs.actions import Ticket, open_run
from labeling.adjudication import bulkrules
from labeling.adjudication.actions.settling import settle
from labeling.adjudication.actions.writing import lock_item, write_ruling
from labeling.adjudication.bulkrules import BulkRule
from labeling.adjudication.content import taken
from labeling.adjudication.models import ADJUDICATOR, BulkRun, CaseLease
from labeling.adjudication.queries import latest_ruling, standing_labels
from labeling.adjudication.queries.previews import Planned, plan_bulk
from labeling.adjudication.standing import basis, shared_answers
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Round

TASK = "adjudication.apply_bulk_rule"


def open_bulk(*, round: Round, rule: BulkRule, actor: User) -> BulkRun:
    """A run of the rule over what its actor may see; ring for it. One that is under way is given back instead.

    Raises:
        BadBulkRule: see `bulkrules.check`.
    """
    bulkrules.check(rule)
    with transaction.atomic():
        Round.objects.select_for_update(of=("self",)).get(pk=round.pk)
        before = BulkRun.objects.filter(round=round, rule=rule.kind).order_by("-number").first()
        if before is not None and before.done_at is None and not before.run.is_over:
            return before
        run = open_run(
            project_id=round.project_id, kind="bulk_rule", title=f"{rule.words}: {round.name}", task=TASK,
            actor=actor, unit="cases",
        )  # fmt: skip
        made = BulkRun.objects.create(
            round=round, number=before.number + 1 if before else 1, rule=rule.kind, parameters=rule.plain(),
            run=run, created_by=actor,
        )  # fmt: skip
        record(
            verb="bulk_rule.opened", subject=made, actor=actor, project_id=round.project_id, round=round.pk,
            rule=made.rule, number=made.number, parameters=made.parameters,
        )  # fmt: skip
    return made


def apply_bulk(*, bulk: BulkRun, ticket: Ticket) -> None:
    """Settle what the rule decides now; safe to repeat, and a case that changed meanwhile is left alone."""
    rule = BulkRule.of(bulk.rule, bulk.parameters)
    plan = plan_bulk(bulk.round, rule, bulk.created_by)
    work = [*plan.settles, *plan.reopens]
    ticket.beat(done=0, total=len(work), force=True)
    for done, planned in enumerate(work, 1):
        _apply(bulk, planned)
        ticket.beat(done=done)
    BulkRun.objects.filter(pk=bulk.pk, done_at__isnull=True).update(done_at=timezone.now())


def _apply(bulk: BulkRun, planned: Planned) -> None:
    with transaction.atomic():
        lease = CaseLease.objects.select_for_update().get(case__item=planned.item)
        item = lock_item(planned.item)
        labels = standing_labels([item], whole=True)[item.pk]
        last = latest_ruling(item)
        same = {one.pk for one in labels} == {one.pk for one in planned.labels}
        if lease.is_held or not same or (last is not None and last.rule == ADJUDICATOR):
            return  # somebody has taken it in hand since
        if not planned.code:
            settle(item=item, bulk_stands=False)
            return
        sharing = [one for one in labels if one.label == planned.code]
        base = basis(sharing, definition_of(item.round.codebook_version))
        held = replace(taken(base), answers=shared_answers(sharing))
        write_ruling(item, labels, last, bulk.rule, held, rule_number=bulk.number, bulk_run=bulk)
