"""A release against the floor: the same rows as JSON by one COPY into a file.

The round covers every transcript of the project, with three labels an item and a ruling by the rule. One
item is labelled at the desk; its rows are the pattern of all others, which plain SQL makes.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from django.db import connection, transaction

from auditor.accounts.models import Project, User
from bench.desk import Desk, item_at
from bench.harness import Result, forget_peak, peak_megabytes, seconds
from bench.scene import open_round, reviewers
from labeling.adjudication.actions import settle_due
from labeling.datasets import actions as datasets
from labeling.datasets.models import Release
from labeling.datasets.tasks import build_release
from labeling.queues.models import Item, Lease, Round

LABELS = 3  # of each item, each given blind and then final
FLOOR = """
    COPY (SELECT json_build_object(
        'transcript', (SELECT row_to_json(t) FROM corpus_transcript t WHERE t.id = i.transcript_id),
        'messages', (SELECT json_agg(json_build_object('position', position, 'role', role, 'text', text,
                'reasoning', reasoning, 'parts', parts, 'model', model_name) ORDER BY position)
            FROM corpus_message m WHERE m.transcript_id = i.transcript_id),
        'labels', (SELECT json_agg(json_build_object('label', row_to_json(r), 'units',
                (SELECT json_agg(row_to_json(u)) FROM annotations_labelunit u WHERE u.revision_id = r.id), 'spans',
                (SELECT json_agg(row_to_json(s)) FROM annotations_labelspan s WHERE s.revision_id = r.id)) ORDER BY r.id)
            FROM annotations_labelrevision r WHERE r.item_id = i.id),
        'ruling', (SELECT row_to_json(u) FROM adjudication_ruling u WHERE u.item_id = i.id ORDER BY number DESC LIMIT 1),
        'sampling', (SELECT row_to_json(p) FROM sampling_sampleitem p WHERE p.id = i.sample_item_id),
        'evidence', (SELECT json_agg(json_build_object('channel', c.key, 'kind', c.kind, 'value', v.value,
                'label', v.label, 'readings', v.n) ORDER BY c.key)
            FROM evidence_rollup v JOIN evidence_channel c ON c.id = v.channel_id
            WHERE v.transcript_id = i.transcript_id AND c.kind <> 'human'))
    FROM queues_item i WHERE i.round_id = {round} ORDER BY i."order") TO STDOUT
"""
# Rows of the first item, made again for every other one: table -> (rows of the pattern, what is its own).
SAME = "r JOIN annotations_labelrevision p USING (reviewer_id, stage, number) WHERE r.item_id = i.id AND p.id"
RULING = "SELECT u.id FROM adjudication_ruling u WHERE u.item_id = i.id"
CITED = f"SELECT r.id FROM annotations_labelrevision {SAME} = t.labelrevision_id"
LEASE = "SELECT l.id FROM queues_lease l WHERE l.item_id = i.id AND l.reviewer_id = t.reviewer_id"
OF_FIRST = "t.revision_id IN (SELECT id FROM annotations_labelrevision WHERE item_id = %(first)s)"
REVISION = f"SELECT r.id FROM annotations_labelrevision {SAME} = t.revision_id"
UNIT = f"""SELECT u.id FROM annotations_labelunit u JOIN annotations_labelunit q USING (number)
    WHERE q.id = t.unit_id AND u.revision_id = ({REVISION})"""
AGAIN = {
    "queues_lease": ("t.item_id = %(first)s", "'item_id', i.id"),
    "annotations_labelrevision": ("t.item_id = %(first)s", f"'item_id', i.id, 'lease_id', ({LEASE})"),
    "annotations_labelunit": (OF_FIRST, f"'revision_id', ({REVISION})"),
    "annotations_labelspan": (OF_FIRST, f"'revision_id', ({REVISION}), 'unit_id', ({UNIT})"),
    "adjudication_ruling": ("t.item_id = %(first)s", "'item_id', i.id"),
    "adjudication_ruling_cites": (
        "t.ruling_id IN (SELECT id FROM adjudication_ruling WHERE item_id = %(first)s)",
        f"'ruling_id', ({RULING}), 'labelrevision_id', ({CITED})",
    ),
}


def run(project: Project, owner: User, size: int, folder: Path) -> Iterator[Result]:
    """Build a release with texts and evidence, then the floor of the same items."""
    source = _labelled(project, owner, size)
    release = datasets.open_release(
        project=project, name="Bench", rounds=[source], parameters={}, actor=owner
    )
    run_id = release.run_id
    assert run_id is not None
    pa.array([0])  # loads pandas where the tests brought it; without them it is not there
    forget_peak()
    before = peak_megabytes()
    took = seconds(lambda: build_release(run_id))
    memory = peak_megabytes()
    built = Release.objects.select_related("run").get(pk=release.pk)
    assert built.built_at is not None, built.run and built.run.note
    path = folder / f"floor-{size}.jsonl"
    floor = seconds(lambda: _copy(source, path))
    sizes = {file.name: file.size for file in built.files.all()} | {"floor": path.stat().st_size}
    megabytes = {
        f"{name}_mb": round(sizes[name] / 1e6, 1) for name in ("labels.jsonl", "labels.parquet", "floor")
    }
    conditions = {"records": built.manifest["counts"]["included"], **megabytes}
    yield Result("export.time", size, took, "s", floor, conditions)
    yield Result("export.rate", size, size / took, "1/s", None, conditions)
    note = {"before_mb": round(before), "note": "at its peak"}
    yield Result("export.memory", size, memory, "MB", None, note)


def _labelled(project: Project, owner: User, size: int) -> Round:
    """A round over everything, labelled and settled."""
    crew = reviewers(project, owner, LABELS, stem="export")
    made = open_round(project, owner, crew, size, overlap=LABELS, name="Export round")
    first = _label_one(project, made, crew)
    with transaction.atomic(), connection.cursor() as cursor:
        for table, (pattern, own) in AGAIN.items():
            cursor.execute(
                f"""INSERT INTO {table} SELECT made.* FROM {table} t
                CROSS JOIN LATERAL (SELECT id FROM queues_item WHERE round_id = %(round)s AND id <> %(first)s) i
                CROSS JOIN LATERAL jsonb_populate_record(t, jsonb_build_object(
                    'id', nextval(pg_get_serial_sequence('{table}', 'id')), {own})) made
                WHERE {pattern} ORDER BY i.id""",
                {"round": made.pk, "first": first.pk},
            )
        cursor.execute("UPDATE queues_item SET finished_at = now() WHERE round_id = %s", [made.pk])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return made


def _label_one(project: Project, made: Round, crew: list[User]) -> Item:
    """One item with three labels from the desk, each blind and final, and its ruling."""
    places = [Desk(project, made, person) for person in crew]
    shared: Item | None = None
    for desk in places:
        place = desk.sit_down()
        if shared is None:
            shared = Item.objects.get(pk=item_at(place) or 0)
        else:
            lease = Lease.objects.get(reviewer=desk.reviewer, item__round=made)
            taken = set(Lease.objects.filter(item=shared).values_list("slot", flat=True))
            free = min(set(range(LABELS)) - taken)
            Lease.objects.filter(pk=lease.pk).update(item=shared, slot=free)
            place = place.replace(f"/{lease.item_id}/", f"/{shared.pk}/")
        desk.label(place)
    assert shared is not None
    settle_due(round_id=made.pk)
    Lease.objects.filter(item__round=made).exclude(item=shared).delete()
    return shared


def _copy(source: Round, path: Path) -> None:
    with (
        connection.cursor() as cursor,
        path.open("wb") as file,
        cursor.copy(FLOOR.format(round=source.pk)) as copy,
    ):
        for block in copy:
            file.write(block)
