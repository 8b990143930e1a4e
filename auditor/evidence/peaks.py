"""Readings of channels that say one thing of a transcript, at whatever place: a newer one supersedes the one before."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from auditor.evidence.actions import NewReading, roll_up, write_readings
from auditor.evidence.models import Reading


def write_only_readings(*, readings: Sequence[NewReading], source: str) -> int:
    """Write readings as the only ones of their channels on their transcripts; equal ones are left alone.

    What stood there at another place is superseded, as a peak may be elsewhere once the model or the instrument is
    another. The caller holds the transaction. Cost: a constant number of queries.

    Returns:
        The number of readings written.
    """
    wanted = {(new.channel.pk, new.transcript_id): new for new in readings}
    with transaction.atomic():
        standing = Reading.objects.filter(
            transcript_id__in={transcript for _, transcript in wanted},
            channel_id__in={channel for channel, _ in wanted},
            superseded_at__isnull=True,
        ).values_list("pk", "channel_id", "transcript_id", "position", "part", "start", "end", "identifier")
        elsewhere = {
            pk: (channel, transcript)
            for pk, channel, transcript, *place in standing
            if (new := wanted.get((channel, transcript))) is not None and tuple(place) != new.place[2:]
        }
        if elsewhere:
            Reading.objects.filter(pk__in=elsewhere).update(superseded_at=timezone.now())
        written = write_readings(readings=list(wanted.values()), source=source)
        if elsewhere:
            roll_up(pairs=elsewhere.values())
    return written
