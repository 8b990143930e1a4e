"""Making the rows of a capture, before anything is read."""

from django.db import connection, transaction

from auditor.evidence.queries import visible_to
from auditor.interp.models import Capture, CapturedTranscript
from auditor.ledger.actions import record
from auditor.sampling.choosing import Chosen, transcripts_of

INSERT = """
    INSERT INTO interp_capturedtranscript (capture_id, transcript_id, state, words, n_tokens, left_out)
    SELECT %s, id, 'waiting', '', 0, 0 FROM ("""
SHORTEST_FIRST = """) AS chosen(id, n_chars) ORDER BY n_chars, id ON CONFLICT DO NOTHING"""


def lay(capture: Capture) -> None:
    """One waiting row for each chosen transcript, once; in one statement for any number, the shortest first.

    Rows are carried in the order of their numbers, so that what is read together is of like length.

    Raises:
        FilterError: the filter names what the project no longer has.
        Sample.DoesNotExist: the draw is gone.
    """
    if capture.laid:
        return
    chosen = Chosen.from_json(capture.chosen)
    rows, veiled = transcripts_of(chosen, project_id=capture.project_id, sight=visible_to(capture.created_by))
    with transaction.atomic():
        locked = Capture.objects.select_for_update().get(pk=capture.pk)
        if locked.laid:
            capture.refresh_from_db()
            return
        sql, parameters = rows.order_by().values_list("pk", "n_chars").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(INSERT + sql + SHORTEST_FIRST, [capture.pk, *parameters])
        locked.laid = True
        locked.n_transcripts = CapturedTranscript.objects.filter(capture=capture).count()
        locked.left_out = {"veiled": veiled} if veiled else {}
        locked.save(update_fields=["laid", "n_transcripts", "left_out"])
        record(
            verb="capture.laid", subject=locked, actor=capture.created_by, project_id=capture.project_id,
            transcripts=locked.n_transcripts, left_out=locked.left_out,
        )  # fmt: skip
    capture.refresh_from_db()
