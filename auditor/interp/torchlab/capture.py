"""What instruments see in a model, token by token, transcript by transcript; activations are never all held."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from auditor.evidence.blockformat import LARGEST, Floats, Top
from auditor.interp.hookpoints import SITES, Place, UnknownHook
from auditor.interp.torchlab.batches import Batch, batched, laid, see, too_long
from auditor.interp.torchlab.dictionaries import DictionaryUse
from auditor.interp.torchlab.hooks import check_place, width_of
from auditor.interp.torchlab.probes import ProbeUse
from auditor.interp.torchlab.subject import Read, Subject

Key = TypeVar("Key", bound=Hashable)
Instrument = ProbeUse | DictionaryUse


@dataclass(frozen=True)
class Seen:
    """What was seen of one transcript of n tokens."""

    values: Mapping[str, Floats] = field(default_factory=dict)  # channel's key -> [n]
    tops: Mapping[str, Top] = field(default_factory=dict)  # dictionary's name -> [n, k]
    seconds: float = 0.0  # its share of the batch's time, by tokens
    words: str = ""  # why nothing was seen; empty if it was


def run(
    subject: Subject,
    reads: Iterable[tuple[Key, Read]],
    instruments: Sequence[Instrument],
    *,
    batch_tokens: int = 4096,
) -> Iterator[tuple[Key, Seen]]:
    """Each transcript's values, in about the order given: those of like length are read together.

    A transcript that is too long for the model, or on which a value is not finite, is seen as nothing, with why.

    Args:
        batch_tokens: most tokens of one batch, padding included; a longer transcript is a batch of its own.

    Raises:
        ValueError: an instrument does not fit the model (its width, or a place that the model does not have), or two
            instruments have one name.
        subject.Refused: a probe's LoRA cannot be applied.
    """
    passes = _passes(subject, instruments)
    try:
        for adapter in passes:
            with subject.adapted(adapter):  # refused now, or never
                pass
        for group in batched(reads, batch_tokens):
            fit = []
            for key, read in group:
                words = too_long(subject, read)
                if words:
                    yield key, Seen(words=words)
                else:
                    fit.append((key, read))
            if fit:
                yield from zip(
                    [key for key, _ in fit], _seen(subject, [read for _, read in fit], passes), strict=True
                )
    finally:
        subject.forget_adapters()  # their folders are the caller's, and may be gone


@dataclass
class _Found:
    """Values of all tokens of a batch, one transcript after the other."""

    values: dict[str, list[Floats]] = field(default_factory=lambda: defaultdict(list))
    index: dict[str, list[Floats]] = field(default_factory=lambda: defaultdict(list))
    value: dict[str, list[Floats]] = field(default_factory=lambda: defaultdict(list))


_Take = Callable[[Tensor, _Found], None]
_Passes = dict[Path | None, dict[Place, list[_Take]]]


def _passes(subject: Subject, instruments: Sequence[Instrument]) -> _Passes:
    """Who looks where, for each run of the model: one without adapter, and one for each."""
    found: _Passes = defaultdict(lambda: defaultdict(list))
    names: list[str] = []
    for one in instruments:
        if isinstance(one, ProbeUse):
            place, width, adapter, name = one.place, one.head.d_model, one.adapter, one.key
            names.append(one.key)
        else:
            place, width, adapter, name = one.encoder.place, one.encoder.d_in, None, one.name
            names += [*one.keys, f"top.{one.name}"]
            if len(one.keys) != len(one.features):
                raise ValueError(f"{name}: there is a key for each feature")
            one.encoder.to(subject.device)
        try:
            check_place(subject.core, place)
        except UnknownHook as problem:
            raise ValueError(f"{name} does not fit the model. {problem}") from problem
        there = width_of(subject.core, place, subject.facts.d_model)
        if width != there:
            raise ValueError(
                f"{name} does not fit the model: it reads vectors of {width:,} numbers, and {SITES[place.site]} has {there:,}."
            )
        found[adapter][place].append(_probe(one) if isinstance(one, ProbeUse) else _dictionary(one))
    if len(set(names)) != len(names):
        raise ValueError("two instruments write to one channel")
    return found


def _probe(use: ProbeUse) -> _Take:
    def take(x: Tensor, found: _Found) -> None:
        found.values[use.key].append(_numbers(use.head.scores(x)))

    return take


def _dictionary(use: DictionaryUse) -> _Take:
    encoder, k = use.encoder, use.encoder.configuration.k
    watched = encoder.watch(use.features) if encoder.configuration.independent else None

    def some(x: Tensor, found: _Found) -> None:
        if watched is not None:
            _keep(use, watched(x), found)

    def full(x: Tensor, found: _Found) -> None:
        for begin in range(0, len(x), encoder.chunk):
            tokens = x[begin : begin + encoder.chunk]
            value, index = encoder.strongest(tokens, k or use.top)
            if watched is not None:
                _keep(use, watched(tokens), found)
            elif use.features:  # of TopK what is not among the k is 0
                _keep(
                    use,
                    torch.stack([(value * (index == one)).sum(dim=1) for one in use.features], dim=1),
                    found,
                )
            if use.top:
                found.value[use.name].append(_numbers(value[:, : use.top]))
                found.index[use.name].append(index[:, : use.top].cpu().numpy())

    return full if use.top or watched is None else some


def _keep(use: DictionaryUse, columns: Tensor, found: _Found) -> None:
    for column, key in zip(_numbers(columns).T, use.keys, strict=True):
        found.values[key].append(column)


def _numbers(found: Tensor) -> Floats:
    return found.to(torch.float32).cpu().numpy()  # type: ignore[no-any-return]


def _seen(subject: Subject, reads: list[Read], passes: _Passes) -> list[Seen]:
    began = perf_counter()
    batch, found = laid(reads, subject.device), _Found()
    for adapter, places in passes.items():
        _one_pass(subject, batch, places, found, adapter)
    each = (perf_counter() - began) / sum(batch.lengths)
    values = {key: np.concatenate(pieces) for key, pieces in found.values.items()}
    tops = {
        name: Top(np.concatenate(found.index[name]).astype(np.uint32), np.concatenate(found.value[name]))
        for name in found.value
    }
    for top in tops.values():
        top.index[top.value == 0] = 0
    seen, begin = [], 0
    for length in batch.lengths:
        here = slice(begin, begin + length)
        mine = {key: row[here] for key, row in values.items()}
        own = {name: Top(top.index[here], top.value[here]) for name, top in tops.items()}
        odd = _not_finite([*mine.values(), *(top.value for top in own.values())])
        seen.append(Seen(seconds=each * length, words=odd) if odd else Seen(mine, own, seconds=each * length))
        begin += length
    return seen


def _one_pass(
    subject: Subject, batch: Batch, places: Mapping[Place, list[_Take]], found: _Found, adapter: Path | None
) -> None:
    def take(place: Place, x: Tensor) -> None:
        for one in places[place]:
            one(x, found)

    see(subject, batch, places, take, adapter=adapter)


def _not_finite(arrays: list[Floats]) -> str:
    for array in arrays:
        bad = ~np.isfinite(array) | (np.abs(array) > LARGEST)
        if bad.any():
            token = int(np.flatnonzero(bad.reshape(len(array), -1).any(axis=1))[0])
            return f"A value on token {token:,} is not finite; with float32 or bfloat16 it may be."
    return ""
