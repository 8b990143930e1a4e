"""The list of cases: each row says what its reviewers disagree on, without saying who they are."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q

from auditor.accounts.models import User
from auditor.evidence.queries import MACHINE, visible_to
from labeling.adjudication.bulkrules import BULK_POSTERIOR, BULK_THRESHOLD, BULK_UNANIMOUS, BulkRule
from labeling.adjudication.caserules import CONFIDENCE, ESCALATED, FLAG, QUESTION, SPANS
from labeling.adjudication.comparison import hue_of, in_order
from labeling.adjudication.disagreement import named
from labeling.adjudication.models import TOLERATED, UNANIMOUS, BulkRun, Case, Ruling
from labeling.adjudication.queries import rulings_of, standing_labels
from labeling.adjudication.queries.previews import Planned
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Round


@dataclass(frozen=True)
class Entry:
    """One row."""

    case: Case
    hues: tuple[str, ...]  # one for each reviewer, in the case's own order
    split: str  # "2 Strategic deception, 1 Ignorance"
    confidence: str  # "4, 2, 3"
    held: bool  # a colleague has it open
    ruling: Ruling | None
    ruled: str  # the ruling in words
    ruled_hue: str
    ruled_by: str


def entries_of(cases: Sequence[Case], held: Collection[int] = ()) -> list[Entry]:
    """The rows of these cases, in two queries; `held` are those that colleagues have open."""
    items = [case.item for case in cases]
    labels = standing_labels(items)
    rulings = {
        ruling.item_id: ruling
        for ruling in rulings_of([item.pk for item in items]).select_related("adjudicator")
    }
    entries = []
    for case in cases:
        codebook = definition_of(case.item.round.codebook_version)
        given = in_order(case, labels[case.item_id])
        counted = Counter(one.label for one in given)
        ruling = rulings.get(case.item_id)
        entries.append(
            Entry(
                case=case,
                hues=tuple(hue_of(codebook, one.label) for one in given),
                split=", ".join(f"{n} {codebook.by_code[code].words}" for code, n in counted.most_common()),
                confidence=", ".join(str(one.confidence or "–") for one in given),
                held=case.pk in held,
                ruling=ruling,
                ruled=codebook.by_code[ruling.label].words if ruling else "",
                ruled_hue=hue_of(codebook, ruling.label) if ruling else "",
                ruled_by=given_by(ruling) if ruling else "",
            )
        )
    return entries


RULES = {
    UNANIMOUS: "all labels agreed",
    TOLERATED: "within the round's rules",
    BULK_UNANIMOUS: "bulk rule: all labels agree",
    BULK_THRESHOLD: "bulk rule: enough agree",
    BULK_POSTERIOR: "bulk rule: model of the reviewers",
}


def given_by(ruling: Ruling) -> str:
    """Who gave the ruling, or which rule."""
    return str(ruling.adjudicator) if ruling.adjudicator is not None else RULES[ruling.rule]


def axis_words(key: str) -> str:
    """An axis as filters name it."""
    kind, _, of = key.partition(":")
    if kind == QUESTION:
        return named(of)
    if kind == SPANS:
        return f"Spans: {of}"
    return {CONFIDENCE: "Low confidence", FLAG: "Flagged", ESCALATED: "Escalated"}.get(kind, named(kind))


@dataclass(frozen=True)
class Example:
    """A case that a bulk rule would settle, in words."""

    case_id: int
    name: str
    split: str
    words: str  # the label it would get
    hue: str
    chance: float | None


def in_words(planned: Planned, codebook: Codebook) -> Example:
    """One planned ruling as the preview shows it."""
    votes = Counter(one.label for one in planned.labels)
    return Example(
        case_id=planned.item.case.pk,
        name=planned.item.transcript.name,
        split=", ".join(f"{n} {codebook.by_code[code].words}" for code, n in votes.most_common()),
        words=codebook.by_code[planned.code].words,
        hue=hue_of(codebook, planned.code),
        chance=planned.chance,
    )


def bulk_runs_of(round: Round, person: User) -> list[tuple[BulkRun, str, int]]:
    """The round's bulk runs, newest first: each with its rule in words and the rulings of it that still hold
    and that this person may see."""
    rows = list(round.bulk_runs.select_related("run", "created_by").order_by("-pk")[:20])
    newer = Ruling.objects.filter(item_id=OuterRef("item_id"), number__gt=OuterRef("number"))
    holding = Ruling.objects.filter(~Exists(newer), bulk_run__in=rows, item__case__settled_at__isnull=False)
    hidden = visible_to(person).veil_over("item__transcript_id", MACHINE)
    counted = holding.exclude(Q(hidden)).order_by().values_list("bulk_run").annotate(n=Count("pk"))
    n = dict(counted)
    return [(row, BulkRule.of(row.rule, row.parameters).words, n.get(row.pk, 0)) for row in rows]
