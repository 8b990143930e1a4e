"""Bulk rules for programs: what one would settle, and its application."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.web.problems import Problem
from labeling.adjudication import actions, tasks
from labeling.adjudication.bulkrules import BadBulkRule, BulkRule, check
from labeling.adjudication.queries.previews import plan_bulk
from labeling.queues.queries import access_round

router = Router(tags=["Cases"])


class BulkIn(Schema):
    """A rule with its limits. Only people's labels count: judges never vote."""

    kind: Literal["bulk_unanimous", "bulk_threshold", "bulk_posterior"]
    votes: int = Field(2, ge=2, le=50, description="threshold: at least so many labels agree")
    share: float = Field(0.5, ge=0.5, le=1, description="threshold: at least this share of them")
    posterior: float = Field(0.95, gt=0.5, lt=1, description="posterior: of the model of the reviewers")
    flagged: bool = Field(False, description="Also items that a reviewer flagged")

    def read(self) -> BulkRule:
        """As a rule.

        Raises:
            Problem: it could settle what is open.
        """
        rule = BulkRule(self.kind, self.votes, self.share, self.posterior, self.flagged)
        try:
            check(rule)
        except BadBulkRule as problem:
            raise Problem(422, str(problem), field="kind") from problem
        return rule


class BulkPlanOut(Schema):
    """What a bulk rule would do in a round."""

    words: str
    settles: int
    by_label: dict[str, int]
    reopens: int = Field(description="Earlier rulings of the rule that would no longer hold")
    stays: int = Field(description="Open cases that the rule leaves to people")
    unchanged: int
    flagged: int
    returned: int
    held: int
    hidden: int = Field(description="On transcripts that the token's person has still to label")
    examples: list[dict[str, Any]]


class BulkRunOut(Schema):
    """One application of a rule; its run says how far it is."""

    id: int
    number: int
    run: int


@router.post("/rounds/{int:pk}/bulk/preview", response=BulkPlanOut, summary="What a bulk rule would settle")
def preview(request: HttpRequest, pk: int, body: BulkIn) -> BulkPlanOut:
    """Writes nothing."""
    membership = access_caller(request, role=Role.MANAGER)
    round = access_round(membership, pk)
    rule = body.read()
    plan = plan_bulk(round, rule, membership.user)
    return BulkPlanOut(
        words=rule.words, settles=len(plan.settles), by_label=dict(plan.by_label), reopens=len(plan.reopens),
        stays=plan.stays, unchanged=plan.unchanged, flagged=plan.flagged, returned=plan.returned, held=plan.held,
        hidden=plan.hidden,
        examples=[
            {"item": one.item.pk, "label": one.code, "labels": one.split, "chance": one.chance} for one in plan.examples
        ],
    )  # fmt: skip


@router.post("/rounds/{int:pk}/bulk", response={202: BulkRunOut}, summary="Apply a bulk rule")
def apply(request: HttpRequest, pk: int, body: BulkIn) -> BulkRunOut:
    """Rulings of people stay as they are, however often it is applied."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    round = access_round(membership, pk)
    made = actions.open_bulk(round=round, rule=body.read(), actor=membership.user)
    tasks.queue_run(made)
    return BulkRunOut(id=made.pk, number=made.number, run=made.run_id)
