"""Questions about imports: what they brought, and what they could not bring."""

from collections import Counter
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from auditor.corpus.models import ImportBatch, Transcript
from auditor.evidence.models import EvidenceBatch
from auditor.intake.models import Upload

LISTED = 200  # newest imports and attachments on one page
WARNED = 50  # transcripts with warnings that a batch's page names


@dataclass(frozen=True)
class Warned:
    """Warnings of a batch: how many transcripts have each, and the first transcripts."""

    counts: list[tuple[str, int]]
    transcripts: list[Transcript]


def attachments_of(project_id: int) -> list[EvidenceBatch]:
    """The evidence files attached to a project, newest first."""
    rows = EvidenceBatch.objects.filter(project_id=project_id).select_related("run", "created_by", "source")
    return list(rows.order_by("-id")[:LISTED])


def uploads_of(project_id: int) -> QuerySet[Upload]:
    """Files that arrived and wait for their import to be confirmed, newest first."""
    return (
        Upload.objects.filter(project_id=project_id)
        .select_related("created_by", "source")
        .order_by("-id")[:20]
    )


def warned_of(batch: ImportBatch) -> Warned:
    """The warnings of a batch; nothing is asked where there are none."""
    if not batch.warned:
        return Warned([], [])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT warning, count(*) FROM corpus_transcript, jsonb_array_elements_text(warnings) AS warning"
            " WHERE batch_id = %s GROUP BY warning ORDER BY count(*) DESC, warning LIMIT 20",
            [batch.pk],
        )
        counts = Counter(dict(cursor.fetchall()))
    rows = Transcript.objects.filter(batch=batch).exclude(warnings=[]).only("pk", "external_id", "warnings")
    return Warned(counts.most_common(), list(rows.order_by("pk")[:WARNED]))
