"""Up to which event the trail is whole: no event with a lower number can still appear.

An event gets its number when it is written and appears when its transaction commits, so numbers appear out
of order, and a cursor that simply went to the highest would pass over some for ever. So the highest number
is noted together with the transactions that were writing at that moment; once all of those are through, the
trail is whole up to there.
"""

from django.db import connection, transaction
from django.db.models import Max

from auditor.ledger.models import Event
from auditor.webhooks.models import Horizon

# One that is about to insert its first row has no transaction number yet, and is known by what it says.
WRITERS = """
    SELECT pid || ' ' || extract(epoch FROM xact_start) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
      AND (backend_xid IS NOT NULL OR (state = 'active' AND query ILIKE 'insert into "ledger_event"%'))
"""


def advance() -> int:
    """Look again; returns how far the trail is whole now. Safe to run at any time, and twice at once."""
    with transaction.atomic():
        Horizon.objects.get_or_create(pk=1)
        row = Horizon.objects.select_for_update().get(pk=1)
        if row.candidate > row.whole and not set(row.writers) & set(_writers()):
            row.whole = row.candidate
        if row.whole == row.candidate:
            row.candidate = newest()
            row.writers = _writers()  # after the number: whoever wrote a lower one is among them, or through
            if not row.writers:
                row.whole = row.candidate
        row.save()
    return row.whole


def newest() -> int:
    """The highest number that is there now."""
    return Event.objects.aggregate(newest=Max("id"))["newest"] or 0


def _writers() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # within a transaction the view would stand still
        cursor.execute(WRITERS)
        return [row[0] for row in cursor.fetchall()]
