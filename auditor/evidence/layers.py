"""Channels laid over a transcript's words, whether their values came as imported tracks, as a block, or at places.

    layers_of(sight, transcript)                 -> [Layer]       which there are, without a file
    lines_of(sight, transcript, channels, range) -> {id: Line}    their values, by one ranged read for each block
    peaks_of(sight, transcript, line)            -> [Peak]        where they are highest, in the whole transcript

Of a channel in several blocks the newest holds, and a block holds before tracks. Nothing is read of what `sight` hides.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditor.corpus.models import Transcript
from auditor.corpus.queries import positions_of_role
from auditor.evidence.blockformat import BlockValues, DamagedBlock
from auditor.evidence.blocks import read_block
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Block, Channel, Track
from auditor.evidence.queries import Sight
from auditor.evidence.stretches import Stretch, highest, stretch_of, stretches_of
from auditor.evidence.tracks import DamagedTrack, TrackValues, read_tracks

MOST_PLACED = 5_000  # readings of one channel on one window
MOST_PEAKS = 300  # of one channel on one transcript
ASSISTANT = "assistant"  # whose words are counted where a track does not say


@dataclass(frozen=True)
class Layer:
    """A channel that says something of places in the transcript."""

    channel: Channel
    on_tokens: bool  # a value for each token, and not only at places
    value: float | None = None  # of the transcript

    @property
    def group(self) -> str:
        """What it is listed under: its dictionary, or its kind."""
        kind = kind_of(self.channel.kind)
        dictionary = self.channel.key.split(".")[1] if self.channel.key.count(".") == 2 else ""
        named = dictionary if kind.key == "sae" else ""
        return f"{kind.name}s of {named}" if named else kind.name


@dataclass(frozen=True)
class Line:
    """One channel's values on the tokens of some messages."""

    channel: Channel
    stretches: list[Stretch]
    damaged: int = 0  # of its files' pieces, that cannot be read
    on_tokens: bool = True  # and not only at places
    block: Block | None = None
    whole: list[Stretch] = field(default_factory=list)  # of a block: all of the transcript


@dataclass(frozen=True)
class Peak:
    """A place where a channel is higher than around it."""

    position: int
    part: str
    start: int  # code points
    end: int
    value: float
    along: float  # 0 to 1: how far into the transcript

    @property
    def anchor(self) -> str:
        """The place as an address has it; the message alone where no words are named."""
        words = f".{self.part}.{self.start}-{self.end}" if self.end > self.start else ""
        return f"{self.position}{words}"


class Blocks:
    """The blocks of one transcript that somebody may see, each read once at most."""

    def __init__(self, rows: Iterable[Block]) -> None:
        self.rows = list(rows)  # newest first
        self._read: dict[int, BlockValues | None] = {}

    @cached_property
    def by_channel(self) -> Mapping[int, Block]:
        """The newest block of each channel."""
        return {pk: row for row in reversed(self.rows) for pk in row.channels}

    def values(self, row: Block) -> BlockValues | None:
        """What it holds; None where that cannot be read."""
        if row.pk not in self._read:
            self._read[row.pk] = None
            with suppress(DamagedBlock, OSError):
                self._read[row.pk] = read_block(row)
        return self._read[row.pk]


def blocks_on(sight: Sight, transcript_id: int, *, among: Sequence[int] | None = None) -> Blocks:
    """The transcript's blocks, or those of them with these ids."""
    rows = sight.blocks([transcript_id])
    return Blocks(rows if among is None else rows.filter(pk__in=among))


def layers_of(sight: Sight, transcript: Transcript, blocks: Blocks | None = None) -> list[Layer]:
    """Channels that say something of places in the transcript, by kind; those with a value for each token first."""
    held = set((blocks_on(sight, transcript.pk) if blocks is None else blocks).by_channel)
    found = sight.layered(transcript.pk, transcript.project_id, held)
    layers = [Layer(channel, tracked or channel.pk in held, value) for channel, tracked, value in found]
    return sorted(layers, key=lambda layer: not layer.on_tokens)


def lines_of(
    sight: Sight,
    transcript: Transcript,
    channels: Sequence[Channel],
    positions: range,
    *,
    blocks: Blocks | None = None,
    tracks: Sequence[int] | None = None,
) -> dict[int, Line]:
    """The values of each channel, by its id, on the messages at these positions.

    Args:
        blocks: those to look in, else all that the person may see.
        tracks: ids of the tracks to look in, else all.
    """
    held = blocks_on(sight, transcript.pk) if blocks is None else blocks
    found: dict[int, Line] = {}
    by_block: dict[int, list[Channel]] = {}
    for channel in channels:
        row = held.by_channel.get(channel.pk)
        if row is None:
            found[channel.pk] = _tracked(sight, transcript, channel, positions, tracks)
        else:
            by_block.setdefault(row.pk, []).append(channel)
    for row in held.rows:
        for channel in by_block.get(row.pk, []):
            found[channel.pk] = _blocked(held, row, channel, positions)
    return found


def _blocked(held: Blocks, row: Block, channel: Channel, positions: range) -> Line:
    values = held.values(row)
    index = row.channels.index(channel.pk)
    if values is None or index >= len(values.keys):
        return Line(channel, [], damaged=1, block=row)
    whole = stretches_of(values.tokens, values.parts, values.values[index])
    return Line(channel, [one for one in whole if one.position in positions], block=row, whole=whole)


def _tracked(
    sight: Sight, transcript: Transcript, channel: Channel, positions: range, among: Sequence[int] | None
) -> Line:
    rows = sight.tracks([transcript.pk]).filter(
        channel=channel, position__gte=positions.start, position__lt=positions.stop
    )
    tracks = list(rows if among is None else rows.filter(pk__in=among))
    if not tracks:
        placed = _placed(sight, transcript, channel, positions) if among is None else []
        return Line(channel, placed, on_tokens=False)
    values = _read(tracks)
    assistant = _spoken_by_assistant(transcript, {track.position for track in tracks})
    made = [
        stretch_of(track.position, track.part, read.starts, read.ends, read.values, counted=track.position in assistant)
        for track in tracks
        if (read := values.get(track.pk)) is not None
    ]  # fmt: skip
    return Line(channel, made, damaged=len(tracks) - len(values))


def _placed(sight: Sight, transcript: Transcript, channel: Channel, positions: range) -> list[Stretch]:
    """Readings of spans as if each were a token."""
    rows = sight.readings([transcript.pk]).filter(
        channel=channel, position__gte=positions.start, position__lt=positions.stop, value__isnull=False,
        start__isnull=False, end__isnull=False,
    )  # fmt: skip
    by_part: dict[tuple[int, str], list[tuple[int, int, float]]] = {}
    for reading in rows[:MOST_PLACED]:
        place = (reading.position or 0, reading.part)
        by_part.setdefault(place, []).append((reading.start or 0, reading.end or 0, reading.value or 0.0))
    found = []
    for (position, part), said in sorted(by_part.items()):
        starts, ends, values = (np.array(column) for column in zip(*said, strict=True))
        found.append(stretch_of(position, part, starts, ends, values, counted=True))
    return found


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


def _spoken_by_assistant(transcript: Transcript, positions: set[int]) -> set[int]:
    return positions_of_role(transcript, ASSISTANT, min(positions), max(positions) + 1)


def peaks_of(
    sight: Sight, transcript: Transcript, line: Line, *, readings: Sequence[int] | None = None
) -> list[Peak]:
    """The highest places of the whole transcript in reading order: of a block by its values, else by readings.

    Args:
        readings: ids of those to look in, else all.
    """
    if line.block is not None:
        return _block_peaks(line.whole)
    rows = sight.readings([transcript.pk]).filter(
        channel=line.channel, position__isnull=False, value__isnull=False
    )
    if readings is not None:
        rows = rows.filter(pk__in=readings)
    kept = rows.order_by("-value", "pk")[:MOST_PEAKS]
    total = max(transcript.n_messages, 1)
    found = [
        Peak(r.position or 0, r.part, r.start or 0, r.end or 0, r.value or 0.0, ((r.position or 0) + 0.5) / total)
        for r in kept
    ]  # fmt: skip
    return sorted(found, key=lambda peak: (peak.position, peak.part, peak.start))


def _block_peaks(whole: Sequence[Stretch]) -> list[Peak]:
    if not whole:
        return []
    sizes = np.cumsum([0, *(len(one) for one in whole)])
    values: npt.NDArray[np.float32] = np.concatenate([one.values for one in whole])
    counted = np.concatenate([one.counted for one in whole])
    found = []
    for index in highest(values, counted, most=MOST_PEAKS):
        which = int(np.searchsorted(sizes, index, side="right")) - 1
        one, at = whole[which], index - int(sizes[which])
        found.append(
            Peak(one.position, one.part, int(one.starts[at]), int(one.ends[at]), float(one.values[at]), (index + 0.5) / len(values))
        )  # fmt: skip
    return found
