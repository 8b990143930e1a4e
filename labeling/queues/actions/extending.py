"""A round that grows: more labels an item, or the items of a larger draw."""

from collections import Counter

import numpy as np
from django.db import connection, transaction
from django.db.models import F, Max

from auditor.accounts.models import User
from auditor.corpus.copying import copy_rows, next_ids
from auditor.corpus.copytext import row
from auditor.ledger.actions import record
from auditor.sampling.models import Sample
from labeling.queues.actions.crew import Slots, append_slots, crew_of, planned
from labeling.queues.actions.opening import ITEM, veil
from labeling.queues.actions.refusals import CannotChange
from labeling.queues.models import OPEN, WORK, Assignment, Item, Round
from labeling.queues.plan import fill


def extend_overlap(*, round: Round, overlap: int, actor: User) -> int:
    """More labels for every item; returns how many items get more.

    Whoever has seen what others say about an item (its veil is up) is not asked for a blind label of it, so
    finished items may have nobody left; those stay as they are.

    Raises:
        RoundClosed: the round is over.
        CannotChange: no more than now, or more than there are reviewers.
    """
    with transaction.atomic():
        crew = crew_of(round)
        now = Round.objects.select_for_update().get(pk=round.pk)
        if not now.overlap < overlap <= len(crew.people):
            raise CannotChange(
                f"Items get {now.overlap} labels each now; with {len(crew.people)} reviewers there can be up to that many."
            )
        items = list(
            round.items.filter(role=WORK, escalated_at__isnull=True)
            .select_for_update(no_key=True)
            .order_by("pk")
        )
        new = [
            Assignment(round=round, item=one, slot=slot)
            for one in items for slot in range(one.wanted, overlap)
        ]  # fmt: skip
        slots = Slots(round, new, crew, unveiled=round.policy != OPEN)
        given = fill(slots.items, slots.barred, planned(round, crew), crew.met, round.seed)
        more: Counter[int] = Counter()
        rows = []
        for one, at in zip(new, given.tolist(), strict=True):
            if at >= 0:
                one.slot = one.item.wanted + more[one.item_id]  # without gaps where somebody is missing
                more[one.item_id] += 1
                rows.append((one.item_id, one.slot, crew.people[at]))
        append_slots(round, rows)
        for extra in sorted(set(more.values())):
            grown = Item.objects.filter(pk__in=[pk for pk, n in more.items() if n == extra])
            grown.update(wanted=F("wanted") + extra, finished_at=None)
        Round.objects.filter(pk=round.pk).update(overlap=overlap)
        record(
            verb="round.overlap_extended", subject=round, actor=actor, project_id=round.project_id, overlap=overlap,
            items=len(more), as_they_are=len(items) - len(more),
        )  # fmt: skip
    return len(more)


def extend_items(*, round: Round, sample: Sample, actor: User) -> int:
    """The items of a larger draw that holds the round's sample; returns how many came to it.

    All items speak for the larger draw from then on, since it is its odds that they were drawn with.

    Raises:
        RoundClosed: the round is over.
        CannotChange: the draw is no extension of the round's sample.
    """
    if not _extends(sample, round.sample_id):
        raise CannotChange(f"{sample} does not extend {round.sample}.")
    with transaction.atomic():
        crew = crew_of(round)
        Round.objects.filter(pk=round.pk).update(sample=sample)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE queues_item i SET sample_item_id = s.id FROM sampling_sampleitem s WHERE i.round_id = %s"
                " AND i.role = 'work' AND s.sample_id = %s AND s.transcript_id = i.transcript_id",
                [round.pk, sample.pk],
            )
        there = round.items.values("transcript_id")
        drawn = list(
            sample.items.exclude(transcript__in=there).order_by("order").values_list("pk", "transcript_id")
        )
        ids = next_ids("queues_item", len(drawn))
        first = (round.items.aggregate(last=Max("order"))["last"] or 0) + 1
        copy_rows(
            "queues_item",
            ITEM,
            (
                row(pk, round.pk, transcript_id, WORK, drawn_as, first + at, round.overlap, 0, "")
                for at, (pk, (drawn_as, transcript_id)) in enumerate(zip(ids, drawn, strict=True))
            ),
        )
        overlap = min(round.overlap, len(crew.people))
        new = np.repeat(np.arange(len(ids)), overlap)
        nobody = np.zeros((len(ids), len(crew.people)), dtype=bool)
        given = fill(new, nobody, planned(round, crew), crew.met, round.seed)
        slots = [at % overlap for at in range(len(new))]
        append_slots(round, [
            (ids[item], slot, crew.people[at]) for item, slot, at in zip(new.tolist(), slots, given.tolist(), strict=True)
        ])  # fmt: skip
        round.sample = sample
        veil(round, [seat.user for seat in round.members.select_related("user")])
        record(
            verb="round.items_added", subject=round, actor=actor, project_id=round.project_id, sample=sample.pk,
            items=len(ids),
        )  # fmt: skip
    return len(ids)


def _extends(sample: Sample, inner: int) -> bool:
    outer: int | None = sample.extends_id
    while outer is not None and outer != inner:
        outer = Sample.objects.values_list("extends_id", flat=True).get(pk=outer)
    return outer == inner
