"""Token tracks of chosen channels beside the records: values, places, what is left out, and shards that stay."""

import hashlib
import json

import numpy as np
import pytest
import zstandard
from django.db import transaction

from auditor.accounts.models import Project, User
from auditor.evidence.blockformat import BlockValues, TokenTable
from auditor.evidence.blocks import NewBlock, write_blocks
from auditor.evidence.models import Channel, Shard
from auditor.evidence.tracks import NewTrack, write_tracks
from labeling.datasets.actions import CannotRelease, same_again
from labeling.datasets.models import Release
from labeling.overview.removal import collect_shard
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_build import bytes_of
from tests.labeling.datasets.test_standing import refused, sql


def track(channel: Channel, transcript_id: int, values: list[float]) -> None:
    new = NewTrack(channel, transcript_id, 1, "text", [0, 3], [3, 5], values)
    with transaction.atomic():
        write_tracks(tracks=[new], source="test")


def tracks_of(release: Release) -> list[tuple[dict[str, object], list[int], list[float]]]:
    found = []
    for line in bytes_of(release, "tracks/index.jsonl").splitlines():
        one = json.loads(line)
        frame = bytes_of(release, one["file"])[one["offset"] : one["offset"] + one["length"]]
        payload = zstandard.ZstdDecompressor().decompress(frame)
        assert hashlib.sha256(payload).hexdigest() == one["sha256"]
        starts = np.frombuffer(payload, "<u4", one["n"]).tolist()
        found.append((one, starts, np.frombuffer(payload, "<f4", offset=8 * one["n"]).tolist()))
    return found


def test_tracks_come_as_they_stood_and_their_shards_stay(project: Project, round: Round, mia: User) -> None:
    channel = make.channel(project, "probe.lies", kind="probe", unit="token")
    item = round.items.order_by("order")[0]
    track(channel, item.transcript_id, [0.25, 0.75])
    release = released(round, mia, tracks=["probe.lies"])
    ((one, starts, values),) = tracks_of(release)
    assert (one["channel"], one["position"], one["part"], one["n"]) == ("probe.lies", 1, "text", 2)
    assert one["record_digest"] == item.transcript.record_digest
    assert (starts, values) == ([0, 3], [0.25, 0.75])
    shard = Shard.objects.get()
    assert list(release.shards.values_list("shard_id", flat=True)) == [shard.pk]
    refused(sql("DELETE FROM evidence_track WHERE shard_id = %s", shard.pk))
    refused(sql("DELETE FROM evidence_shard WHERE id = %s", shard.pk))
    assert not collect_shard(shard.pk)
    track(channel, item.transcript_id, [0.5, 0.5])
    again = released(round, mia, "Again", **same_again(release))
    assert bytes_of(again, "tracks/0000.bin") == bytes_of(release, "tracks/0000.bin")
    assert tracks_of(released(round, mia, "Now", tracks=["probe.lies"]))[0][2] == [0.5, 0.5]


def block(wanted: Channel, other: Channel, transcript_id: int) -> None:
    """What a capture keeps of a transcript: two channels along three tokens, of which the template wrote one."""
    tokens = TokenTable(**{
        name: np.array(values)
        for name, values in {
            "id": [1, 2, 3], "at": [0, 3, 5], "till": [3, 5, 6], "position": [1, 1, -1], "part": [0, 0, 0],
            "start": [0, 3, 0], "end": [3, 5, 0], "special": [0, 0, 1], "counted": [1, 1, 0],
        }.items()
    })  # fmt: skip
    values = BlockValues(
        tokens, ("text",), (wanted.key, other.key), np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    )
    with transaction.atomic():
        write_blocks(blocks=[NewBlock(transcript_id, [wanted, other], values)], source="capture:1")


def test_a_block_gives_the_tracks_of_its_channels(project: Project, round: Round, mia: User) -> None:
    wanted, other = (
        make.channel(project, key, kind="probe", unit="token", own=True) for key in ("probe.a", "probe.b")
    )
    block(wanted, other, round.items.order_by("order")[0].transcript_id)
    ((one, starts, said),) = tracks_of(released(round, mia, tracks=["probe.a"]))
    assert (one["channel"], starts, said) == ("probe.a", [0, 3], [1.0, 2.0])


def test_without_a_choice_there_is_none_and_without_words_there_can_be_none(
    project: Project, round: Round, mia: User
) -> None:
    channel = make.channel(project, "probe.lies", kind="probe", unit="token")
    track(channel, round.items.order_by("order")[0].transcript_id, [0.25, 0.75])
    assert not released(round, mia).files.filter(name__startswith="tracks/").exists()
    with pytest.raises(CannotRelease, match="need the messages"):
        released(round, mia, "Bare", tracks=["probe.lies"], messages=False)
