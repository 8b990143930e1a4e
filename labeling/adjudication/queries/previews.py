"""What changed rules or a bulk rule would do, before anything is done; only on transcripts the asker may see."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from auditor.accounts.models import User
from auditor.corpus.models import Transcript
from auditor.evidence.queries import MACHINE, visible_to
from labeling.adjudication.bulkrules import BULK_POSTERIOR, BulkRule, decide
from labeling.adjudication.caserules import Rules
from labeling.adjudication.models import BY_RULE, Case, CaseLease, Ruling
from labeling.adjudication.queries.labels import measured, standing_labels
from labeling.agreement.dawid_skene import PERSON, dawid_skene
from labeling.agreement.ratings import table_of
from labeling.annotations.models import LabelRevision
from labeling.queues.models import WORK, Item, Round

CHUNK = 500  # items looked at in one go
PREVIEWED = 5000  # items that a preview of rules looks at
EXAMPLES = 20


@dataclass
class RulesPreview:
    """What other rules would make of a round."""

    looked_at: int = 0
    open_now: int = 0
    open_then: int = 0
    opens: int = 0
    closes: int = 0
    kept: int = 0  # items that people or bulk rules have settled
    hidden: int = 0  # items that the asker has still to label
    is_part: bool = False  # there are more than were looked at


@dataclass(frozen=True)
class Planned:
    """What a bulk rule makes of one item."""

    item: Item
    labels: tuple[LabelRevision, ...]
    code: str  # empty: it stays with people, or goes back to them
    chance: float | None  # of the model
    earlier: Ruling | None  # the same rule's ruling that holds now

    @property
    def split(self) -> str:
        """The labels by frequency, as codes."""
        return ", ".join(f"{n} {code}" for code, n in Counter(one.label for one in self.labels).most_common())


@dataclass
class BulkPlan:
    """What a bulk rule would do in a round."""

    settles: list[Planned] = field(default_factory=list)
    reopens: list[Planned] = field(default_factory=list)
    stays: int = 0  # open cases that the rule leaves to people
    unchanged: int = 0  # earlier rulings of the rule that hold as they are
    flagged: int = 0  # left alone: flagged by a reviewer or escalated
    returned: int = 0  # left alone: a question to reviewers is open
    held: int = 0  # left alone: an adjudicator has it open
    hidden: int = 0  # the asker has still to label them

    @property
    def by_label(self) -> list[tuple[str, int]]:
        return Counter(one.code for one in self.settles).most_common()

    @property
    def examples(self) -> list[Planned]:
        return self.settles[:EXAMPLES]


def preview_rules(round: Round, rules: Rules, person: User) -> RulesPreview:
    """How many cases these rules would open and close in the round."""
    found = RulesPreview()
    finished = _finished(round).alias(rule=_newest("rule"))
    unsettled = finished.filter(
        Q(rule__isnull=True) | Q(rule__in=BY_RULE) | Q(case__settled_at__isnull=True, case__isnull=False)
    )
    found.kept = finished.count() - unsettled.count()
    shown = _shown(unsettled, person)
    found.hidden = unsettled.count() - shown.count()
    for items in _chunks(shown.order_by("pk")[: PREVIEWED + 1]):
        if found.looked_at + len(items) > PREVIEWED:
            found.is_part, items = True, items[: PREVIEWED - found.looked_at]
        open_cases = set(
            Case.objects.filter(item__in=items, settled_at__isnull=True).values_list("item_id", flat=True)
        )
        labels = standing_labels(items, whole=rules.looks_at_spans)
        for item in items:
            now, then = item.pk in open_cases, bool(measured(item, labels[item.pk], rules).reasons)
            found.looked_at += 1
            found.open_now += now
            found.open_then += then
            found.opens += then and not now
            found.closes += now and not then
    return found


def plan_bulk(round: Round, rule: BulkRule, person: User) -> BulkPlan:
    """What the rule would settle, and which of its own earlier rulings it would take back."""
    plan = BulkPlan()
    own = _finished(round).alias(rule=_newest("rule")).filter(rule=rule.kind, case__settled_at__isnull=False)
    concerned = _finished(round).filter(
        Q(case__isnull=False, case__settled_at__isnull=True) | Q(pk__in=own.values("pk"))
    )
    shown = _shown(concerned, person).select_related("case", "transcript")
    plan.hidden = concerned.count() - shown.count()
    chances = _posteriors(round) if rule.kind == BULK_POSTERIOR else {}
    for items in _chunks(shown.order_by("pk")):
        labels = standing_labels(items, whole=True)
        held = _held(items)
        earlier = _latest(items)
        for item in items:
            ruling = earlier.get(item.pk) if item.case.settled_at is not None else None
            given = tuple(labels[item.pk])
            if _left_alone(plan, rule, item, given, held):
                continue
            chance = chances.get(item.pk, {})
            code = decide(rule, [one.label for one in given], chance)
            one = Planned(item, given, code, chance.get(code), ruling)
            if ruling is not None and not code:
                plan.reopens.append(one)
            elif ruling is not None and ruling.label == code:
                plan.unchanged += 1
            elif code:
                plan.settles.append(one)
            else:
                plan.stays += 1
    return plan


def _left_alone(
    plan: BulkPlan, rule: BulkRule, item: Item, labels: Sequence[LabelRevision], held: set[int]
) -> bool:
    """Count what no bulk rule touches: what is in somebody's hands, or was put there by a person."""
    if item.case.returned_at is not None:
        plan.returned += 1
    elif item.case.pk in held:
        plan.held += 1
    elif not rule.flagged and (item.escalated_at is not None or any(one.flag for one in labels)):
        plan.flagged += 1
    else:
        return False
    return True


def _posteriors(round: Round) -> dict[int, dict[str, float]]:
    """Of each item, how likely each code is by the model of the round's reviewers; only people vote."""
    said = [
        (item_id, one.reviewer_id, one.label)
        for items in _chunks(_finished(round).order_by("pk"))
        for item_id, labels in standing_labels(items).items()
        for one in labels
    ]
    ratings, codes, items, reviewers = table_of(said)
    if not items:
        return {}
    posterior = dawid_skene(ratings, [PERSON] * len(reviewers)).posterior
    return {
        item: {str(code): float(chance) for code, chance in zip(codes, row, strict=True)}
        for item, row in zip(items, posterior, strict=True)
    }


def _finished(round: Round) -> QuerySet[Item]:
    """The items of a round that its rules look at."""
    complete = Q(finished_at__isnull=False) | Q(escalated_at__isnull=False)
    rows = Item.objects.filter(complete, round=round, role=WORK)
    return rows.select_related("round__codebook_version").defer("round__codebook_version__definition")


def _shown(items: QuerySet[Item], person: User) -> QuerySet[Item]:
    of_items = Transcript.objects.filter(review_items__in=items.order_by().values("pk"))
    return items.filter(transcript__in=visible_to(person).unveiled(of_items, [MACHINE]).values("pk"))


def _newest(column: str) -> Subquery:
    return Subquery(Ruling.objects.filter(item_id=OuterRef("pk")).order_by("-number").values(column)[:1])


def _latest(items: Sequence[Item]) -> dict[int, Ruling]:
    rows = Ruling.objects.filter(item__in=items).order_by("item_id", "-number").distinct("item_id")
    return {ruling.item_id: ruling for ruling in rows}


def _held(items: Sequence[Item]) -> set[int]:
    rows = CaseLease.objects.filter(case__item__in=items, expires_at__gt=timezone.now())
    return set(rows.values_list("case_id", flat=True))


def _chunks(rows: QuerySet[Item]) -> Iterator[list[Item]]:
    found = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(found, CHUNK)):
        yield chunk
