"""Each place gives the vectors that its name means, by every family and by other ways to the same vectors."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from auditor.interp.hookpoints import Place, UnknownHook, place_of
from auditor.interp.torchlab.hooks import check_place, reading
from tests.interp.tiny_models import FAMILIES, LAYERS, WIDTH

IDS = torch.tensor([[5, 17, 90, 33, 12, 301, 7]])


def seen(subject: Any, places: Sequence[Place]) -> dict[Place, torch.Tensor]:
    found: dict[Place, torch.Tensor] = {}
    with (
        torch.inference_mode(),
        reading(subject.core, places, lambda place, x: found.update({place: x[0].clone()})) as run,
    ):
        run(input_ids=IDS, use_cache=False)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_resid_post_n_is_hidden_states_n_plus_1(family: str, subjects: dict[str, Any]) -> None:
    subject = subjects[family]
    with torch.inference_mode():
        states = subject.core(input_ids=IDS, output_hidden_states=True, use_cache=False).hidden_states
    assert len(states) == LAYERS + 1
    places = [place_of(index, "hidden_states", n_layers=LAYERS) for index in range(LAYERS + 1)]
    found = seen(subject, places)
    for place, state in zip(places, states, strict=True):
        assert torch.equal(found[place], state[0]), place
    for n in range(LAYERS - 1):
        assert torch.equal(seen(subject, [place_of(n, "resid_post")])[Place(n)], states[n + 1][0])
    before_norm = seen(subject, [Place(LAYERS - 1)])[Place(LAYERS - 1)]
    assert not torch.allclose(before_norm, states[LAYERS][0], atol=0.1), (
        "the last of hidden_states comes after the norm"
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_what_parts_add_is_what_the_stream_gains(family: str, subjects: dict[str, Any]) -> None:
    n = 1
    sites = ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post")
    found = seen(subjects[family], [Place(n, site) for site in sites])
    pre, attn, mid, mlp, post = (found[Place(n, site)] for site in sites)
    assert torch.allclose(pre + attn, mid, atol=1e-5)
    assert torch.allclose(mid + mlp, post, atol=1e-5)
    assert mlp.abs().max() > 0.01
    assert torch.equal(pre, seen(subjects[family], [Place(n - 1)])[Place(n - 1)])


@pytest.mark.parametrize("family", FAMILIES)
def test_heads_mixed_are_what_attention_gives(family: str, subjects: dict[str, Any]) -> None:
    z = seen(subjects[family], [Place(0, "z")])[Place(0, "z")]
    block = subjects[family].core.get_submodule("h" if family == "gpt2" else "layers")[0]
    mixed = (block.attn.c_proj if family == "gpt2" else block.self_attn.o_proj)(z)
    mixed = block.post_attention_layernorm(mixed) if family == "gemma" else mixed
    assert torch.allclose(
        mixed, seen(subjects[family], [Place(0, "attn_out")])[Place(0, "attn_out")], atol=1e-5
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_normalised_is_the_norm_without_its_weights(family: str, subjects: dict[str, Any]) -> None:
    found = seen(subjects[family], [Place(2, "mlp_normalized"), Place(2, "resid_mid")])
    x, mid = found[Place(2, "mlp_normalized")], found[Place(2, "resid_mid")]
    assert x.pow(2).mean(dim=-1) == pytest.approx(torch.ones(len(x)), abs=1e-3)
    block = subjects[family].core.get_submodule("h" if family == "gpt2" else "layers")[2]
    if family == "gpt2":
        assert torch.allclose(x * block.ln_2.weight + block.ln_2.bias, block.ln_2(mid), atol=1e-5)
    elif family == "llama":
        assert torch.allclose(
            x * block.post_attention_layernorm.weight, block.post_attention_layernorm(mid), atol=1e-5
        )
    else:
        norm = block.pre_feedforward_layernorm
        assert torch.allclose(x * (1 + norm.weight), norm(mid), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rest_of_the_model_is_not_run(family: str, subjects: dict[str, Any]) -> None:
    core = subjects[family].core
    last = core.get_submodule("h" if family == "gpt2" else "layers")[LAYERS - 1]
    before = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in core.modules()]
    ran = []
    handle = last.register_forward_hook(lambda *_: ran.append(1))
    seen(subjects[family], [Place(0), Place(0, "mlp_out")])
    assert not ran
    seen(subjects[family], [Place(LAYERS - 1)])
    assert ran
    handle.remove()
    after = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in core.modules()]
    assert after == before, "nobody goes on listening"


def test_places_that_are_not_there_are_refused_in_words(subjects: dict[str, Any]) -> None:
    core = subjects["llama"].core
    check_place(core, Place(LAYERS - 1))
    with pytest.raises(UnknownHook, match="3 blocks, 0 to 2, and this reads block 3"):
        check_place(core, Place(3))
    with pytest.raises(UnknownHook, match="blocks of a Linear are not known"):
        check_place(torch.nn.Linear(WIDTH, 1), Place(0))
    with pytest.raises(UnknownHook, match="is no place"):
        check_place(core, Place(0, "elsewhere"))
