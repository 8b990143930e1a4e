"""Our encoder gives what SAELens's gives on the same weights, for every kind and every normalisation."""

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file as save_numbers
from safetensors.torch import load_file, save_file

from auditor.interp.sae_config import KINDS, NORMALIZATIONS, TRANSCODERS
from auditor.interp.torchlab.dictionaries import CannotWatch, Encoder, Unusable, densities, open_dictionary

pytestmark = pytest.mark.filterwarnings("ignore")  # the other library's
D_IN, D_SAE, K = 24, 96, 7
ORACLES = ("standard", "gated", "topk", "jumprelu", *TRANSCODERS)  # kinds that SAELens has for inference


def configuration(kind: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "architecture": kind, "d_in": D_IN, "d_sae": D_SAE, "dtype": "float32", "device": "cpu",
        "apply_b_dec_to_input": kind not in TRANSCODERS, "normalize_activations": "none", "reshape_activations": "none",
        "metadata": {"hook_name": "blocks.1.hook_resid_post", "model_name": "tiny", "sae_lens_version": "6.54.12"},
    }  # fmt: skip
    found |= {"k": K, "rescale_acts_by_decoder_norm": False} if kind == "topk" else {}
    found |= {"d_out": D_IN} if kind in TRANSCODERS else {}
    return found | more


def oracle(written: dict[str, Any], folder: Path, seed: int = 0) -> Any:
    """SAELens's own, with random weights, saved by its own hand."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sae_lens import SAE

    given = copy.deepcopy(written)
    sae = SAE.from_dict(given)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in sae.named_parameters():
            scale = 0.3 if weight.ndim == 2 else 0.2
            weight.copy_(torch.randn_like(weight) * scale)
            if name == "threshold":
                weight.copy_(torch.rand_like(weight))
    sae.save_model(folder)
    return SAE.load_from_disk(folder, device="cpu")


def ours(folder: Path, **more: Any) -> Encoder:
    return open_dictionary(
        json.loads((folder / "cfg.json").read_text()), folder / "sae_weights.safetensors", **more
    )


def x_of(n: int = 200, width: int = D_IN) -> torch.Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(4)) * 3 + 0.5


def same(mine: torch.Tensor, theirs: torch.Tensor) -> None:
    assert mine.shape == theirs.shape
    assert (mine - theirs).abs().max() <= 1e-5 * max(1.0, float(theirs.abs().max()))
    assert ((mine > 0) == (theirs > 0)).all(), "the same features are active"
    assert 0 < (mine > 0).float().mean() < 1


@pytest.mark.parametrize("normalization", ["none", "constant_norm_rescale", "layer_norm"])
@pytest.mark.parametrize("kind", ORACLES)
def test_equal_weights_give_equal_features(kind: str, normalization: str, tmp_path: Path) -> None:
    sae = oracle(configuration(kind, normalize_activations=normalization), tmp_path)
    x = x_of()
    with torch.no_grad():
        theirs = sae.encode(x.clone())
    mine = ours(tmp_path)
    same(mine.encode(x), theirs)
    assert (mine.kind, mine.d_in, mine.d_sae, mine.place.layer) == (kind, D_IN, D_SAE, 1)


@pytest.mark.parametrize("kind", ORACLES)
def test_a_scaling_factor_is_needed_and_does_what_folding_it_does(kind: str, tmp_path: Path) -> None:
    sae = oracle(configuration(kind, normalize_activations="expected_average_only_in"), tmp_path)
    with pytest.raises(Unusable, match="give it, else every feature would be on another scale"):
        ours(tmp_path)
    with torch.no_grad():
        sae.fold_activation_norm_scaling_factor(0.37)
        theirs = sae.encode(x_of())
    same(ours(tmp_path, scaling=0.37).encode(x_of()), theirs)


@pytest.mark.parametrize("kind", ["standard", "gated", "topk", "jumprelu"])
def test_b_dec_is_left_in_where_the_configuration_says_so(kind: str, tmp_path: Path) -> None:
    sae = oracle(configuration(kind, apply_b_dec_to_input=False), tmp_path)
    with torch.no_grad():
        same(ours(tmp_path).encode(x_of()), sae.encode(x_of()))


@pytest.mark.parametrize("normalization", ["none", "layer_norm"])
def test_topk_by_decoder_norms(normalization: str, tmp_path: Path) -> None:
    written = configuration("topk", rescale_acts_by_decoder_norm=True, normalize_activations=normalization)
    sae = oracle(written, tmp_path)
    with torch.no_grad():
        same(ours(tmp_path).encode(x_of()), sae.encode(x_of()))


def test_attention_heads_lie_side_by_side(tmp_path: Path) -> None:
    written = configuration("standard", reshape_activations="hook_z")
    written["metadata"]["hook_name"] = "blocks.0.attn.hook_z"
    sae = oracle(written, tmp_path)
    with torch.no_grad():
        theirs = sae.encode(x_of().reshape(-1, 4, D_IN // 4))
    same(ours(tmp_path).encode(x_of()), theirs)


@pytest.mark.parametrize("activation", ["relu", "topk"])
@pytest.mark.parametrize("normalize", [False, None, "layer_norm"])
def test_configurations_from_before_version_6(activation: str, normalize: Any, tmp_path: Path) -> None:
    kind = "topk" if activation == "topk" else "standard"
    oracle(configuration(kind), tmp_path)
    old = {
        "d_in": D_IN, "d_sae": D_SAE, "dtype": "float32", "device": "cpu", "model_name": "tiny",
        "hook_point": "blocks.1.hook_resid_post", "hook_point_layer": 1, "hook_point_head_index": None,
        "activation_fn_str": activation, "activation_fn_kwargs": {"k": K} if kind == "topk" else {},
        "normalize_activations": normalize, "finetuning_scaling_factor": False, "context_size": 128,
    }  # fmt: skip
    (tmp_path / "cfg.json").write_text(json.dumps(old))
    from sae_lens import SAE

    sae = SAE.load_from_disk(tmp_path, device="cpu")
    with torch.no_grad():
        same(ours(tmp_path).encode(x_of()), sae.encode(x_of()))


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("kind", ["batchtopk", "matryoshka_batchtopk"])
def test_a_batchtopk_as_it_was_trained_is_the_jumprelu_that_it_is_saved_as(
    kind: str, rescale: bool, tmp_path: Path
) -> None:
    from sae_lens import (
        SAE,
        BatchTopKTrainingSAE,
        BatchTopKTrainingSAEConfig,
        MatryoshkaBatchTopKTrainingSAE,
        MatryoshkaBatchTopKTrainingSAEConfig,
    )  # fmt: skip

    if kind == "batchtopk":
        training: Any = BatchTopKTrainingSAE(
            BatchTopKTrainingSAEConfig(d_in=D_IN, d_sae=D_SAE, k=K, rescale_acts_by_decoder_norm=rescale)
        )
    else:
        training = MatryoshkaBatchTopKTrainingSAE(
            MatryoshkaBatchTopKTrainingSAEConfig(
                d_in=D_IN,
                d_sae=D_SAE,
                k=K,
                matryoshka_widths=[32, D_SAE],
                rescale_acts_by_decoder_norm=rescale,
            )
        )
    torch.manual_seed(2)
    with torch.no_grad():
        for weight in training.parameters():
            weight.copy_(torch.randn_like(weight) * 0.3)
        training.topk_threshold.fill_(0.8)
    training.cfg.metadata.hook_name = "blocks.1.hook_resid_post"
    training.save_inference_model(tmp_path / "saved")
    training.save_model(tmp_path / "trained")
    sae = SAE.load_from_disk(tmp_path / "saved", device="cpu")
    assert sae.cfg.architecture() == "jumprelu"
    with torch.no_grad():
        theirs = sae.encode(x_of())
    same(ours(tmp_path / "saved").encode(x_of()), theirs)
    as_trained = ours(tmp_path / "trained")
    assert as_trained.kind == kind
    same(as_trained.encode(x_of()), theirs)


def test_a_threshold_by_its_logarithm(tmp_path: Path) -> None:
    oracle(configuration("jumprelu"), tmp_path)
    tensors = load_file(tmp_path / "sae_weights.safetensors")
    expected = ours(tmp_path).encode(x_of())
    tensors["log_threshold"] = tensors.pop("threshold").log()
    save_file(tensors, tmp_path / "sae_weights.safetensors")
    assert ours(tmp_path).encode(x_of()) == pytest.approx(expected, abs=1e-5)


# --- A watch-list, the strongest, half precision.


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "topk"])
def test_a_watch_list_is_the_same_columns(kind: str, normalization: str, tmp_path: Path) -> None:
    saved = {"batchtopk": "jumprelu", "matryoshka_batchtopk": "jumprelu"}.get(kind, kind)
    oracle(configuration(saved, normalize_activations=normalization), tmp_path)
    written = json.loads((tmp_path / "cfg.json").read_text()) | {"architecture": kind}
    encoder = open_dictionary(written, tmp_path / "sae_weights.safetensors", scaling=0.5)
    features = [5, 0, 95, 5, 40]
    found = encoder.watch(features)(x_of())
    whole = encoder.encode(x_of())[:, features]
    assert (found - whole).abs().max() <= 1e-5 * max(1.0, float(whole.abs().max()))
    assert ((found > 0) == (whole > 0)).all()
    with pytest.raises(ValueError, match="0 to 95"):
        encoder.watch([96])


def test_a_watch_list_of_topk_is_refused(tmp_path: Path) -> None:
    oracle(configuration("topk"), tmp_path)
    with pytest.raises(CannotWatch, match="none can be computed without all"):
        ours(tmp_path).watch([1])


@pytest.mark.parametrize("kind", ORACLES)
@pytest.mark.parametrize("k", [1, 5, 20])
def test_the_strongest_are_the_strongest(kind: str, k: int, tmp_path: Path) -> None:
    oracle(configuration(kind), tmp_path)
    encoder, x = ours(tmp_path), x_of(70)
    top = encoder.top(x, k, chunk=32)
    features = encoder.encode(x).numpy()
    assert top.index.dtype == np.uint32
    assert top.index.shape == top.value.shape == (70, k)
    # Other kernels for another number of rows: values of 6 to 20 are two of their last places apart on some processors.
    assert top.value == pytest.approx(-np.sort(-features, axis=1)[:, :k], rel=1e-6, abs=1e-6)
    at = np.take_along_axis(features, top.index.astype(int), axis=1)
    assert at[top.value > 0] == pytest.approx(top.value[top.value > 0], rel=1e-6, abs=1e-6)
    assert (top.index[top.value == 0] == 0).all()


def test_fewer_features_than_are_asked_for(tmp_path: Path) -> None:
    oracle(configuration("standard"), tmp_path)
    top = ours(tmp_path).top(x_of(3), D_SAE + 10)
    assert top.value.shape == (3, D_SAE + 10)
    assert not top.value[:, D_SAE:].any()
    assert ours(tmp_path).top(x_of(0), 4).value.shape == (0, 4)


@pytest.mark.parametrize("kind", ORACLES)
def test_half_precision_is_near(kind: str, tmp_path: Path) -> None:
    sae = oracle(configuration(kind), tmp_path)
    full, half = ours(tmp_path), ours(tmp_path, dtype="bfloat16")
    x = x_of().to(torch.bfloat16)
    assert half.encode(x).dtype == torch.bfloat16
    exact, near = full.encode(x.float()), half.encode(x).float()
    with torch.no_grad():
        theirs = sae.to(dtype=torch.bfloat16).encode(x).float()
    error, their_error = (near - exact).abs().mean(), (theirs - exact).abs().mean()
    assert error <= 1.05 * their_error, "no further from the exact than SAELens is in half precision"
    overlap = [
        len(set(a) & set(b)) / K
        for a, b in zip(full.top(x.float(), K).index, half.top(x, K).index, strict=True)
    ]
    assert np.mean(overlap) > 0.9


# --- What cannot be used.


def test_weights_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    oracle(configuration("jumprelu"), tmp_path)
    path, tensors = tmp_path / "sae_weights.safetensors", load_file(tmp_path / "sae_weights.safetensors")
    save_file({**tensors, "b_enc": tensors["b_enc"] * float("nan")}, path)
    with pytest.raises(Unusable, match="b_enc: a number is not finite"):
        ours(tmp_path)
    save_file({**tensors, "W_enc": tensors["W_enc"] * 1e6}, path)
    with pytest.raises(Unusable, match="not finite, at least as float16"):
        ours(tmp_path, dtype="float16")
    save_file({**tensors, "W_enc": tensors["W_enc"].T.contiguous()}, path)
    with pytest.raises(Unusable, match="W_enc is 96 x 24, and should be 24 x 96"):
        ours(tmp_path)
    del tensors["threshold"]
    save_file(tensors, path)
    with pytest.raises(Unusable, match="no threshold"):
        ours(tmp_path)
    path.write_bytes(b"PK\x03\x04 a zip")
    with pytest.raises(Unusable, match="no safetensors file"):
        ours(tmp_path)


def test_densities_are_shares(tmp_path: Path) -> None:
    path = tmp_path / "sparsity.safetensors"
    save_numbers({"sparsity": np.array([-1.0, -10, 0, -np.inf], np.float32)}, path)
    assert densities(path) == pytest.approx([0.1, 1e-10, 1, 0])
    save_numbers({"sparsity": np.array([0.3], np.float32)}, path)
    with pytest.raises(Unusable, match="none above 0"):
        densities(path)
    save_numbers({"other": np.zeros(2, np.float32)}, path)
    with pytest.raises(Unusable, match="cannot be read"):
        densities(path)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["standard", "gated", "jumprelu", "topk"])
def test_of_many_features_the_strongest_are_those_of_encode(kind: str, dtype: str, tmp_path: Path) -> None:
    sae = oracle(configuration(kind, d_sae=4096), tmp_path)
    encoder, x = ours(tmp_path, dtype=dtype), x_of(50)
    top, features = encoder.top(x, 12, chunk=16), encoder.encode(x).float().numpy()
    expected = -np.sort(-features, axis=1)[:, :12]
    assert (top.value > 0).any()
    assert top.value == pytest.approx(expected, rel=1e-6, abs=1e-6 if dtype == "float32" else 0.02)
    if dtype == "float32":
        with torch.no_grad():
            theirs = torch.topk(sae.encode(x), 12, dim=-1)
        assert top.value == pytest.approx(theirs.values.numpy(), abs=1e-4)
