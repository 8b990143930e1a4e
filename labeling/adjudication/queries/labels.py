"""Questions about the labels and rulings of items, and which items wait to be settled."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import (
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from auditor.accounts.models import User
from auditor.evidence.models import Channel
from labeling.adjudication import caserules
from labeling.adjudication.bulkrules import BULK
from labeling.adjudication.caserules import Rules
from labeling.adjudication.disagreement import Measured, Said, measure
from labeling.adjudication.models import BY_RULE, Case, CaseRules, Ruling
from labeling.adjudication.overlap import Place
from labeling.adjudication.standing import standing
from labeling.annotations.models import BLIND, FINAL, LabelRevision
from labeling.codebooks.queries import definition_of
from labeling.queues.models import BLIND_ONLY, WORK, Item, Round


def stages_of(round: Round) -> tuple[str, ...]:
    """Which stages can stand in the round, the better one first."""
    return (FINAL, BLIND) if round.policy == BLIND_ONLY else (FINAL,)


@dataclass(frozen=True)
class VersionedRules:
    """The rules of a round, and which version they are; 0 is the default that needs no row."""

    rules: Rules
    number: int


def rules_of(round: Round) -> VersionedRules:
    """What becomes a case in this round now."""
    newest = CaseRules.objects.filter(round=round).order_by("-number").first()
    if newest is None:
        return VersionedRules(caserules.DEFAULT, 0)
    return VersionedRules(caserules.load(newest.axes, own_rulings=newest.own_rulings), newest.number)


def standing_labels(items: Sequence[Item], *, whole: bool = False) -> dict[int, list[LabelRevision]]:
    """The standing label of each reviewer for each item (their `round` loaded), in one query.

    With `whole` two more load their units and the words they rest on.
    """
    found: dict[int, list[LabelRevision]] = {item.pk: [] for item in items}
    rows = LabelRevision.objects.filter(item_id__in=found, late=False).order_by("item_id", "number")
    for revision in rows.prefetch_related("units", "spans") if whole else rows:
        found[revision.item_id].append(revision)
    return {item.pk: standing(found[item.pk], stages_of(item.round)) for item in items}


def measured(item: Item, labels: Sequence[LabelRevision], rules: Rules) -> Measured:
    """What the rules make of an item's standing labels (their spans loaded, if the rules look at them)."""
    codebook = definition_of(item.round.codebook_version)
    escalation = item.escalation if item.escalated_at is not None else None
    said = [said_by(one, spans=rules.looks_at_spans) for one in labels]
    return measure(codebook, said, rules, escalation=escalation)


def said_by(label: LabelRevision, *, spans: bool) -> Said:
    """A label as rules look at it."""
    places: dict[str, list[Place]] = defaultdict(list)
    for span in label.spans.all() if spans else ():
        places[span.kind].append((span.position, span.part, span.start, span.end))
    return Said(
        label=label.label,
        group=label.group,
        grade=label.grade,
        answers=label.answers,
        confidence=label.confidence,
        flag=label.flag,
        spans={kind: tuple(marked) for kind, marked in places.items()},
    )


def newest_label_of(item: Item) -> int:
    """The id of the newest label on the item that was not late; 0 for none."""
    labels = LabelRevision.objects.filter(item=item, late=False)
    return labels.aggregate(newest=Max("pk"))["newest"] or 0


def has_labelled(item: Item, person: User) -> bool:
    """Whether a label of this person's is among those on the item, late ones included."""
    return LabelRevision.objects.filter(item=item, reviewer=person).exists()


def cites_exactly(ruling: Ruling, labels: Iterable[LabelRevision]) -> bool:
    """Whether the ruling rests on just these labels."""
    return set(ruling.cites.values_list("pk", flat=True)) == {one.pk for one in labels}


def latest_ruling(item: Item) -> Ruling | None:
    """The ruling that holds, unless the item's case is open again."""
    return item.rulings.order_by("-number").first()


def rulings_of(item_ids: Iterable[int]) -> QuerySet[Ruling]:
    """The ruling that holds for each of the items; items with an open case have none."""
    newest = Ruling.objects.filter(item_id=OuterRef("item_id")).order_by("-number").values("number")[:1]
    rows = Ruling.objects.filter(item_id__in=list(item_ids), number=Subquery(newest))
    return rows.exclude(Exists(Case.objects.filter(item_id=OuterRef("item_id"), settled_at__isnull=True)))


def due_items(round_id: int | None = None, *, limit: int = 200) -> list[Item]:
    """Items that wait to be settled, oldest first.

    These are finished and escalated items with neither ruling nor case, items settled by a rule whose labels
    have been revised since, and open cases with a label newer than when they were measured.
    """
    in_round = Q() if round_id is None else Q(item__round_id=round_id)
    counted = Q(stage=FINAL) | Q(item__round__policy=BLIND_ONLY)
    labelled = LabelRevision.objects.filter(counted, item_id=OuterRef("pk"), late=False).order_by()
    heads = labelled.values("item_id").annotate(n=Count("reviewer_id", distinct=True)).values("n")
    fresh = Item.objects.filter(
        ~Exists(Ruling.objects.filter(item_id=OuterRef("pk"))),
        ~Exists(Case.objects.filter(item_id=OuterRef("pk"))),
        role=WORK,
    ).alias(heads=Subquery(heads))
    if round_id is not None:
        fresh = fresh.filter(round_id=round_id)
    complete = Q(finished_at__isnull=False, heads__gte=F("wanted"))
    found = list(fresh.filter(complete | Q(escalated_at__isnull=False)).order_by("pk")[:limit])
    holding = Ruling.objects.filter(item_id=OuterRef("item_id")).order_by("-number")
    same_stage = Q(labelrevision__stage=OuterRef("stage"))
    newer = same_stage & Q(labelrevision__number__gte=OuterRef("number"))
    covered = Ruling.cites.through.objects.filter(
        newer | (Q(labelrevision__stage=FINAL) & ~same_stage),
        ruling_id=OuterRef("ruling"),
        labelrevision__reviewer_id=OuterRef("reviewer_id"),
    )
    revised = (
        LabelRevision.objects.filter(in_round, counted, item__role=WORK, late=False, number__gt=1)
        .annotate(ruling=Subquery(holding.values("pk")[:1]), rule=Subquery(holding.values("rule")[:1]))
        .filter(
            ~Exists(Case.objects.filter(item_id=OuterRef("item_id"), settled_at__isnull=True)),
            rule__in=[*BY_RULE, *BULK],
        )
        .filter(~Exists(covered))
    )
    newer_label = LabelRevision.objects.filter(
        counted, item_id=OuterRef("item_id"), late=False, pk__gt=OuterRef("newest_label")
    )
    changed = Case.objects.filter(in_round, Exists(newer_label), settled_at__isnull=True)
    waiting = Q(pk__in=revised.order_by().values("item_id")) | Q(pk__in=changed.order_by().values("item_id"))
    again = Item.objects.filter(waiting).order_by("pk")
    return found + list(again[: limit - len(found)])


def stamp_of(labels: Iterable[LabelRevision], ruling: Ruling | None) -> str:
    """Names what a page showed, so that a decision on something that has changed since is refused."""
    ids = ".".join(str(label.pk) for label in sorted(labels, key=lambda label: label.pk))
    return f"{ruling.number if ruling else 0}:{ids}"


def evidence_kinds(revisions: Iterable[LabelRevision], project_id: int) -> frozenset[str]:
    """The kinds of the channels that these labels rely on, as grades count them."""
    keys = {cited["channel"] for revision in revisions for cited in revision.relied_on if "channel" in cited}
    if not keys:
        return frozenset()
    kinds = Channel.objects.filter(project_id=project_id, key__in=keys).values_list("kind", flat=True)
    return frozenset(kinds)
