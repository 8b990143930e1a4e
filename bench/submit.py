"""Submit and next at the desk, against the floor: the same rows written by plain SQL, and the next item's messages."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

from django.db import connection, transaction

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from bench.desk import Desk, Label, item_at
from bench.harness import Result, percentile
from bench.scene import open_round, reviewers
from labeling.queues.models import Round

ITEMS = 400  # of the round, at most
LABELS = 100  # timed, at most
WARM = 5  # labels before the timed ones
CREW = 9  # one for the single-user figures, eight for the load
OVERLAP = 2
# What a label writes: table -> which of its rows belong to one item and reviewer.
WRITTEN = {
    "annotations_labelrevision": "item_id = %(item)s AND reviewer_id = %(person)s",
    "annotations_labelspan": "revision_id IN (SELECT id FROM annotations_labelrevision"
    " WHERE item_id = %(item)s AND reviewer_id = %(person)s)",
    "annotations_reveal": "item_id = %(item)s AND reviewer_id = %(person)s",
    "queues_lease": "item_id = %(item)s AND reviewer_id = %(person)s",
    "evidence_reading": "transcript_id = %(transcript)s AND identifier = %(person)s::text",
    "evidence_rollup": "transcript_id = %(transcript)s AND channel_id IN"
    " (SELECT id FROM evidence_channel WHERE key = 'people.label')",
    "ledger_event": "actor_id = %(person)s AND project_id = %(project)s AND detail->>'item' = %(item)s::text",
}
MESSAGES = "SELECT position, role, text, reasoning, parts FROM corpus_message WHERE transcript_id = %s ORDER BY position"


@dataclass(frozen=True)
class Crew:
    """Who reviews what: a round over up to 400 items, two labels each."""

    project: Project
    owner: User
    people: list[User]
    round: Round
    items: int


def prepare(project: Project, owner: User) -> Crew:
    """People, a uniform sample, and a round over it."""
    people = reviewers(project, owner, CREW)
    items = min(Transcript.objects.of(project.pk).count(), ITEMS)
    round = open_round(project, owner, people, items, overlap=OVERLAP, name="Bench round")
    return Crew(project, owner, people, round, items)


def run(crew: Crew, size: int) -> Iterator[Result]:
    """One reviewer labels items one after the other; then the floor for the same items."""
    desk = Desk(crew.project, crew.round, crew.people[0])
    place = desk.sit_down()
    labels: list[Label] = []
    done: list[int] = []
    warm = min(WARM, crew.items // 4)
    for number in range(min(LABELS + warm, crew.items - 1)):
        item = item_at(place)
        assert item is not None
        place, label = desk.label(place)
        if number >= warm:
            labels.append(label)
            done.append(item)
    floor = _floor(crew, done)
    parts = {
        f"{part}_ms": round(statistics.median(getattr(label, part) for label in labels), 1)
        for part in ("blind", "reveal", "final", "next")
    }
    conditions = {"labels": len(labels), "items": crew.items, **parts}
    for name, share in (("submit.p50", 0.5), ("submit.p95", 0.95)):
        value = percentile([label.submit for label in labels], share)
        yield Result(name, size, value, "ms", percentile(floor, share), conditions)


def _floor(crew: Crew, items: list[int]) -> list[float]:
    """For each item, the ms to write the very rows of its label in one transaction and to read the next messages."""
    took = []
    with connection.cursor() as cursor:
        for table in WRITTEN:
            cursor.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")
        try:
            transcripts = dict(crew.round.items.filter(pk__in=items).values_list("pk", "transcript_id"))
            for item, following in zip(items, [*items[1:], items[0]], strict=True):
                key = {
                    "item": item, "person": crew.people[0].pk, "transcript": transcripts[item], "project": crew.project.pk
                }  # fmt: skip
                rows = {table: _rows(table, key) for table in WRITTEN}
                began = perf_counter()
                with transaction.atomic():
                    for table, text in rows.items():
                        cursor.execute(
                            f"INSERT INTO floor_{table} SELECT * FROM json_populate_recordset(NULL::floor_{table}, %s)",
                            [text],
                        )
                    cursor.execute(
                        "UPDATE floor_queues_lease SET ended_at = now() WHERE item_id = %s", [item]
                    )
                cursor.execute(MESSAGES, [transcripts[following]])
                cursor.fetchall()
                took.append(1000 * (perf_counter() - began))
        finally:
            for table in WRITTEN:
                cursor.execute(f"DROP TABLE floor_{table}")
    return took


def _rows(table: str, key: dict[str, int]) -> str:
    """Rows that one label wrote, as a JSON array."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT json_agg(row_to_json(t))::text FROM {table} t WHERE {WRITTEN[table]}", key)
        (text,) = cursor.fetchone() or ("",)
    assert text, f"a label wrote nothing into {table}"
    return str(text)
