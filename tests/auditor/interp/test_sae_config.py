"""A dictionary's configuration and the head of its weights, read without torch; what cannot be used is refused in words."""

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from auditor.interp.hookpoints import Place
from auditor.interp.sae_config import KINDS, Unusable, check_weights, needed, read_configuration, read_header

NEW: dict[str, Any] = {
    "architecture": "jumprelu", "d_in": 8, "d_sae": 32, "dtype": "float32", "apply_b_dec_to_input": False,
    "normalize_activations": "none", "reshape_activations": "none",
    "metadata": {"hook_name": "blocks.3.hook_resid_post", "model_name": "gemma-2-2b", "neuronpedia_id": "gemma-2-2b/3-x", "sae_lens_version": "6.5.0"},
}  # fmt: skip
OLD: dict[str, Any] = {
    "d_in": 8, "d_sae": 32, "hook_point": "blocks.2.attn.hook_z", "hook_point_layer": 2, "model_name": "gpt2-small",
    "activation_fn_str": "relu", "normalize_activations": False, "apply_b_dec_to_input": True,
}  # fmt: skip


def header(**tensors: tuple[int, ...]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: ("F32", shape) for name, shape in tensors.items()}


def test_a_configuration_of_today() -> None:
    found = read_configuration(NEW)
    assert (found.kind, found.d_in, found.d_sae, found.place) == ("jumprelu", 8, 32, Place(3))
    assert (found.model_name, found.neuronpedia_id) == ("gemma-2-2b", "gemma-2-2b/3-x")
    assert found.independent
    assert not found.apply_b_dec
    assert needed(found) == {"W_enc": (8, 32), "b_enc": (32,), "threshold": (32,)}


def test_a_configuration_from_before_version_6() -> None:
    found = read_configuration(OLD)
    assert (found.kind, found.place, found.reshape_z, found.apply_b_dec) == (
        "standard",
        Place(2, "z"),
        True,
        True,
    )
    topk = read_configuration({**OLD, "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}})
    assert (topk.kind, topk.k, topk.independent) == ("topk", 4, False)
    assert read_configuration({**OLD, "normalize_activations": True}).needs_scaling


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read(kind: str) -> None:
    found = read_configuration({**NEW, "architecture": kind, "k": 4})
    check_weights(found, {name: ("BF16", shape) for name, shape in needed(found).items()})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"architecture": "temporal"}, "the kind 'temporal' is not read here; known are standard"),
        ({"normalize_activations": "covariance_whitening"}, "normalisation 'covariance_whitening'"),
        ({"architecture": "topk"}, "needs k"),
        ({"architecture": "topk", "k": 33}, "k is 33 of 32"),
        ({"activation_fn": "tanh-relu"}, "activation 'tanh-relu'"),
        ({"metadata": {}}, "hook_name is missing"),
        ({"metadata": {"hook_name": "blocks.1.mlp.hook_post"}}, "no|none that is read"),
        (
            {"metadata": {"hook_name": "blocks.1.hook_resid_post", "hook_head_index": 3}},
            "single attention head",
        ),
        ({"reshape_activations": "hook_z"}, "does not go with the hook"),
        ({"d_in": 0}, "d_in is a whole number"),
        ({"d_sae": True}, "d_sae is a whole number"),
        ({"d_sae": 1 << 25}, "at most"),
        ({"architecture": "transcoder", "apply_b_dec_to_input": True}, "transcoder's b_dec"),
        ({"apply_b_dec_to_input": "yes"}, "true or false"),
        ({"architecture": ["jumprelu"]}, "architecture is a text"),
    ],
)
def test_what_is_not_read_is_refused_in_words(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(Unusable, match=words):
        read_configuration({**NEW, **changed})


def test_weights_must_fit_their_configuration() -> None:
    found = read_configuration(NEW)
    check_weights(found, header(W_enc=(8, 32), b_enc=(32,), log_threshold=(32,)))
    with pytest.raises(Unusable, match="W_enc is 32 x 8, and should be 8 x 32"):
        check_weights(found, header(W_enc=(32, 8), b_enc=(32,), threshold=(32,)))
    with pytest.raises(Unusable, match="no threshold"):
        check_weights(found, header(W_enc=(8, 32), b_enc=(32,)))
    with pytest.raises(Unusable, match="b_enc is of I64"):
        check_weights(found, {**header(W_enc=(8, 32), threshold=(32,)), "b_enc": ("I64", (32,))})
    trained = read_configuration({**NEW, "architecture": "batchtopk"})
    check_weights(trained, header(W_enc=(8, 32), b_enc=(32,), topk_threshold=()))


def test_the_head_of_a_file_says_what_is_in_it() -> None:
    data = save({"W_enc": np.zeros((8, 32), np.float32), "b_enc": np.zeros(32, np.float16)}, {"made": "here"})
    assert read_header(io.BytesIO(data), len(data)) == {"W_enc": ("F32", (8, 32)), "b_enc": ("F16", (32,))}
    with pytest.raises(Unusable, match="does not lie in the file"):
        read_header(io.BytesIO(data), len(data) - 4)


def lies(about: dict[str, Any]) -> bytes:
    head = json.dumps(about).encode()
    return len(head).to_bytes(8, "little") + head + bytes(64)


@pytest.mark.parametrize(
    "about",
    [
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": "x", "data_offsets": [0, 16]}},
        {"a": 3},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]}},
    ],
)
def test_a_head_that_lies_is_refused(about: dict[str, Any]) -> None:
    data = lies(about)
    with pytest.raises(Unusable, match="no safetensors file"):
        read_header(io.BytesIO(data), len(data))


@given(st.binary(max_size=64))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    try:
        assert read_header(io.BytesIO(data), len(data)) == {}
    except Unusable:
        return
