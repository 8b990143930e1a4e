"""Questions about agreement: over which labels, who may see it, and the newest report.

Agreement tells what colleagues said: of one item at once, and of many by subtraction, since everybody
knows their own labels. So nothing of it is shown to a person while people's labels on any of its
transcripts are veiled from them.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404

from auditor.accounts.models import Membership, User
from auditor.corpus.models import Transcript
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import visible_to
from labeling.agreement.figures import Given
from labeling.agreement.measures import Measure, measures_of, span_measures
from labeling.agreement.models import AgreementReport
from labeling.agreement.proportions import Share, wilson
from labeling.agreement.report import EDITION, Report, read, report
from labeling.agreement.resampling import seed_of
from labeling.agreement.spans import Span
from labeling.annotations.models import BLIND, FINAL, LabelRevision, LabelSpan
from labeling.annotations.rail import span_kinds
from labeling.codebooks.models import Codebook, CodebookVersion
from labeling.codebooks.queries import definition_of
from labeling.queues.models import REVEAL, WORK, Item, Round
from labeling.queues.queries import gold_accuracy, rounds_of

SMALL = 1500  # labels of one stage; more are computed in the background


@dataclass(frozen=True)
class Scope:
    """What agreement is asked of: one round, or all rounds by one codebook."""

    project_id: int
    name: str
    rounds: tuple[Round, ...]
    round: Round | None = None
    codebook: Codebook | None = None

    @property
    def version(self) -> CodebookVersion:
        """The codebook's newest version among them."""
        return max((one.codebook_version for one in self.rounds), key=lambda version: version.number)

    @property
    def stages(self) -> tuple[str, ...]:
        """Where evidence stays hidden the blind label is the final one, and stands once."""
        return (BLIND, FINAL) if any(one.policy == REVEAL for one in self.rounds) else (FINAL,)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What its labels can be compared on."""
        return measures_of(definition_of(self.version))

    @property
    def spans(self) -> tuple[Measure, ...]:
        """The kinds of words that its reviewers mark."""
        return span_measures(span_kinds(definition_of(self.version)))


@dataclass(frozen=True)
class Stored:
    """The newest report of a scope, and what has become of it."""

    row: AgreementReport
    report: Report
    outdated: bool


def access_scope(membership: Membership, of: str, pk: int) -> Scope:
    """A round of the member's project, or all of its rounds by a codebook.

    Raises:
        Http404: not in this project, or no round has used the codebook.
    """
    rows = Round.objects.filter(project=membership.project)
    rows = rows.select_related("sample", "codebook_version__codebook").defer("sample__frame_ids")
    chosen = rows.filter(pk=pk) if of == "round" else rows.filter(codebook_version__codebook_id=pk)
    rounds = tuple(chosen.order_by("pk"))
    if not rounds:
        raise Http404("no such round or codebook")
    return scope_of(rounds, whole=of != "round")


def scope_of(rounds: Sequence[Round], *, whole: bool) -> Scope:
    """A scope of one round, or of all rounds by their codebook."""
    first = rounds[0]
    if not whole:
        return Scope(first.project_id, first.name, (first,), round=first)
    codebook = first.codebook_version.codebook
    return Scope(first.project_id, codebook.name, tuple(rounds), codebook=codebook)


def scope_of_report(row: AgreementReport) -> Scope:
    """What a stored report is of."""
    rows = Round.objects.filter(project_id=row.project_id)
    rows = rows.select_related("sample", "codebook_version__codebook").defer("sample__frame_ids")
    if row.round_id is not None:
        return scope_of(list(rows.filter(pk=row.round_id)), whole=False)
    return scope_of(list(rows.filter(codebook_version__codebook=row.codebook).order_by("pk")), whole=True)


def rounds_for(membership: Membership) -> tuple[list[Round], set[int]]:
    """The project's rounds, newest first, and the ids of those whose agreement is withheld from the member."""
    rounds = list(rounds_of(membership.project.pk)[:200])
    return rounds, withheld_rounds(rounds, membership.user)


def withheld_rounds(rounds: Sequence[Round], person: User, scopes: Collection[str] = (HUMAN,)) -> set[int]:
    """Those of the rounds in which people's labels on any transcript are veiled from the person."""
    seen = visible_to(person).unveiled(Transcript.objects.filter(pk=OuterRef("transcript")), scopes)
    hidden = Item.objects.filter(~Exists(seen), round=OuterRef("pk"))
    rows = Round.objects.filter(Exists(hidden), pk__in=[one.pk for one in rounds])
    return set(rows.values_list("pk", flat=True))


def is_withheld(scope: Scope, person: User) -> bool:
    """Whether the person must not see what this scope's reviewers agree on yet."""
    return bool(withheld_rounds(scope.rounds, person))


def counted(scope: Scope) -> QuerySet[LabelRevision]:
    """Every revision that may be measured: of work, and not late (a late one never filled a slot)."""
    return LabelRevision.objects.filter(item__round__in=scope.rounds, item__role=WORK, late=False)


def standing_rows(scope: Scope, stage: str) -> QuerySet[LabelRevision]:
    """The newest revision of each reviewer for each item of work."""
    rows = counted(scope).filter(stage=stage)
    return rows.order_by("item_id", "reviewer_id", "-number").distinct("item_id", "reviewer_id")


def labels_of(scope: Scope, stage: str) -> list[Given]:
    """The standing labels of one stage, in two queries."""
    rows = standing_rows(scope, stage).values_list(
        "pk", "item_id", "reviewer_id", "label", "group", "grade", "confidence", "answers", "committed_at",
        "codebook_version__number", "item__round_id", "item__sample_item__stratum", "item__transcript__n_chars",
    )  # fmt: skip
    strata = {one.pk: _strata_of(one, several=len(scope.rounds) > 1) for one in scope.rounds}
    marked: dict[int, list[Span]] = {}
    spans = LabelSpan.objects.filter(revision__in=standing_rows(scope, stage).values("pk"))
    for one in spans.only("revision_id", "kind", "position", "part", "start", "end").iterator():
        marked.setdefault(one.revision_id, []).append(
            Span(one.kind, (one.position, one.part), one.start, one.end)
        )
    return [
        Given(
            item, reviewer, label, group, grade, confidence, answers, at, version,
            strata[round].get(stratum, ""), tuple(marked.get(pk, ())), length or 0,
        )
        for pk, item, reviewer, label, group, grade, confidence, answers, at, version, round, stratum, length in rows
    ]  # fmt: skip


def digest_of(scope: Scope) -> str:
    """Names the labels that a report of this scope would be made from."""
    numbers = counted(scope).order_by("pk").values_list("pk", flat=True)
    rounds = [one.pk for one in scope.rounds]
    return hashlib.sha256(f"{EDITION}:{rounds}:{list(numbers)}".encode()).hexdigest()


def size_of(scope: Scope) -> int:
    """How many labels its largest stage has."""
    by_stage = counted(scope).order_by().values_list("stage").annotate(n=Count("pk"))
    return max((n for _, n in by_stage), default=0)


def made_now(
    scope: Scope,
    detail: Sequence[str],
    digest: str = "",
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """The report of the labels as they stand; `tick` is told how far it is."""
    seed = seed_of(digest or digest_of(scope))
    labels = {stage: labels_of(scope, stage) for stage in scope.stages}
    return report(labels, scope.measures, scope.spans, seed=seed, detail=detail, tick=tick)


def reports_of(scope: Scope) -> QuerySet[AgreementReport]:
    """The scope's reports, the newest first."""
    rows = AgreementReport.objects.filter(project_id=scope.project_id)
    mine = Q(round=scope.round) if scope.round is not None else Q(codebook=scope.codebook)
    return rows.filter(mine).select_related("run", "asked_by").order_by("-pk")


def stored_report(scope: Scope, digest: str) -> Stored | None:
    """The newest report that is computed, if there is one."""
    row = reports_of(scope).filter(computed_at__isnull=False).first()
    return None if row is None else Stored(row, read(row.figures), row.digest != digest)


def report_in_work(scope: Scope) -> AgreementReport | None:
    """A report that is being computed now."""
    return reports_of(scope).filter(computed_at__isnull=True, run__status__in=["queued", "running"]).first()


def gold_of(scope: Scope, membership: Membership) -> dict[int, Share]:
    """How each reviewer does on items whose label is known, with Wilson's interval, for managers without a seat.

    A reviewer who knew how many of their gold labels were right could tell which items check them.
    """
    seated = any(one.members.filter(user=membership.user).exists() for one in scope.rounds)
    if seated or not membership.can_manage:
        return {}
    counts: dict[int, list[int]] = {}
    for one in scope.rounds:
        for person, known in gold_accuracy(one).items():
            right, of = counts.setdefault(person, [0, 0])
            counts[person] = [right + known.right, of + known.of]
    return {person: wilson(right, of) for person, (right, of) in counts.items()}


def _strata_of(round: Round, *, several: bool) -> dict[int, str]:
    """The names of the sample's strata by their number."""
    strata: list[dict[str, Any]] = round.sample.strata
    before = f"{round.name}: " if several else ""
    return {index: f"{before}{one.get('name') or index + 1}" for index, one in enumerate(strata)}
