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
    order = kept[np.lexsort((ends[kept], starts[kept], part[kept], position[kept]))]
    columns = [column[order] for column in (position, part, starts, ends)]
    if not len(order):
        return (*columns, values[order].astype(np.float32), counted[order].astype(np.uint8))
    new = np.ones(len(order), bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    at = np.flatnonzero(new)
    position, part, starts, ends = (column[at] for column in columns)
    return (
        position, part, starts.astype(np.uint32), ends.astype(np.uint32),
        np.maximum.reduceat(values[order].astype(np.float32), at),
        np.maximum.reduceat(counted[order].astype(np.uint8), at),
    )  # fmt: skip


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
    padded = np.concatenate([np.full(around, -np.inf), seen, np.full(around, -np.inf)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, around)
    before, after = windows[:n].max(axis=1), windows[around + 1 : around + 1 + n].max(axis=1)
    found: Indices = np.flatnonzero((seen > 0) & (seen > before) & (seen >= after))
    if len(found) > most:
        found = np.sort(found[np.argsort(-seen[found], kind="stable")[:most]])
    return [int(index) for index in found]


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
    """Unsigned numbers below 2**35, each as one to five bytes of seven bits, the least first."""
    shifts = np.arange(5, dtype=np.uint64) * np.uint64(7)
    pieces = (numbers[:, None] >> shifts) & np.uint64(0x7F)
    lengths = np.maximum(1, (numbers[:, None] >> shifts > 0).sum(axis=1))
    place = np.arange(5)
    pieces |= np.where(place < lengths[:, None] - 1, np.uint64(0x80), np.uint64(0))
    flat: npt.NDArray[np.uint8] = pieces[place < lengths[:, None]].astype(np.uint8)
    return flat.tobytes()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
