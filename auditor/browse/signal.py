"""Where on a transcript a channel speaks: by message for one window, by bucket for all of it.

Values come from rows that are stored anyway (the peaks of tracks, readings with a place), never from
shards: a far window costs no file. Nothing is read of what `sight` hides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, F, IntegerField, Max, OuterRef, Q
from django.db.models.expressions import CombinedExpression, Value

from auditor.corpus.document import Mark
from auditor.corpus.models import Transcript
from auditor.corpus.windows import Window, roles_by_bucket
from auditor.evidence.heat import Scale, scale_of
from auditor.evidence.models import HUMAN, Channel, Reading, Track
from auditor.evidence.queries import MACHINE, Sight, channels_of

BUCKETS = 200
MOST_PLACED = 5_000  # readings of one channel on one window


@dataclass(frozen=True)
class Bucket:
    """A run of messages in the overview."""

    first: int
    end: int
    level: int | None  # 0 to 31, of the highest value
    value: float | None
    quotes: int
    role: str  # that most messages have
    here: bool  # the window shown begins in it

    @property
    def in_words(self) -> str:
        """What the bucket holds, for who does not see it."""
        words = f"messages {self.first + 1:,} to {self.end:,}, mostly {self.role}"
        if self.value is not None:
            words += f", highest {self.value:.3g}"
        return f"{words}, {self.quotes} quoted" if self.quotes else words


def layers_of(sight: Sight, transcript: Transcript) -> list[Channel]:
    """Channels that say something of places in the transcript; those with a value for each token first."""
    tracks = sight.tracks([transcript.pk]).filter(channel=OuterRef("pk"))
    placed = sight.readings([transcript.pk]).filter(
        channel=OuterRef("pk"), position__isnull=False, value__isnull=False
    )
    rows = channels_of(transcript.project_id).exclude(kind=HUMAN)
    rows = rows.annotate(tracked=Exists(tracks), placed=Exists(placed))
    return list(rows.filter(Q(tracked=True) | Q(placed=True)).order_by("-tracked", "kind", "key"))


def placed_on(sight: Sight, transcript: Transcript, channel: Channel, window: Window) -> list[Reading]:
    """The channel's readings that stand on messages of the window."""
    rows = sight.readings([transcript.pk]).filter(
        channel=channel, position__gte=window.first, position__lt=window.end, value__isnull=False
    )
    return list(rows[:MOST_PLACED])


def placed_marks(readings: Iterable[Reading], scale: Scale) -> list[Mark]:
    """Readings of spans as heat on their words."""
    return [
        Mark(
            reading.position, reading.part, reading.start, reading.end, "heat",
            level=scale.level(reading.value), title=f"{reading.value:.3g}",
        )
        for reading in readings
        if reading.position is not None and reading.start is not None and reading.end is not None
        and reading.value is not None
    ]  # fmt: skip


def signal_of(tracks: Sequence[Track], readings: Iterable[Reading], scale: Scale) -> dict[int, int]:
    """The highest heat level of each message of a window."""
    found: dict[int, int] = {}
    values = [(track.position, track.peak) for track in tracks]
    values += [(r.position, r.value) for r in readings if r.position is not None and r.value is not None]
    for position, value in values:
        found[position] = max(found.get(position, 0), scale.level(value))
    return found


def overview(sight: Sight, transcript: Transcript, channel: Channel | None, *, at: int = 0) -> list[Bucket]:
    """The whole transcript in at most `BUCKETS` runs; one query for each thing shown, none reads a text."""
    total = transcript.n_messages
    size = max(1, -(-total // BUCKETS))
    values, scale = _values(sight, transcript, channel, size)
    quotes = _quotes(sight, transcript, size)
    roles = roles_by_bucket(transcript, size)
    found = []
    for index in range(-(-total // size)):
        counts = roles.get(index, {})
        value = values.get(index)
        first, end = index * size, min((index + 1) * size, total)
        found.append(
            Bucket(
                first=first,
                end=end,
                level=None if value is None or scale is None else scale.level(value),
                value=value,
                quotes=quotes.get(index, 0),
                role=max(sorted(counts), key=lambda role: counts[role], default=""),
                here=first <= at < end,
            )
        )
    return found


def _values(
    sight: Sight, transcript: Transcript, channel: Channel | None, size: int
) -> tuple[dict[int, float], Scale | None]:
    if channel is None or sight.is_veiled(transcript.pk, MACHINE):
        return {}, None
    found: dict[int, float] = {}
    tracks = sight.tracks([transcript.pk]).filter(channel=channel).order_by()
    readings = sight.readings([transcript.pk]).filter(
        channel=channel, position__isnull=False, value__isnull=False
    )
    peaks = tracks.annotate(bucket=_bucket("position", size)).values("bucket").annotate(top=Max("peak"))
    placed = (
        readings.order_by()
        .annotate(bucket=_bucket("position", size))
        .values("bucket")
        .annotate(top=Max("value"))
    )
    for bucket, top in [
        *peaks.values_list("bucket", "top"), *placed.values_list("bucket", "top"),
    ]:  # fmt: skip
        found[bucket] = max(found.get(bucket, top), top)
    return found, scale_of(sight, channel)


def _quotes(sight: Sight, transcript: Transcript, size: int) -> dict[int, int]:
    rows = sight.quotes([transcript.pk]).filter(position__isnull=False, start__isnull=False).order_by()
    counted = rows.annotate(bucket=_bucket("position", size)).values("bucket").annotate(n=Count("pk"))
    return dict(counted.values_list("bucket", "n"))


def _bucket(field: str, size: int) -> CombinedExpression:
    """Positions of one bucket have one number; the database divides whole numbers."""
    return CombinedExpression(F(field), "/", Value(size), output_field=IntegerField())
