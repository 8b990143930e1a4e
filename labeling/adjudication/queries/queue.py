"""Questions about cases: which are open to whom, and how far adjudication is."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import (
    Count,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.http import Http404
from django.utils import timezone

from auditor.accounts.models import Membership, User
from auditor.corpus.models import Transcript
from auditor.evidence.queries import MACHINE, visible_to
from labeling.adjudication.models import ADJUDICATOR, Case, CaseLease, CaseRules, Ruling
from labeling.adjudication.queries.labels import has_labelled, rules_of
from labeling.annotations.models import LabelRevision
from labeling.queues.models import WORK, Item, Lease, Round


class Veiled(Exception):
    """The person has not labelled this transcript yet, and may not see what others said about it."""


@dataclass(frozen=True)
class Counts:
    """How far adjudication is."""

    open: int  # cases that wait for a ruling
    by_rule: int  # items settled by a rule
    by_adjudicator: int
    waiting: int  # items below their overlap
    returned: int = 0  # cases that wait for an answer of their reviewers
    own: int = 0  # open cases on which this person's own label is to be judged
    left_out: int = 0  # open cases that this person may not see yet

    @property
    def settled(self) -> int:
        return self.by_rule + self.by_adjudicator


def cases_of(project_id: int) -> QuerySet[Case]:
    """Every case of a project, with what its row shows."""
    rows = Case.objects.filter(item__round__project_id=project_id)
    rows = rows.select_related("item__transcript", "item__round__codebook_version")
    return rows.defer("item__round__codebook_version__definition")


@dataclass(frozen=True)
class Narrowing:
    """Which cases a list shows."""

    round_id: int | None = None
    axis: str = ""  # on which the reviewers differ
    code: str = ""  # of the ruling's reason
    words: str = ""  # in the transcript's name or text, or in what reviewers wrote; never in their names


def cases_for(membership: Membership, narrowing: Narrowing = Narrowing()) -> QuerySet[Case]:
    """The open cases that this member may rule on, the most pressing first."""
    rows = _others(_open_for(membership).filter(returned_at__isnull=True), membership)
    return _narrowed(rows, narrowing).order_by("place", "pk")


def returned_for(membership: Membership, narrowing: Narrowing = Narrowing()) -> QuerySet[Case]:
    """The cases that wait for an answer of their reviewers."""
    rows = _others(_open_for(membership).filter(returned_at__isnull=False), membership)
    return _narrowed(rows, narrowing)


def settled_for(membership: Membership, narrowing: Narrowing = Narrowing()) -> QuerySet[Case]:
    """The cases with a ruling that this member may look at."""
    rows = cases_of(membership.project.pk).filter(settled_at__isnull=False)
    return _narrowed(_unveiled(rows, membership.user), narrowing)


def axes_of(cases: QuerySet[Case]) -> list[str]:
    """The axes on which reviewers differ in these cases."""
    named = Func(F("axes"), function="jsonb_array_elements_text", output_field=TextField())
    return sorted(set(cases.order_by().annotate(axis=named).values_list("axis", flat=True).distinct()))


def rounds_with_cases(membership: Membership) -> QuerySet[Round]:
    """The rounds that have cases this member may look at, newest first."""
    seen = _unveiled(cases_of(membership.project.pk), membership.user)
    return Round.objects.filter(pk__in=seen.order_by().values("item__round")).order_by("-pk").only("name")


def held_by_others(cases: Sequence[Case], person: User) -> set[int]:
    """Those of the cases that a colleague has open, by id."""
    held = CaseLease.objects.filter(case__in=[case.pk for case in cases], expires_at__gt=timezone.now())
    return set(held.exclude(holder=person).values_list("case_id", flat=True))


def _open_for(membership: Membership) -> QuerySet[Case]:
    return _unveiled(cases_of(membership.project.pk).filter(settled_at__isnull=True), membership.user)


def _others(cases: QuerySet[Case], membership: Membership) -> QuerySet[Case]:
    """Without the cases on which this person's own label is to be judged, unless their round allows that."""
    own = LabelRevision.objects.filter(item_id=OuterRef("item_id"), reviewer=membership.user)
    newest = CaseRules.objects.filter(round=OuterRef("item__round")).order_by("-number")
    cases = cases.alias(own_rulings=Coalesce(Subquery(newest.values("own_rulings")[:1]), Value(False)))
    return cases.filter(Q(own_rulings=True) | ~Exists(own))


def _narrowed(cases: QuerySet[Case], narrowing: Narrowing) -> QuerySet[Case]:
    if narrowing.round_id is not None:
        cases = cases.filter(item__round_id=narrowing.round_id)
    if narrowing.axis:
        cases = cases.filter(axes__contains=[narrowing.axis])
    if narrowing.code:
        newest = Ruling.objects.filter(item_id=OuterRef("item_id")).order_by("-number")
        cases = cases.alias(code=Subquery(newest.values("reason_code")[:1])).filter(code=narrowing.code)
    if words := narrowing.words.strip():
        wrote = LabelRevision.objects.filter(item_id=OuterRef("item_id"), rationale__icontains=words)
        cases = cases.alias(said=Cast("reasons", TextField())).filter(
            Q(item__transcript__external_id__icontains=words)
            | Q(item__transcript__excerpt__icontains=words)
            | Q(said__icontains=words)
            | Exists(wrote)
        )
    return cases


def counts_of(membership: Membership) -> Counts:
    """The figures on top of the list."""
    items = Item.objects.filter(round__project_id=membership.project.pk, role=WORK)
    open_cases = cases_of(membership.project.pk).filter(settled_at__isnull=True)
    newest = Ruling.objects.filter(item_id=OuterRef("item_id")).order_by("-number").values("number")[:1]
    holding = Ruling.objects.filter(
        item__round__project_id=membership.project.pk, number=Subquery(newest)
    ).exclude(Exists(Case.objects.filter(item_id=OuterRef("item_id"), settled_at__isnull=True)))
    seen = _unveiled(open_cases, membership.user)
    mine = _others(seen, membership).aggregate(
        open=Count("pk", filter=Q(returned_at__isnull=True)),
        returned=Count("pk", filter=Q(returned_at__isnull=False)),
    )
    n_seen = seen.count()
    return Counts(
        open=mine["open"],
        by_rule=holding.exclude(rule=ADJUDICATOR).count(),
        by_adjudicator=holding.filter(rule=ADJUDICATOR).count(),
        waiting=items.filter(finished_at__isnull=True, escalated_at__isnull=True).count(),
        returned=mine["returned"],
        own=n_seen - mine["open"] - mine["returned"],
        left_out=open_cases.count() - n_seen,
    )


def access_case(membership: Membership, pk: int) -> Case:
    """A case of the member's project.

    Raises:
        Http404: not in this project.
        Veiled: the member's own blind label on the transcript is still to come.
    """
    case = cases_of(membership.project.pk).filter(pk=pk).first()
    if case is None:
        raise Http404("no such case")
    if not _unveiled(Case.objects.filter(pk=pk), membership.user).exists():
        raise Veiled
    return case


def is_barred(case: Case, person: User) -> bool:
    """Whether the case is about a label of this person's own, and its round lets nobody rule on theirs."""
    return has_labelled(case.item, person) and not rules_of(case.item.round).rules.own_rulings


def _unveiled(cases: QuerySet[Case], person: User) -> QuerySet[Case]:
    """Without transcripts that the person has still to label, in this round or any other."""
    holding = Lease.objects.filter(
        reviewer=person, state="held", item__transcript_id=OuterRef("item__transcript_id")
    )
    seen = visible_to(person).unveiled(Transcript.objects.all(), [MACHINE])
    return cases.filter(~Exists(holding), item__transcript__in=seen)
