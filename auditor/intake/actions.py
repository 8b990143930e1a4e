"""Imports: a batch of files is opened, and their records are handed on file by file, chunk by chunk."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from auditor.accounts.models import Project, User
from auditor.corpus.indexing import index_here
from auditor.corpus.models import ImportBatch, ImportFile, Reject
from auditor.corpus.sanitise import clean_text
from auditor.corpus.sources import kept_at_hand
from auditor.corpus.writer import write_chunks
from auditor.evidence.attach import open_attachment
from auditor.evidence.models import EvidenceBatch
from auditor.evidence.withdrawal import said_by
from auditor.intake.arrival import EVIDENCE, Arrived, sha256_of
from auditor.intake.importers import FORMATS
from auditor.intake.importers.mapping import Mapping as FieldMapping
from auditor.intake.importers.mapping import from_json, to_json
from auditor.intake.models import LeftOut, Outcome, SetEvidence, Undo
from auditor.intake.opening import AtHand, CannotOpen, each_opened, opened_source
from auditor.intake.reader import read_ahead
from auditor.intake.scores import ScoreWriter
from auditor.ledger.actions import record
from auditor.runs.actions import carry_here, open_run, reopen_run
from auditor.runs.models import Run

TASK = "intake.import_batch"
ASKED_FOR = (  # what lists and pages choose and sort by; texts take as long again and are never asked for
    "corpus_transcript (id, parent_id, shared, record_digest, ordinal, fingerprint, prompt_digest, external_id,"
    " model_name, conditions, metadata, n_messages, n_chars, n_tool_calls, n_reasoning, project_id, batch_id,"
    " file_id, created_at), corpus_message (transcript_id, position, role)"
)
TRIES = 5  # of a file, when somebody else comes first
LOCK = (
    0x556E646F << 32
)  # "Undo": imports that begin and undos that begin take turns, one lock for each project
BY_FILE = "by_file"  # in a batch's mapping: the mappings of its files, where they are not all alike
Beat = Callable[[int, str], None]  # bytes read, words


class CannotImport(ValueError):
    """The format is unknown or its mapping missing; the message is shown to people."""


def import_file(
    *,
    project: Project,
    path: Path,
    file_name: str,
    format: str,
    mapping: Mapping[str, Any] | None = None,
    actor: User | None = None,
    beat: Beat | None = None,
) -> ImportBatch:
    """Import the file at `path` now, in this process.

    Args:
        format: a key of `FORMATS`.
        mapping: as `importers.mapping` describes it, for the formats that need one.
        beat: told of each chunk after its commit: bytes read, words.

    Raises:
        CannotImport, MappingError: before anything is stored.
        RunFailed: it could not be finished; what was written stays, and a second run finishes it.
    """
    check_format(format, mapping)
    with kept_at_hand(path) as (source, stream):
        file = Arrived(
            file_name[:300], source, digest=source.digest, size=source.size, format=format,
            mapping=dict(mapping) if mapping else None,
        )  # fmt: skip
        batch = open_import(project=project, name=file_name, files=[file], actor=actor)
        _carry(batch, beat, {source.pk: stream})
    return _indexed(batch, actor)


def import_files(
    *,
    project: Project,
    name: str,
    files: Iterable[Arrived],
    actor: User | None = None,
    beat: Beat | None = None,
) -> ImportBatch:
    """Import files that have arrived as one batch now, in this process; its evidence files are opened, not attached.

    Raises:
        CannotImport, MappingError, RunFailed: see `import_file`.
    """
    batch = open_import(project=project, name=name, files=files, actor=actor)
    _carry(batch, beat)
    return _indexed(batch, actor)


def _carry(batch: ImportBatch, beat: Beat | None, at_hand: AtHand | None = None) -> None:
    """Carry the batch's run in this process."""
    assert batch.run is not None
    with carry_here(batch.run) as report:

        def both(done: int, note: str) -> None:
            report(done, note)
            if beat is not None:
                beat(done, note)

        import_batch(batch, beat=both, at_hand=at_hand)


def _indexed(batch: ImportBatch, actor: User | None) -> ImportBatch:
    index_here(batch=batch, actor=actor)
    batch.refresh_from_db()
    return batch


def check_format(format: str, mapping: Mapping[str, Any] | None) -> FieldMapping | None:
    """The mapping as the parser wants it.

    Raises:
        CannotImport: unknown format, or no mapping where one is needed.
        MappingError: the mapping cannot be used.
    """
    if format not in FORMATS:
        raise CannotImport(f"{format!r} is no format we read; there are {', '.join(FORMATS)}")
    if not FORMATS[format].needs_mapping:
        return None
    if not mapping:
        raise CannotImport(
            f"the format {format} needs a mapping: which field is the conversation, the id, the scores"
        )
    return from_json(mapping)


def open_import(*, project: Project, name: str, files: Iterable[Arrived], actor: User | None) -> ImportBatch:
    """A batch for these files with its queued run; ring for it with `runs.tasks.ring_run(batch.run)`.

    Files without a format that we read are listed as left out; evidence files wait for the transcripts.

    Raises:
        CannotImport: see `check_format`; or there is nothing to read, or an import is being undone.
        MappingError: see `check_format`.
    """
    files = list(files)
    read = [file for file in files if not file.reason and file.format in FORMATS]
    mappings = [check_format(file.format, file.mapping) for file in read]
    if not read:
        raise CannotImport(
            "; ".join(f"{file.name}: {file.reason}" for file in files[:5]) or "There is no file."
        )
    formats = {file.format for file in read}
    name = clean_text(name)[:300]
    with transaction.atomic():
        take_turns(project.pk)
        run = open_run(
            project_id=project.pk, kind="import", title=f"Import {name}", task=TASK, actor=actor,
            total=sum(file.size for file in read), unit="bytes",
        )  # fmt: skip
        batch = ImportBatch.objects.create(
            project=project, file_name=name, format=formats.pop() if len(formats) == 1 else "mixed", run=run,
            created_by=actor, mapping=_in_one([to_json(fields) if fields else {} for fields in mappings]),
        )  # fmt: skip
        ImportFile.objects.bulk_create(
            [
                ImportFile(
                    batch=batch, ordinal=ordinal, name=file.name, source=file.source, member=file.member,
                    digest=file.digest, size=file.size, format=file.format,
                )
                for ordinal, file in enumerate(read)
            ]
        )  # fmt: skip
        LeftOut.objects.bulk_create(
            LeftOut(batch=batch, name=file.name, reason=file.reason[:300]) for file in files if file.reason
        )
        SetEvidence.objects.bulk_create(
            SetEvidence(batch=batch, name=file.name, source=file.source, member=file.member)
            for file in files
            if not file.reason and file.format in EVIDENCE
        )
        record(
            verb="import.opened", subject=batch, actor=actor, project_id=project.pk, file=batch.file_name,
            sha256=read[0].digest, format=batch.format, files=len(read),
        )  # fmt: skip
    return batch


def take_turns(project_id: int) -> None:
    """Wait until nobody else opens an import or an undo in this project; the caller holds the transaction.

    Raises:
        CannotImport: an import is being undone.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK + project_id])
    undo = Undo.objects.filter(batch__project_id=project_id, finished_at=None).select_related("batch").first()
    if undo is not None:
        raise CannotImport(
            f"The import of {undo.batch.file_name} is being undone; try again when that is over."
        )


def _in_one(mappings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mapping that all mapped files share, or each file's by its ordinal."""
    used = {str(ordinal): mapping for ordinal, mapping in enumerate(mappings) if mapping}
    alike = all(mapping == next(iter(used.values())) for mapping in used.values())
    return next(iter(used.values()), {}) if alike else {BY_FILE: used}


def mapping_of(batch: ImportBatch, file: ImportFile) -> FieldMapping | None:
    """How this file of the batch is read, if its format needs a mapping."""
    if not batch.mapping or not FORMATS[file.format].needs_mapping:
        return None
    by_file = batch.mapping.get(BY_FILE)
    return from_json(by_file[str(file.ordinal)] if by_file else batch.mapping)


def go_on(*, batch: ImportBatch, actor: User) -> Run:
    """Queue the run of an import that was cancelled or failed once more; ring for it.

    Raises:
        CannotImport: it was undone, or an import is being undone.
    """
    with transaction.atomic():
        take_turns(batch.project_id)
        if batch.run is None or hasattr(batch, "undo"):
            raise CannotImport("This import was undone; import its files anew.")
        return reopen_run(run=batch.run, actor=actor)


def batch_of(run: Run) -> ImportBatch:
    """The batch that a run carries."""
    return ImportBatch.objects.select_related("project", "created_by").get(run=run)


def import_batch(batch: ImportBatch, *, beat: Beat, at_hand: AtHand | None = None) -> None:
    """Store every record of the batch's files that the project has not; safe to run again.

    A file that was read to its end is not read again. Where another writer stores the same records first,
    the chunk is rolled back and the file read again.

    Args:
        beat: called after each chunk's commit; may raise to stop there.
        at_hand: sources that need not be unpacked, because their bytes are here.
    """
    files = list(batch.files.select_related("source"))
    read = sum(file.size for file in files if file.done)
    with closing(each_opened([file for file in files if not file.done], at_hand)) as each:
        for file, stream, problem in each:
            _import_file(batch, file, stream, problem, partial(_beat_from, beat, read))
            read += file.size
    with (
        connection.cursor() as cursor
    ):  # a planner that knows nothing of the new rows makes the first pages slow
        cursor.execute(f"ANALYZE {ASKED_FOR}, evidence_reading, evidence_rollup")
    said = said_by(f"batch:{batch.pk}")
    with transaction.atomic():
        batch.refresh_from_db()
        already_there = sum(batch.files.values_list("already_there", flat=True))
        batch.already_there = already_there
        batch.rejected = batch.rejects.count()
        batch.save(update_fields=["already_there", "rejected"])
        Outcome.objects.update_or_create(
            batch=batch, defaults={"quotes": said.quotes, "channels": said.channels}
        )
        record(
            verb="import.finished", subject=batch, actor=batch.created_by, project_id=batch.project_id,
            transcripts=batch.transcripts_written, already_there=already_there, rejected=batch.rejected,
        )  # fmt: skip
    beat(
        read,
        f"{batch.transcripts_written:,} new transcripts, {already_there:,} already there, {batch.rejected:,} rejected",
    )


def _beat_from(beat: Beat, before: int, done: int, words: str) -> None:
    beat(before + done, words)


def _import_file(
    batch: ImportBatch, file: ImportFile, stream: BinaryIO | None, problem: str, beat: Beat
) -> None:
    """Read one file to its end, or say why it cannot be read."""
    changes: dict[str, Any] = {"done": True}
    if stream is None:
        Reject.objects.bulk_create(
            [
                Reject(
                    batch=batch,
                    file=file,
                    record=0,
                    place=file.name[:300],
                    reason=f"the file {problem}"[:1000],
                )
            ],
            ignore_conflicts=True,
        )
    else:
        if not file.digest:
            changes["digest"], changes["size"] = sha256_of(stream)
        for attempt in range(1, TRIES + 1):
            try:
                records = _pass(batch, file, stream, beat)
                break
            except (IntegrityError, OperationalError) as trouble:
                if attempt == TRIES or not _came_first(trouble):
                    raise
        file.refresh_from_db(fields=["transcripts_written"])
        changes["already_there"] = records - file.transcripts_written  # by other imports and by other files
    changes["rejected"] = Reject.objects.filter(batch=batch, file=file).count()
    ImportFile.objects.filter(pk=file.pk).update(**changes)


def _pass(batch: ImportBatch, file: ImportFile, stream: BinaryIO, beat: Beat) -> int:
    """Read the file once, from its start; how many records it holds."""
    scores = ScoreWriter(batch, batch.created_by, file)
    records = read = 0
    with read_ahead(stream, format=file.format, name=file.name, mapping=mapping_of(batch, file)) as made:
        for written in write_chunks(batch, made, file=file, attach=scores.write):
            records += len(written.pairs)
            read = max(read, written.read)
            beat(min(read, file.size), f"{file.name}: {records:,} transcripts")
    return records


def _came_first(problem: Exception) -> bool:
    return isinstance(problem, IntegrityError) or isinstance(problem.__cause__, DeadlockDetected)


def open_evidence(batch: ImportBatch) -> list[EvidenceBatch]:
    """Open an attachment for each evidence file of the set that has none yet; ring for their runs."""
    made = []
    for file in SetEvidence.objects.filter(batch=batch, attachment=None).select_related("source"):
        try:
            source = opened_source(file)
        except CannotOpen as problem:
            LeftOut.objects.create(batch=batch, name=file.name, reason=f"it {problem}"[:300])
            file.delete()
            continue
        with transaction.atomic():
            file.attachment = open_attachment(
                project=batch.project, source=source, file_name=file.name, actor=batch.created_by
            )
            file.save(update_fields=["attachment"])
        made.append(file.attachment)
    return made
