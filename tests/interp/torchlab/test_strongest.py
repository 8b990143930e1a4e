"""The k largest of each row are the k largest, by torch's own way of finding them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.interp.torchlab.strongest import SMALLEST, applies, strongest

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def by_torch(x: torch.Tensor, k: int, threshold: torch.Tensor | None) -> torch.Tensor:
    masked = x if threshold is None else x.masked_fill(x <= threshold, 0)
    return torch.topk(masked, k, dim=-1).values.relu()


def check(x: torch.Tensor, k: int, threshold: torch.Tensor | None = None) -> None:
    assert applies(x, k)
    before = x.clone()
    values, index = strongest(x, k, threshold)
    assert torch.equal(values, by_torch(x, k, threshold))
    active = values > 0
    assert torch.equal(torch.gather(x, 1, index)[active], values[active])
    assert all(len(set(row.tolist())) == k for row in index), "each feature once"
    assert torch.equal(x, before)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000), st.sampled_from(DTYPES), st.floats(-4, 4), st.sampled_from([1, 5, 32]), st.booleans(),
    st.sampled_from([0.0, 0.3, 3.0]),
)  # fmt: skip
def test_it_is_what_torch_finds(
    seed: int, dtype: torch.dtype, shift: float, k: int, thresholds: bool, high: float
) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = (torch.randn(6, SMALLEST + 64, generator=draw) + shift).to(dtype)
    threshold = (torch.randn(x.shape[1], generator=draw) * high).to(dtype) if thresholds else None
    check(x, k, threshold)


@pytest.mark.parametrize("dtype", DTYPES)
def test_edges(dtype: torch.dtype) -> None:
    zeros = torch.zeros(3, SMALLEST, dtype=dtype)
    check(zeros, 8)
    check(-torch.rand(3, SMALLEST).to(dtype) - 0.1, 8)
    check(torch.ones(3, SMALLEST, dtype=dtype), 8)
    few = zeros.clone()
    few[:, [7, 700, 2000]] = torch.tensor([3.0, 1.0, 2.0]).to(dtype)
    check(few, 8)
    one_group = zeros.clone()
    one_group[:, 5 :: SMALLEST // 16] = torch.arange(1, 17).to(dtype)  # all that is active has one maximum
    check(one_group, 8)


def test_thresholds_that_hide_what_is_largest() -> None:
    """Every large number is below its threshold, so that the k that count are in no group with a large maximum."""
    x = torch.rand(4, SMALLEST) * 0.1 + 0.01
    threshold = torch.zeros(SMALLEST)
    x[:, :200], threshold[:200] = 5.0, 6.0
    check(x, 16, threshold)
    check(x.to(torch.bfloat16), 16, threshold.to(torch.bfloat16))


def test_many_rows_are_shared_among_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        x = torch.randn(200, SMALLEST)
        check(x, 7)
        check(x.to(torch.bfloat16), 7, torch.rand(SMALLEST).to(torch.bfloat16))
    finally:
        torch.set_num_threads(before)


def test_rows_that_it_is_not_for() -> None:
    assert not applies(torch.zeros(2, 100), 5)
    assert not applies(torch.zeros(2, SMALLEST), SMALLEST // 8)
    assert not applies(torch.zeros(2, SMALLEST, dtype=torch.float64), 5)
    assert not applies(torch.zeros(SMALLEST, SMALLEST).T, 5)
    assert not applies(torch.zeros(0, SMALLEST), 5)
