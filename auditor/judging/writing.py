"""Verdict and call rows in bulk: one statement for any number of them.

The columns go over as one JSON text, so that a batch costs the driver one parameter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Count

from auditor.corpus.jsontext import encode_json
from auditor.judging.asking import Conclusion
from auditor.judging.models import Verdict

MARK = """
    INSERT INTO judging_verdictcall AS kept (verdict_id, ask, chunk, sends, cached)
    SELECT * FROM unnest(%s::bigint[], %s::smallint[], %s::smallint[]) AS new(verdict_id, ask, chunk),
        (VALUES (1, false)) AS first(sends, cached)
    ON CONFLICT (verdict_id, ask, chunk) DO UPDATE SET sends = kept.sends + 1
    RETURNING sends
"""
ATTACH = """
    INSERT INTO judging_verdictcall (verdict_id, ask, chunk, sends, reply_id, cached)
    SELECT new.verdict_id, new.ask, new.chunk, 0, new.reply_id, new.cached
    FROM unnest(%s::bigint[], %s::smallint[], %s::smallint[], %s::bigint[], %s::boolean[])
        AS new(verdict_id, ask, chunk, reply_id, cached)
    ON CONFLICT (verdict_id, ask, chunk) DO UPDATE SET reply_id = excluded.reply_id, cached = excluded.cached
"""
CONCLUDE = """
    UPDATE judging_verdict AS kept SET
        state = new.state, words = new.words, label = new.label, "values" = new."values", detail = new.detail,
        rationale = new.rationale, quotes = new.quotes, unsupported = new.unsupported, unread = new.unread,
        finished_at = now()
    FROM jsonb_to_recordset(%s::jsonb) AS new(
        id bigint, state text, words text, label text, "values" jsonb, detail jsonb, rationale text, quotes jsonb,
        unsupported boolean, unread jsonb)
    WHERE kept.id = new.id AND kept.state = 'waiting'
"""
GIVE_UP = """
    UPDATE judging_verdict AS kept SET state = new.state, words = new.words, finished_at = now()
    FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new(id, state, words)
    WHERE kept.id = new.id AND kept.state = 'waiting'
"""


def mark_sent(places: Sequence[tuple[int, int, int]]) -> int:
    """Count one more sending of each (verdict, ask, chunk).

    Returns:
        How many of them had been sent before without a reply that was stored.
    """
    if not places:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(MARK, [list(column) for column in zip(*places, strict=True)])
        return sum(sends > 1 for (sends,) in cursor.fetchall())


def attach_replies(rows: Sequence[tuple[int, int, int, int, bool]]) -> None:
    """Tie each call, as (verdict, ask, chunk, reply, whether the reply was there before), to its reply."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(ATTACH, [list(column) for column in zip(*rows, strict=True)])


def write_answered(concluded: Mapping[int, Conclusion]) -> None:
    """What each verdict came to, by its id; one that is no longer waiting is left alone."""
    if concluded:
        rows = [{"id": pk, **one.to_row()} for pk, one in concluded.items()]
        with connection.cursor() as cursor:
            cursor.execute(CONCLUDE, [encode_json(rows)])


def write_unanswered(failed: Mapping[int, tuple[str, str]]) -> None:
    """Why each of these verdicts has no reply, as state and words."""
    if failed:
        columns: list[Any] = [
            list(failed),
            [one[0] for one in failed.values()],
            [one[1][:500] for one in failed.values()],
        ]
        with connection.cursor() as cursor:
            cursor.execute(GIVE_UP, columns)


def counts(judging_id: int) -> dict[str, int]:
    """How many verdicts of a run are in each state that occurs."""
    rows = Verdict.objects.filter(run=judging_id).values_list("state").annotate(n=Count("pk")).order_by()
    return dict(rows)
