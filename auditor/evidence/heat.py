"""Values on words as heat: 32 steps of one scale, shared by every transcript of the channel, and what is usual on it."""

from dataclasses import dataclass

from django.contrib.postgres.fields import ArrayField
from django.db.models import Aggregate, Count, FloatField, Max

from auditor.corpus.document import LEVELS, level
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Channel
from auditor.evidence.queries import Sight

HEATED = ("probe", "sae", "judge")  # hues that heat comes in
OFF = "off"
SHARES = (
    (0.5, 2),
    (0.9, 10),
    (0.99, 100),
)  # percentiles, and from how many transcripts on each means anything
HIGHEST = ".max"  # ends the key of the channel that holds the highest token, where the reading is another


@dataclass(frozen=True)
class Scale:
    """The values of no heat and of full heat, and where they come from."""

    lo: float
    hi: float
    declared: bool

    def level(self, value: float) -> int:
        """The step, 0 to 31, of a value; values beyond the ends stand at the ends."""
        if self.hi <= self.lo:
            return LEVELS - 1 if value > self.lo else 0
        return level((value - self.lo) / (self.hi - self.lo))

    def legend(self, steps: int = 5) -> list[tuple[int, float]]:
        """A few steps with their values."""
        levels = [round(i * (LEVELS - 1) / (steps - 1)) for i in range(steps)]
        return [(at, self.lo + (self.hi - self.lo) * at / (LEVELS - 1)) for at in levels]


@dataclass(frozen=True)
class Spread:
    """What is usual on a channel: percentiles of its value over transcripts; None where these are too few."""

    of: Channel  # whose values these are
    n: int
    percentiles: tuple[tuple[int, float | None], ...]  # 50, 90, 99


class _Percentiles(Aggregate):
    function = "percentile_disc"
    template = (
        f"percentile_disc(ARRAY{[share for share, _ in SHARES]}) WITHIN GROUP (ORDER BY %(expressions)s)"
    )
    output_field = ArrayField(FloatField())


def hue_of(channel: Channel) -> str:
    """The hue in which its heat is drawn."""
    hue = kind_of(channel.kind).hue
    return hue if hue in HEATED else HEATED[0]


def scale_of(sight: Sight, channel: Channel) -> Scale:
    """The declared scale; without one, from 0 to the highest value the person may see anywhere."""
    if channel.lo is not None and channel.hi is not None:
        return Scale(channel.lo, channel.hi, declared=True)
    lo = channel.lo or 0.0
    if channel.hi is not None:
        return Scale(lo, channel.hi, declared=False)
    rolled = _rolled(channel)
    peak = sight.extents([rolled]).get(rolled.pk, (lo, lo))[1] if rolled.rollup == "max" else None
    if peak is None:
        peak = sight.tracks_on(channel).aggregate(peak=Max("peak"))["peak"]
    return Scale(lo, lo if peak is None else peak, declared=False)


def spread(sight: Sight, channel: Channel) -> Spread:
    """Percentiles (nearest rank) over the transcripts that the person may see the channel on."""
    of = _rolled(channel)
    rows = sight.rollups_of(of).filter(value__isnull=False).order_by()
    found = rows.aggregate(n=Count("pk"), at=_Percentiles("value"))
    values = found["at"] or [None] * len(SHARES)
    kept = (
        (round(100 * share), value if found["n"] >= enough else None)
        for (share, enough), value in zip(SHARES, values, strict=True)
    )
    return Spread(of, found["n"], tuple(kept))


def _rolled(channel: Channel) -> Channel:
    """The channel that holds each transcript's highest token: itself, or the one beside it."""
    if channel.rollup == "max" and channel.detail.get("aggregation", "max") == "max":
        return channel
    beside = Channel.objects.filter(project_id=channel.project_id, key=channel.key + HIGHEST).first()
    return beside or channel
