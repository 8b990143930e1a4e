"""A probe's scores are those of the formula, computed another way."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.interp.hookpoints import Place
from auditor.interp.torchlab.probes import ProbeHead, use_of
from auditor.interp.training import Fitted


@settings(deadline=None)
@given(st.integers(0, 100_000), st.floats(0.01, 100), st.sampled_from(["none", "mean", "mean_scale"]))
def test_scores_are_the_formula_s(seed: int, size: float, standardisation: str) -> None:
    draw = np.random.default_rng(seed)
    x, made = (draw.normal(size=(n, 4)).astype(np.float32) * np.float32(size) for n in (5, 4))
    direction, mean, scale, bias = made[0], made[1], np.abs(made[2]) + 0.5, made[3, :1]
    tensors = {"direction": direction, "mean": mean, "scale": scale, "bias": bias}
    used_mean = mean if standardisation != "none" else 0
    used_scale = scale if standardisation == "mean_scale" else 1
    expected = ((x.astype(np.float64) - used_mean) / used_scale) @ direction.astype(np.float64) + bias[0]
    head = ProbeHead.of(tensors, standardisation=standardisation)
    assert head.scores(torch.tensor(x)).numpy() == pytest.approx(expected, rel=1e-4, abs=1e-4 * size**2)
    chance = (
        ProbeHead.of(tensors, standardisation=standardisation, probability=True)
        .scores(torch.tensor(x))
        .numpy()
    )
    assert chance == pytest.approx(
        1 / (1 + np.exp(-np.clip(expected, -80, 80))), abs=1e-3 * max(1.0, size**2)
    )
    fitted = Fitted(
        direction.astype(float), float(bias[0]), np.zeros(4) + used_mean, np.zeros(4) + used_scale
    )
    assert head.scores(torch.tensor(x)).numpy() == pytest.approx(
        fitted.scores(x), rel=1e-4, abs=1e-4 * size**2
    )


def test_by_hand() -> None:
    tensors = {
        "direction": np.array([1.0, 2]),
        "mean": np.array([1.0, 0]),
        "scale": np.array([2.0, 4]),
        "bias": np.array([0.5]),
    }
    x = torch.tensor([[3.0, 2], [1, 0]])  # (2/2, 2/4) · (1, 2) + 0.5 = 2.5, and 0.5
    assert ProbeHead.of(tensors, standardisation="mean_scale").scores(x).tolist() == pytest.approx([2.5, 0.5])
    assert ProbeHead.of(tensors, standardisation="none").scores(x).tolist() == pytest.approx([7.5, 1.5])


def test_half_precision_is_scored_in_full() -> None:
    x = torch.randn(50, 64).to(torch.bfloat16)
    direction = np.random.default_rng(1).normal(size=64)
    found = ProbeHead(direction).scores(x)
    assert found.dtype == torch.float32
    assert found.numpy() == pytest.approx(x.double().numpy() @ direction, abs=1e-3)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "direction is missing"),
        ({"direction": np.ones((2, 2))}, r"direction is \[2, 2\]"),
        ({"direction": np.ones(2), "bias": np.ones(2)}, r"bias is \[2\], and should be \[1\]"),
        ({"direction": np.ones(2)}, "mean is missing"),
        ({"direction": np.ones(2), "mean": np.ones(3)}, r"mean is \[3\], and should be \[2\]"),
        (
            {"direction": np.ones(2), "mean": np.ones(2), "scale": np.array([1.0, 0])},
            "scale: every number is above 0",
        ),
        ({"direction": np.array([1.0, np.inf])}, "not finite"),
        ({"direction": np.zeros(0)}, r"direction is \[0\]"),
    ],
)
def test_tensors_that_do_not_fit_are_named(tensors: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ProbeHead.of(tensors, standardisation="mean_scale")


def test_a_row_of_weights_is_a_direction() -> None:
    head = ProbeHead.of({"direction": np.array([[1.0, 2, 3]]), "bias": np.array(0.5)}, standardisation="none")
    assert head.direction.tolist() == [1, 2, 3]
    assert head.bias == 0.5


def test_a_card_s_words_make_a_use() -> None:
    use = use_of(
        "probe.x.v1",
        {"direction": np.ones(3)},
        hook="blocks.4.hook_resid_post",
        standardisation="none",
        output="probability",
    )
    assert (use.place, use.head.probability) == (Place(4), True)
