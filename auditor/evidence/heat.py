"""Token tracks as heat on a text: 32 steps of one scale, shared by every transcript of the channel."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from django.db.models import Max

from auditor.corpus.document import LEVELS, Mark, level
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Channel, Track
from auditor.evidence.queries import Sight
from auditor.evidence.tracks import DamagedTrack, TrackValues, read_tracks

HEATED = ("probe", "sae", "judge")  # hues that heat comes in
OFF = "off"


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
class Heat:
    """One channel's tracks on one transcript, ready to draw."""

    channel: Channel
    hue: str
    scale: Scale
    marks: list[Mark]
    damaged: int  # tracks whose stored values cannot be read


def heat(sight: Sight, tracks: Sequence[Track], *, key: str, positions: range | None = None) -> Heat | None:
    """The heat of the channel `key` among `tracks`; None if it has none of them.

    Args:
        tracks: what `sight` shows of the transcript.
        positions: the messages on the page; None for all.
    """
    chosen = [track for track in tracks if track.channel.key == key]
    if not chosen:
        return None
    on_page = [track for track in chosen if positions is None or track.position in positions]
    return heat_of(sight, chosen[0].channel, on_page)


def heat_of(sight: Sight, channel: Channel, tracks: Sequence[Track]) -> Heat:
    """The heat of these tracks of the channel, of which there may be none."""
    scale = scale_of(sight, channel)
    marks: list[Mark] = []
    damaged = 0
    values = _read(tracks)
    for track in tracks:
        if track.pk not in values:
            damaged += 1
            continue
        marks += heat_marks(values[track.pk], scale, position=track.position, part=track.part)
    hue = kind_of(channel.kind).hue
    return Heat(channel, hue if hue in HEATED else HEATED[0], scale, marks, damaged)


def _read(tracks: Sequence[Track]) -> dict[int, TrackValues]:
    """The values of the tracks that can be read; each shard is opened once while nothing is damaged."""
    try:
        return read_tracks(tracks)
    except (DamagedTrack, OSError):
        found: dict[int, TrackValues] = {}
        for track in tracks:
            with suppress(DamagedTrack, OSError):
                found |= read_tracks([track])
        return found


def scale_of(sight: Sight, channel: Channel) -> Scale:
    """The declared scale; without one, from 0 to the highest value the person may see anywhere."""
    if channel.lo is not None and channel.hi is not None:
        return Scale(channel.lo, channel.hi, declared=True)
    lo = channel.lo or 0.0
    if channel.hi is not None:
        return Scale(lo, channel.hi, declared=False)
    peak = sight.extents([channel]).get(channel.pk, (lo, lo))[1] if channel.rollup == "max" else None
    if peak is None:
        peak = sight.tracks_on(channel).aggregate(peak=Max("peak"))["peak"]
    return Scale(lo, lo if peak is None else peak, declared=False)


def heat_marks(values: TrackValues, scale: Scale, *, position: int, part: str) -> Iterator[Mark]:
    """One mark for each run of tokens at one level; tokens without words or without heat have none."""
    runs = _runs(
        values.starts.tolist(), values.ends.tolist(), values.values.astype(np.float64).tolist(), scale
    )
    for start, end, step, peak in runs:
        if step > 0 and end > start:
            yield Mark(position, part, start, end, "heat", level=step, title=f"{peak:.3g}")


def _runs(
    starts: Iterable[int], ends: Iterable[int], values: Iterable[float], scale: Scale
) -> Iterator[tuple[int, int, int, float]]:
    begin, stop, step, peak = 0, 0, -1, 0.0
    for start, end, value in zip(starts, ends, values, strict=True):
        if end <= start:  # a special token stands on no words
            continue
        at = scale.level(value)
        if at == step and start == stop:
            stop, peak = end, max(peak, value)
            continue
        if step >= 0:
            yield begin, stop, step, peak
        begin, stop, step, peak = start, end, at, value
    if step >= 0:
        yield begin, stop, step, peak
