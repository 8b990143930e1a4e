"""Token tracks come back bit for bit, by one ranged read, and make one reading each."""

import numpy as np
import pytest
from django.core.files.storage import default_storage
from hypothesis import given
from hypothesis import strategies as st

from auditor.accounts.models import Project
from auditor.corpus.models import Transcript
from auditor.evidence.models import Channel, Reading, Rollup, Shard, Track
from auditor.evidence.tracks import (
    BadTrack,
    DamagedTrack,
    NewTrack,
    TrackValues,
    pack,
    read_track,
    read_tracks,
    unpack,
    write_tracks,
)
from tests import make

pytestmark = pytest.mark.django_db
floats = st.floats(allow_nan=False, allow_infinity=False, width=32)
tokens = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9), floats), min_size=1, max_size=50)


@pytest.fixture
def probe(project: Project) -> Channel:
    return make.channel(project, "probe.x", kind="probe", unit="token", rollup="max")


@pytest.fixture
def transcript(project: Project) -> Transcript:
    return make.transcript(project)


def track(channel: Channel, transcript: Transcript, values: list[float], **more: object) -> NewTrack:
    place: dict[str, object] = {
        "position": 1,
        "part": "text",
        "starts": range(len(values)),
        "ends": range(1, len(values) + 1),
    }
    return NewTrack(channel=channel, transcript_id=transcript.pk, values=values, **{**place, **more})  # type: ignore[arg-type]


def lists(values: TrackValues) -> tuple[list[int], list[int], list[float]]:
    return values.starts.tolist(), values.ends.tolist(), values.values.tolist()


@given(tokens)
def test_any_track_comes_back_bit_for_bit(found: list[tuple[int, int, float]]) -> None:
    import hashlib

    import zstandard

    found = sorted(found, key=lambda token: token[0])
    starts, ends = [t[0] for t in found], [t[0] + t[1] for t in found]
    data = pack(starts, ends, [t[2] for t in found])
    assert len(data) == 12 * len(found)
    values = unpack(zstandard.compress(data), len(found), hashlib.sha256(data).hexdigest())
    assert lists(values) == (starts, ends, [t[2] for t in found])


def test_tracks_of_one_call_share_a_shard_and_are_read_by_range(
    project: Project, probe: Channel, transcript: Transcript
) -> None:
    other = make.transcript(project)
    n = write_tracks(
        tracks=[
            track(probe, transcript, [0.25, 0.5]),
            track(probe, transcript, [0.75], part="reasoning"),
            track(probe, other, [0.125, 1.0, 0.0]),
        ],
        source="test",
    )
    assert (n, Shard.objects.count(), Track.objects.count()) == (3, 1, 3)
    found = read_tracks(Track.objects.select_related("shard"))
    assert {tuple(values.values.tolist()) for values in found.values()} == {
        (0.25, 0.5),
        (0.75,),
        (0.125, 1.0, 0.0),
    }
    last = Track.objects.select_related("shard").get(transcript=other)
    assert lists(read_track(last)) == ([0, 1, 2], [1, 2, 3], [0.125, 1.0, 0.0])
    assert last.peak == 1.0
    assert sum(Track.objects.values_list("length", flat=True)) == Shard.objects.get().size


def test_the_reading_stands_at_the_peak(probe: Channel, transcript: Transcript) -> None:
    write_tracks(tracks=[track(probe, transcript, [0.1, 0.7, 0.7, 0.2])], source="test")
    reading = Reading.objects.get()
    assert (reading.value, reading.position, reading.part, reading.start, reading.end) == (
        0.7,
        1,
        "text",
        1,
        2,
    )
    assert Rollup.objects.get().value == 0.7


@pytest.mark.parametrize(
    ("rollup", "value", "span"),
    [("min", -2.0, (1, 2)), ("mean", 1.0, (None, None)), ("last", 4.0, (None, None))],
)
def test_other_roll_ups_have_their_own_value_and_anchor(
    project: Project, transcript: Transcript, rollup: str, value: float, span: tuple[int | None, int | None]
) -> None:
    channel = make.channel(project, f"probe.{rollup}", kind="probe", unit="token", rollup=rollup)
    write_tracks(tracks=[track(channel, transcript, [1.0, -2.0, 4.0])], source="test")
    reading = Reading.objects.get()
    assert (reading.value, (reading.start, reading.end)) == (value, span)


def test_a_newer_track_supersedes_the_old_one_and_its_reading(probe: Channel, transcript: Transcript) -> None:
    write_tracks(tracks=[track(probe, transcript, [0.9, 0.1])], source="first")
    assert write_tracks(tracks=[track(probe, transcript, [0.9, 0.1])], source="again") == 0
    write_tracks(tracks=[track(probe, transcript, [0.1, 0.4])], source="second")
    assert Track.objects.count() == 2
    current = Track.objects.select_related("shard").get(superseded_at__isnull=True)
    assert read_track(current).values.tolist() == pytest.approx([0.1, 0.4])
    reading = Reading.objects.get(superseded_at__isnull=True)
    assert (reading.value, reading.start, reading.source) == (0.4, 1, "second")
    rollup = Rollup.objects.get()
    assert (rollup.value, rollup.n) == (0.4, 1)


def test_a_reading_that_no_track_made_is_left_alone(probe: Channel, transcript: Transcript) -> None:
    make.reading(probe, transcript, 0.3, position=1, part="text", start=2, end=5)
    write_tracks(tracks=[track(probe, transcript, [0.1])], source="test")
    assert Reading.objects.filter(superseded_at__isnull=True).count() == 2
    assert Rollup.objects.get().value == 0.3


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"ends": [1, 9999]}, "beyond"),
        ({"position": 7}, "no message 7"),
        ({"part": "part:0"}, "no part:0"),
        ({"starts": [3, 1]}, "offsets"),
        ({"ends": [0, 0]}, "offsets"),
        ({"values": [1.0]}, "one entry for each token"),
        ({"values": [1.0, float("nan")]}, "not finite"),
        ({"values": [1.0, 1e300]}, "32 bits"),
    ],
)
def test_a_track_that_does_not_fit_is_refused(
    probe: Channel, transcript: Transcript, more: dict[str, object], words: str
) -> None:
    place = {"position": 1, "part": "text", "starts": [0, 1], "ends": [1, 2], "values": [0.1, 0.2], **more}
    with pytest.raises(BadTrack, match=words):
        write_tracks(tracks=[NewTrack(channel=probe, transcript_id=transcript.pk, **place)], source="test")  # type: ignore[arg-type]
    assert not Track.objects.exists()


def test_a_damaged_shard_is_noticed(probe: Channel, transcript: Transcript) -> None:
    write_tracks(tracks=[track(probe, transcript, [0.123, 0.456, 0.789])], source="test")
    row = Track.objects.select_related("shard").get()
    with default_storage.open(row.shard.path, "r+b") as file:
        file.seek(row.length - 3)
        file.write(b"\x00\x01\x02")
    try:
        with pytest.raises(DamagedTrack):
            read_track(row)
    finally:
        default_storage.delete(row.shard.path)


def test_offsets_are_code_points(project: Project, probe: Channel) -> None:
    from auditor.corpus.records import ParsedMessage

    stored = make.transcript(project, [ParsedMessage("assistant", "🧑‍🚀x")])  # four code points
    write_tracks(tracks=[track(probe, stored, [0.5], position=0, starts=[3], ends=[4])], source="test")
    with pytest.raises(BadTrack):
        write_tracks(tracks=[track(probe, stored, [0.5], position=0, starts=[3], ends=[5])], source="test")


def test_values_are_32_bit_in_the_file_and_exact_in_the_reading(
    probe: Channel, transcript: Transcript
) -> None:
    write_tracks(tracks=[track(probe, transcript, [0.7])], source="test")
    assert Reading.objects.get().value == 0.7
    assert read_track(Track.objects.select_related("shard").get()).values[0] == np.float32(0.7)
