"""A channel's values along the words of one part: arrays, their peaks, and the compact form that a page carries.

`packed` gives the stretches of some messages as JSON:

    parts    [[position, part, tokens], ...]    in order
    spans    base64 of unsigned LEB128 numbers, two for each token: code points from the start of the token
             before it in its part (of the first: from 0) to its own start, and its length
    lo, hi   the least and greatest value
    values   base64 of one u16 for each token, little-endian: 0 is `lo`, 65535 is `hi`
    counted  base64 of one bit for each token, first token first in the byte's highest bit; empty: all are

A value read back is off by at most (hi - lo) / 131070, and order is kept.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.evidence.blockformat import TokenTable

STEPS = 65535
AROUND = 12  # tokens to either side that a peak is higher than
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stretch:
    """A channel's values on the tokens of one part that stand on words; arrays of length n, starts never fall."""

    position: int
    part: str
    starts: npt.NDArray[np.uint32]  # code points
    ends: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float32]
    counted: npt.NDArray[np.uint8]  # 1: it counts towards the readings

    def __len__(self) -> int:
        return len(self.starts)


def stretch_of(
    position: int,
    part: str,
    starts: npt.NDArray[Any],
    ends: npt.NDArray[Any],
    values: npt.NDArray[Any],
    *,
    counted: bool,
) -> Stretch:
    """The stretch of one part by itself."""
    where = np.full(len(starts), 0, np.int32)
    columns = _joined(where, where, starts, ends, values, np.full(len(starts), counted, np.uint8))
    _, _, first, last, high, counts = columns
    return Stretch(position, part, first, last, high, counts)


def stretches_of(tokens: TokenTable, parts: Sequence[str], values: npt.NDArray[np.float32]) -> list[Stretch]:
    """The values of one channel of a block, by part in reading order.

    Tokens between messages, and those that stand on no words, are left out. Tokens that share their words (the
    bytes of one character) become one with the highest of their values, counted if one of them is.
    """
    position, part, starts, ends, high, counted = _joined(
        tokens.position, tokens.part, tokens.start, tokens.end, values, tokens.counted
    )
    if not len(position):
        return []
    edges = np.flatnonzero((np.diff(position) != 0) | (np.diff(part) != 0)) + 1
    bounds = [0, *edges.tolist(), len(position)]
    return [
        Stretch(int(position[a]), parts[int(part[a])], starts[a:b], ends[a:b], high[a:b], counted[a:b])
        for a, b in pairwise(bounds)
    ]


def _joined(
    position: npt.NDArray[Any],
    part: npt.NDArray[Any],
    starts: npt.NDArray[Any],
    ends: npt.NDArray[Any],
    values: npt.NDArray[Any],
    counted: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], ...]:
    """The six columns in order of place, without tokens that have no words, one for each place."""
    kept = np.flatnonzero((ends > starts) & (position >= 0))
    columns = [column[kept].astype(np.int64) for column in (position, part, starts, ends)]
    values, counted = values[kept].astype(np.float32), counted[kept].astype(np.uint8)
    if len(kept) > 1:
        steps = [np.diff(column) for column in columns]
        if not _in_order(steps):
            order = np.lexsort(columns[::-1])
            columns = [column[order] for column in columns]
            values, counted = values[order], counted[order]
            steps = [np.diff(column) for column in columns]
        same = np.logical_and.reduce([step == 0 for step in steps])
        if same.any():
            at = np.flatnonzero(np.concatenate([[True], ~same]))
            columns = [column[at] for column in columns]
            values, counted = np.maximum.reduceat(values, at), np.maximum.reduceat(counted, at)
    position, part, starts, ends = columns
    return position, part, starts.astype(np.uint32), ends.astype(np.uint32), values, counted


def _in_order(steps: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether no place comes before the one that precedes it, by the first column that differs."""
    falls = np.zeros(len(steps[0]), bool)
    for step in reversed(steps):
        falls = (step < 0) | ((step == 0) & falls)
    return not falls.any()


def highest(
    values: npt.NDArray[np.float32], counted: npt.NDArray[np.uint8], *, most: int, around: int = AROUND
) -> list[int]:
    """Where the values of counted tokens are above zero and higher than all within `around` tokens, in order.

    Of equal neighbours the first; if there are more than `most`, the highest of them.
    """
    n = len(values)
    if n == 0:
        return []
    seen = np.where(counted > 0, values, np.float32(-np.inf))
    edge = np.full(around, -np.inf, np.float32)
    windows = _sliding_max(np.concatenate([edge, seen, edge]), around)
    before, after = windows[:n], windows[around + 1 : around + 1 + n]
    found: Indices = np.flatnonzero((seen > 0) & (seen > before) & (seen >= after))
    if len(found) > most:
        found = np.sort(found[np.argsort(-seen[found], kind="stable")[:most]])
    return [int(index) for index in found]


def _sliding_max(values: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """The highest of each `width` neighbours; windows are doubled, so that the cost hardly grows with them."""
    highs, spans = values, 1
    while 2 * spans <= width:
        highs, spans = np.maximum(highs[:-spans], highs[spans:]), 2 * spans
    if spans < width:
        highs = np.maximum(highs[: len(values) - width + 1], highs[width - spans :])
    return highs


def packed(stretches: Iterable[Stretch]) -> dict[str, Any]:
    """The stretches in the module's compact form."""
    some = [one for one in stretches if len(one)]
    if not some:
        return {"parts": [], "spans": "", "lo": 0.0, "hi": 0.0, "values": "", "counted": ""}
    values = np.concatenate([one.values for one in some]).astype(np.float64)
    counted = np.concatenate([one.counted for one in some])
    lo, hi = float(values.min()), float(values.max())
    steps = np.round((values - lo) / (hi - lo) * STEPS) if hi > lo else np.zeros(len(values))
    spans = np.empty((len(values), 2), np.uint64)
    spans[:, 0] = np.concatenate([np.diff(one.starts.astype(np.int64), prepend=0) for one in some])
    spans[:, 1] = np.concatenate([one.ends.astype(np.int64) - one.starts for one in some])
    return {
        "parts": [[one.position, one.part, len(one)] for one in some],
        "spans": _text(leb128(spans.ravel())),
        "lo": lo,
        "hi": hi,
        "values": _text(steps.astype("<u2").tobytes()),
        "counted": "" if counted.all() else _text(np.packbits(counted > 0).tobytes()),
    }


def leb128(numbers: npt.NDArray[np.uint64]) -> bytes:
    """Unsigned numbers, each as bytes of seven bits, the least first."""
    width = max(1, -(-int(numbers.max()).bit_length() // 7)) if len(numbers) else 1
    if width == 1:
        return numbers.astype(np.uint8).tobytes()
    left = numbers[:, None] >> (np.arange(width, dtype=np.uint64) * np.uint64(7))
    pieces = (left & np.uint64(0x7F)).astype(np.uint8)
    more = left > np.uint64(0x7F)  # another byte follows
    pieces[more] |= 0x80
    written = np.ones_like(more)
    written[:, 1:] = more[:, :-1]
    return pieces[written].tobytes()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
