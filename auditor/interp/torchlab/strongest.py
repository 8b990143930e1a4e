"""The k largest of each row, exactly, without looking at each number more than once; on a processor.

`torch.topk` goes through a row number by number, and takes half as long as the product in half precision that made it. Here
each row is divided into groups, of which the maxima are cheap. The k largest numbers lie in the k groups with the largest maxima,
so that only those are gone through. Positive floats are compared by their bits, with their place packed behind.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

GROUP = 16  # numbers of a row that share a maximum
AT_ONCE = 64  # rows from which on another thread is worth its start
SMALLEST = 2048  # numbers in a row from which this is faster
BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}
KEYS: dict[torch.dtype, tuple[Any, int]] = {torch.int16: (np.int32, 16), torch.int32: (np.int64, 32)}
Ints = npt.NDArray[Any]


def applies(x: Tensor, k: int) -> bool:
    """Whether rows like these are gone through here."""
    width = x.shape[-1]
    return (
        not x.is_cuda and x.dtype in BITS and width >= SMALLEST and width % GROUP == 0
        and k * GROUP <= width // 4 and width // GROUP <= 1 << 16 and x.is_contiguous() and len(x) > 0
    )  # fmt: skip


def strongest(x: Tensor, k: int, threshold: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The k largest positive numbers of each row and where they stand, [n, k] each, largest first; 0 where there are fewer.

    Args:
        x: [n, d] contiguous; not changed.
        threshold: [d]; numbers that are not above theirs count as 0.
    """
    parts = min(torch.get_num_threads(), len(x) // AT_ONCE)
    if parts < 2:
        return _strongest(x, k, threshold)

    def one(rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            return _strongest(rows, k, threshold)

    with ThreadPoolExecutor(parts) as pool:
        found = list(pool.map(one, x.tensor_split(parts)))
    return torch.cat([values for values, _ in found]), torch.cat([index for _, index in found])


def _strongest(x: Tensor, k: int, threshold: Tensor | None) -> tuple[Tensor, Tensor]:
    bits = x.view(BITS[x.dtype])
    groups = x.shape[1] // GROUP
    most = k if threshold is None else 2 * k  # some of what is large may be below its threshold
    maxima = bits.view(len(x), GROUP, groups).amax(dim=1).numpy()
    chosen = _largest(maxima, most, *KEYS[bits.dtype])
    least = np.take_along_axis(maxima, chosen, axis=1).min(axis=1)  # what is in no chosen group is no larger
    # All numbers of the chosen groups: [n, GROUP * most].
    places = (np.arange(GROUP, dtype=np.int64)[:, None] * groups + chosen[:, None, :]).reshape(len(x), -1)
    rows = np.arange(len(x), dtype=np.int64)[:, None] * x.shape[1]
    candidates = bits.numpy().reshape(-1).take(rows + places)
    if threshold is not None:
        limits = threshold.to(x.dtype).view(bits.dtype).numpy().take(places)
        candidates = np.where(candidates > np.maximum(limits, 0), candidates, 0)
    at = _largest(candidates, k, *KEYS[bits.dtype])
    found = np.maximum(np.take_along_axis(candidates, at, axis=1), 0)
    values = torch.from_numpy(np.ascontiguousarray(found)).view(x.dtype)
    index = torch.from_numpy(np.take_along_axis(places, at, axis=1))
    if threshold is not None:
        # Where so many were below their thresholds that what was not gone through could be among the k.
        unsure = np.flatnonzero((least > 0) & (found[:, -1] < least))
        if len(unsure):
            some = x[torch.from_numpy(unsure)]
            values[unsure], index[unsure] = torch.topk(
                some.masked_fill(some <= threshold, 0).relu_(), k, dim=-1
            )
    return values, index


def _largest(numbers: Ints, k: int, kind: Any, shift: int) -> Ints:
    """Where the k largest of each row stand, largest first."""
    keys = numbers.astype(kind) << shift
    keys |= np.arange(numbers.shape[1], dtype=kind)
    keys.partition(numbers.shape[1] - k, axis=1)
    kept = keys[:, -k:]
    kept.sort(axis=1)
    return (kept[:, ::-1] & ((1 << shift) - 1)).astype(np.int64)
