"""Making the verdict rows of a run, before anything is asked."""

from django.db import connection, transaction

from auditor.evidence.queries import visible_to
from auditor.judging.models import JudgeRun, Verdict
from auditor.ledger.actions import record
from auditor.sampling.choosing import Chosen, transcripts_of

INSERT = """
    INSERT INTO judging_verdict
        (run_id, transcript_id, vote, state, words, label, "values", detail, rationale, quotes, unsupported, unread,
         recorded)
    SELECT %s, id, vote, 'waiting', '', '', '{}', '{}', '', '[]', false, '[]', false
    FROM ("""
FOR_EACH_VOTE = """) AS chosen(id), generate_series(0, %s) AS vote ORDER BY id, vote
    ON CONFLICT DO NOTHING
"""


def lay(judging: JudgeRun) -> None:
    """One waiting row for each vote on each chosen transcript, once; in one statement for any number.

    Transcripts that the version has as examples are left out, and so are their doubles: an example would
    judge itself.

    Raises:
        FilterError: the filter names what the project no longer has.
        Sample.DoesNotExist: the draw is gone.
    """
    if judging.laid:
        return
    version = judging.version
    chosen = Chosen.from_json(judging.chosen)
    rows, veiled = transcripts_of(chosen, project_id=judging.project_id, sight=visible_to(judging.created_by))
    taught = [one["fingerprint"] for one in version.examples if one.get("fingerprint")]
    left_out = {"veiled": veiled} if veiled else {}
    with transaction.atomic():
        locked = JudgeRun.objects.select_for_update().get(pk=judging.pk)
        if locked.laid:
            judging.refresh_from_db()
            return
        if taught:
            if n := rows.filter(fingerprint__in=taught).count():
                left_out["examples"] = n
            rows = rows.exclude(fingerprint__in=taught)
        sql, parameters = rows.order_by().values("pk").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(INSERT + sql + FOR_EACH_VOTE, [judging.pk, *parameters, version.votes - 1])
        n_rows = Verdict.objects.filter(run=judging).count()
        locked.laid, locked.n_transcripts, locked.left_out = True, n_rows // version.votes, left_out
        locked.save(update_fields=["laid", "n_transcripts", "left_out"])
        record(
            verb="judging.laid", subject=locked, actor=judging.created_by, project_id=judging.project_id,
            transcripts=locked.n_transcripts, verdicts=n_rows, left_out=left_out,
        )  # fmt: skip
    judging.refresh_from_db()
