"""Everything one case shows: what was said, by whom under which letter, and what may be decided."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.accounts.models import User
from auditor.corpus.document import Document, render
from auditor.corpus.queries import messages_of
from auditor.evidence.models import HUMAN
from auditor.evidence.opinions import Opinion, opinions
from auditor.evidence.queries import channels_of, visible_to
from labeling.adjudication.comparison import (
    Beside,
    Column,
    Line,
    Mine,
    columns_of,
    hue_of,
    lines_of,
    marks_of,
    spans_of,
    units_of,
)
from labeling.adjudication.docket import given_by
from labeling.adjudication.models import Case, Ruling, SentBack
from labeling.adjudication.own import Own, own_form
from labeling.adjudication.queries import evidence_kinds, stages_of, stamp_of
from labeling.adjudication.reasons import WORDS
from labeling.adjudication.standing import mixture, standing
from labeling.annotations.models import BLIND, LabelRevision
from labeling.codebooks.path import with_spans
from labeling.codebooks.queries import definition_of
from labeling.discussion.models import Comment
from labeling.discussion.queries import visible_comments

MIX, OWN = "mix", "own"
EXCERPT = 600  # characters of the text offered as an example's case


@dataclass(frozen=True)
class Choice:
    """What the adjudicator has put in so far."""

    take: str = ""  # id of a revision, MIX or OWN
    mixed: Mapping[str, int] = field(default_factory=dict)  # question -> id of a revision
    answers: Mapping[str, Any] | None = None
    kept: Collection[int] | None = None
    units: Collection[int] = ()
    label: str = ""
    grade: str = ""


@dataclass(frozen=True)
class Past:
    """A ruling with its words and colour."""

    ruling: Ruling
    words: str
    hue: str
    code: str  # the reason code in words
    by: str  # who or what gave it


@dataclass(frozen=True)
class Asked:
    """A question that was sent to reviewers, with what they wrote under their letters."""

    sent: SentBack
    of: int  # how many were asked
    answered: int
    answers: tuple[tuple[str, str], ...]  # letter, text


@dataclass(frozen=True)
class CaseFile:
    """One case, ready to print."""

    case: Case
    columns: list[Column]
    lines: list[Line]
    document: Document
    evidence: list[Opinion]
    rulings: list[Past]  # the newest first
    own: Own
    spans: list[Mine]
    units: list[Beside]
    asked: list[Asked]
    excerpt: str  # what an example could quote
    stamp: str

    @property
    def alike(self) -> list[Line]:
        return [line for line in self.lines if line.is_alike]

    @property
    def can_mix(self) -> bool:
        return any(line.field for line in self.lines)


def open_file(case: Case, person: User, choice: Choice = Choice()) -> CaseFile:
    """The case as `person` may see it, with what they have put in so far.

    Without answers the adjudicator's own path starts from what all reviewers answered alike.
    """
    item = case.item
    codebook = definition_of(item.round.codebook_version)
    revisions = list(
        LabelRevision.objects.filter(item=item, late=False)
        .select_related("item__round")
        .prefetch_related("units", "spans")
        .order_by("number")
    )
    labels = standing(revisions, stages_of(item.round))
    blinds = {one.reviewer_id: one for one in standing(revisions, (BLIND,))}
    columns = columns_of(case, labels, blinds, codebook)
    channels = {channel.key: channel.name for channel in channels_of(item.round.project_id)}
    rulings = list(item.rulings.select_related("adjudicator", "bulk_run").order_by("-number"))
    found = [one for one in opinions(visible_to(person), item.transcript_id) if one.channel.kind != HUMAN]
    spans = spans_of(columns, choice.kept)
    document = render(messages_of([item.transcript_id])[item.transcript_id], marks_of(columns))
    return CaseFile(
        case=case,
        columns=columns,
        lines=lines_of(columns, codebook, channels, choice.mixed),
        document=document,
        evidence=found,
        rulings=[
            Past(
                one,
                codebook.by_code[one.label].words,
                hue_of(codebook, one.label),
                WORDS.get(one.reason_code, ""),
                given_by(one),
            )
            for one in rulings
        ],
        own=_own(case, labels, spans, choice),
        spans=spans,
        units=units_of(columns, codebook, choice.units),
        asked=_asked(case, person, columns),
        excerpt=_excerpt(case, spans),
        stamp=stamp_of(labels, rulings[0] if rulings else None),
    )


def _own(case: Case, labels: list[LabelRevision], spans: list[Mine], choice: Choice) -> Own:
    """The path of questions as it stands, answered by the adjudicator or by a mixture of the labels."""
    codebook = definition_of(case.item.round.codebook_version)
    given = dict(choice.answers) if choice.answers is not None else mixture(labels, {})
    relying = labels
    if choice.take == MIX:
        by_pk = {one.pk: one for one in labels}
        chosen = {key: by_pk[pk] for key, pk in choice.mixed.items() if pk in by_pk}
        given = mixture(labels, chosen)
        relying = list({one.pk: one for one in chosen.values()}.values())
    marked = {span.kind for span in spans if span.kept}
    attached = evidence_kinds(relying, case.item.round.project_id) | marked
    filled = with_spans(codebook, given, marked)
    return own_form(codebook, filled, attached, label=choice.label, grade_code=choice.grade)


def _asked(case: Case, person: User, columns: list[Column]) -> list[Asked]:
    """What was asked about this case, the newest first; in a fixed number of queries."""
    rows = list(case.sent_back.prefetch_related("asked__thread").order_by("-pk"))
    letters = {column.label.reviewer_id: column.letter for column in columns}
    threads = [to.thread for sent in rows for to in sent.asked.all()]
    wrote: dict[int, list[Comment]] = {}
    for comment in visible_comments(person, threads) if threads else ():
        if comment.removed_at is None:
            wrote.setdefault(comment.thread_id, []).append(comment)
    found = []
    for sent in rows:
        to = list(sent.asked.all())
        said = [
            (letters.get(comment.author_id, "A reviewer"), getattr(comment, "text", "") or "", one)
            for one in to
            for comment in wrote.get(one.thread_id, ())
            if comment.author_id == one.reviewer_id
        ]
        newer = {c.label.reviewer_id for c in columns if c.label.pk > sent.newest_label}
        done = {one.pk for *_, one in said} | {one.pk for one in to if one.reviewer_id in newer}
        answers = sorted((letter, text) for letter, text, _ in said)
        found.append(Asked(sent, len(to), len(done), tuple(answers)))
    return found


def _excerpt(case: Case, spans: list[Mine]) -> str:
    """Words that an example could quote: those that were marked, else the transcript's first ones."""
    quotes = list(dict.fromkeys(span.quote for span in spans))
    said = " … ".join(f"“{quote}”" for quote in quotes) if quotes else case.item.transcript.excerpt
    return said if len(said) <= EXCERPT else said[: EXCERPT - 1] + "…"
