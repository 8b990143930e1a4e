"""Who reviews in a round now, what waits for them, and who of them could take which slot."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.db.models import Max, Q, QuerySet

from auditor.corpus.copying import copy_rows
from auditor.corpus.copytext import row
from auditor.evidence.models import Veil
from labeling.queues.actions.opening import ASSIGNMENT, hold_seats
from labeling.queues.models import SKIPPED, TAKEN, WORK, Assignment, Lease, Round
from labeling.queues.plan import Whole


@dataclass(frozen=True)
class Crew:
    """Who reviews in a round now, each at a place, and how often each two are planned or have met."""

    people: list[int]
    places: dict[int, int]
    met: Whole


def crew_of(round: Round) -> Crew:
    people = [seat.user_id for seat in hold_seats(round) if seat.dropped_at is None]
    places = {pk: at for at, pk in enumerate(people)}
    met = np.zeros((len(people), len(people)), dtype=np.int64)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.reviewer_id, b.reviewer_id, count(*) FROM queues_assignment a JOIN queues_assignment b"
            " ON b.item_id = a.item_id AND b.reviewer_id <> a.reviewer_id JOIN queues_item i ON i.id = a.item_id"
            " WHERE a.round_id = %s AND i.role = 'work' GROUP BY 1, 2",
            [round.pk],
        )
        for one, other, n in cursor.fetchall():
            if one in places and other in places:
                met[places[one], places[other]] = n
    return Crew(people, places, met)


class Slots:
    """Slots that are to find a reviewer, and who of the crew cannot get each."""

    def __init__(
        self, round: Round, rows: Sequence[Assignment], crew: Crew, *, unveiled: bool = False
    ) -> None:
        self.rows = rows
        at = {pk: place for place, pk in enumerate(dict.fromkeys(one.item_id for one in rows))}
        self.items: Whole = np.array([at[one.item_id] for one in rows], dtype=np.int64)
        self.barred = np.zeros((len(at), len(crew.people)), dtype=bool)
        for pairs in (
            Assignment.objects.filter(item__in=at).values_list("item_id", "reviewer_id"),
            Lease.objects.filter(Q(state__in=TAKEN) | Q(reason=SKIPPED), item__in=at).values_list(
                "item_id", "reviewer_id"
            ),
            self._saw(round, list(at)) if unveiled else (),
        ):
            for item_id, person in pairs:
                if person in crew.places:
                    self.barred[at[item_id], crew.places[person]] = True

    @staticmethod
    def _saw(round: Round, item_ids: Collection[int]) -> Iterable[tuple[int, int]]:
        """Who of the round's people is blind no longer on which item."""
        lifted = Veil.objects.filter(round_key=round.veil_key, lifted_at__isnull=False)
        by_transcript = dict(round.items.filter(pk__in=item_ids).values_list("transcript_id", "pk"))
        found = lifted.filter(transcript__in=by_transcript).values_list("transcript_id", "person_id")
        return [(by_transcript[transcript], person) for transcript, person in found]


def waiting(round: Round) -> QuerySet[Assignment]:
    """Work that is planned for somebody and not begun."""
    return Assignment.objects.filter(round=round, is_open=True, reviewer__isnull=False, item__role=WORK)


def planned(round: Round, crew: Crew) -> Whole:
    """How many slots of work each of the crew has, begun or not."""
    rows = Assignment.objects.filter(round=round, item__role=WORK).values_list("reviewer_id", flat=True)
    loads = Counter(rows)
    return np.array([loads[pk] for pk in crew.people], dtype=np.int64)


def give(round: Round, moves: Sequence[tuple[Assignment, int]]) -> None:
    """These slots are planned for these people from now on, among what they have left to do."""
    if not moves:
        return
    rng = np.random.default_rng(round.seed)
    last = dict(
        Assignment.objects.filter(round=round)
        .order_by()
        .values_list("reviewer_id")
        .annotate(last=Max("place"))
    )
    places = [int(rng.integers(0, max(1, last.get(person) or 0) + 1)) for _, person in moves]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE queues_assignment a SET planned_for_id = m.person, reviewer_id = m.person, place = m.place"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS m (id, person, place) WHERE a.id = m.id",
            [[one.pk for one, _ in moves], [person for _, person in moves], places],
        )


def append_slots(round: Round, rows: Sequence[tuple[int, int, int]]) -> None:
    """New slots (item, slot, person), among what each person has left to do."""
    rng = np.random.default_rng(round.seed)
    most = Assignment.objects.filter(round=round).aggregate(last=Max("place"))["last"] or 0
    places = rng.integers(0, most + 1 + len(rows), size=len(rows)).tolist()
    copy_rows(
        "queues_assignment",
        ASSIGNMENT,
        (
            row(round.pk, item_id, slot, person, person, place, "t")
            for (item_id, slot, person), place in zip(rows, places, strict=True)
        ),
    )
