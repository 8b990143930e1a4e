"""Blocks: what is written is read again, by others too, and nothing else is taken for a block."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from auditor.evidence.blockformat import (
    BadBlock,
    BlockValues,
    DamagedBlock,
    TokenTable,
    Top,
    compressed,
    pack_block,
    unpack_block,
)


def block(n: int = 5, c: int = 2, k: int = 3, seed: int = 1) -> BlockValues:
    """Invented values along n tokens of two parts."""
    draw = np.random.default_rng(seed)
    at = np.arange(n, dtype=np.uint32) * 2
    table = TokenTable(
        id=draw.integers(0, 100, n).astype(np.int32), at=at, till=at + 2, position=np.zeros(n, np.int32),
        part=np.arange(n, dtype=np.uint8) % 2, start=at, end=at + 2, special=np.zeros(n, np.uint8),
        counted=np.ones(n, np.uint8),
    )  # fmt: skip
    tops = {
        "gpt-l3": Top(draw.integers(0, 9, (n, k)).astype(np.uint32), draw.random((n, k)).astype(np.float32))
    }
    return BlockValues(
        tokens=table, parts=("text", "reasoning"), keys=tuple(f"probe.p{i}.v1" for i in range(c)),
        values=draw.normal(size=(c, n)).astype(np.float32), tops=tops, rendered="<user>数😀</user>", facts={"model": "tiny"},
    )  # fmt: skip


def digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


@given(n=st.integers(1, 40), c=st.integers(0, 4), k=st.integers(1, 5), seed=st.integers(0, 99))
def test_what_is_written_is_read_again(n: int, c: int, k: int, seed: int) -> None:
    given = block(n, c, k, seed)
    payload = pack_block(given)
    found = unpack_block(compressed(payload), digest(payload))
    assert pack_block(found) == payload
    assert found.keys == given.keys
    assert found.rendered == given.rendered
    for key in given.keys:
        np.testing.assert_array_equal(found.row(key), given.row(key))
    np.testing.assert_array_equal(found.tops["gpt-l3"].index, given.tops["gpt-l3"].index)
    np.testing.assert_array_equal(found.tokens.end, given.tokens.end)


def test_others_read_it_with_two_libraries_and_nothing_of_ours() -> None:
    given = block()
    tensors = load(zstandard.ZstdDecompressor().decompress(compressed(pack_block(given))))
    np.testing.assert_array_equal(tensors["values"][1], given.values[1])
    assert tensors["rendered"].tobytes().decode() == given.rendered


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"values": np.zeros((2, 4))}, "values should be (2, 5)"),
        ({"values": np.full((2, 5), np.nan)}, "not finite"),
        ({"values": np.full((2, 5), 1e39)}, "too large"),
        ({"parts": ("text",)}, "not listed"),
        ({"keys": ("a", "a")}, "once"),
        (
            {"tops": {"d": Top(np.zeros((4, 1), np.uint32), np.zeros((4, 1), np.float32))}},
            "a row for each token",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(BadBlock) as problem:
        pack_block(replace(block(), **changes))  # type: ignore[arg-type]
    assert reason in str(problem.value)


def test_columns_have_one_entry_for_each_token() -> None:
    given = block()
    short = replace(given.tokens, start=given.tokens.start[:-1])
    with pytest.raises(BadBlock, match="start needs one entry"):
        pack_block(replace(given, tokens=short))


def test_other_bytes_than_the_row_names_are_refused() -> None:
    payload = pack_block(block())
    with pytest.raises(DamagedBlock, match="other values"):
        unpack_block(compressed(payload), digest(b"else"))
    with pytest.raises(DamagedBlock, match="cannot be read"):
        unpack_block(b"no frame at all", digest(payload))
    foreign = save({"x": np.zeros(3)}, {"format": "else"})
    with pytest.raises(DamagedBlock, match="no block"):
        unpack_block(compressed(foreign), digest(foreign))
