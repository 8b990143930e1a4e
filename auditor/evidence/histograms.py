"""A channel's roll-ups as bars, counted only on what a person may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, Count, F, FloatField, Func, IntegerField, Max, Min, Value, When

from auditor.corpus.models import TranscriptQuerySet
from auditor.evidence.bins import Bar, Tally, bars, edges
from auditor.evidence.filters import Bounds
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Channel
from auditor.evidence.queries import Sight

MOST_LABELS = 12


@dataclass(frozen=True)
class Counted:
    """A channel's scale, and what was counted on it."""

    lo: float | None
    hi: float | None
    edges: list[float]  # lower edges of the bars; none where the channel has no values
    bars: dict[int, Tally] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)  # only where it has no values


@dataclass(frozen=True)
class LabelCount:
    """A label of a channel without values."""

    label: str
    n: int
    chosen: bool


@dataclass(frozen=True)
class Histogram:
    """A channel's bars, or its labels where it has no values."""

    channel: Channel
    hue: str
    bars: list[Bar]
    lo: float | None  # ends of the scale
    hi: float | None
    labels: list[LabelCount]
    chosen: Bounds | None = None

    @property
    def n(self) -> int:
        """Transcripts behind it."""
        return sum(bar.n for bar in self.bars) + sum(label.n for label in self.labels)

    @property
    def in_words(self) -> str:
        """What a reader who cannot see the bars is told."""
        if not self.n or not self.bars:
            return "no values"
        peak = max(self.bars, key=lambda bar: bar.n)
        return (
            f"{self.n:,} values in {len(self.bars)} bars, most ({peak.n:,}) from {peak.lo:g} to {peak.hi:g}"
        )


def histogram(channel: Channel, counted: Counted, chosen: Bounds | None = None) -> Histogram:
    """The bars of what was counted, with what is chosen marked."""
    ends = (chosen.lo, chosen.hi) if chosen is not None and not chosen.label else None
    label = chosen.label if chosen is not None else ""
    return Histogram(
        channel=channel,
        hue=kind_of(channel.kind).hue,
        bars=bars(counted.edges, counted.hi or 0.0, counted.bars, chosen=ends) if counted.edges else [],
        lo=counted.lo,
        hi=counted.hi,
        labels=[LabelCount(words, n, words == label) for words, n in counted.labels.items()],
        chosen=chosen,
    )


def tallies(
    sight: Sight,
    channels: Sequence[Channel],
    *,
    rows: TranscriptQuerySet | None = None,
    apart: Mapping[str, TranscriptQuerySet | None] | None = None,
) -> dict[int, Counted]:
    """What each channel, by id, says on the transcripts that the person may see it on.

    Args:
        rows: count on these transcripts only.
        apart: other transcripts for some channels, by key; each costs a query more.
    """
    apart = apart or {}
    found = _scales(sight, channels)
    _tally(sight, [c for c in channels if c.key not in apart], rows, found)
    for channel in channels:
        if channel.key in apart:
            _tally(sight, [channel], apart[channel.key], found)
    return found


def _scales(sight: Sight, channels: Sequence[Channel]) -> dict[int, Counted]:
    """Declared ends, or else the outermost values; a channel without values has no scale."""
    seen = sight.extents(channels)
    found = {}
    for channel in channels:
        least, most = seen.get(channel.pk, (None, None))
        if least is None or most is None:
            found[channel.pk] = Counted(None, None, [])
            continue
        lo = least if channel.lo is None else channel.lo
        hi = most if channel.hi is None else channel.hi
        lo, hi = (lo, hi) if lo <= hi else (least, most)
        found[channel.pk] = Counted(lo, hi, edges(lo, hi))
    return found


def _tally(
    sight: Sight, channels: Sequence[Channel], rows: TranscriptQuerySet | None, into: Mapping[int, Counted]
) -> None:
    said = sight.rollups_on(channels).order_by()
    if rows is not None:
        said = said.filter(transcript__in=rows.order_by().values("pk"))
    cases = [When(channel_id=c.pk, then=_bar(into[c.pk].edges)) for c in channels if into[c.pk].edges]
    if cases:
        counted = said.filter(value__isnull=False).annotate(bar=Case(*cases, output_field=IntegerField()))
        for pk, bar, n, least, most in counted.values_list("channel_id", "bar").annotate(
            n=Count("pk"), least=Min("value"), most=Max("value")
        ):
            if bar is not None:
                into[pk].bars[bar] = Tally(n, least, most)
    plain = [c.pk for c in channels if not into[c.pk].edges]
    if plain:
        named = said.filter(channel__in=plain).exclude(label="").values_list("channel_id", "label")
        for pk, label, n in named.annotate(n=Count("pk")).order_by("-n", "label"):
            if len(into[pk].labels) < MOST_LABELS:
                into[pk].labels[label] = n


def _bar(lower: Sequence[float]) -> Func:
    """Which bar a value falls into, from 0; values below a declared scale stand in the first."""
    return Func(
        F("value"),
        Value(list(lower), output_field=ArrayField(FloatField())),
        template="greatest(width_bucket(%(expressions)s::float8[]) - 1, 0)",
        output_field=IntegerField(),
    )
