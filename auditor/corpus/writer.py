"""The only code that inserts transcripts.

Rows go in by COPY, a chunk a transaction: its transcripts, their messages and the batch's
counts commit together or not at all. A record is known by (project, digest, ordinal among equal
records of one source), so a second run writes only what the first did not.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from auditor.corpus.models import ImportBatch, Reject, Transcript
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Rejection

CHUNK = 500  # records a transaction, at most
CHUNK_CHARS = 8_000_000  # characters a transaction, about
EXCERPT = 240  # characters
LOCK = 0x436F7270 << 32  # "Corp": the advisory locks of this module, one for each project

TRANSCRIPT_COLUMNS = (
    "id", "project_id", "batch_id", "record_digest", "ordinal", "fingerprint", "external_id", "model_name",
    "conditions", "metadata", "warnings", "place", "excerpt", "n_messages", "n_chars", "created_at",
)  # fmt: skip
MESSAGE_COLUMNS = (
    "transcript_id",
    "position",
    "role",
    "text",
    "reasoning",
    "parts",
    "source_id",
    "model_name",
)


@dataclass(frozen=True)
class Written:
    """One chunk as it stands in the corpus now: each record with its transcript's id, new or old."""

    pairs: list[tuple[ParsedTranscript, int]]
    new_ids: frozenset[int]
    already_there: int  # records that another import had written before
    rejected: int
    last_record: int  # ordinal in the source of the last record of the chunk


def write(
    batch: ImportBatch,
    parsed: Iterable[ParsedTranscript | Rejection],
    *,
    attach: Callable[[Written], None] | None = None,
) -> Iterator[Written]:
    """Insert every new transcript in `parsed`, chunk by chunk; skip any already in the project.

    Writers of one project take turns, a chunk each, so that each sees what the others wrote.

    Args:
        attach: called inside each chunk's transaction, so that what it stores for the chunk
            (scores, quotes) commits with it or not at all.

    Yields:
        Each chunk after its commit. Memory: one chunk, and 16 bytes of digest for each record.

    Raises:
        IntegrityError: somebody else inserted one of these transcripts first. The chunk was
            rolled back; run again.
    """
    seen: Counter[bytes] = Counter()
    for chunk in _chunks(parsed):
        records: list[tuple[ParsedTranscript, int]] = []
        rejects: list[Rejection] = []
        for item in chunk:
            if isinstance(item, Rejection):
                rejects.append(item)
                continue
            key = bytes.fromhex(item.digest)[:16]
            records.append((item, seen[key]))
            seen[key] += 1
        with transaction.atomic():
            written = _write_chunk(batch, records, rejects)
            if attach is not None:
                attach(written)
        yield written


def fingerprint(messages: Sequence[ParsedMessage]) -> str:
    """sha256 hex over roles, texts, reasoning and parts: equal for identical conversations."""
    digest = hashlib.sha256()
    for message in messages:
        parts = [json.dumps(_without_ids(part), sort_keys=True, ensure_ascii=True) for part in message.parts]
        for piece in (message.role, message.text, message.reasoning, *parts):
            data = piece.encode()
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        digest.update(b"\n")
    return digest.hexdigest()


def _without_ids(part: Mapping[str, Any]) -> dict[str, Any]:
    """Call ids are drawn anew in each sample and say nothing about what was said."""
    return {key: value for key, value in part.items() if key not in ("id", "tool_call_id")}


def _chunks(
    parsed: Iterable[ParsedTranscript | Rejection],
) -> Iterator[list[ParsedTranscript | Rejection]]:
    chunk: list[ParsedTranscript | Rejection] = []
    size = 0
    for item in parsed:
        chunk.append(item)
        if isinstance(item, ParsedTranscript):
            size += _length(item)
        if len(chunk) >= CHUNK or size >= CHUNK_CHARS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _write_chunk(
    batch: ImportBatch, records: list[tuple[ParsedTranscript, int]], rejects: list[Rejection]
) -> Written:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK + batch.project_id])
    known, foreign = _known(batch, [item.digest for item, _ in records])
    fresh = [(item, ordinal) for item, ordinal in records if (item.digest, ordinal) not in known]
    ids = _next_ids(len(fresh))
    now = timezone.now()
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY corpus_transcript ({', '.join(TRANSCRIPT_COLUMNS)}) FROM STDIN") as copy:
            for (item, ordinal), pk in zip(fresh, ids, strict=True):
                copy.write_row(_transcript_row(batch, item, ordinal, pk, now))
                known[item.digest, ordinal] = pk
        with cursor.copy(f"COPY corpus_message ({', '.join(MESSAGE_COLUMNS)}) FROM STDIN") as copy:
            for (item, _), pk in zip(fresh, ids, strict=True):
                for position, message in enumerate(item.messages):
                    copy.write_row(_message_row(pk, position, message))
    before = Reject.objects.filter(batch=batch).count() if rejects else 0
    Reject.objects.bulk_create(
        [
            Reject(
                batch=batch,
                record=item.place.record,
                place=item.place.as_text()[:300],
                reason=item.reason[:1000],
            )
            for item in rejects
        ],
        ignore_conflicts=True,
    )
    new_rejects = Reject.objects.filter(batch=batch).count() - before if rejects else 0
    ImportBatch.objects.filter(pk=batch.pk).update(
        transcripts_written=F("transcripts_written") + len(fresh),
        messages_written=F("messages_written") + sum(len(item.messages) for item, _ in fresh),
        warned=F("warned") + sum(1 for item, _ in fresh if item.warnings),
        rejected=F("rejected") + new_rejects,
    )
    last = max(
        [item.place.record for item, _ in records] + [item.place.record for item in rejects], default=0
    )
    return Written(
        pairs=[(item, known[item.digest, ordinal]) for item, ordinal in records],
        new_ids=frozenset(ids),
        already_there=sum(1 for item, ordinal in records if (item.digest, ordinal) in foreign),
        rejected=new_rejects,
        last_record=last,
    )


def _known(batch: ImportBatch, digests: list[str]) -> tuple[dict[tuple[str, int], int], set[tuple[str, int]]]:
    """What the project holds of these records: their ids, and which came by other batches."""
    rows = Transcript.objects.filter(project_id=batch.project_id, record_digest__in=set(digests))
    ids: dict[tuple[str, int], int] = {}
    foreign = set()
    for digest, ordinal, pk, batch_id in rows.values_list("record_digest", "ordinal", "pk", "batch_id"):
        ids[digest, ordinal] = pk
        if batch_id != batch.pk:
            foreign.add((digest, ordinal))
    return ids, foreign


def _next_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('corpus_transcript', 'id')) FROM generate_series(1, %s)",
            [count],
        )
        return [row[0] for row in cursor.fetchall()]


def _transcript_row(
    batch: ImportBatch, item: ParsedTranscript, ordinal: int, pk: int, now: Any
) -> tuple[Any, ...]:
    return (
        pk, batch.project_id, batch.pk, item.digest, ordinal, fingerprint(item.messages), item.external_id[:300],
        item.model[:200], _json(item.conditions), _json(item.metadata), _json(item.warnings),
        _json(asdict(item.place)), _excerpt(item.messages), len(item.messages), _length(item), now,
    )  # fmt: skip


def _message_row(pk: int, position: int, message: ParsedMessage) -> tuple[Any, ...]:
    return (
        pk, position, message.role, message.text, message.reasoning, _json(message.parts),
        message.source_id[:200], message.model[:200],
    )  # fmt: skip


def _excerpt(messages: Sequence[ParsedMessage]) -> str:
    """The first words of the last thing the model said, or of the last message at all."""
    said = [m for m in messages if m.role == "assistant" and m.text.strip()] or [
        m for m in messages if m.text.strip()
    ]
    return " ".join(said[-1].text[: 4 * EXCERPT].split())[:EXCERPT] if said else ""


def _length(item: ParsedTranscript) -> int:
    return sum(
        len(m.text) + len(m.reasoning) + sum(len(part.get("text") or "") for part in m.parts)
        for m in item.messages
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
