"""Everything one case shows: what was said, by whom under which letter, and what may be decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.accounts.models import User
from auditor.corpus.document import Document, render
from auditor.corpus.queries import messages_of
from auditor.evidence.models import HUMAN, Rollup
from auditor.evidence.queries import channels_of, visible_to
from labeling.adjudication.comparison import Column, Line, columns_of, hue_of, lines_of, marks_of
from labeling.adjudication.models import Case, Ruling
from labeling.adjudication.own import Own, own_form
from labeling.adjudication.queries import evidence_kinds, stages_of, stamp_of
from labeling.adjudication.standing import shared_answers, standing
from labeling.annotations.models import BLIND, LabelRevision
from labeling.codebooks.queries import definition_of

SHOWN_ROLLUPS = 60


@dataclass(frozen=True)
class Past:
    """A ruling with its words and colour."""

    ruling: Ruling
    words: str
    hue: str


@dataclass(frozen=True)
class CaseFile:
    """One case, ready to print."""

    case: Case
    columns: list[Column]
    lines: list[Line]
    document: Document
    evidence: list[Rollup]
    rulings: list[Past]  # the newest first
    own: Own
    stamp: str


def open_file(
    case: Case, person: User, *, answers: Mapping[str, Any] | None = None, label: str = "", grade: str = ""
) -> CaseFile:
    """The case as `person` may see it; `answers`, `label` and `grade` are what they have put in so far.

    Without answers the adjudicator's own path starts from what all reviewers answered alike.
    """
    item = case.item
    codebook = definition_of(item.round.codebook_version)
    revisions = list(
        LabelRevision.objects.filter(item=item, late=False)
        .select_related("item__round")
        .prefetch_related("spans")
        .order_by("number")
    )
    labels = standing(revisions, stages_of(item.round))
    blinds = {one.reviewer_id: one for one in standing(revisions, (BLIND,))}
    columns = columns_of(case, labels, blinds, codebook)
    channels = {channel.key: channel.name for channel in channels_of(item.round.project_id)}
    rulings = list(item.rulings.select_related("adjudicator").order_by("-number"))
    sight = visible_to(person)
    rollups = sight.rollups([item.transcript_id]).exclude(channel__kind=HUMAN).select_related("channel")
    given = answers if answers is not None else (shared_answers(labels) if labels else {})
    return CaseFile(
        case=case,
        columns=columns,
        lines=lines_of(columns, codebook, channels),
        document=render(messages_of([item.transcript_id])[item.transcript_id], marks_of(columns)),
        evidence=list(rollups.order_by("channel__kind", "channel__key")[:SHOWN_ROLLUPS]),
        rulings=[
            Past(one, codebook.by_code[one.label].words, hue_of(codebook, one.label)) for one in rulings
        ],
        own=own_form(
            codebook, given, _attached(labels, item.round.project_id), label=label, grade_code=grade
        ),
        stamp=stamp_of(labels, rulings[0] if rulings else None),
    )


def _attached(labels: list[LabelRevision], project_id: int) -> frozenset[str]:
    kinds = {span.kind for one in labels for span in one.spans.all()}
    return evidence_kinds(labels, project_id) | kinds
