"""Near-duplicates: how alike two transcripts are, from signatures of what they say.

A text is its set of shingles, five consecutive words each; a short text is one shingle. A signature keeps, for each of
64 hash functions, the least hash of the set (MinHash; Broder 1997): two signatures agree in a place with the
probability of the sets' Jaccard similarity. Signatures that agree in one of 16 bands of four are compared, and those
that agree in 48 places of 64 or more are alike. Groups are what is connected by likeness.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

WIDTH = 5  # words of a shingle
PLACES = 64
BANDS = 16
AGREE = 48  # places: three quarters
SMALL = 200  # members of a band that are all compared with each other
VERSION = 1  # of all that bears on a signature
_PRIME = np.uint64((1 << 31) - 1)
_DRAW = np.random.default_rng(20_240_517)
_FACTORS = _DRAW.integers(1, int(_PRIME), (PLACES, 1), dtype=np.uint64)
_OFFSETS = _DRAW.integers(0, int(_PRIME), (PLACES, 1), dtype=np.uint64)
_POWERS = np.array([31**i % int(_PRIME) for i in range(WIDTH)], dtype=np.uint64)
_WORD = re.compile(r"\w+")
AT_ONCE = 4096  # shingles hashed in one go: 64 x 4,096 x 8 bytes
Signature = npt.NDArray[np.uint32]


def signature(texts: Iterable[str]) -> Signature:
    """The signature of what a transcript says, [64]; texts without a single word are alike.

    Case, typography (NFKC) and everything between words make no difference.
    """
    least = np.full(PLACES, int(_PRIME), dtype=np.uint64)
    for shingles in _shingles(texts):
        hashed = (shingles[np.newaxis, :] * _FACTORS + _OFFSETS) % _PRIME
        np.minimum(least, hashed.min(axis=1), out=least)
    return least.astype(np.uint32)


def _shingles(texts: Iterable[str]) -> Iterable[npt.NDArray[np.uint64]]:
    """Hashes below the prime of all shingles; those of a long text in several arrays."""
    for text in texts:
        words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
        if not words:
            continue
        # the checksum is no protection and needs none: who forges words to look alike only hides his own from a split
        hashed = np.array([zlib.crc32(word.encode()) for word in words], dtype=np.uint64) % _PRIME
        if len(hashed) < WIDTH:
            hashed = np.concatenate([hashed, np.zeros(WIDTH - len(hashed), dtype=np.uint64)])
        windows = np.lib.stride_tricks.sliding_window_view(hashed, WIDTH)
        for at in range(0, len(windows), AT_ONCE):
            yield ((windows[at : at + AT_ONCE] * _POWERS) % _PRIME).sum(axis=1) % _PRIME


def likeness(one: Signature, other: Signature) -> float:
    """Estimated Jaccard similarity, 0 to 1; its standard error is at most 1/16."""
    return float((one == other).mean())


def groups(signatures: Sequence[Signature]) -> list[int]:
    """For each signature the number of its group: the place of the group's first member.

    Cost: 16 sorts of n, and the comparisons of `_join` in each band that several share.
    """
    n = len(signatures)
    parents = list(range(n))
    if n < 2:
        return parents
    table = np.stack(signatures)
    width = PLACES // BANDS
    for band in range(BANDS):
        part = np.ascontiguousarray(table[:, band * width : (band + 1) * width])
        keys = part.view(f"V{part.dtype.itemsize * width}").ravel()
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        for start, end in zip(starts, np.append(starts[1:], n), strict=True):
            if end - start > 1:
                _join(parents, table, order[start:end])
    return [_root(parents, i) for i in range(n)]


def _join(parents: list[int], table: npt.NDArray[np.uint32], members: npt.NDArray[np.intp]) -> None:
    """Connect the members of one band that are alike.

    In a small band every two are compared; in a large one each is compared with leaders only, which are
    those that were like no leader before them.
    """
    every_two = len(members) <= SMALL
    leaders = [int(members[0])]
    for here in map(int, members[1:]):
        agree = (table[leaders] == table[here]).sum(axis=1) >= AGREE
        for other in np.flatnonzero(agree):
            a, b = _root(parents, leaders[other]), _root(parents, here)
            parents[max(a, b)] = min(a, b)
        if every_two or not agree.any():
            leaders.append(here)


def _root(parents: list[int], at: int) -> int:
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at
