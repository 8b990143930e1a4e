"""One or two channels over the words of a transcript: what the page's scripts need to draw, and what stands beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from auditor.corpus.models import Transcript
from auditor.evidence.heat import OFF, Scale, hue_of, scale_of
from auditor.evidence.layers import Blocks, Layer, Line, Peak, lines_of, peaks_of
from auditor.evidence.models import Block, Channel
from auditor.evidence.queries import Sight
from auditor.evidence.stretches import packed
from auditor.interp.models import Threshold

FEW = 12  # layers that are listed without a field to look for one


@dataclass(frozen=True)
class Warm:
    """One channel as it is drawn: as the background of the words, or as a line below them."""

    slot: str  # "heat" or "heat2"
    line: Line
    hue: str
    scale: Scale
    threshold: Threshold | None
    peaks: list[Peak] = field(default_factory=list)

    @property
    def channel(self) -> Channel:
        return self.line.channel

    @property
    def rate(self) -> float | None:
        """The share of the threshold's control set at or above it."""
        return self.threshold.fired / self.threshold.n if self.threshold is not None else None

    @property
    def by_transcript(self) -> str:
        """How the channel's reading is made where that is not the highest token; a threshold is of the reading."""
        made = str(self.channel.detail.get("aggregation", "max"))
        return "" if made == "max" else made.replace("_", " ")

    @property
    def n_others(self) -> int:
        """Tokens on the page that do not count towards the readings."""
        return sum(int((one.counted == 0).sum()) for one in self.line.stretches)


@dataclass(frozen=True)
class Panel:
    """What can be laid over the words of some messages, and what is."""

    layers: list[Layer] = field(default_factory=list)
    warm: list[Warm] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    floor: float | None = None  # the threshold that the address asks for

    @property
    def first(self) -> Warm | None:
        """The channel on the background."""
        return next((one for one in self.warm if one.slot == "heat"), None)

    @property
    def second(self) -> Warm | None:
        """The channel below the words."""
        return next((one for one in self.warm if one.slot == "heat2"), None)

    @property
    def groups(self) -> list[tuple[str, list[Layer]]]:
        """The layers by what they are listed under."""
        return [(name, list(some)) for name, some in groupby(self.layers, key=lambda layer: layer.group)]

    @property
    def is_searched(self) -> bool:
        """Whether there are so many that one looks for them by name."""
        return len(self.layers) > FEW

    @property
    def start(self) -> float | None:
        """Where the slider stands at first: as the address asks, else at the stored threshold."""
        first = self.first
        if first is None or self.floor is not None:
            return self.floor
        return first.threshold.value if first.threshold is not None else None

    @property
    def has_features(self) -> bool:
        """Whether a block holds what fires on single tokens."""
        return bool(self.blocks)

    @property
    def packets(self) -> dict[str, Any]:
        """The values on the messages, in the compact form of `stretches`."""
        return {one.slot: packed(one.line.stretches) for one in self.warm}

    @property
    def map(self) -> list[list[Any]]:
        """The peaks of the first channel as the scripts have them: [position, part, start, end, value, along]."""
        peaks = self.first.peaks if self.first is not None else []
        return [[p.position, p.part, p.start, p.end, p.value, round(p.along, 5)] for p in peaks]


def chosen(layers: Sequence[Layer], key: str, *, default: bool = True) -> Channel | None:
    """The layer named; where none is named the first there is, if there is a default."""
    if key == OFF or not (key or default):
        return None
    return next((layer.channel for layer in layers if not key or layer.channel.key == key), None)


def panel(
    sight: Sight,
    transcript: Transcript,
    layers: Sequence[Layer],
    keys: tuple[str, str],
    positions: range,
    *,
    blocks: Blocks,
    floor: float | None = None,
    default: bool = True,
    whole: bool = True,
    tracks: Sequence[int] | None = None,
    readings: Sequence[int] | None = None,
) -> Panel:
    """The channels of these two keys over the messages at these positions.

    Args:
        default: show the first layer where no key is given.
        whole: look for the peaks of the whole transcript too.
        blocks: the transcript's, as far as the person may see them.
        tracks, readings: ids of those to look in, else all.
    """
    first = chosen(layers, keys[0], default=default)
    second = chosen(layers, keys[1], default=False)
    wanted = [("heat", first)] + ([("heat2", second)] if second != first else [])
    channels = [channel for _, channel in wanted if channel is not None]
    lines = lines_of(sight, transcript, channels, positions, blocks=blocks, tracks=tracks)
    thresholds = {
        one.channel_id: one
        for one in Threshold.objects.filter(channel__in=[c.pk for c in channels], superseded_at__isnull=True)
    }
    warm = []
    for slot, channel in wanted:
        if channel is not None:
            line = lines[channel.pk]
            peaks = peaks_of(sight, transcript, line, readings=readings) if whole and slot == "heat" else []
            warm.append(Warm(slot, line, hue_of(channel), scale_of(sight, channel), thresholds.get(channel.pk), peaks))  # fmt: skip
    return Panel(list(layers), warm, blocks.rows, floor)
