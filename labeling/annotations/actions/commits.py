"""Committing labels: blind, and final."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from django.db import transaction

from auditor.accounts.models import User
from auditor.corpus.queries import messages_between, texts_of
from auditor.evidence.models import Reading
from auditor.runs.tasks import ring
from labeling.annotations.actions.holding import hold
from labeling.annotations.actions.refusals import Committed, Decided, NotOnDesk, StaleCommit
from labeling.annotations.actions.reveals import reveal, shown
from labeling.annotations.actions.writing import write
from labeling.annotations.content import BadContent, Content, misplaced
from labeling.annotations.models import BLIND, FINAL, LabelRevision
from labeling.annotations.publishing import publish
from labeling.annotations.queries import Standing, content_of, visible_readings
from labeling.annotations.rail import answers_of, span_kinds
from labeling.annotations.units import Judged, judge
from labeling.codebooks.parts import Codebook
from labeling.queues import actions as queues
from labeling.queues.models import BLIND_ONLY, OPEN, WORK, Item, Lease

SETTLE = "adjudication.settle_item"  # the task that looks at an item whose labels are complete


def commit_blind(
    *, item: Item, reviewer: User, content: Content, active_seconds: int = 0, project_id: int | None = None
) -> Committed:
    """The label made without evidence; it lifts the veil and reveals what there is, in one transaction.

    Of the item its key is enough; with `project_id` it must be of that project.

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
        standing = hold(item.pk, reviewer, project_id)
        if standing.round.policy == OPEN:
            raise NotOnDesk("Nothing is hidden in this round; its first label is final.")
        if standing.blind is not None:
            repeated = _repeated(standing.blind, content, standing.codebook)
            if not (standing.round.policy == BLIND_ONLY and _counts_now(standing)):
                return repeated
            passed = _check(standing, content, relied_on=[])
            (final,) = write(
                standing, standing.lease, False, [FINAL], content, passed, [], [], active_seconds
            )
            _finish(final, standing, standing.lease, first=True)
            return Committed(final)
        passed = _check(standing, content, relied_on=[])
        lease, late = _slot(standing.lease)
        seen = [] if standing.round.is_open else shown(standing.item, reviewer)
        only = standing.round.policy == BLIND_ONLY
        stages = [BLIND, FINAL] if only else [BLIND]
        revisions = write(standing, lease, late, stages, content, passed, [], seen, active_seconds)
        if only:
            _finish(revisions[-1], standing, lease, first=True)
        else:
            reveal(standing, reviewer)
            if not late:
                queues.renew(lease=lease)
    return Committed(revisions[0])


def commit_final(
    *,
    item: Item,
    reviewer: User,
    content: Content,
    base: int,
    active_seconds: int = 0,
    project_id: int | None = None,
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
        standing = hold(item.pk, reviewer, project_id)
        if standing.blind is None and standing.round.policy != OPEN:
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
            seen = shown(standing.item, reviewer)
        (revision,) = write(standing, lease, late, [FINAL], content, passed, relied_on, seen, active_seconds)
        _finish(revision, standing, lease, first=first)
    return Committed(revision)


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
            for key, value in answers_of(codebook, unit).items()
        }
        stands = unit.stands
        raw["place"] = asdict(stands) if stands is not None else None
    plain["relied_on"] = sorted({one["reading"] for one in plain["relied_on"]})
    return plain


def _check(standing: Standing, content: Content, relied_on: Iterable[Reading]) -> list[Judged]:
    """The gate: marks stand in the text, and codebook and evidence carry every unit's label and grade."""
    places = {place.position for place in content.pointed_at}
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
    there = set(standing.reveal.readings) if standing.reveal is not None else set()
    if not wanted <= there:
        raise BadContent("Only evidence that was revealed with this item can be relied on.")
    readings = visible_readings(standing.lease.reviewer, standing.item.transcript_id)
    return list(readings.filter(pk__in=wanted).order_by("pk"))


def _finish(revision: LabelRevision, standing: Standing, lease: Lease, *, first: bool) -> None:
    """Fill the slot, publish the label as a reading, and call for adjudication once the item is complete."""
    finished = queues.mark_done(lease=lease) if first and not revision.late else False
    if not first:  # a colleague may be finishing the item this moment; one of us must see the other
        finished = (
            Item.objects.select_for_update(no_key=True)
            .filter(pk=revision.item_id, finished_at__isnull=False)
            .exists()
        )
    if standing.item.role != WORK:  # labels that teach or check say nothing about the corpus
        if first and not revision.late:
            queues.after_commit(lease=lease, label=revision.label)
        return
    publish(revision, standing.item, standing.codebook)
    if finished:
        ring(SETTLE, revision.item_id)
