"""Token tracks of a release come into another project bit for bit, or nothing of the release comes."""

import hashlib
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from auditor.corpus.queries import messages_of, texts_of
from auditor.evidence.models import Channel, Reading, Shard, Track
from auditor.evidence.queries import visible_to
from auditor.evidence.tracks import NewTrack, read_tracks, write_tracks
from labeling.datasets.models import Release
from labeling.datasets.queries import brought_by
from labeling.datasets.verifying import problems
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_importing import sealed
from tests.labeling.datasets.test_moments import checked
from tests.labeling.datasets.test_round_trip import elsewhere as elsewhere
from tests.labeling.datasets.test_round_trip import imported
from tests.labeling.datasets.test_tracking import block
from tests.labeling.datasets.test_verifying import fetched

KEYS = ["probe.lies", "probe.odd"]
Values = dict[tuple[str, str, int, str], tuple[list[int], list[int], bytes]]


def spoken(round: Round, seed: int) -> list[Channel]:
    """Tracks on every part of every transcript, of values that no decimal says exactly."""
    rng = random.Random(seed)
    channels = [
        make.channel(round.project, key, kind="probe", unit="token", notice="Beware.") for key in KEYS
    ]
    new = []
    for pk, messages in messages_of(round.items.values_list("transcript_id", flat=True)).items():
        for message in messages:
            for part, text in texts_of(message).items():
                n = min(len(text), rng.randint(1, 5))
                starts = sorted(rng.sample(range(len(text)), n))
                values = [struct.unpack("<f", struct.pack("<f", rng.gauss(0, 1e3)))[0] for _ in starts]
                ends = [*starts[1:], len(text)]
                new += [NewTrack(one, pk, message.position, part, starts, ends, values) for one in channels]
    with transaction.atomic():
        write_tracks(tracks=new, source="test")
    return channels


def tracks_in(project: Project) -> Values:
    rows = list(
        Track.objects.filter(channel__project=project, superseded_at=None).select_related(
            "shard", "channel", "transcript"
        )
    )
    said = read_tracks(rows)
    return {
        (one.channel.key, f"{one.transcript.record_digest}:{one.transcript.ordinal}", one.position, one.part): (
            said[one.pk].starts.tolist(), said[one.pk].ends.tolist(), said[one.pk].values.tobytes(),
        )
        for one in rows
    }  # fmt: skip


def of_release(release: Release, found: Values) -> Values:
    digests = {
        f"{one.transcript.record_digest}:{one.transcript.ordinal}"
        for one in release.items.select_related("transcript")
    }
    return {place: values for place, values in found.items() if place[1] in digests}


@pytest.mark.parametrize("evidence", ["readings", "rollups", "none"])
def test_tracks_come_bit_for_bit_and_go_out_as_the_same_files(
    evidence: str, project: Project, round: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    spoken(round, 3)
    first = released(round, mia, tracks=KEYS, evidence=evidence)
    before = of_release(first, tracks_in(project))
    assert len(before) >= 4
    folder = fetched(first, tmp_path / "first")
    into = imported(folder, elsewhere, mia)
    assert into.run is not None
    assert into.run.status == "done", into.run.note
    assert tracks_in(elsewhere) == before
    assert into.counts["tracks"] == len(before)
    assert ("Token tracks", len(before)) in brought_by(into)
    channel = Channel.objects.get(project=elsewhere, key="probe.lies")
    assert (channel.kind, channel.unit, channel.notice, channel.own) == ("probe", "token", "Beware.", False)
    again = released(into.rounds.get(), mia, tracks=KEYS, evidence=evidence)
    out = fetched(again, tmp_path / "again")
    for name in ("tracks/index.jsonl", "tracks/0000.bin"):
        assert (out / name).read_bytes() == (folder / name).read_bytes()
    if evidence != "rollups":  # of which one value is a reading afterwards
        assert (out / "labels.jsonl").read_bytes() == (folder / "labels.jsonl").read_bytes()
    if evidence == "none":
        assert not Reading.objects.filter(channel__project=elsewhere, channel__key__in=KEYS).exists()
    said = [{**one, "digest": ""} for one in json.loads((out / "manifest.json").read_text())["tracks"]]
    assert [one["key"] for one in said] == KEYS
    assert (
        "A value for each token of `probe.lies`, `probe.odd` is in `tracks/`."
        in (out / "README.md").read_text()
    )


def test_tracks_of_a_block_come_as_tracks_and_go_out_as_the_same_files(
    project: Project, round: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    one, two = (make.channel(project, key, kind="probe", unit="token", own=True) for key in KEYS)
    block(one, two, round.items.order_by("order")[0].transcript_id)
    folder = fetched(released(round, mia, tracks=KEYS), tmp_path / "first")
    into = imported(folder, elsewhere, mia)
    assert (into.run.status if into.run else "", into.counts["tracks"]) == ("done", 2)
    assert {place[0]: struct.unpack("<2f", values[2]) for place, values in tracks_in(elsewhere).items()} == {
        KEYS[0]: (1.0, 2.0), KEYS[1]: (4.0, 5.0),
    }  # fmt: skip
    out = fetched(released(into.rounds.get(), mia, tracks=KEYS), tmp_path / "again")
    for name in ("labels.jsonl", "tracks/index.jsonl", "tracks/0000.bin"):
        assert (out / name).read_bytes() == (folder / name).read_bytes()


def test_what_one_sees_of_them_is_decided_as_for_all_evidence(
    project: Project, round: Round, mia: User, ana: User, bo: User, elsewhere: Project, tmp_path: Path
) -> None:
    spoken(round, 4)
    into = imported(fetched(released(round, mia, tracks=KEYS), tmp_path / "first"), elsewhere, mia)
    transcript = into.rounds.get().items.order_by("order")[0].transcript
    assert visible_to(ana).tracks([transcript.pk]).exists()
    for one in (ana, bo):
        accounts.add_member(project=elsewhere, user=one, role=Role.REVIEWER, actor=mia)
    make.round(elsewhere, [transcript], [ana, bo], name="Blind")
    assert not visible_to(ana).tracks([transcript.pk]).exists()


def test_where_the_transcripts_are_already_newer_tracks_supersede(
    project: Project, round: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    spoken(round, 5)
    first = released(round, mia, tracks=KEYS)
    imported(fetched(first, tmp_path / "first"), elsewhere, mia)
    spoken(round, 6)
    second = released(round, mia, "Second", tracks=KEYS)
    into = imported(fetched(second, tmp_path / "second"), elsewhere, mia)
    assert into.counts["transcripts"] == 0
    assert tracks_in(elsewhere) == of_release(second, tracks_in(project))
    assert Track.objects.filter(channel__project=elsewhere, superseded_at__isnull=False).exists()


def changed(**said: Any) -> Callable[[list[dict[str, Any]], bytes], tuple[list[dict[str, Any]], bytes]]:
    """The index with its first line saying something else."""
    return lambda index, frames: ([{**index[0], **said}, *index[1:]], frames)


def longer(index: list[dict[str, Any]], frames: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """A last track that ends beyond its text, with everything that is said of it true."""
    payload = struct.pack("<IIf", 0, 100_000, 1.0)
    frame = zstandard.ZstdCompressor().compress(payload)
    new = {"n": 1, "offset": len(frames), "length": len(frame), "sha256": hashlib.sha256(payload).hexdigest()}
    return [*index[:-1], {**index[-1], **new}], frames + frame


def falling(index: list[dict[str, Any]], frames: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """A last track whose offsets fall."""
    payload = struct.pack("<IIIIff", 3, 0, 5, 2, 1.0, 2.0)
    frame = zstandard.ZstdCompressor().compress(payload)
    new = {"n": 2, "offset": len(frames), "length": len(frame), "sha256": hashlib.sha256(payload).hexdigest()}
    return [*index[:-1], {**index[-1], **new}], frames + frame


def bomb(index: list[dict[str, Any]], frames: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """A frame that unpacks to far more than it says."""
    frame = zstandard.ZstdCompressor().compress(bytes(200_000_000))
    return [{**index[0], "offset": len(frames), "length": len(frame)}, *index[1:]], frames + frame


WRONG: list[tuple[str, Any, str]] = [
    ("another digest", changed(sha256="0" * 64), "line 1: the shard holds other values than were written"),
    ("a bomb", bomb, "line 1: the shard"),
    ("nobody's", changed(record_digest="f" * 64), f"line 1: transcript {'f' * 64}:0 is not in the release"),
    ("undeclared", changed(channel="probe.other"), "declares no tracks of channel 'probe.other'"),
    ("no such file", changed(file="tracks/0009.bin"), "line 1: tracks/0009.bin is missing"),
    ("out of the folder", changed(file="tracks/../labels.jsonl"), "line 1: file: String should match"),
    ("too many", changed(n=10**9), "line 1: n: Input should be less than"),
    ("twice", lambda index, frames: ([index[0], *index], frames), "line 2: this place comes twice"),
    ("no JSON", lambda index, frames: ([*index, "x"], frames), "Input should be"),
    ("no such message", changed(position=99), "the transcript has no message 99"),
    ("no such part", changed(part="part:7"), "has no part:7"),
    ("beyond its text", longer, "offset 100000 is beyond"),
    ("falling", falling, "offsets must not fall"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "why"), WRONG, ids=[one[0] for one in WRONG])
def test_what_is_wrong_is_named_and_nothing_comes(
    what: str, change: Any, why: str, round: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    spoken(round, 7)
    folder = fetched(released(round, mia, tracks=KEYS), tmp_path / "first")
    index = [json.loads(line) for line in (folder / "tracks/index.jsonl").read_text().splitlines()]
    index, frames = change(index, (folder / "tracks/0000.bin").read_bytes())
    (folder / "tracks/index.jsonl").write_text("".join(json.dumps(one) + "\n" for one in index))
    (folder / "tracks/0000.bin").write_bytes(frames)
    sealed(folder, "tracks/index.jsonl", "tracks/0000.bin")
    assert problems(folder) == []
    into = imported(folder, elsewhere, mia)
    assert into.run is not None
    assert into.run.status == "failed", what
    assert "tracks/index.jsonl" in into.run.note
    assert why in into.run.note
    assert not elsewhere.transcripts.exists()
    assert not Track.objects.filter(channel__project=elsewhere).exists()


def test_a_release_that_was_chosen_without_tracks_says_nothing_of_them(
    round: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    spoken(round, 8)
    first = released(round, mia)
    assert "tracks" not in first.manifest
    into = imported(fetched(first, tmp_path / "first"), elsewhere, mia)
    assert "Token tracks" not in dict(brought_by(into))
    assert not Track.objects.filter(channel__project=elsewhere).exists()
    assert all(default_storage.exists(one.path) for one in Shard.objects.all())


def test_what_the_channel_was_stays_said(project: Project, round: Round, mia: User) -> None:
    channel = spoken(round, 9)[0]
    release = released(round, mia, tracks=KEYS, evidence="none")
    Channel.objects.filter(pk=channel.pk).update(polarity="it lies", lo=0.0)
    assert checked(release, mia).status == "done"
    with pytest.raises(IntegrityError), transaction.atomic():
        Channel.objects.filter(pk=channel.pk).update(key="probe.truths")
