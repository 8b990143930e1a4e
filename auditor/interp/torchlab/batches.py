"""Reading transcripts in batches of like length: padding never changes a value, and activations are never all held."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from auditor.interp.hookpoints import Place
from auditor.interp.torchlab.hooks import reading
from auditor.interp.torchlab.subject import Read, Subject

Key = TypeVar("Key", bound=Hashable)
WINDOW = 64  # transcripts that are looked at together to find some of like length


@dataclass(frozen=True)
class Batch:
    """Transcripts that are read together."""

    reads: tuple[Read, ...]
    ids: Tensor  # [b, longest]
    mask: Tensor  # [b, longest] bool

    @property
    def lengths(self) -> list[int]:
        return [len(read) for read in self.reads]


def batched(reads: Iterable[tuple[Key, Read]], batch_tokens: int) -> Iterator[list[tuple[Key, Read]]]:
    """Groups of like length, each of at most `batch_tokens` tokens with padding, or of one transcript.

    Within a window of transcripts the longest come first, so that what needs the most memory is met at once.
    """
    stream = iter(reads)
    while window := sorted(islice(stream, WINDOW), key=lambda one: -len(one[1])):
        group: list[tuple[Key, Read]] = []
        for one in window:
            if group and (len(group) + 1) * len(group[0][1]) > batch_tokens:
                yield group
                group = []
            group.append(one)
        yield group


def laid(reads: Sequence[Read], device: torch.device) -> Batch:
    """The batch; shorter transcripts are padded behind their end, where no token of theirs looks."""
    longest = max(len(read) for read in reads)
    ids, mask = np.zeros((len(reads), longest), np.int64), np.zeros((len(reads), longest), bool)
    for row, read in enumerate(reads):
        ids[row, : len(read)], mask[row, : len(read)] = read.table.id, True
    return Batch(tuple(reads), torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))


def see(
    subject: Subject,
    batch: Batch,
    places: Iterable[Place],
    take: Callable[[Place, Tensor], None],
    *,
    adapter: Path | None = None,
) -> None:
    """One run of the model; `take` gets each place's activations of all tokens, padding left out: [tokens, width]."""
    whole = bool(batch.mask.all())
    with torch.inference_mode(), subject.adapted(adapter), reading(
        subject.core, places, lambda place, found: take(place, found[batch.mask])
    ) as run:  # fmt: skip
        run(input_ids=batch.ids, attention_mask=None if whole else batch.mask.long(), use_cache=False)


def too_long(subject: Subject, read: Read) -> str:
    """Why the model cannot read this at once; empty if it can."""
    context = subject.facts.context
    if context is not None and len(read) > context:
        return f"It is {len(read):,} tokens long, and the model reads {context:,} at once."
    return "" if len(read) else "There is no token in it."
