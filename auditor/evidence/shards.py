"""Shards: files of frames behind the storage API, named by the sha256 of their bytes and never changed.

    shards/<digest[:2]>/<digest>.bin

The rows point at the file, so the file is stored first: a crash between the two leaves a file that
nothing names, and the next try stores the same bytes under the same name. Until the rows are committed
nobody takes the file for unused.
"""

import hashlib
from collections.abc import Sequence

from django.core.files.storage import default_storage

from auditor.corpus.sources import incoming, storage_lock, store_once
from auditor.evidence.models import Shard


def keep_shard(frames: Sequence[bytes]) -> tuple[Shard, list[tuple[int, int]]]:
    """The shard with these frames, stored, and the byte range (offset, length) of each.

    The caller holds the transaction that writes the rows of the frames.
    """
    storage_lock()
    ranges, offset = [], 0
    digest = hashlib.sha256()
    path = incoming()
    with path.open("wb") as file:
        for frame in frames:
            ranges.append((offset, len(frame)))
            offset += len(frame)
            digest.update(frame)
            file.write(frame)
    named = digest.hexdigest()
    name = f"shards/{named[:2]}/{named}.bin"
    store_once(name, path)
    shard, _ = Shard.objects.get_or_create(path=name, defaults={"digest": named, "size": offset})
    return shard, ranges


def read_range(shard: Shard, offset: int, length: int) -> bytes:
    """Bytes of a shard, by one ranged read.

    Raises:
        OSError: the file is not there.
    """
    with default_storage.open(shard.path, "rb") as file:
        file.seek(offset)
        return bytes(file.read(length))
