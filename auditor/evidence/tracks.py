"""Token tracks: a value for each token, in shard files behind the storage API.

A shard (see `shards`) is a row of tracks, each one zstd frame found by the byte range that its `Track` row names.
A frame unpacks to 12 n bytes, little-endian: n starts (u32), n ends (u32), n values (f32); starts
and ends are code points into the part's text. The row's digest is the sha256 of those 12 n bytes.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import zstandard
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from auditor.evidence.actions import ROLL, NewReading, roll_up, write_readings
from auditor.evidence.lengths import lengths_of, problem_with
from auditor.evidence.models import Channel, Reading, Shard, Track
from auditor.evidence.shards import keep_shard

LARGEST = float(np.finfo(np.float32).max)
BYTES_PER_TOKEN = 12
FROM_TRACK = {"from": "track"}  # detail of a reading that a track made
Place = tuple[int, int, int, str]  # channel, transcript, position, part
Numbers = Sequence[int] | Sequence[float] | npt.NDArray[np.uint32] | npt.NDArray[np.float32]


class BadTrack(ValueError):
    """The track does not fit its text, or its lists do not fit each other."""


class DamagedTrack(RuntimeError):
    """The shard does not hold what its row says."""


@dataclass(frozen=True)
class NewTrack:
    """A track to be written; the three lists have equal lengths, at least one token."""

    channel: Channel
    transcript_id: int
    position: int
    part: str
    starts: Sequence[int]  # code points
    ends: Sequence[int]  # code points, exclusive
    values: Sequence[float]

    @property
    def place(self) -> Place:
        """What may hold one current track."""
        return self.channel.pk, self.transcript_id, self.position, self.part


@dataclass(frozen=True)
class TrackValues:
    """A track as stored: three arrays of length n."""

    starts: npt.NDArray[np.uint32]  # code points
    ends: npt.NDArray[np.uint32]  # code points, exclusive
    values: npt.NDArray[np.float32]


def write_tracks(*, tracks: Sequence[NewTrack], source: str, readings: bool = True) -> int:
    """Write tracks and the reading each makes, superseding what stood at the same places.

    A track makes one reading on its part: the channel's roll-up of the values, anchored at the
    token where the peak is for max and min (the first, if several), at the whole part otherwise.
    The caller records the ledger event. Of two tracks for one place the later holds; one equal
    to the current is left alone. Cost: a constant number of queries and at most one file.

    Args:
        readings: whether they make readings; tracks of a release do not, since it has its readings itself.

    Returns:
        The number of tracks written.

    Raises:
        BadTrack: offsets beyond the stored text, lists of unequal lengths, or values too large to store.
    """
    latest = {track.place: track for track in tracks}
    lengths = lengths_of({track.transcript_id for track in latest.values()})
    packed: dict[Place, bytes] = {}
    for place, track in latest.items():
        if problem := problem_with(
            lengths, track.transcript_id, track.position, track.part, max(track.ends, default=0)
        ):
            raise BadTrack(problem)
        packed[place] = pack(track.starts, track.ends, track.values)
    with transaction.atomic():
        current = {
            (t.channel_id, t.transcript_id, t.position, t.part): t
            for t in Track.objects.filter(
                channel_id__in={p[0] for p in latest}, transcript_id__in={p[1] for p in latest},
                superseded_at__isnull=True,
            )
        }  # fmt: skip
        digests = {place: hashlib.sha256(data).hexdigest() for place, data in packed.items()}
        fresh = [p for p in latest if p not in current or current[p].digest != digests[p]]
        if not fresh:
            return 0
        Track.objects.filter(pk__in=[current[p].pk for p in fresh if p in current]).update(
            superseded_at=timezone.now()
        )
        shard, ranges = _keep([packed[place] for place in fresh])
        Track.objects.bulk_create(
            [
                Track(
                    channel_id=place[0], transcript_id=place[1], position=place[2], part=place[3], shard=shard,
                    offset=offset, length=length, digest=digests[place], n_tokens=len(latest[place].values),
                    peak=latest[place].values[_peak(latest[place])],
                )
                for place, (offset, length) in zip(fresh, ranges, strict=True)
            ],
            batch_size=2000,
        )  # fmt: skip
        if readings:
            _write_track_readings([latest[place] for place in fresh], source)
    return len(fresh)


def read_track(track: Track) -> TrackValues:
    """The values of one track, by one ranged read.

    Raises:
        DamagedTrack: the bytes are not those that were written.
    """
    return read_tracks([track])[track.pk]


def read_tracks(tracks: Iterable[Track]) -> dict[int, TrackValues]:
    """The values of each track by its id; each shard is opened once and read in order of place.

    Raises:
        DamagedTrack: see `read_track`.
    """
    shards: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        shards[track.shard.path].append(track)
    found = {}
    for path, wanted in shards.items():
        with default_storage.open(path, "rb") as file:
            for track in sorted(wanted, key=lambda t: t.offset):
                file.seek(track.offset)
                found[track.pk] = unpack(file.read(track.length), track.n_tokens, track.digest)
    return found


def pack(starts: Numbers, ends: Numbers, values: Numbers) -> bytes:
    """12 bytes for each token, as the module says.

    Raises:
        BadTrack: empty, unequal lengths, offsets out of order, values that 32 bits cannot hold.
    """
    if not len(starts) == len(ends) == len(values) or not len(values):
        raise BadTrack("starts, ends and values need one entry for each token")
    exact = np.asarray(values, dtype=np.float64)
    if not np.isfinite(exact).all() or np.abs(exact).max() > LARGEST:
        raise BadTrack("a value is not finite or too large for 32 bits")
    first, last = np.asarray(starts, dtype=np.int64), np.asarray(ends, dtype=np.int64)
    if (first < 0).any() or (last < first).any() or (np.diff(first) < 0).any() or last.max() > 0xFFFF_FFFF:
        raise BadTrack("offsets must not fall, and no token ends before it starts")
    return first.astype("<u4").tobytes() + last.astype("<u4").tobytes() + exact.astype("<f4").tobytes()


def unpack(frame: bytes, n_tokens: int, digest: str) -> TrackValues:
    """The arrays in one frame of a shard.

    Raises:
        DamagedTrack: no frame, or other values than `digest` names.
    """
    try:
        data = zstandard.ZstdDecompressor().decompress(frame, max_output_size=BYTES_PER_TOKEN * n_tokens)
    except zstandard.ZstdError as problem:
        raise DamagedTrack(f"the shard cannot be read: {problem}") from problem
    if len(data) != BYTES_PER_TOKEN * n_tokens or hashlib.sha256(data).hexdigest() != digest:
        raise DamagedTrack("the shard holds other values than were written")
    return TrackValues(
        starts=np.frombuffer(data, "<u4", n_tokens),
        ends=np.frombuffer(data, "<u4", n_tokens, offset=4 * n_tokens),
        values=np.frombuffer(data, "<f4", n_tokens, offset=8 * n_tokens),
    )


def _keep(packed: list[bytes]) -> tuple[Shard, list[tuple[int, int]]]:
    """The shard with these tracks, stored, and the byte range of each."""
    return keep_shard([zstandard.ZstdCompressor(level=3).compress(data) for data in packed])


def _peak(track: NewTrack) -> int:
    """Which token is the peak: the lowest on channels that roll up by min, else the highest."""
    choose = min if track.channel.rollup == "min" else max
    return choose(range(len(track.values)), key=lambda index: track.values[index])


def _write_track_readings(tracks: list[NewTrack], source: str) -> None:
    """One reading for each track, in place of the one that an earlier track of the place made."""
    readings = {track.place: _reading(track) for track in tracks}
    old = Reading.objects.filter(
        channel_id__in={t.channel.pk for t in tracks}, transcript_id__in={t.transcript_id for t in tracks},
        superseded_at__isnull=True, detail__contains=FROM_TRACK,
    )  # fmt: skip
    moved = [
        reading
        for reading in old
        if (
            new := readings.get(
                (reading.channel_id, reading.transcript_id, reading.position or 0, reading.part)
            )
        )
        and (reading.start, reading.end) != (new.start, new.end)
    ]
    Reading.objects.filter(pk__in=[reading.pk for reading in moved]).update(superseded_at=timezone.now())
    write_readings(readings=list(readings.values()), source=source)
    roll_up(pairs={(reading.channel_id, reading.transcript_id) for reading in moved})


def _reading(track: NewTrack) -> NewReading:
    values, rollup = track.values, track.channel.rollup
    peak = _peak(track)
    anchored = rollup in ("max", "min")
    return NewReading(
        channel=track.channel, transcript_id=track.transcript_id, value=float(ROLL[rollup](values)), position=track.position,
        part=track.part, start=track.starts[peak] if anchored else None, end=track.ends[peak] if anchored else None,
        detail=FROM_TRACK | {"tokens": len(values)},
    )  # fmt: skip
