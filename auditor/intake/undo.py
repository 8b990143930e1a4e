"""Taking an import back as a whole, while nothing refers to its transcripts.

It is decided once: under locks that draws and attachments wait for, every reference is looked for, and
either there is one and nothing happens, or an open `Undo` is written. From then on the database refuses new
references to these transcripts (see the migration), so that the rest, chunk by chunk and through any number of
kills, comes to its end.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F, Model
from django.utils import timezone

from auditor.accounts.models import User
from auditor.corpus.attachments import forget_attachments
from auditor.corpus.models import ImportBatch, ImportFile, Segment, Transcript
from auditor.corpus.removal import remove_transcripts
from auditor.corpus.sources import forget_unused
from auditor.evidence.withdrawal import forget, left_by, readings_by_others, veils_on, withdraw
from auditor.intake.actions import CannotImport, take_turns
from auditor.intake.models import Outcome, SetEvidence, Undo
from auditor.ledger.actions import record
from auditor.runs.actions import Refused, cancel_run, open_run, reopen_run
from auditor.runs.models import Run
from auditor.sampling.models import SampleItem

TASK = "intake.undo_import"
CHUNK = 500  # transcripts, or readings, a transaction
OWN = ("corpus", "evidence", "sampling")  # slices whose references are looked for by name
PATIENCE = "20s"  # for locks that others hold
Beat = Callable[[int, str], None]  # transcripts and readings that are gone, words


class CannotUndo(ValueError):
    """Something refers to the import, or it cannot be undone now; the message is shown to people."""


@dataclass(frozen=True)
class Held:
    """What refers to the transcripts of an import from elsewhere."""

    samples: int  # drawn items
    readings: int
    veils: int
    branches: int  # of other imports
    people: int  # rows in which people label or discuss them

    def in_words(self) -> list[str]:
        """Each kind that there is, with how many."""
        kinds = (
            (self.samples, "drawn into samples ({:,} times)"),
            (self.readings, "read by other evidence ({:,} readings)"),
            (self.veils, "under review by somebody ({:,} veils)"),
            (self.branches, "continued by branches of other imports ({:,})"),
            (self.people, "labelled or discussed by people ({:,} times)"),
        )
        return [words.format(n) for n, words in kinds if n]


def held_by(batch: ImportBatch) -> Held:
    """What refers to the import's transcripts now."""
    others = Transcript.objects.filter(project_id=batch.project_id, parent__batch=batch).exclude(batch=batch)
    shared = Segment.objects.filter(owner__batch=batch).exclude(transcript__batch=batch)
    return Held(
        samples=SampleItem.objects.filter(transcript__batch=batch).count(),
        readings=readings_by_others(batch.pk, _sources(batch)),
        veils=veils_on(batch.pk),
        branches=max(others.count(), shared.values("transcript_id").distinct().count()),
        people=sum(
            model._base_manager.filter(**{f"{field}__batch": batch}).count() for model, field in _above()
        ),
    )


def _above() -> list[tuple[type[Model], str]]:
    """Whatever else refers to transcripts, with the field that does; known to the app and not to this half of it."""
    links = [one for one in Transcript._meta.related_objects if one.related_model._meta.app_label not in OWN]
    return [(one.related_model, one.field.name) for one in links]


def _sources(batch: ImportBatch) -> list[str]:
    """Where readings come from that go with the import: itself, and the evidence files of its set."""
    attached = SetEvidence.objects.filter(batch=batch, attachment__isnull=False)
    return [
        f"batch:{batch.pk}",
        *(f"evidence:{pk}" for pk in attached.values_list("attachment_id", flat=True)),
    ]


def undo_import(*, batch: ImportBatch, actor: User | None) -> Undo:
    """Decide to take an import back, or go on with an undo that stopped; ring for its run.

    Raises:
        CannotUndo: something refers to it, an import or attachment is under way, or it was undone.
    """
    with transaction.atomic():
        begun = Undo.objects.select_related("run").filter(batch=batch).first()
        if begun is not None:
            if begun.finished_at is not None or begun.run is None:
                raise CannotUndo("This import was undone.")
            begun.run = reopen_run(run=begun.run, actor=actor)
            return begun
        try:
            take_turns(batch.project_id)
        except CannotImport as problem:
            raise CannotUndo(str(problem)) from None
        busy = Run.objects.open().filter(project_id=batch.project_id, kind__in=["import", "evidence"]).first()
        if busy is not None:
            raise CannotUndo(f"{busy.title} is under way; undo is possible when it is over.")
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            # whoever is drawing, attaching or writing now is waited for; whoever begins later meets the open undo
            tables = [
                "sampling_sampleitem",
                "evidence_reading",
                *(model._meta.db_table for model, _ in _above()),
            ]
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE MODE")
        if held := held_by(batch).in_words():
            raise CannotUndo(f"Transcripts of this import are {', '.join(held)}. Nothing was undone.")
        run = open_run(
            project_id=batch.project_id, kind="undo", title=f"Undo {batch.file_name}", task=TASK, actor=actor,
            total=Transcript.objects.filter(batch=batch).count() + left_by(f"batch:{batch.pk}").count(),
        )  # fmt: skip
        if batch.index_run is not None:
            cancel_run(run=batch.index_run, actor=actor)
        begun = Undo.objects.create(batch=batch, run=run, created_by=actor)
        record(
            verb="import.undo_begun", subject=batch, actor=actor, project_id=batch.project_id,
            file=batch.file_name, transcripts=batch.transcripts_written,
        )  # fmt: skip
    return begun


def undo_of(run: Run) -> Undo:
    """The undo that a run carries."""
    return Undo.objects.select_related("batch__project", "created_by").get(run=run)


def take_back(undo: Undo, *, beat: Beat) -> None:
    """Remove what the import brought, newest first; safe to run again.

    Raises:
        Refused: a reference is there in spite of all; what is still there stays.
    """
    batch = undo.batch
    done = 0
    while ids := _transcripts_go(batch):
        done += ids
        beat(done, f"{done:,} transcripts are gone")
    readings = 0
    while went := _readings_go(batch):
        readings += went
        beat(done + readings, f"{done:,} transcripts and {readings:,} readings elsewhere are gone")
    forget_attachments(batch)
    sources = {pk for pk in batch.files.values_list("source_id", flat=True) if pk is not None}
    sources |= {
        pk for pk in SetEvidence.objects.filter(batch=batch).values_list("source_id", flat=True) if pk
    }
    with transaction.atomic():
        ImportFile.objects.filter(batch=batch).update(
            source=None, transcripts_written=0, messages_written=0, tool_calls_written=0, reasoning_written=0,
            already_there=0, warned=0,
        )  # fmt: skip
        SetEvidence.objects.filter(batch=batch).update(source=None)
        Outcome.objects.filter(batch=batch).delete()
        now = timezone.now()
        ImportBatch.objects.filter(pk=batch.pk).update(
            transcripts_written=0, messages_written=0, already_there=0, warned=0, undone_at=now
        )
        Undo.objects.filter(pk=undo.pk).update(finished_at=now)
        record(
            verb="import.undone", subject=batch, actor=undo.created_by, project_id=batch.project_id,
            file=batch.file_name,
        )  # fmt: skip
    forget_unused(sources)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE corpus_transcript, corpus_message, evidence_reading, evidence_rollup")
    beat(done + readings, "The import is undone.")


def _transcripts_go(batch: ImportBatch) -> int:
    """One chunk, the newest first: a branch is newer than what it branches off."""
    with transaction.atomic():
        ImportBatch.objects.select_for_update().get(pk=batch.pk)  # full text is written under the same lock
        rows = Transcript.objects.select_for_update().filter(batch=batch).order_by("-pk")
        ids = list(rows.values_list("pk", flat=True)[:CHUNK])
        if not ids:
            return 0
        if SampleItem.objects.filter(transcript_id__in=ids).exists():
            raise Refused("a transcript of this import was drawn into a sample")
        forget(ids)
        messages = remove_transcripts(ids)
        ImportBatch.objects.filter(pk=batch.pk).update(
            transcripts_written=F("transcripts_written") - len(ids),
            messages_written=F("messages_written") - messages,
        )
    return len(ids)


def _readings_go(batch: ImportBatch) -> int:
    """One chunk of what the import said about transcripts of other imports."""
    with transaction.atomic():
        ids = list(left_by(f"batch:{batch.pk}").values_list("pk", flat=True)[:CHUNK])
        return withdraw(left_by(f"batch:{batch.pk}").filter(pk__in=ids)) if ids else 0
