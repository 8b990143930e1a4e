"""What reviewers write: drafts as they type, the blind label, the reveal, and the final label.

Each commit is one transaction that first holds the reviewer's lease, so that two tabs of one person
come one after the other. Revisions are never edited; a commit says after which revision it was made
(`base`), and one made after another is refused, unless it says the same.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.corpus.queries import messages_between, texts_of
from auditor.evidence.actions import lift_veils
from auditor.evidence.models import Reading
from auditor.evidence.opinions import MOST_READINGS
from auditor.evidence.queries import MACHINE
from auditor.ledger.actions import record
from auditor.runs.tasks import ring
from labeling.annotations.content import BadContent, Content, misplaced
from labeling.annotations.models import BLIND, FINAL, Draft, LabelRevision, LabelSpan, LabelUnit, Reveal
from labeling.annotations.publishing import publish
from labeling.annotations.queries import (
    Standing,
    content_of,
    policy_is_blind_only,
    standing_of,
    visible_readings,
    visible_tracks,
)
from labeling.annotations.rail import known_answers, most_severe, span_kinds
from labeling.annotations.units import Judged, judge
from labeling.codebooks.grades import NotAllowed
from labeling.codebooks.parts import Codebook
from labeling.queues import actions as queues
from labeling.queues.models import WORK, Item, Lease
from labeling.queues.queries import lease_of

SETTLE = "adjudication.settle_item"  # the task that looks at an item whose labels are complete
LONGEST_WORK = 24 * 3600  # seconds; a browser's clock is not to be trusted further

__all__ = ["NotAllowed"]


class NotOnDesk(Exception):
    """The item was never handed to this person."""


class OldCopy(Exception):
    """A newer copy of the draft is stored, or the stage it belongs to is over."""


class StaleCommit(Exception):
    """Another label was committed since this page was opened."""

    def __init__(self, standing: LabelRevision) -> None:
        super().__init__("Another label was committed since this page was opened.")
        self.standing = standing


class Decided(Exception):
    """The label can no longer be changed: an adjudicator has ruled, or the round is closed."""


@dataclass(frozen=True)
class Committed:
    """What a commit did."""

    revision: LabelRevision
    again: bool = False  # the same label had been committed before; nothing was written


def save_draft(
    *,
    item: Item,
    reviewer: User,
    stage: str,
    base: int,
    content: Content,
    saves: int,
    active_seconds: int = 0,
) -> int:
    """Keep the unfinished form; the number of saves tells copies apart, and only a newer one is stored.

    Drafts are typed every second and are no record, so they leave no event.

    Raises:
        NotOnDesk: no lease of this person on the item.
        OldCopy: a copy with at least as many saves is stored, or the stage was committed meanwhile.
    """
    with transaction.atomic():
        lease = lease_of(item.pk, reviewer)
        if lease is None:
            raise NotOnDesk("This item is not on your desk.")
        with connection.cursor() as cursor:  # a commit in progress is waited for, other saves are not
            cursor.execute(
                "SELECT 1 FROM queues_roundmember WHERE round_id = %s AND user_id = %s FOR SHARE",
                [item.round_id, reviewer.pk],
            )
            if _now(item, reviewer) != (stage, base):
                raise OldCopy("This label was committed in another tab.")
            cursor.execute(
                """
                INSERT INTO annotations_draft (item_id, reviewer_id, stage, content, saves, active_seconds, updated_at)
                VALUES (%s, %s, %s, %s, %s, %s, %s)
                ON CONFLICT (item_id, reviewer_id, stage) DO UPDATE SET
                    content = EXCLUDED.content, saves = EXCLUDED.saves, updated_at = EXCLUDED.updated_at,
                    active_seconds = GREATEST(annotations_draft.active_seconds, EXCLUDED.active_seconds)
                WHERE annotations_draft.saves < EXCLUDED.saves
                RETURNING saves
                """,
                [
                    item.pk, reviewer.pk, stage, json.dumps(content.plain()), max(1, saves),
                    _seconds(active_seconds), timezone.now(),
                ],
            )  # fmt: skip
            if cursor.fetchone() is None:
                raise OldCopy("A newer copy of this form was saved from another tab.")
    return max(1, saves)


def commit_blind(*, item: Item, reviewer: User, content: Content, active_seconds: int = 0) -> Committed:
    """The label made without evidence; it lifts the veil and reveals what there is, in one transaction.

    In a round that is blind only it is the final label too, and nothing is revealed: both revisions
    are written, so that whatever reads labels reads final ones.

    Raises:
        NotOnDesk: no lease of this person on the item.
        StaleCommit: a different blind label was committed before.
        NotAllowed: codebook or evidence do not carry the label; see `grades.check_submission`.
        BadContent: a span does not stand in the stored text.
    """
    content = replace(content, relied_on=())  # nothing was shown that could be relied on
    with transaction.atomic():
        standing = _hold(item, reviewer)
        if standing.blind is not None:
            repeated = _repeated(standing.blind, content, standing.codebook)
            if not (policy_is_blind_only(standing.round) and _counts_now(standing)):
                return repeated
            passed = _check(standing, content, relied_on=[])
            final = _write(standing, standing.lease, False, FINAL, content, passed, [], [], active_seconds)
            _finish(final, standing.lease, first=True)
            return Committed(final)
        passed = _check(standing, content, relied_on=[])
        lease, late = _slot(standing.lease)
        seen = [] if standing.round.is_open else _shown(item, reviewer)
        revision = _write(standing, lease, late, BLIND, content, passed, [], seen, active_seconds)
        if policy_is_blind_only(standing.round):
            final = _write(standing, lease, late, FINAL, content, passed, [], seen, active_seconds)
            _finish(final, lease, first=True)
        else:
            _reveal(standing, reviewer)
            if not late:
                queues.keep_alive(lease=lease)
        Draft.objects.filter(item=item, reviewer=reviewer).delete()
    return Committed(revision)


def commit_final(
    *, item: Item, reviewer: User, content: Content, base: int, active_seconds: int = 0
) -> Committed:
    """The label that counts: it fills the slot, and is written as a reading of people's labels.

    A reviewer may commit again while the round is open and nobody has ruled: the newer revision
    holds, and its reading supersedes the older one.

    Args:
        base: number of the newest final revision that the page knew of, 0 for none.

    Raises:
        NotOnDesk: no lease of this person on the item, or no blind label yet.
        StaleCommit: another final label was committed since.
        Decided: the label can no longer be changed.
        NotAllowed, BadContent: as for `commit_blind`.
    """
    with transaction.atomic():
        standing = _hold(item, reviewer)
        if standing.blind is None:
            raise NotOnDesk("The blind label comes first.")
        newest = standing.final
        if newest is not None and newest.number > base:
            repeated = _repeated(newest, content, standing.codebook)
            if not _counts_now(standing):
                return repeated
        if not standing.may_commit:
            raise Decided(
                "An adjudicator has ruled on this item, or its round is closed; labels stay as they are."
            )
        relied_on = _relied_on(standing, content)
        passed = _check(standing, content, relied_on)
        first = newest is None or newest.late  # a late label fills no slot; its successor may
        lease, late = _slot(standing.lease) if first else (standing.lease, False)
        seen = standing.reveal.readings if standing.reveal is not None else []
        if not standing.round.is_open and standing.reveal is None:
            seen = _shown(item, reviewer)
        revision = _write(standing, lease, late, FINAL, content, passed, relied_on, seen, active_seconds)
        _finish(revision, lease, first=first)
        Draft.objects.filter(item=item, reviewer=reviewer).delete()
    return Committed(revision)


def _hold(item: Item, reviewer: User) -> Standing:
    """Where the reviewer stands, with their lease's row held until the transaction ends."""
    queues.hold_desk(round_id=item.round_id, reviewer_id=reviewer.pk)
    found = lease_of(item.pk, reviewer)
    if found is None:
        raise NotOnDesk("This item is not on your desk.")
    Lease.objects.select_for_update().get(pk=found.pk)
    lease = lease_of(item.pk, reviewer)  # as it is now that nobody else can change it
    assert lease is not None
    rows = Item.objects.select_related("round__project", "round__codebook_version", "transcript")
    rows = rows.defer("round__codebook_version__definition")
    return standing_of(rows.get(pk=item.pk), lease, reviewer)


def _now(item: Item, reviewer: User) -> tuple[str, int]:
    """The stage the reviewer is in, and how many revisions it has."""
    numbers = dict(
        LabelRevision.objects.filter(item=item, reviewer=reviewer)
        .order_by("number")
        .values_list("stage", "number")
    )
    return (FINAL, numbers.get(FINAL, 0)) if BLIND in numbers else (BLIND, 0)


def _counts_now(standing: Standing) -> bool:
    """The newest label came too late to count, and the item has come back to its reviewer since."""
    return standing.final is not None and standing.final.late and standing.lease.state == "held"


def _slot(lease: Lease) -> tuple[Lease, bool]:
    """The lease to commit under, and whether the label comes too late to count towards the overlap."""
    if lease.state != "released":
        return lease, False
    again = queues.retake(lease=lease)
    return (again, False) if again is not None else (lease, True)


def _repeated(standing: LabelRevision, content: Content, codebook: Codebook) -> Committed:
    """The same label sent again is no error and no second revision; a different one is refused."""
    if _essence(content_of(standing), codebook) != _essence(content, codebook):
        raise StaleCommit(standing)
    return Committed(standing, again=True)


def _essence(content: Content, codebook: Codebook) -> dict[str, Any]:
    """The form without what makes no difference: order of spans, answers nobody asks for any more."""
    plain = content.plain()
    for unit, raw in zip(content.units, plain["units"], strict=True):
        raw["spans"].sort(key=lambda span: (span["position"], span["start"], str(span)))
        raw["answers"] = {
            key: list(value) if not isinstance(value, str | int) else value
            for key, value in known_answers(codebook, unit.answers).items()
        }
        stands = unit.stands
        raw["place"] = asdict(stands) if stands is not None else None
    plain["relied_on"] = sorted({one["reading"] for one in plain["relied_on"]})
    return plain


def _check(standing: Standing, content: Content, relied_on: Iterable[Reading]) -> list[Judged]:
    """The gate: marks stand in the text, and codebook and evidence carry every unit's label and grade."""
    pointed = [unit.place for unit in content.units] + [one.place for one in content.relied_on]
    places = {place.position for place in (*content.spans, *filter(None, pointed))}
    if places:
        messages = messages_between(standing.item.transcript, min(places), max(places) + 1)
        texts = {message.position: texts_of(message) for message in messages}
        if problem := misplaced(content, texts, span_kinds(standing.codebook)):
            raise BadContent(problem)
    return judge(standing.codebook, content, {one.channel.kind for one in relied_on})


def _relied_on(standing: Standing, content: Content) -> list[Reading]:
    """The readings the reviewer points at, which must be among those they were shown.

    One that was superseded since is no longer shown, and no longer carries anything.
    """
    if not content.relied_on:
        return []
    wanted = {one.reading for one in content.relied_on}
    shown = set(standing.reveal.readings) if standing.reveal is not None else set()
    if not wanted <= shown:
        raise BadContent("Only evidence that was revealed with this item can be relied on.")
    readings = visible_readings(standing.lease.reviewer, standing.item.transcript_id)
    return list(readings.filter(pk__in=wanted).order_by("pk"))


def _write(
    standing: Standing,
    lease: Lease,
    late: bool,
    stage: str,
    content: Content,
    judged: list[Judged],
    relied_on: Iterable[Reading],
    seen: list[int],
    active_seconds: int,
) -> LabelRevision:
    """The revision with its units and their spans, and the event."""
    codebook = standing.codebook
    before = standing.final if stage == FINAL else standing.blind
    speaks = judged[most_severe(codebook, [(one.passed.label, one.passed.grade) for one in judged])]
    revision = LabelRevision.objects.create(
        item=standing.item,
        lease=lease,
        reviewer=lease.reviewer,
        codebook_version=standing.round.codebook_version,
        stage=stage,
        number=before.number + 1 if before is not None else 1,
        **_stored(codebook, speaks),
        confidence=content.confidence,
        rationale=content.rationale.strip(),
        flag=content.flag.strip(),
        relied_on=_pointed(content, relied_on),
        evidence_seen=seen,
        active_seconds=_seconds(active_seconds),
        late=late,
    )
    units = LabelUnit.objects.bulk_create(
        LabelUnit(revision=revision, number=number, **_placed(one), **_stored(codebook, one))
        for number, one in enumerate(judged)
    )
    LabelSpan.objects.bulk_create(
        LabelSpan(
            revision=revision, unit=unit, kind=span.kind, position=span.position, part=span.part, start=span.start,
            end=span.end, quote=span.quote,
        )
        for unit, one in zip(units, judged, strict=True)
        for span in one.unit.spans
    )  # fmt: skip
    record(
        verb="label.committed", subject=revision, actor=lease.reviewer, project_id=standing.round.project_id,
        item=standing.item.pk, stage=stage, number=revision.number, late=late,
    )  # fmt: skip  # which label it was stays behind the veils: the trail is read by managers who may review
    return revision


def _stored(codebook: Codebook, judged: Judged) -> dict[str, Any]:
    """What a unit and, for the one that speaks for the transcript, the revision say alike."""
    passed = judged.passed
    return {
        "answers": passed.answers,
        "derived_label": passed.derived.label,
        "label": passed.label,
        "group": codebook.by_code[passed.label].group,
        "grade": passed.grade,
        "grade_cap": passed.graded.cap,
        "lowered_reason": passed.lowered_reason,
        "missing_tests": [test.key for test in passed.derived.missing_tests],
    }


def _placed(judged: Judged) -> dict[str, Any]:
    place = judged.unit.stands
    return asdict(place) if place is not None else {}


def _pointed(content: Content, readings: Iterable[Reading]) -> list[dict[str, Any]]:
    """The evidence relied on, each piece with its channel and the words the reviewer pointed at."""
    keys = {one.pk: one.channel.key for one in readings}
    return [{**one.plain(), "channel": keys[one.reading]} for one in content.relied_on if one.reading in keys]


def _reveal(standing: Standing, reviewer: User) -> None:
    """Lift this round's veil over the machine evidence, and write down what is there to see from now on.

    Veils that other rounds laid stay, and what they hide is not shown here either.
    """
    item = standing.item
    lift_veils(
        round_key=standing.round.veil_key,
        scopes=[MACHINE],
        person_id=reviewer.pk,
        transcript_id=item.transcript_id,
    )
    reveal = Reveal.objects.create(
        item=item,
        reviewer=reviewer,
        readings=_shown(item, reviewer),
        tracks=list(
            visible_tracks(reviewer, item.transcript_id).values_list("pk", flat=True)[:MOST_READINGS]
        ),
    )
    record(
        verb="evidence.revealed", subject=reveal, actor=reviewer, project_id=standing.round.project_id,
        item=item.pk, readings=len(reveal.readings), tracks=len(reveal.tracks),
    )  # fmt: skip


def _shown(item: Item, reviewer: User) -> list[int]:
    return list(visible_readings(reviewer, item.transcript_id).values_list("pk", flat=True)[:MOST_READINGS])


def _finish(revision: LabelRevision, lease: Lease, *, first: bool) -> None:
    """Fill the slot, publish the label as a reading, and call for adjudication once the item is complete."""
    item = Item.objects.select_for_update(of=("self",)).select_related("round").get(pk=revision.item_id)
    finished = queues.mark_done(lease=lease) if first and not revision.late else False
    if item.role != WORK:
        return  # labels that teach or check say nothing about the corpus
    publish(revision, item)
    if finished or (not first and item.finished_at is not None):
        ring(SETTLE, item.pk)


def _seconds(value: int) -> int:
    return max(0, min(int(value), LONGEST_WORK))
