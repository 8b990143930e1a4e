"""The only code that inserts transcripts.

Rows go in by COPY, a chunk a transaction: its transcripts, their messages and the batch's
counts commit together or not at all. A record is known by (project, digest, ordinal among equal
records of one source), so a second run writes only what the first did not. The next chunk is parsed and its rows
are formatted while the database writes this one.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from auditor.corpus.ahead import ahead
from auditor.corpus.attachments import keep_attachments
from auditor.corpus.chunks import Chunk, chunks
from auditor.corpus.copying import copy_rows, next_ids
from auditor.corpus.models import ImportBatch, ImportFile, Reject, Segment
from auditor.corpus.records import ParsedTranscript, Rejection
from auditor.corpus.rows import (
    MESSAGE_COLUMNS,
    TRANSCRIPT_COLUMNS,
    Prepared,
    fingerprint,
    message_rows,
    owner_fields,
    transcript_row,
)

__all__ = ["MESSAGE_COLUMNS", "TRANSCRIPT_COLUMNS", "Written", "fingerprint", "write", "write_chunks"]

LOCK = 0x436F7270 << 32  # "Corp": the advisory locks of this module, one for each project


@dataclass(frozen=True)
class Written:
    """One chunk as it stands in the corpus now: each record with its transcript's id, new or old."""

    pairs: list[tuple[Prepared, int]]
    new_ids: frozenset[int]
    already_there: int  # records that another import had written before
    rejected: int
    last_record: int  # ordinal in the source of the last record of the chunk
    read: int  # bytes of the source that were read so far


Attach = Callable[[Written], None]


def write(
    batch: ImportBatch,
    parsed: Iterable[ParsedTranscript | Rejection],
    *,
    file: ImportFile | None = None,
    attach: Attach | None = None,
) -> Iterator[Written]:
    """Insert every new transcript in `parsed`; a thread makes the chunks (see `write_chunks`)."""
    with ahead(chunks(parsed)) as made:
        yield from write_chunks(batch, made, file=file, attach=attach)


def write_chunks(
    batch: ImportBatch, made: Iterable[Chunk], *, file: ImportFile | None = None, attach: Attach | None = None
) -> Iterator[Written]:
    """Insert every new transcript, chunk by chunk; skip any already in the project.

    Writers of one project take turns, a chunk each, so that each sees what the others wrote.

    Args:
        file: the file of the batch that the chunks come from.
        attach: called inside each chunk's transaction, so that what it stores for the chunk
            (scores, quotes) commits with it or not at all.

    Yields:
        Each chunk after its commit.

    Raises:
        IntegrityError: somebody else inserted one of these transcripts first. The chunk was
            rolled back; run again.
    """
    alone: int | None = 0  # the newest transcript, as long as the project holds what was written here alone
    for chunk in made:
        with transaction.atomic():
            written, alone = _write_chunk(batch, file, chunk, alone)
            if attach is not None:
                attach(written)
        yield written


def _write_chunk(
    batch: ImportBatch, file: ImportFile | None, chunk: Chunk, alone: int | None
) -> tuple[Written, int | None]:
    """The chunk as it was written, and `alone` for the next one."""
    with connection.cursor() as cursor:
        # a crash may lose the last chunk, which a second run writes again; the end of an import waits for the disk
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock(%s)",
            [LOCK + batch.project_id],
        )
    if alone is not None and alone != _newest(batch):
        alone = None  # somebody else's is there, or an earlier pass's
    known, foreign = _known(batch, [one.digest for one in chunk.records]) if alone is None else ({}, set())
    fresh = [one for one in chunk.records if (one.digest, one.ordinal) not in known]
    ids = next_ids("corpus_transcript", len(fresh))
    known |= {(one.digest, one.ordinal): pk for one, pk in zip(fresh, ids, strict=True)}
    parents = _parents(batch, fresh, known)
    _copy(batch, file, fresh, ids, parents)
    Segment.objects.bulk_create(_segments(fresh, ids, parents), batch_size=2000)
    keep_attachments(batch, (carried for one in fresh for carried in one.carried))
    new_rejects = _write_rejects(batch, file, chunk.rejects)
    counts = {
        "transcripts_written": len(fresh),
        "messages_written": sum(
            one.n_messages - _first(one, pk, parents) for one, pk in zip(fresh, ids, strict=True)
        ),
        "warned": sum(one.warned for one in fresh),
        "rejected": new_rejects,
    }
    ImportBatch.objects.filter(pk=batch.pk).update(**{name: F(name) + n for name, n in counts.items()})
    if file is not None:
        counts["tool_calls_written"] = sum(one.n_tool_calls for one in fresh)
        counts["reasoning_written"] = sum(one.n_reasoning for one in fresh)
        ImportFile.objects.filter(pk=file.pk).update(**{name: F(name) + n for name, n in counts.items()})
    written = Written(
        pairs=[(one, known[one.digest, one.ordinal]) for one in chunk.records],
        new_ids=frozenset(ids),
        already_there=sum((one.digest, one.ordinal) in foreign for one in chunk.records),
        rejected=new_rejects,
        last_record=chunk.last_record,
        read=chunk.read,
    )
    return written, alone if alone is None else max(ids, default=alone)


def _copy(
    batch: ImportBatch,
    file: ImportFile | None,
    fresh: list[Prepared],
    ids: list[int],
    parents: dict[int, int],
) -> None:
    """The rows of new transcripts and of the messages that they store themselves."""
    owner = owner_fields(batch.project_id, batch.pk, file.pk if file else None, timezone.now().isoformat())
    pairs = list(zip(fresh, ids, strict=True))
    copy_rows(
        "corpus_transcript",
        TRANSCRIPT_COLUMNS,
        (transcript_row(one, pk, parents.get(pk), owner) for one, pk in pairs),
    )
    copy_rows(
        "corpus_message",
        MESSAGE_COLUMNS,
        (message_rows(one, pk, _first(one, pk, parents)) for one, pk in pairs),
    )


def _first(one: Prepared, pk: int, parents: dict[int, int]) -> int:
    """The first position that the transcript stores itself."""
    return one.shared if pk in parents else 0


def _write_rejects(batch: ImportBatch, file: ImportFile | None, rejects: list[Rejection]) -> int:
    """How many of them were not listed yet."""
    if not rejects:
        return 0
    before = Reject.objects.filter(batch=batch).count()
    Reject.objects.bulk_create(
        [
            Reject(
                batch=batch,
                file=file,
                record=item.place.record,
                place=item.place.as_text()[:300],
                reason=item.reason[:1000],
            )
            for item in rejects
        ],
        ignore_conflicts=True,
    )
    return Reject.objects.filter(batch=batch).count() - before


def _newest(batch: ImportBatch) -> int:
    """The id of the project's newest transcript; 0 where it has none. Ids rise, for they are drawn by turns."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM corpus_transcript WHERE project_id = %s", [batch.project_id])
        return int(cursor.fetchone()[0] or 0)


def _known(batch: ImportBatch, digests: list[str]) -> tuple[dict[tuple[str, int], int], set[tuple[str, int]]]:
    """What the project holds of these records: their ids, and which came by other batches."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record_digest, ordinal, id, batch_id FROM corpus_transcript"
            " WHERE project_id = %s AND record_digest = ANY(string_to_array(%s, ','))",
            [batch.project_id, ",".join(digests)],
        )
        rows = cursor.fetchall()
    ids: dict[tuple[str, int], int] = {}
    foreign = set()
    for digest, ordinal, pk, batch_id in rows:
        ids[digest, ordinal] = pk
        if batch_id != batch.pk:
            foreign.add((digest, ordinal))
    return ids, foreign


def _parents(batch: ImportBatch, fresh: list[Prepared], known: dict[tuple[str, int], int]) -> dict[int, int]:
    """The parent's id of each new branch, by the branch's own; a branch whose parent is not stored stands alone.

    Equal records branch alike: the branch with ordinal 2 belongs to the parent with ordinal 2.
    """
    branches = [one for one in fresh if one.parent]
    wanted = {one.parent for one in branches if (one.parent, one.ordinal) not in known}
    here = known | _known(batch, list(wanted))[0] if wanted else known
    return {
        known[one.digest, one.ordinal]: here[one.parent, one.ordinal]
        for one in branches
        if one.shared and (one.parent, one.ordinal) in here
    }


def _segments(fresh: list[Prepared], ids: list[int], parents: dict[int, int]) -> list[Segment]:
    """Who stores what each new branch shares: its parent, or what the parent shares with its own."""
    if not parents:
        return []
    inherited: dict[int, list[tuple[int, int, int]]] = {}
    old = Segment.objects.filter(transcript_id__in=set(parents.values()) - set(ids))
    for pk, owner, start, end in old.values_list("transcript_id", "owner_id", "start", "end"):
        inherited.setdefault(pk, []).append((owner, start, end))
    made = []
    for item, pk in zip(fresh, ids, strict=True):
        if pk not in parents:
            continue
        parent = parents[pk]
        above = sorted(inherited.get(parent, []), key=lambda one: one[1])
        own_from = above[-1][2] if above else 0
        stretches = [
            (owner, start, min(end, item.shared)) for owner, start, end in above if start < item.shared
        ]
        if item.shared > own_from:
            stretches.append((parent, own_from, item.shared))
        inherited[pk] = stretches
        made += [Segment(transcript_id=pk, owner_id=o, start=start, end=end) for o, start, end in stretches]
    return made
