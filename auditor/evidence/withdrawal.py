"""Taking evidence back, when the import that brought it is undone: what it superseded holds again.

And the questions that decide whether that may be, and what an import's readings came to.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, Max, QuerySet

from auditor.evidence.actions import roll_up
from auditor.evidence.models import Quote, Reading, Rollup, Track, Veil, Withdrawal


@dataclass(frozen=True)
class Said:
    """What readings of one source came to."""

    quotes: dict[str, int]  # status -> how many
    channels: list[tuple[str, str, str, int]]  # key, kind, name, readings


def said_by(source: str) -> Said:
    """The quotes and channels of a source's readings; one pass over all readings of the installation."""
    rows = Reading.objects.filter(source=source)
    quotes = Quote.objects.filter(reading__in=rows.values("pk")).values_list("status")
    channels = rows.values_list("channel__key", "channel__kind", "channel__name").annotate(n=Count("pk"))
    return Said(
        dict(quotes.annotate(n=Count("pk")).order_by("status")), list(channels.order_by("channel__key"))
    )


def readings_by_others(batch_id: int, sources: Collection[str]) -> int:
    """Readings on the transcripts of an import that came from elsewhere than these sources."""
    rows = Reading.objects.filter(transcript__batch_id=batch_id)
    return rows.exclude(source__in=list(sources)).count()


def veils_on(batch_id: int) -> int:
    """Veils on the transcripts of an import, lifted or not."""
    return Veil.objects.filter(transcript__batch_id=batch_id).count()


def forget(transcript_ids: Sequence[int]) -> None:
    """Remove all evidence on these transcripts; the caller holds the transaction and removes them next."""
    readings = Reading.objects.filter(transcript_id__in=transcript_ids)
    spoke = list(readings.order_by().values_list("channel_id", flat=True).distinct())
    Withdrawal.objects.bulk_create(Withdrawal(channel_id=channel) for channel in sorted(spoke))
    Quote.objects.filter(reading__in=readings)._raw_delete(using="default")
    for rows in (
        readings,
        Rollup.objects.filter(transcript_id__in=transcript_ids),
        Track.objects.filter(transcript_id__in=transcript_ids),
        Withdrawal.objects.filter(transcript_id__in=transcript_ids),
    ):
        rows._raw_delete(using="default")


def left_by(source: str) -> QuerySet[Reading]:
    """The readings of a source that still stand, current or superseded, in order."""
    return Reading.objects.filter(source=source).order_by("pk")


def withdraw(readings: QuerySet[Reading]) -> int:
    """Remove these readings; what stood at their places before holds again. How many there were.

    The caller holds the transaction. Roll-ups are made anew.
    """
    rows = list(readings.values_list("pk", "channel_id", "transcript_id"))
    if not rows:
        return 0
    ids = [pk for pk, _, _ in rows]
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, {"ids": ids})
        before = [row[0] for row in cursor.fetchall()]
    Quote.objects.filter(reading_id__in=ids)._raw_delete(using="default")
    Reading.objects.filter(pk__in=ids)._raw_delete(using="default")
    Reading.objects.filter(pk__in=before).update(superseded_at=None)
    pairs = {(channel, transcript) for _, channel, transcript in rows}
    roll_up(pairs=pairs)
    Withdrawal.objects.bulk_create(
        Withdrawal(channel_id=channel, transcript_id=transcript) for channel, transcript in sorted(pairs)
    )
    return len(ids)


def withdrawn_on(transcript_ids: Sequence[int]) -> int:
    """Names the newest withdrawal of readings on these transcripts; 0 where there was none."""
    rows = Withdrawal.objects.filter(transcript_id__in=transcript_ids)
    return rows.aggregate(newest=Max("pk"))["newest"] or 0


def withdrawn_of(channel_id: int) -> int:
    """Names the newest withdrawal of readings of this channel; 0 where there was none."""
    return Withdrawal.objects.filter(channel=channel_id).aggregate(newest=Max("pk"))["newest"] or 0


# Of each place where a reading that goes is the current one: the newest that stays.
_BEFORE = """
SELECT DISTINCT ON (gone.id) old.id
FROM evidence_reading gone
JOIN evidence_reading old ON old.channel_id = gone.channel_id AND old.transcript_id = gone.transcript_id
    AND old.position IS NOT DISTINCT FROM gone.position AND old.part = gone.part
    AND old.start IS NOT DISTINCT FROM gone.start AND old."end" IS NOT DISTINCT FROM gone."end"
    AND old.identifier = gone.identifier AND old.id <> ALL(%(ids)s)
WHERE gone.id = ANY(%(ids)s) AND gone.superseded_at IS NULL
ORDER BY gone.id, old.superseded_at DESC, old.id DESC
"""
