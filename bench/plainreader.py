"""A reader of transcripts without a model: words are tokens, and a token's values follow from its letters.

For proofs and figures that are about rows, blocks and kills, and not about a model. It ties tokens to words as the real
one does, so that what is stored has the shape of what a model gives.
"""

import re
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from auditor.evidence.blockformat import Floats, TokenTable, Top
from auditor.interp.channels import feature_key
from auditor.interp.conversation import Turn
from auditor.interp.models import FULL, Instrument, SubjectModel

PIECE = re.compile(r"\s*\S{1,5}|\s+$")  # about as long as the tokens of a large vocabulary


@dataclass(frozen=True)
class Read:
    """What is read of a transcript."""

    rendered: str
    table: TokenTable
    parts: tuple[str, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Seen:
    """What is seen of it."""

    values: dict[str, Floats] = field(default_factory=dict)
    tops: dict[str, Top] = field(default_factory=dict)
    seconds: float = 0.0
    words: str = ""


@dataclass(frozen=True)
class PlainReader:
    """The reader of one capture; `pause` seconds for each transcript."""

    instruments: Sequence[Instrument]
    pause: float = 0.0

    def read(self, turns: Sequence[Turn]) -> Read:
        """Every message with its role before it."""
        rendered: list[str] = []
        length = 0
        rows: list[tuple[int, ...]] = []
        for turn in turns:
            head = f"<{turn.role}>"
            rows.append((zlib.crc32(head.encode()) % 50_000, length, length + len(head), -1, 0, 0, 1, 0))
            rendered.append(head)
            length += len(head)
            for words in turn.words:
                if words.part != "text":
                    continue
                counted = int(turn.role == "assistant")
                for found in PIECE.finditer(words.text):
                    number = zlib.crc32(found[0].encode()) % 50_000
                    at, till = found.span()
                    rows.append((number, length + at, length + till, turn.position, at, till, 0, counted))
                rendered.append(words.text)
                length += len(words.text)
        ids, at, till, position, start, end, special, counts = np.array(rows, dtype=np.int64).T
        table = TokenTable(
            id=ids.astype(np.int32), at=at.astype(np.uint32), till=till.astype(np.uint32),
            position=position.astype(np.int32), part=np.zeros(len(rows), dtype=np.uint8), start=start.astype(np.uint32),
            end=end.astype(np.uint32), special=special.astype(np.uint8), counted=counts.astype(np.uint8),
        )  # fmt: skip
        return Read("".join(rendered), table, ("text",))

    def look(self, reads: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Seen]]:
        """Values like those of a model: a probe's about 0, features mostly not active."""
        for pk, read in reads:
            time.sleep(self.pause)
            began = time.perf_counter()
            rng = np.random.default_rng(pk)
            n = len(read.table)
            values: dict[str, Floats] = {}
            tops: dict[str, Top] = {}
            for one in self.instruments:
                if one.probe is not None:
                    values[one.probe.channel.key] = rng.normal(size=n).astype(np.float32)
                    continue
                assert one.dictionary is not None
                for index in one.features:
                    active = rng.random(n) < ACTIVE
                    strength = rng.lognormal(1.0, 0.8, n)
                    values[feature_key(one.dictionary, index)] = np.where(active, strength, 0).astype(
                        np.float32
                    )
                if one.mode == FULL:
                    ranks = np.minimum(rng.zipf(1.2, (n, one.top)), one.dictionary.d_sae - 1)
                    strengths = -np.sort(-rng.lognormal(1.0, 0.8, (n, one.top)), axis=1)
                    tops[one.dictionary.slug] = Top(ranks.astype(np.uint32), strengths.astype(np.float32))
            yield pk, Seen(values, tops, seconds=time.perf_counter() - began + self.pause)


ACTIVE = 0.02  # share of tokens on which a pinned feature is active: ten times the usual, since one pins what is active


@contextmanager
def plain(
    _subject: SubjectModel, instruments: Sequence[Instrument], pause: float = 0.0
) -> Iterator[PlainReader]:
    """In the place of `reader.open_reader`."""
    yield PlainReader(instruments, pause)
