"""A reader without torch: words are tokens, and a script says what each is worth. The only fake of these tests."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from auditor.evidence.blockformat import TokenTable, Top
from auditor.interp import reader
from auditor.interp.alignment import DoesNotFit
from auditor.interp.conversation import Turn
from auditor.interp.models import FULL, Instrument, SubjectModel

WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Read:
    """What is read of a transcript, one token a word."""

    rendered: str
    table: TokenTable
    parts: tuple[str, ...]
    words: tuple[str, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Seen:
    values: dict[str, Any] = field(default_factory=dict)
    tops: dict[str, Top] = field(default_factory=dict)
    seconds: float = 0.001
    words: str = ""


@dataclass
class Script:
    """What the reader does: the value of a word on a channel, and how it misbehaves."""

    value: Callable[[str, str], float] = lambda key, word: float(len(word))
    unfit: str = ""  # a text with this does not fit
    breaks: str = ""  # a text with this raises, as a device without memory does
    longest: int = 10_000  # tokens
    pause: float = 0.0  # seconds for each transcript
    refuses: str = ""  # why the model cannot be opened
    looked: list[int] = field(default_factory=list)  # transcripts, as they were looked at
    opened: int = 0

    @contextmanager
    def open_reader(self, subject: SubjectModel, instruments: Sequence[Instrument]) -> Iterator["Scripted"]:
        if self.refuses:
            raise reader.CannotRead(self.refuses)
        self.opened += 1
        yield Scripted(self, instruments)


@dataclass
class Scripted:
    """The reader of one capture."""

    script: Script
    instruments: Sequence[Instrument]

    def read(self, turns: Sequence[Turn]) -> Read:
        return read(turns, unfit=self.script.unfit)

    def look(self, reads: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Seen]]:
        for pk, one in reads:
            self.script.looked.append(pk)
            time.sleep(self.script.pause)
            if self.script.breaks and self.script.breaks in one.rendered:
                raise MemoryError("the device has no memory left")
            if len(one.words) > self.script.longest:
                yield (
                    pk,
                    Seen(words=f"It is {len(one.words)} tokens long; the model reads {self.script.longest}."),
                )
                continue
            yield pk, self._seen(one)

    def _seen(self, one: Read) -> Seen:
        values, tops = {}, {}
        for instrument in self.instruments:
            if instrument.probe is not None:
                keys = [instrument.probe.channel.key]
            else:
                assert instrument.dictionary is not None
                keys = [f"sae.{instrument.dictionary.slug}.{index}" for index in instrument.features]
                if instrument.mode == FULL:
                    index = np.tile(np.arange(instrument.top, dtype=np.uint32), (len(one.words), 1))
                    tops[instrument.dictionary.slug] = Top(index, np.ones(index.shape, dtype=np.float32))
            for key in keys:
                values[key] = np.array([self.script.value(key, word) for word in one.words], dtype=np.float32)
        return Seen(values, tops)


def read(turns: Sequence[Turn], *, unfit: str = "") -> Read:
    """Every message as `role: text`, a token for each word and one for each role."""
    rendered, rows, words, parts = "", [], [], []
    for turn in turns:
        rows.append((len(rendered), len(rendered) + len(turn.role) + 1, -1, 0, 0, 0, 1, 0))
        words.append(turn.role)
        rendered += f"{turn.role}: "
        for one in turn.words:
            if unfit and unfit in one.text:
                message = f"Message {turn.position + 1}: the token “{unfit}” does not fit."
                raise DoesNotFit(message, token_index=len(rows), token_text=unfit, position=turn.position)
            if one.part not in parts:
                parts.append(one.part)
            for found in WORD.finditer(one.text):
                at = len(rendered) + found.start()
                counted = int(turn.role == "assistant" and one.part == "text")
                rows.append(
                    (
                        at,
                        at + len(found[0]),
                        turn.position,
                        parts.index(one.part),
                        found.start(),
                        found.end(),
                        0,
                        counted,
                    )
                )
                words.append(found[0])
            rendered += one.text + "\n"
    at, till, position, part, start, end, special, counted_ = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    table = TokenTable(
        id=np.arange(len(rows), dtype=np.int32), at=at.astype(np.uint32), till=till.astype(np.uint32),
        position=position.astype(np.int32), part=part.astype(np.uint8), start=start.astype(np.uint32),
        end=end.astype(np.uint32), special=special.astype(np.uint8), counted=counted_.astype(np.uint8),
    )  # fmt: skip
    return Read(rendered, table, tuple(parts), tuple(words))
