"""Token tracks of a release: each checked against its index, then written as the tracks of its channel."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from typing import Annotated, BinaryIO

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from auditor.evidence.models import Channel
from auditor.evidence.tracks import BadTrack, DamagedTrack, NewTrack, TrackValues, pack, unpack, write_tracks
from labeling.datasets.importing.opening import CannotOpen, Opened
from labeling.datasets.importing.shape import STRICT, BadRecord, Clean, Count, Digest, Number, said
from labeling.datasets.tracking import INDEX
from labeling.datasets.verifying import MANIFEST

AT_ONCE, TOKENS = 500, 250_000  # tracks, and tokens of them, in one shard
LONGEST = 2_000_000  # tokens of one track


@with_config(STRICT)
class TrackIn(TypedDict):
    """One line of the index."""

    record_digest: Digest
    ordinal: Number
    channel: Annotated[str, StringConstraints(min_length=1, max_length=200), Clean]
    position: Number
    part: Annotated[str, StringConstraints(min_length=1, max_length=20), Clean]
    n: Annotated[int, Field(ge=1, le=LONGEST)]
    file: Annotated[str, StringConstraints(pattern=r"^tracks/[0-9]{4,6}\.bin$")]
    offset: Count
    length: Number
    sha256: Digest


_TRACK: TypeAdapter[TrackIn] = TypeAdapter(TrackIn)


def tracks_of(
    release: Opened, *, known: Collection[str], channels: Collection[str]
) -> Iterator[tuple[TrackIn, TrackValues]]:
    """The tracks of a release, one after the other.

    Args:
        known: identities of its transcripts.
        channels: the keys that it declares tracks of.

    Raises:
        CannotOpen: a line of the index is none, of what the release does not have, or its frame holds something else.
    """
    if not release.has(INDEX):
        return
    seen = set()
    with ExitStack() as files:
        opened: dict[str, BinaryIO] = {}
        for number, line in release.lines(INDEX):
            try:
                one = _read(line)
                if identity_of(one) not in known:
                    raise BadRecord(f"transcript {identity_of(one)} is not in the release")
                if one["channel"] not in channels:
                    raise BadRecord(f"{MANIFEST} declares no tracks of channel {one['channel']!r}")
                place = (identity_of(one), one["channel"], one["position"], one["part"])
                if place in seen:
                    raise BadRecord("this place comes twice")
                seen.add(place)
                if one["file"] not in opened:
                    if not release.has(one["file"]):
                        raise BadRecord(f"{one['file']} is missing")
                    opened[one["file"]] = files.enter_context((release.folder / one["file"]).open("rb"))
                yield one, _values(opened[one["file"]], one)
            except (BadRecord, BadTrack, DamagedTrack) as problem:
                raise CannotOpen(f"{INDEX}, line {number}: {problem}") from None


def identity_of(track: TrackIn) -> str:
    """The transcript that it is of."""
    return f"{track['record_digest']}:{track['ordinal']}"


def write(
    release: Opened,
    ids: Mapping[str, int],
    channels: Mapping[str, Channel],
    declared: Collection[str],
    source: str,
    step: Callable[[int], None],
) -> None:
    """Write every track of a release; the caller holds the transaction, in which the channels and transcripts are there.

    Memory: `TOKENS` and one track.

    Raises:
        CannotOpen: see `tracks_of`; or it stands beyond the text that it is of.
    """
    waiting: list[NewTrack] = []
    tokens = 0
    for one, values in tracks_of(release, known=ids.keys(), channels=declared):
        waiting.append(
            NewTrack(
                channels[one["channel"]], ids[identity_of(one)], one["position"], one["part"], values.starts.tolist(),
                values.ends.tolist(), values.values.tolist(),
            )
        )  # fmt: skip
        tokens += one["n"]
        if len(waiting) >= AT_ONCE or tokens >= TOKENS:
            _flush(waiting, source)
            step(0)
            waiting, tokens = [], 0
    if waiting:
        _flush(waiting, source)


def _flush(tracks: list[NewTrack], source: str) -> None:
    try:
        write_tracks(tracks=tracks, source=source, readings=False)
    except BadTrack as problem:
        raise CannotOpen(f"{INDEX}: {problem}") from problem


def _read(line: bytes) -> TrackIn:
    try:
        return _TRACK.validate_json(line)
    except ValidationError as problem:
        raise BadRecord(said(problem)) from None


def _values(file: BinaryIO, one: TrackIn) -> TrackValues:
    file.seek(one["offset"])
    values = unpack(file.read(one["length"]), one["n"], one["sha256"])
    pack(values.starts, values.ends, values.values)  # refuses what cannot be stored
    return values
