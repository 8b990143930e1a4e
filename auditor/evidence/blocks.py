"""Token blocks in the database's catalogue: written chunk by chunk, read by one ranged read each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from auditor.evidence.blockformat import BlockValues, compressed, pack_block, unpack_block
from auditor.evidence.models import Block, Channel
from auditor.evidence.shards import keep_shard, read_range


@dataclass(frozen=True)
class NewBlock:
    """A block to be written; `channels` in the order of `values.keys`, which are their keys."""

    transcript_id: int
    channels: Sequence[Channel]
    values: BlockValues


def write_blocks(*, blocks: Sequence[NewBlock], source: str) -> int:
    """Write blocks as one shard; safe to repeat, and an equal block is left alone.

    What stood there of the same source is superseded, and so is every block whose channels and dictionaries
    are all in the new one. Readings are the caller's, in the same transaction. Memory: the blocks' frames.

    Returns:
        The number of blocks written.

    Raises:
        BadBlock: see `blockformat.pack_block`.
    """
    packed = {new.transcript_id: (new, pack_block(new.values)) for new in blocks}
    digests = {pk: hashlib.sha256(payload).hexdigest() for pk, (_, payload) in packed.items()}
    with transaction.atomic():
        current = list(Block.objects.filter(transcript_id__in=packed, superseded_at__isnull=True))
        same = {
            one.transcript_id
            for one in current
            if (one.source, one.digest) == (source, digests[one.transcript_id])
        }
        fresh = [pk for pk in packed if pk not in same]
        if not fresh:
            return 0
        covered = [
            one.pk
            for one in current
            if one.transcript_id not in same
            and (one.source == source or _covers(packed[one.transcript_id][0], one))
        ]
        Block.objects.filter(pk__in=covered).update(superseded_at=timezone.now())
        shard, ranges = keep_shard([compressed(packed[pk][1]) for pk in fresh])
        Block.objects.bulk_create(
            [
                Block(
                    transcript_id=pk, shard=shard, offset=offset, length=length, digest=digests[pk],
                    n_tokens=len(packed[pk][0].values.tokens), channels=[c.pk for c in packed[pk][0].channels],
                    dictionaries=list(packed[pk][0].values.tops), source=source,
                )
                for pk, (offset, length) in zip(fresh, ranges, strict=True)
            ],
            batch_size=2000,
        )  # fmt: skip
    return len(fresh)


def size_of(*, transcript_ids: Sequence[int], source: str) -> int:
    """Bytes of the frames of one source's current blocks on these transcripts."""
    rows = Block.objects.filter(transcript_id__in=transcript_ids, source=source, superseded_at__isnull=True)
    return rows.aggregate(size=Sum("length"))["size"] or 0


def _covers(new: NewBlock, old: Block) -> bool:
    """Whether nothing of the old block would be read any more."""
    channels = {channel.pk for channel in new.channels}
    return channels.issuperset(old.channels) and set(new.values.tops).issuperset(old.dictionaries)


def read_block(block: Block) -> BlockValues:
    """A block as stored.

    Raises:
        DamagedBlock: the bytes are not those that were written.
        OSError: the file is not there.
    """
    return unpack_block(read_range(block.shard, block.offset, block.length), block.digest)
