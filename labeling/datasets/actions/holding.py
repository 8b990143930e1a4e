"""What a release is made from is written down: from then on it stands, and whoever would change or remove it is refused."""

from django.db import connection, transaction

from auditor.corpus.copying import copy_rows
from auditor.corpus.copytext import row
from auditor.corpus.queries import array_text
from auditor.evidence.models import HUMAN, Channel
from labeling.datasets.definition import NO_EVIDENCE, Definition
from labeling.datasets.models import Release, ReleaseItem, ReleaseShard
from labeling.datasets.planning import Plan

ITEM = (
    "release_id", '"order"', "item_id", "transcript_id", "drawn_id", "ruling_id", "label", '"group"', "grade", "how", "split",
    "cluster",
)  # fmt: skip
SHARDS = """
SELECT t.shard_id FROM evidence_track t JOIN datasets_releaseitem i USING (transcript_id)
    JOIN evidence_channel c ON c.id = t.channel_id
WHERE i.release_id = %(release)s AND c.key = ANY(%(keys)s) AND t.created_at <= %(moment)s
    AND (t.superseded_at IS NULL OR t.superseded_at > %(moment)s)
UNION SELECT b.shard_id FROM evidence_block b JOIN datasets_releaseitem i USING (transcript_id)
    JOIN evidence_channel c ON c.id = ANY(b.channels)
WHERE i.release_id = %(release)s AND c.key = ANY(%(keys)s) AND b.created_at <= %(moment)s
    AND (b.superseded_at IS NULL OR b.superseded_at > %(moment)s)
ORDER BY 1
"""


@transaction.atomic
def hold(release: Release, planned: Plan) -> None:
    """Write down the items of a release, and the files of tracks; safe to repeat until it is built."""
    Release.objects.select_for_update().get(pk=release.pk)
    ReleaseItem.objects.filter(release=release).delete()
    copy_rows(
        "datasets_releaseitem", ITEM,
        (
            row(
                release.pk, order, one.item_id, one.transcript_id, one.drawn_id, one.ruling_id, one.label, one.group, one.grade,
                one.how, one.split, one.cluster,
            )
            for order, one in enumerate(planned.chosen)
        ),
    )  # fmt: skip
    ReleaseShard.objects.filter(release=release).delete()
    ReleaseShard.objects.bulk_create(ReleaseShard(release=release, shard_id=pk) for pk in _shards(release))


def channels_of(release: Release, planned: Plan) -> list[Channel]:
    """The channels that speak of the release's transcripts and were chosen, and those whose tracks go in."""
    definition = Definition.from_json(release.parameters)
    found = set(Channel.objects.filter(project=release.project_id, key__in=definition.tracks))
    if definition.evidence != NO_EVIDENCE:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT channel_id FROM evidence_reading"
                " WHERE transcript_id = ANY(%s::bigint[]) AND created_at <= %s",
                [array_text(one.transcript_id for one in planned.chosen), release.as_of],
            )
            ids = [pk for (pk,) in cursor.fetchall()]
        rows = Channel.objects.filter(pk__in=ids).exclude(kind=HUMAN)
        found |= {one for one in rows if definition.has_channel(one.key)}
    return sorted(found, key=lambda one: one.key)


def _shards(release: Release) -> list[int]:
    """The files of tracks that the release is made from."""
    keys = Definition.from_json(release.parameters).tracks
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(SHARDS, {"release": release.pk, "moment": release.as_of, "keys": list(keys)})
        return [pk for (pk,) in cursor.fetchall()]
