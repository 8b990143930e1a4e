"""Token tracks of chosen channels as files of a release: a value for each token, beside the records.

    tracks/index.jsonl   a line a track: whose it is, where in which file, how many tokens, the digest of its values
    tracks/0000.bin      frames, one after the other

A frame is zstd; unpacked it is 12 n bytes, little-endian: n starts (u32), n ends (u32), n values (f32). Starts and
ends are code points of the part as the release has it, so they hold where words are blacked out too.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
import zstandard

from auditor.evidence.blocks import read_block
from auditor.evidence.models import Block, Track
from auditor.evidence.queries import Sight
from auditor.evidence.tracks import pack, read_tracks
from labeling.datasets.planning import Chosen

INDEX = "tracks/index.jsonl"
LARGEST_FILE = 256 << 20  # bytes; then another begins
Place = tuple[str, int, str]  # channel, position, part


class TrackFiles:
    """Writes the tracks of records as they come; nothing at all where no channel was chosen."""

    def __init__(self, folder: Path, keys: Sequence[str], sight: Sight, moment: datetime) -> None:
        self.folder, self.keys, self.sight, self.moment = folder, sorted(keys), sight, moment
        self.names: list[str] = []
        self.n = 0
        self._index: BinaryIO | None = None
        self._file: BinaryIO | None = None
        self._at = 0
        self._pack = zstandard.ZstdCompressor(level=6)

    def __enter__(self) -> "TrackFiles":
        if self.keys:
            (self.folder / INDEX).parent.mkdir()
            self._index = (self.folder / INDEX).open("wb")
            self.names.append(INDEX)
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._index, self._file):
            if file is not None:
                file.close()

    def add(self, chosen: Sequence[Chosen], records: Sequence[Mapping[str, Any]]) -> None:
        """The tracks of these records, in their order; a part that the release leaves out has none.

        Raises:
            DamagedTrack, DamagedBlock: a shard does not hold what its row says.
        """
        if self._index is None:
            return
        found = self._found([one.transcript_id for one in chosen])
        for one, record in zip(chosen, records, strict=True):
            transcript = record["transcript"]
            shown = _shown(transcript["messages"] or ())
            for (channel, position, part), payload in sorted(found.get(one.transcript_id, {}).items()):
                if (position, part) in shown:
                    self._write(transcript, channel, position, part, payload)

    def _write(
        self, transcript: Mapping[str, Any], channel: str, position: int, part: str, payload: bytes
    ) -> None:
        frame = self._pack.compress(payload)
        if self._file is None or self._at + len(frame) > LARGEST_FILE:
            if self._file is not None:
                self._file.close()
            name = f"tracks/{len(self.names) - 1:04d}.bin"
            self._file, self._at = (self.folder / name).open("wb"), 0
            self.names.append(name)
        assert self._index is not None
        self._index.write(orjson.dumps(
            {
                "record_digest": transcript["record_digest"], "ordinal": transcript["ordinal"], "channel": channel,
                "position": position, "part": part, "n": len(payload) // 12, "file": self.names[-1],
                "offset": self._at, "length": len(frame), "sha256": hashlib.sha256(payload).hexdigest(),
            },
            option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE,
        ))  # fmt: skip
        self._file.write(frame)
        self._at += len(frame)
        self.n += 1

    def _found(self, transcript_ids: Sequence[int]) -> dict[int, dict[Place, bytes]]:
        """The payload of each place; where a channel has a track and a block the newer speaks."""
        found: dict[int, dict[Place, bytes]] = defaultdict(dict)
        tracks = list(self.sight.tracks_at(transcript_ids, self.moment).filter(channel__key__in=self.keys))
        blocks = list(self.sight.blocks_at(transcript_ids, self.moment))
        values = read_tracks(tracks)
        both: list[Track | Block] = [*tracks, *blocks]
        both.sort(key=lambda row: (row.created_at, isinstance(row, Block), row.pk))
        for one in both:
            if isinstance(one, Track):
                said = values[one.pk]
                place = (one.channel.key, one.position, one.part)
                found[one.transcript_id][place] = pack(
                    said.starts.tolist(), said.ends.tolist(), said.values.tolist()
                )
            else:
                found[one.transcript_id].update(_of_block(one, self.keys))
        return found


def _of_block(block: Block, keys: Sequence[str]) -> Iterator[tuple[Place, bytes]]:
    stored = read_block(block)
    tokens = stored.tokens
    for key in (key for key in stored.keys if key in keys):
        row = stored.row(key)
        for position in np.unique(tokens.position[tokens.position >= 0]).tolist():
            for number, part in enumerate(stored.parts):
                here = (tokens.position == position) & (tokens.part == number) & (tokens.end > tokens.start)
                if here.any():
                    yield (
                        (key, int(position), part),
                        pack(tokens.start[here].tolist(), tokens.end[here].tolist(), row[here].tolist()),
                    )


def _shown(messages: Sequence[Mapping[str, Any]]) -> set[tuple[int, str]]:
    """The parts that the record has the text of."""
    found = set()
    for message in messages:
        at = message["position"]
        found |= {(at, name) for name in ("text", "reasoning") if message[name]}
        found |= {(at, f"part:{n}") for n, part in enumerate(message["parts"]) if part.get("text")}
    return found
