"""Changing what becomes a case in a round: a new version of its rules, and a run that settles anew by them."""

from django.db import transaction

from auditor.accounts.models import User
from auditor.ledger.actions import record
from auditor.runs.actions import Ticket, open_run
from labeling.adjudication import caserules
from labeling.adjudication.actions.settling import settle
from labeling.adjudication.caserules import Rules
from labeling.adjudication.models import ADJUDICATOR, CaseRules
from labeling.adjudication.queries import rules_of
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Item, Round

TASK = "adjudication.settle_anew"


def change_rules(*, round: Round, rules: Rules, actor: User) -> CaseRules | None:
    """The next version of the round's rules; ring for its run. None if they are as they were.

    Items that an adjudicator has ruled on keep their rulings, and so do those of bulk rules.

    Raises:
        BadRules: the rules mean nothing under the round's codebook.
    """
    caserules.check(rules, definition_of(round.codebook_version))
    with transaction.atomic():
        Round.objects.select_for_update(of=("self",)).get(pk=round.pk)
        before = rules_of(round)
        if before.rules == rules:
            return None
        run = open_run(
            project_id=round.project_id, kind="case_rules", title=f"Settle {round.name} by its new rules",
            task=TASK, actor=actor, total=Item.objects.filter(round=round).count(), unit="items",
        )  # fmt: skip
        made = CaseRules.objects.create(
            round=round, number=before.number + 1, axes=caserules.dump(rules.axes), own_rulings=rules.own_rulings,
            run=run, created_by=actor,
        )  # fmt: skip
        record(
            verb="case_rules.changed", subject=made, actor=actor, project_id=round.project_id, round=round.pk,
            number=made.number, axes=made.axes, own_rulings=made.own_rulings,
        )  # fmt: skip
    return made


def settle_anew(*, rules: CaseRules, ticket: Ticket) -> None:
    """Settle every item of the round that no adjudicator has ruled on; safe to repeat."""
    items = Item.objects.filter(round_id=rules.round_id).exclude(rulings__rule=ADJUDICATOR).order_by("pk")
    ids = list(items.values_list("pk", flat=True))
    ticket.beat(done=0, total=len(ids), force=True)
    for done, pk in enumerate(ids, 1):
        settle(item=Item(pk=pk))
        ticket.beat(done=done)
