"""Activations of chosen places, gathered for training: one vector, or all counted tokens, of each transcript."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from auditor.evidence.blockformat import Floats
from auditor.interp.hookpoints import Place
from auditor.interp.torchlab.batches import batched, laid, see, too_long
from auditor.interp.torchlab.hooks import check_place
from auditor.interp.torchlab.subject import Read, Subject

Key = TypeVar("Key", bound=Hashable)
Rule = Literal["mean", "last", "tokens"]
Counts = Callable[[Read], "np.ndarray[tuple[int], np.dtype[np.bool_]]"]


@dataclass(frozen=True)
class Gathered:
    """One transcript's activations."""

    at: Mapping[Place, Floats] = field(
        default_factory=dict
    )  # [d] by "mean" or "last", [tokens, d] by "tokens"
    tokens: int = 0  # that counted
    words: str = ""  # why there is nothing: too long, or no token that counts


def activations(
    subject: Subject, reads: Iterable[tuple[Key, Read]], places: Sequence[Place], *, rule: Rule = "mean",
    counts: Counts | None = None, batch_tokens: int = 4096,
) -> Iterator[tuple[Key, Gathered]]:  # fmt: skip
    """For each transcript, the activations at each place over the tokens that count; float32.

    Args:
        rule: "mean" over them, the "last" of them, or all "tokens".
        counts: which tokens count, [n] bool; by default the table's own column.

    Raises:
        hookpoints.UnknownHook: a place that the model does not have.
    """
    for place in places:
        check_place(subject.core, place)
    for group in batched(reads, batch_tokens):
        fit = []
        for key, read in group:
            counted = counts(read) if counts else read.table.counted.astype(bool)
            words = too_long(subject, read) or ("" if counted.any() else "No token of it counts.")
            if words:
                yield key, Gathered(words=words)
            else:
                fit.append((key, read, np.flatnonzero(counted)))
        if fit:
            yield from _gathered(subject, fit, places, rule)


def _gathered(
    subject: Subject,
    fit: list[tuple[Key, Read, "np.ndarray[tuple[int], np.dtype[np.intp]]"]],
    places: Sequence[Place],
    rule: Rule,
) -> Iterator[tuple[Key, Gathered]]:
    batch = laid([read for _, read, _ in fit], subject.device)
    found: list[dict[Place, Floats]] = [{} for _ in fit]

    def take(place: Place, x: Tensor) -> None:
        begin = 0
        for mine, (_, read, counted) in zip(found, fit, strict=True):
            chosen = counted[-1:] if rule == "last" else counted
            rows = x[torch.from_numpy(begin + chosen).to(x.device)].to(torch.float32)
            kept = rows if rule == "tokens" else rows.mean(dim=0)
            mine[place] = kept.cpu().numpy()
            begin += len(read)

    see(subject, batch, places, take)
    for mine, (key, _, counted) in zip(found, fit, strict=True):
        yield key, Gathered(mine, len(counted))
