"""Layers: one way to a channel's values, from tracks, from blocks and from places; nothing for the veiled."""

import numpy as np
import pytest
from django.core.files.storage import default_storage

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.evidence import layers
from auditor.evidence.actions import lay_veils
from auditor.evidence.blockformat import BlockValues, Top
from auditor.evidence.blocks import NewBlock, write_blocks
from auditor.evidence.heat import scale_of, spread
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.evidence.tracks import NewTrack, write_tracks
from tests import make
from tests.auditor.evidence.test_stretches import table

pytestmark = pytest.mark.django_db

ALL = range(2)
WORDS = [(0, 0, 0, 3, 0), (-1, 0, 0, 0, 0), (1, 1, 0, 3, 1), (1, 0, 0, 4, 1), (1, 0, 4, 7, 1)]


def block(keys: tuple[str, ...], values: list[list[float]], top: str = "") -> BlockValues:
    """Five tokens over make.CHAT: one of the user, one between, one of the reasoning, two of the answer."""
    tops = (
        {top: Top(np.array([[7, 9]] * 5, np.uint32), np.array([[0.5, 0.25]] * 5, np.float32))} if top else {}
    )
    return BlockValues(
        table(WORDS), ("text", "reasoning"), keys, np.array(values, np.float32), tops=tops, rendered="abcde",
        facts={"subject": "tiny"},
    )  # fmt: skip


def probe(project: Project, key: str, **declared: object) -> Channel:
    return make.channel(project, key, kind="probe", unit="token", **declared)


@pytest.fixture
def transcript(project: Project) -> Transcript:
    return make.transcript(project)


def line(who: User, transcript: Transcript, channel: Channel, positions: range = ALL) -> layers.Line:
    return layers.lines_of(visible_to(who), transcript, [channel], positions)[channel.pk]


def seen(found: layers.Line) -> list[tuple[int, str, list[float], list[int]]]:
    return [(s.position, s.part, s.values.tolist(), s.counted.tolist()) for s in found.stretches]


def test_a_block_is_a_line_of_stretches(project: Project, transcript: Transcript, mia: User) -> None:
    a, b = probe(project, "probe.a.v1"), probe(project, "probe.b.v1")
    write_blocks(
        blocks=[NewBlock(transcript.pk, [a, b], block((a.key, b.key), [[1, 9, 2, 3, 4], [0, 0, 0, 0, 5]]))], source="capture:1"
    )  # fmt: skip
    assert seen(line(mia, transcript, a)) == [
        (0, "text", [1], [0]), (1, "text", [3, 4], [1, 1]), (1, "reasoning", [2], [1])
    ]  # fmt: skip
    assert seen(line(mia, transcript, b, range(1, 2))) == [
        (1, "text", [0, 5], [1, 1]),
        (1, "reasoning", [0], [1]),
    ]
    (peak,) = layers.peaks_of(visible_to(mia), transcript, line(mia, transcript, b))
    assert (peak.anchor, peak.value) == ("1.text.4-7", 5)


def test_one_block_is_read_once_for_all_its_channels(
    project: Project, transcript: Transcript, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = [probe(project, f"probe.p{i}.v1") for i in range(5)]
    values = block(tuple(c.key for c in channels), [[float(i)] * 5 for i in range(5)])
    write_blocks(blocks=[NewBlock(transcript.pk, channels, values)], source="capture:1")
    reads = []
    monkeypatch.setattr(
        layers, "read_block", lambda row, read=layers.read_block: reads.append(row) or read(row)
    )
    sight = visible_to(mia)
    blocks = layers.blocks_on(sight, transcript.pk)
    layers.lines_of(sight, transcript, channels, ALL, blocks=blocks)
    layers.lines_of(sight, transcript, channels, ALL, blocks=blocks)
    assert len(reads) == 1


def test_the_newest_block_of_a_channel_holds_and_before_tracks(
    project: Project, transcript: Transcript, mia: User
) -> None:
    a, b = probe(project, "probe.a.v1"), probe(project, "probe.b.v1")
    write_tracks(tracks=[NewTrack(a, transcript.pk, 1, "text", [0], [3], [0.5])], source="test")
    assert seen(line(mia, transcript, a)) == [(1, "text", [0.5], [1])]
    both = block((a.key, b.key), [[1] * 5, [2] * 5])
    write_blocks(blocks=[NewBlock(transcript.pk, [a, b], both)], source="capture:1")
    write_blocks(blocks=[NewBlock(transcript.pk, [a], block((a.key,), [[3] * 5]))], source="capture:2")
    assert seen(line(mia, transcript, a))[0] == (0, "text", [3], [0])
    assert seen(line(mia, transcript, b))[0] == (0, "text", [2], [0])


def test_of_a_track_the_assistants_words_count(project: Project, transcript: Transcript, mia: User) -> None:
    a = probe(project, "probe.a")
    write_tracks(
        tracks=[NewTrack(a, transcript.pk, position, "text", [0], [3], [0.5]) for position in (0, 1)], source="test"
    )  # fmt: skip
    assert seen(line(mia, transcript, a)) == [(0, "text", [0.5], [0]), (1, "text", [0.5], [1])]
    found = layers.peaks_of(visible_to(mia), transcript, line(mia, transcript, a))
    assert [peak.anchor for peak in found] == ["0.text.0-3", "1.text.0-3"]


def test_readings_at_places_are_a_layer_too(project: Project, transcript: Transcript, mia: User) -> None:
    judge = make.channel(project)
    make.reading(judge, transcript, 0.5, position=1, part="text", start=0, end=3)
    make.reading(judge, transcript, 0.7, position=1)
    found = line(mia, transcript, judge)
    assert (seen(found), found.on_tokens) == ([(1, "text", [0.5], [1])], False)
    (layer,) = layers.layers_of(visible_to(mia), transcript)
    assert (layer.channel, layer.on_tokens, layer.value) == (judge, False, 0.7)
    assert [p.anchor for p in layers.peaks_of(visible_to(mia), transcript, found)] == ["1", "1.text.0-3"]


def test_every_channel_of_a_block_is_a_layer_under_its_dictionary(
    project: Project, transcript: Transcript, mia: User
) -> None:
    channels = [make.channel(project, f"sae.gpt-l3.{i}", kind="sae", unit="token") for i in range(64)]
    channels.append(probe(project, "probe.a.v1"))
    make.reading(make.channel(project), transcript, 0.5, position=1)
    values = block(tuple(c.key for c in channels), [[0.0] * 5] * 65)
    write_blocks(blocks=[NewBlock(transcript.pk, channels, values)], source="capture:1")
    make.reading(channels[3], transcript, 2.5)
    found = layers.layers_of(visible_to(mia), transcript)
    assert [layer.channel.key for layer in found][:1] == ["probe.a.v1"]
    assert found[-1].channel.key == "judge.quill"  # no value for each token: last
    assert {layer.group for layer in found} == {"Probe", "SAE features of gpt-l3", "Judge"}
    assert {layer.channel.key: layer.value for layer in found}["sae.gpt-l3.3"] == 2.5
    assert len(found) == 66


def test_the_veiled_have_no_layer_and_no_value(project: Project, transcript: Transcript, ana: User) -> None:
    a = probe(project, "probe.a.v1")
    write_blocks(blocks=[NewBlock(transcript.pk, [a], block((a.key,), [[1] * 5]))], source="capture:1")
    make.reading(a, transcript, 1.0)
    assert layers.layers_of(visible_to(ana), transcript)
    lay_veils(person_ids=[ana.pk], transcript_ids=[transcript.pk], round_key="round:1", scopes=["machine"])
    sight = visible_to(ana)
    assert layers.layers_of(sight, transcript) == []
    assert seen(line(ana, transcript, a)) == []
    assert layers.peaks_of(sight, transcript, line(ana, transcript, a)) == []
    assert spread(sight, a).n == 0
    assert scale_of(sight, a).hi == 0.0


def test_a_damaged_block_is_counted_and_not_drawn(
    project: Project, transcript: Transcript, mia: User
) -> None:
    a = probe(project, "probe.a.v1")
    write_blocks(blocks=[NewBlock(transcript.pk, [a], block((a.key,), [[1] * 5]))], source="capture:1")
    (row,) = visible_to(mia).blocks([transcript.pk])
    default_storage.delete(row.shard.path)
    found = line(mia, transcript, a)
    assert (found.stretches, found.damaged) == ([], 1)


def test_percentiles_are_those_of_the_corpus_and_too_few_are_none(project: Project, mia: User) -> None:
    a = probe(project, "probe.a.v1", detail={"aggregation": "mean"})
    for value in range(1, 11):
        make.reading(a, make.transcript(project), value / 100)
    assert spread(visible_to(mia), a).percentiles == ((50, 0.05), (90, 0.09), (99, None))
    highest = probe(
        project, "probe.a.v1.max"
    )  # the highest token of each transcript: what single tokens compare with
    make.reading(highest, make.transcript(project), 4.0)
    found = spread(visible_to(mia), a)
    assert (found.of, found.n, found.percentiles) == (highest, 1, ((50, None), (90, None), (99, None)))
    assert scale_of(visible_to(mia), a).hi == 4.0
