"""Blocks in the catalogue: one ranged read, one current block for a channel, nothing for the veiled."""

from dataclasses import replace

import numpy as np
import pytest
from django.core.files.storage import default_storage

from auditor.accounts.models import Project, User
from auditor.evidence.actions import lay_veils
from auditor.evidence.blockformat import DamagedBlock
from auditor.evidence.blocks import NewBlock, read_block, write_blocks
from auditor.evidence.models import Block, Shard
from auditor.evidence.queries import visible_to
from tests import make
from tests.auditor.evidence.test_blockformat import block

pytestmark = pytest.mark.django_db


@pytest.fixture
def new(project: Project) -> NewBlock:
    channels = [make.channel(project, f"probe.p{i}.v1", kind="probe", unit="token") for i in range(2)]
    return NewBlock(make.transcript(project).pk, channels, block())


def test_a_block_is_read_as_it_was_written(new: NewBlock, ana: User) -> None:
    assert write_blocks(blocks=[new], source="capture:1") == 1
    (row,) = visible_to(ana).blocks([new.transcript_id])
    assert (row.n_tokens, row.channels, row.dictionaries) == (5, [c.pk for c in new.channels], ["gpt-l3"])
    np.testing.assert_array_equal(read_block(row).values, new.values.values)


def test_writing_it_twice_writes_it_once(new: NewBlock) -> None:
    write_blocks(blocks=[new], source="capture:1")
    assert write_blocks(blocks=[new], source="capture:1") == 0
    assert (Block.objects.count(), Shard.objects.count()) == (1, 1)


def test_a_newer_block_supersedes_what_it_covers_and_nothing_more(new: NewBlock, ana: User) -> None:
    write_blocks(blocks=[new], source="capture:1")
    fewer = NewBlock(
        new.transcript_id,
        new.channels[:1],
        replace(block(seed=2), keys=("probe.p0.v1",), values=np.zeros((1, 5)), tops={}),
    )
    write_blocks(blocks=[fewer], source="capture:2")
    assert [one.source for one in visible_to(ana).blocks([new.transcript_id])] == ["capture:2", "capture:1"]
    whole = NewBlock(new.transcript_id, new.channels, block(seed=3))
    write_blocks(blocks=[whole], source="capture:3")
    assert [one.source for one in visible_to(ana).blocks([new.transcript_id])] == ["capture:3"]
    assert Block.objects.count() == 3


def test_a_damaged_shard_is_told_and_not_drawn(new: NewBlock) -> None:
    write_blocks(blocks=[new], source="capture:1")
    row = Block.objects.select_related("shard").get()
    path = default_storage.path(row.shard.path)
    with open(path, "r+b") as file:  # noqa: PTH123
        file.seek(row.length // 2)
        file.write(b"\0\1\2\3")
    with pytest.raises(DamagedBlock):
        read_block(row)


def test_who_is_veiled_sees_no_block(new: NewBlock, ana: User, bo: User) -> None:
    write_blocks(blocks=[new], source="capture:1")
    lay_veils(
        person_ids=[ana.pk], transcript_ids=[new.transcript_id], round_key="round:1", scopes=["machine"]
    )
    assert not visible_to(ana).blocks([new.transcript_id]).exists()
    assert visible_to(bo).blocks([new.transcript_id]).exists()
