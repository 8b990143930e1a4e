"""Where on a transcript a channel speaks: by message for one window, by bucket for all of it.

Of tracks and readings with a place, values come from rows that are stored anyway (peaks, values): a far
window costs no file. Of a block they come from its one file. Nothing is read of what `sight` hides.
"""

from dataclasses import dataclass

from django.db.models import Count, F, IntegerField, Max
from django.db.models.expressions import CombinedExpression, Value

from auditor.browse.heat import Warm
from auditor.corpus.models import Transcript
from auditor.corpus.windows import Window, roles_by_bucket
from auditor.evidence.heat import Scale, scale_of
from auditor.evidence.layers import MOST_PLACED, Line, blocks_on, lines_of
from auditor.evidence.models import Channel
from auditor.evidence.queries import MACHINE, Sight

BUCKETS = 200


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


def signal_of(sight: Sight, transcript: Transcript, warm: Warm | None, window: Window) -> dict[int, int]:
    """The highest heat level of each message of a window, where the channel says something of it."""
    if warm is None:
        return {}
    values = highest_by_position(warm.line)
    if not warm.line.on_tokens:  # what is said of whole messages counts too
        rows = sight.readings([transcript.pk]).filter(
            channel=warm.channel, position__gte=window.first, position__lt=window.end, value__isnull=False
        )
        for position, value in rows.order_by().values_list("position", "value")[:MOST_PLACED]:
            if position is not None and value is not None:
                values[position] = max(values.get(position, value), value)
    return {position: warm.scale.level(value) for position, value in values.items()}


def highest_by_position(line: Line) -> dict[int, float]:
    """The highest value on the counted tokens of each message."""
    found: dict[int, float] = {}
    for one in line.stretches:
        if one.counted.any():
            value = float(one.values[one.counted > 0].max())
            found[one.position] = max(found.get(one.position, value), value)
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
    held = blocks_on(sight, transcript.pk)
    if channel.pk in held.by_channel:
        everywhere = range(transcript.n_messages)
        line = lines_of(sight, transcript, [channel], everywhere, blocks=held)[channel.pk]
        for position, value in highest_by_position(line).items():
            found[position // size] = max(found.get(position // size, value), value)
        return found, scale_of(sight, channel)
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
