"""Questions of the desk: where a reviewer stands with an item, and what they may see of its evidence."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404

from auditor.accounts.models import Membership, User
from auditor.corpus.document import Document, Mark, render
from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_between
from auditor.evidence.models import HUMAN, Reading, Track
from auditor.evidence.opinions import Opinion, opinions
from auditor.evidence.queries import visible_to
from auditor.web.prepared import prepared
from labeling.annotations import held
from labeling.annotations.content import Content, MarkedSpan, Place, Relied, Unit, read
from labeling.annotations.models import BLIND, FINAL, Draft, LabelRevision, LabelUnit, Reveal
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.queues.models import OPEN, REVEAL, Item, Lease, Round


@dataclass(frozen=True)
class Standing:
    """Where one reviewer stands with one item."""

    item: Item
    lease: Lease
    codebook: Codebook
    blind: LabelRevision | None
    final: LabelRevision | None  # the newest
    reveal: Reveal | None
    draft: Draft | None  # of the present stage
    ruled: bool  # an adjudicator has decided; the label can no longer be revised

    @property
    def round(self) -> Round:
        return self.item.round

    @property
    def stage(self) -> str:
        return BLIND if self.blind is None and self.round.policy != OPEN else FINAL

    @property
    def base(self) -> int:
        """How many revisions of the present stage there are; a commit from an older page is refused."""
        return self.final.number if self.final is not None else 0

    @property
    def shows_evidence(self) -> bool:
        """Only after the reveal, which only the blind commit makes."""
        return self.reveal is not None

    @property
    def is_done(self) -> bool:
        return self.final is not None

    @property
    def may_commit(self) -> bool:
        """Everything may be committed that was never final; a final label may be revised while nobody ruled."""
        return self.final is None or (self.round.is_open and not self.ruled)

    @property
    def leads_on(self) -> bool:
        """Whether the next commit leads to another item, which can then be fetched ahead."""
        return (
            self.round.is_open and self.final is None and (self.stage == FINAL or self.round.policy != REVEAL)
        )

    @property
    def content(self) -> Content:
        """The form as it was left: the draft, else the newest label, else nothing."""
        if self.draft is not None:
            return read(self.draft.content)
        newest = self.final or self.blind
        return content_of(newest) if newest is not None else Content()

    @property
    def active_seconds(self) -> int:
        return self.draft.active_seconds if self.draft is not None else 0


def content_of(revision: LabelRevision) -> Content:
    """A committed label as a form, to go on from."""
    spans: dict[int, list[MarkedSpan]] = {}
    for span in revision.spans.all():
        marked = MarkedSpan(span.kind, span.position, span.part, span.start, span.end, span.quote)
        spans.setdefault(span.unit_id, []).append(marked)
    return Content(
        units=tuple(_unit_of(unit, tuple(spans.get(unit.pk, ()))) for unit in revision.units.all()),
        confidence=revision.confidence,
        rationale=revision.rationale,
        flag=revision.flag,
        relied_on=tuple(
            Relied(one["reading"], Place(**one["place"]) if one.get("place") else None)
            for one in revision.relied_on
        ),
    )


def _unit_of(unit: LabelUnit, spans: tuple[MarkedSpan, ...]) -> Unit:
    """A stored unit as a form; a place that its own words name is not said twice."""
    form = Unit(
        answers={key: value for key, value in unit.answers.items() if key != "confidence"},
        spans=spans,
        label=unit.label if unit.label != unit.derived_label else "",
        grade=unit.grade if unit.grade != unit.grade_cap else "",
        lowered_reason=unit.lowered_reason,
    )
    if unit.position is None:
        return form
    place = Place(unit.position, unit.part, unit.start, unit.end, unit.quote)
    return form if form.stands == place else replace(form, place=place)


def access_item(membership: Membership, item_id: int) -> Item:
    """An item of the member's project that was handed to them.

    Raises:
        Http404: not in this project, or never on this person's desk.
    """
    handed = Lease.objects.filter(item=OuterRef("pk"), reviewer=membership.user)
    item = Item.objects.filter(Exists(handed), pk=item_id, round__project=membership.project).first()
    if item is None:
        raise Http404("no such item on your desk")
    return item


def access_standing(membership: Membership, item_id: int) -> Standing:
    """Where this member stands with an item that was handed to them.

    Raises:
        Http404: not in this project, or never on this person's desk.
    """
    found = held.read(item_id, membership.user, membership.project_id)
    if found is None:
        raise Http404("no such item on your desk")
    return _standing(found, membership.user)


def _standing(found: held.Held, reviewer: User) -> Standing:
    """Where this reviewer stands, with the form as it was left."""
    said = held.labels(found.item.pk, reviewer.pk) if found.has_said else []
    return replace(standing_among(said, found.item, found.lease, found.reveal), draft=found.draft)


def standing_among(
    revisions: Iterable[LabelRevision], item: Item, lease: Lease, reveal: Reveal | None
) -> Standing:
    """Where a reviewer of these revisions, in order, stands with their item; no draft is looked for."""
    newest = {revision.stage: revision for revision in revisions}
    final = BLIND in newest or item.round.policy == OPEN
    return Standing(
        item=item,
        lease=lease,
        codebook=definition_of(item.round.codebook_version),
        blind=newest.get(BLIND),
        final=newest.get(FINAL),
        reveal=reveal if final else None,
        draft=None,
        ruled=FINAL in newest and is_ruled(item),
    )


def is_ruled(item: Item) -> bool:
    """Whether an adjudicator has decided the item (a ruling by the rule follows the labels instead)."""
    rulings: QuerySet[Any] = item.rulings.filter(adjudicator__isnull=False)
    return rulings.exists()


def own_labels(round: Round, reviewer: User) -> QuerySet[LabelRevision]:
    """The reviewer's newest final label of each item in the round, the latest first."""
    finals = LabelRevision.objects.filter(item__round=round, reviewer=reviewer, stage=FINAL)
    newer = LabelRevision.objects.filter(
        item=OuterRef("item"), reviewer=reviewer, stage=FINAL, number__gt=OuterRef("number")
    )
    return finals.exclude(Exists(newer)).select_related("item__transcript").order_by("-pk")


LAST = """
    SELECT lease.item_id FROM queues_lease lease JOIN queues_item item ON item.id = lease.item_id
    WHERE lease.reviewer_id = %(me)s AND lease.state = 'done' AND item.round_id = %(round)s AND item.id <> %(item)s
    ORDER BY lease.ended_at DESC, lease.id DESC LIMIT 1
"""


def last_done(standing: Standing, reviewer: User) -> int | None:
    """The item, other than this one, on which the reviewer's label was final last; None for a first item."""
    with prepared() as cursor:
        cursor.execute(LAST, {"me": reviewer.pk, "round": standing.round.pk, "item": standing.item.pk})
        found = cursor.fetchone()
    return found[0] if found is not None else None


def visible_readings(reviewer: User, transcript_id: int) -> QuerySet[Reading]:
    """Machine evidence on the transcript that this person may see now."""
    return visible_to(reviewer).readings([transcript_id]).exclude(channel__kind=HUMAN)


def visible_tracks(reviewer: User, transcript_id: int) -> QuerySet[Track]:
    """Token tracks on the transcript that this person may see now."""
    return visible_to(reviewer).tracks([transcript_id]).exclude(channel__kind=HUMAN)


def opinions_of(standing: Standing, reviewer: User) -> list[Opinion]:
    """What the channels say, as far as it was revealed with this item; nothing before."""
    if standing.reveal is None or not standing.reveal.readings:
        return []
    shown = set(standing.reveal.readings)
    found = []
    for opinion in opinions(visible_to(reviewer), standing.item.transcript_id):
        statements = [one for one in opinion.statements if one.reading.pk in shown]
        if statements and opinion.channel.kind != HUMAN:
            found.append(replace(opinion, statements=statements))
    return found


def relied_kinds(standing: Standing, content: Content) -> set[str]:
    """The kinds of the channels that the form relies on, as far as they were revealed."""
    if standing.reveal is None or not content.relied_on:
        return set()
    ids = {one.reading for one in content.relied_on} & set(standing.reveal.readings)
    readings = visible_readings(standing.lease.reviewer, standing.item.transcript_id).filter(pk__in=ids)
    return set(readings.order_by().values_list("channel__kind", flat=True))


@dataclass(frozen=True)
class Unnamed:
    """A message without the model's name, as the desk shows it until the reveal."""

    position: int
    role: str
    text: str
    reasoning: str
    parts: list[dict[str, Any]]
    model_name: str = ""


def document_of(
    standing: Standing, marks: Iterable[Mark] = (), media: Callable[[str], str] | None = None
) -> Document:
    """The transcript of an item as a document; before the reveal without marks and without the model's name."""
    messages = messages_between(standing.item.transcript, 0, standing.item.transcript.n_messages)
    if standing.shows_evidence:
        return render(messages, marks, markdown=True, media=media)
    unnamed = [Unnamed(m.position, m.role, m.text, m.reasoning, m.parts) for m in messages]
    return render(unnamed, markdown=True, media=media)


@dataclass(frozen=True)
class About:
    """What the import knew about the transcript; hidden until the reveal."""

    name: str
    model: str
    conditions: dict[str, str]
    metadata: dict[str, Any]


def about(standing: Standing) -> About | None:
    """Name, model, conditions and metadata, once they may be shown; before, the keys the round lets one see."""
    transcript: Transcript = standing.item.transcript
    if standing.shows_evidence:
        return About(transcript.name, transcript.model_name, transcript.conditions, transcript.metadata)
    keys = set(standing.round.visible_metadata)
    conditions = {key: value for key, value in transcript.conditions.items() if key in keys}
    metadata = {key: value for key, value in transcript.metadata.items() if key in keys}
    return About("", "", conditions, metadata) if conditions or metadata else None
