"""Blocks of a capture: what a token takes on disk, how fast they are written, and whether the catalogue stays flat.

    make bench ONLY=tracks              # 1,000 and 10,000 transcripts
    make bench ONLY=tracks SIZE=100000

Transcripts of about 1,000 tokens are captured with one probe, 64 pinned features and the 32 strongest of each token by a reader without a model
(`plainreader.py`), so that what is measured is everything but the model: texts from the database, tying, packing, shards, blocks,
readings, roll-ups. Beyond READ transcripts rows are copied in SQL: each points at a block that is there, and has readings on
the probe and four features, so that the catalogue has its size and the disk does not.
"""

from collections.abc import Iterator
from random import Random
from time import perf_counter
from typing import Any

from django.db import connection
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.evidence.blocks import read_block
from auditor.evidence.filters import Filter, matching
from auditor.evidence.models import Block, Channel, Rollup
from auditor.evidence.queries import visible_to
from auditor.interp import capturing, reader, tasks
from auditor.interp.actions.captures import Wanted, open_capture
from auditor.interp.models import Capture
from auditor.runs.models import Run
from auditor.sampling.choosing import Chosen
from auditor.sampling.models import Sample, SampleItem
from bench import inside
from bench.harness import Result, forget_peak, median_ms, peak_megabytes
from bench.plainreader import plain

TEXTS = {"messages": 10, "words": 78}  # about 1,000 tokens of the plain reader
READ = 500  # transcripts that are captured for real
FEATURES, TOP = 64, 32
COPIED = 5  # channels whose readings are copied
LOOKS = 60

BLOCKS = """
    INSERT INTO evidence_block (transcript_id, shard_id, "offset", length, digest, n_tokens, channels, dictionaries, source, created_at)
    SELECT here.id, b.shard_id, b."offset", b.length, b.digest, b.n_tokens, b.channels, b.dictionaries, b.source, now()
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM corpus_transcript t WHERE project_id = %(project)s
          AND NOT EXISTS (SELECT 1 FROM evidence_block WHERE transcript_id = t.id)) AS here
    JOIN (SELECT *, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS many FROM evidence_block) AS b
      ON b.n = 1 + here.n %% b.many
"""
READINGS = """
    INSERT INTO evidence_reading (channel_id, transcript_id, position, part, start, "end", identifier, value, label,
        explanation, detail, source, created_at)
    SELECT channel, here.id, 1, 'text', 10, 15, '', random() * 4, '', '', '{"tokens": 500}', 'bench', now()
    FROM corpus_transcript AS here, unnest(%(channels)s::bigint[]) AS channel
    WHERE project_id = %(project)s AND NOT EXISTS (
        SELECT 1 FROM evidence_reading WHERE transcript_id = here.id AND channel_id = channel)
"""
ROLLUPS = """
    INSERT INTO evidence_rollup (channel_id, transcript_id, value, label, n)
    SELECT channel_id, transcript_id, value, '', 1 FROM evidence_reading WHERE source = 'bench'
"""


def run(project: Project, owner: User, size: int) -> Iterator[Result]:
    """Figures of writing, then of the catalogue at `size`."""
    capture, took, early, late = _captured(project, owner, min(size, READ))
    tokens = capture.n_tokens
    n = capture.n_transcripts
    conditions: dict[str, Any] = {
        "captured": n, "tokens_each": round(tokens / n), "channels": 1 + FEATURES, "top": TOP, "model_s": round(capture.seconds, 2),
    }  # fmt: skip
    raw = 4 * (1 + FEATURES) + 8 * TOP + sum((4, 4, 4, 4, 1, 4, 4, 1, 1))
    yield Result("tracks.bytes", size, capture.n_bytes / tokens, "B/token", raw, conditions)
    yield Result("tracks.write", size, tokens / took, "token/s", None, conditions)
    yield Result("tracks.memory", size, late, "MB", None, {"a_fifth_in_mb": round(early, 1)})
    keys = ["probe.plain.v1", *(f"sae.res.{index}" for index in range(COPIED - 1))]
    main = list(Channel.objects.filter(project=project, key__in=keys).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        for statement in (BLOCKS, READINGS, ROLLUPS):
            cursor.execute(statement, {"project": project.pk, "channels": main})
        cursor.execute("ANALYZE evidence_block, evidence_reading, evidence_rollup")
    yield from _looked(project, owner, size)


def _captured(project: Project, owner: User, n: int) -> tuple[Capture, float, float, float]:
    """The capture, seconds of it all, and the peak of memory after a fifth and at the end."""
    wanted = [
        Wanted(probe=inside.probe(project, owner)),
        Wanted(dictionary=inside.dictionary(project, owner), mode="full", features=range(FEATURES), top=TOP),
    ]
    made = open_capture(
        project=project, subject=inside.subject(project, owner), wanted=wanted, chosen=_first(project, owner, n), actor=owner
    )  # fmt: skip
    early = 0.0
    store = capturing.Carrying._store

    def watched(self: capturing.Carrying) -> None:
        nonlocal early
        store(self)
        if not early and self.done >= n / 5:
            early = peak_megabytes()

    opened = reader.open_reader
    reader.open_reader = plain  # type: ignore[assignment]
    capturing.Carrying._store = watched  # type: ignore[method-assign]
    forget_peak()
    try:
        began = perf_counter()
        while not Run.objects.get(pk=made.run_id).rests:
            tasks.capture(made.run_id)
        took = perf_counter() - began
    finally:
        reader.open_reader = opened
        capturing.Carrying._store = store  # type: ignore[method-assign]
    made.refresh_from_db()
    return made, took, early, peak_megabytes()


def _first(project: Project, owner: User, n: int) -> Chosen:
    """A sample of the first transcripts."""
    ids = list(Transcript.objects.filter(project=project).order_by("pk").values_list("pk", flat=True)[:n])
    sample = Sample.objects.create(
        project=project, name="First", design="uniform", seed=1, frame_at=timezone.now(), frame_size=len(ids), frame_digest="0" * 64,
        frame_ids=b"", strata=[], created_by=owner,
    )  # fmt: skip
    SampleItem.objects.bulk_create(
        SampleItem(sample=sample, transcript_id=pk, order=place, probability=1.0)
        for place, pk in enumerate(ids)
    )
    return Chosen(sample=sample)


def _looked(project: Project, owner: User, size: int) -> Iterator[Result]:
    sight, rng = visible_to(owner), Random(3)
    ids = list(Transcript.objects.filter(project=project).values_list("pk", flat=True))
    where = Filter(where="probe.plain.v1 >= 3.9")
    rows = {"blocks": Block.objects.count(), "rollups": Rollup.objects.count()}

    def found() -> Block:
        return sight.blocks([rng.choice(ids)])[0]

    def filtered() -> None:
        list(matching(where, project_id=project.pk, sight=sight).rows[:50])

    yield Result("tracks.find", size, median_ms(found, times=LOOKS), "ms", None, rows)
    yield Result("tracks.open", size, median_ms(lambda: read_block(found()), times=LOOKS), "ms", None, rows)
    yield Result("tracks.filter", size, median_ms(filtered, times=20), "ms", None, rows)
