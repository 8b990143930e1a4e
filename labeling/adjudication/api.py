"""Cases for programs of adjudicators: the queue, one case side by side and without names, a ruling."""

from datetime import datetime
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Membership, Role, Scope
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem
from auditor.web.shapes import Id
from labeling.adjudication import actions, queries
from labeling.adjudication.casefile import CaseFile, open_file
from labeling.adjudication.comparison import Column
from labeling.adjudication.models import Case, Ruling
from labeling.annotations.models import LabelRevision
from labeling.annotations.queries import content_of

router = Router(tags=["Cases"])


class CaseOut(Schema):
    """A disagreement that waits for a ruling, or has one."""

    id: int
    item: int
    round: int
    transcript: int
    state: str = Field(description="open, returned or settled")
    disagreement: float
    reasons: list[str]
    priority: int
    opened_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, row: Case) -> "CaseOut":
        return cls(
            id=row.pk, item=row.item_id, round=row.item.round_id, transcript=row.item.transcript_id,
            state=row.state, disagreement=row.disagreement, reasons=[str(one) for one in row.reasons],
            priority=row.priority, opened_at=row.opened_at, settled_at=row.settled_at,
        )  # fmt: skip


class ColumnOut(Schema):
    """What one reviewer said, under the letter that stands for them in this case."""

    letter: str
    take: int = Field(description="Send it as `took` to take this label over")
    blind: str | None = Field(description="Code of their blind label")
    label: str
    grade: str
    content: dict[str, Any] = Field(description="Units with answers and spans, confidence, rationale, flag")

    @classmethod
    def of(cls, column: Column) -> "ColumnOut":
        return cls(
            letter=column.letter, take=column.label.pk, blind=column.blind.label if column.blind else None,
            label=column.label.label, grade=column.label.grade, content=content_of(column.label).plain(),
        )  # fmt: skip


class EvidenceOut(Schema):
    """What a channel says of the transcript."""

    channel: str
    kind: str
    value: float | None
    label: str


class RulingOut(Schema):
    """The label that holds for an item, and why."""

    id: int
    item: int
    number: int
    rule: str
    label: str
    grade: str
    reason_code: str
    reason: str
    created_at: datetime

    @classmethod
    def of(cls, row: Ruling) -> "RulingOut":
        return cls(
            id=row.pk, item=row.item_id, number=row.number, rule=row.rule, label=row.label, grade=row.grade,
            reason_code=row.reason_code, reason=row.reason, created_at=row.created_at,
        )  # fmt: skip


class CaseFileOut(CaseOut):
    """One case with everything that is said on it."""

    stamp: str = Field(description="Send it with the ruling; 409 if labels or rulings have changed since")
    columns: list[ColumnOut]
    evidence: list[EvidenceOut]
    rulings: list[RulingOut]

    @classmethod
    def opened(cls, file: CaseFile) -> "CaseFileOut":
        prefetch_related_objects([column.label for column in file.columns], "units", "spans")
        return cls(
            **CaseOut.of(file.case).dict(),
            stamp=file.stamp,
            columns=[ColumnOut.of(column) for column in file.columns],
            evidence=[
                EvidenceOut(channel=one.channel.key, kind=one.channel.kind, value=one.value, label=one.label)
                for one in file.evidence
            ],
            rulings=[RulingOut.of(past.ruling) for past in file.rulings],
        )


class QuestionIn(Schema):
    """A question to reviewers of a case."""

    question: str = Field(min_length=1, max_length=10000)
    to: list[Id] | None = Field(
        None, description="`take` of the columns whose reviewers are asked; null for all"
    )


class RulingIn(Schema):
    """A decision: a label taken over, answers taken from several, or an own label."""

    reason: str = Field(max_length=5000)
    reason_code: str = Field("", max_length=30)
    took: Id | None = Field(None, description="`take` of a column")
    mixed: dict[str, Id] | None = Field(
        None, description="For each question, `take` of the column it is from"
    )
    answers: dict[str, Any] | None = None
    kept: list[Id] | None = Field(None, description="Ids of the reviewers' spans it rests on; null for all")
    label: str = Field("", max_length=10)
    grade: str = Field("", max_length=4)
    example: str | None = Field(
        None, max_length=2000, description="The case in a few words, to add it to the codebook's draft"
    )
    stamp: str = Field(min_length=1, max_length=2000, description="Of the case as it was shown")


@router.get("/cases", response=Listed[CaseOut], summary="Open cases, the most urgent first")
def cases(
    request: HttpRequest, settled: bool = False, after: After = "", limit: Limit = 50
) -> Listed[CaseOut]:
    """Cases on transcripts that the token's person has still to label are left out."""
    membership = access_caller(request, role=Role.ADJUDICATOR)
    if settled:
        rows = queries.settled_for(membership)
        return listed(rows, CaseOut.of, after=after, limit=limit, key="settled_at")
    rows = queries.cases_for(membership)
    return listed(rows, CaseOut.of, after=after, limit=limit, key="place", descending=False)


@router.get("/cases/{int:pk}", response=CaseFileOut, summary="One case, side by side and without names")
def case(request: HttpRequest, pk: int) -> CaseFileOut:
    membership = access_caller(request, role=Role.ADJUDICATOR)
    return CaseFileOut.opened(open_file(_access(membership, pk), membership.user))


@router.post("/cases/next", response=CaseFileOut | None, summary="Take the next case that nobody holds")
def take_next(request: HttpRequest) -> CaseFileOut | None:
    """Null when there is none. It is held for a few minutes; taking it again holds it on."""
    membership = access_caller(request, scope=Scope.REVIEW, role=Role.ADJUDICATOR)
    found = actions.take_next(queue=queries.cases_for(membership), adjudicator=membership.user)
    if found is None:
        return None
    return CaseFileOut.opened(open_file(queries.access_case(membership, found.pk), membership.user))


@router.post("/cases/{int:pk}/hold", response=CaseOut, summary="Hold it, or hold it on")
def hold(request: HttpRequest, pk: int) -> CaseOut:
    membership = access_caller(request, scope=Scope.REVIEW, role=Role.ADJUDICATOR)
    found = _access(membership, pk)
    try:
        actions.hold(case=found, adjudicator=membership.user)
    except actions.Occupied as problem:
        raise Problem(409, str(problem)) from problem
    return CaseOut.of(found)


@router.post("/cases/{int:pk}/leave", response=CaseOut, summary="Leave it to others")
def leave(request: HttpRequest, pk: int) -> CaseOut:
    membership = access_caller(request, scope=Scope.REVIEW, role=Role.ADJUDICATOR)
    found = _access(membership, pk)
    actions.let_go(case=found, adjudicator=membership.user)
    return CaseOut.of(found)


@router.post("/cases/{int:pk}/ruling", response={201: RulingOut}, summary="Rule on it")
def rule(request: HttpRequest, pk: int, body: RulingIn) -> RulingOut:
    """With the stamp of what was shown, so that the same ruling sent twice is stored once: the second is 409."""
    membership = access_caller(request, scope=Scope.REVIEW, role=Role.ADJUDICATOR)
    found = _access(membership, pk)
    chosen = {*(body.mixed or {}).values(), *([body.took] if body.took else [])}
    labels = {one.pk: one for one in LabelRevision.objects.filter(item=found.item_id, pk__in=chosen)}
    if missing := chosen - set(labels):
        raise Problem(422, f"There is no label {min(missing)} on this item.", field="took")
    try:
        ruling = actions.rule(
            case=found, adjudicator=membership.user, reason=body.reason, reason_code=body.reason_code,
            took=labels[body.took] if body.took else None,
            mixed={key: labels[pk] for key, pk in body.mixed.items()} if body.mixed else None,
            answers=body.answers, kept=body.kept, label=body.label, grade=body.grade, example=body.example,
            stamp=body.stamp,
        )  # fmt: skip
    except (actions.Stale, actions.Occupied) as problem:
        standing = CaseFileOut.opened(open_file(_access(membership, pk), membership.user))
        raise Problem(
            409, str(problem), field="stamp", standing=standing.model_dump(mode="json")
        ) from problem
    except actions.CannotRule as problem:
        raise Problem(422, str(problem)) from problem
    return RulingOut.of(ruling)


@router.post("/cases/{int:pk}/back", response=CaseOut, summary="Send it back with a question")
def send_back(request: HttpRequest, pk: int, body: QuestionIn) -> CaseOut:
    """Each is asked in a thread of their own; the case is open again once all have answered or revised."""
    membership = access_caller(request, scope=Scope.REVIEW, role=Role.ADJUDICATOR)
    found = _access(membership, pk)
    try:
        actions.send_back(case=found, adjudicator=membership.user, question=body.question, to=body.to)
    except (actions.Stale, actions.Occupied) as problem:
        raise Problem(409, str(problem)) from problem
    except actions.CannotRule as problem:
        raise Problem(422, str(problem)) from problem
    return CaseOut.of(_access(membership, pk))


def _access(membership: Membership, pk: int) -> Case:
    """A case that this member may look at.

    Raises:
        Http404: not in this project, or their own blind label on the transcript is still to come.
    """
    try:
        return queries.access_case(membership, pk)
    except queries.Veiled as veiled:
        raise Http404("no such case for you") from veiled
