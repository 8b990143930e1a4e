"""Reading activations at places of a model, while it runs and no further than it must."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from auditor.interp.hookpoints import SITES, Place, UnknownHook

BLOCKS = ("layers", "h", "language_model.layers", "decoder.layers", "model.layers")
ATTENTION = ("self_attn", "attn", "attention")
MIXERS = ("o_proj", "c_proj", "out_proj", "dense")  # of attention heads
FINAL_NORMS = ("norm", "ln_f", "final_layer_norm", "language_model.norm", "decoder.final_layer_norm")
REACHED = (  # in this order by a block
    "resid_pre",
    "z",
    "attn_out",
    "resid_mid",
    "mlp_normalized",
    "mlp_out",
    "resid_post",
    "final_norm",
)

Sink = Callable[[Place, Tensor], None]  # takes [batch, tokens, width]


class _Enough(Exception):
    """Everything wanted was seen; the rest of the model need not run."""


def check_place(core: nn.Module, place: Place) -> None:
    """That the model has that place.

    Raises:
        UnknownHook: it does not, in words.
    """
    _hooked(core, place)


def width_of(core: nn.Module, place: Place, d_model: int) -> int:
    """How many numbers an activation there has: the model's width, or all heads' together."""
    if place.site != "z":
        return d_model
    mixer: Any = _hooked(core, place)[0]
    return int(mixer.in_features if isinstance(mixer, nn.Linear) else mixer.weight.shape[0])


@contextmanager
def reading(core: nn.Module, places: Iterable[Place], sink: Sink) -> Iterator[Callable[..., None]]:
    """Within this, the function that is given runs the model on its arguments up to the last of the places.

    `sink` is called once for each place on each run, with activations that it must not change.
    """
    wanted = sorted(set(places), key=lambda place: (place.layer, REACHED.index(place.site)))
    handles = []

    def seen(place: Place, found: Tensor) -> None:
        sink(place, found)
        if place == wanted[-1]:
            raise _Enough

    for place in wanted:
        module, before, change = _hooked(core, place)

        def hook(
            *given: Any,
            place: Place = place,
            change: Callable[[Tensor], Tensor] | None = change,
            before: bool = before,
        ) -> None:
            found = given[1] if before else given[-1]
            found = found[0] if isinstance(found, tuple) else found
            seen(place, change(found) if change else found)

        def entering(
            _: nn.Module, args: tuple[Any, ...], named: dict[str, Any], hook: Callable[..., None] = hook
        ) -> None:
            hook(None, args[0] if args else named["hidden_states"])

        if before:
            handles.append(module.register_forward_pre_hook(entering, with_kwargs=True))
        else:
            handles.append(module.register_forward_hook(hook))

    def run(*args: Any, **named: Any) -> None:
        try:
            core(*args, **named)
        except _Enough:
            return

    try:
        yield run
    finally:
        for handle in handles:
            handle.remove()


def _hooked(core: nn.Module, place: Place) -> tuple[nn.Module, bool, Callable[[Tensor], Tensor] | None]:
    """The module to listen at, whether to what goes in, and what is done with it."""
    blocks = _first(core, BLOCKS)
    if blocks is None:
        raise UnknownHook(f"The blocks of a {type(core).__name__} are not known here.")
    n = len(blocks)
    if not 0 <= place.layer < n:
        raise UnknownHook(f"The model has {n} blocks, 0 to {n - 1}, and this reads block {place.layer}.")
    block: nn.Module = blocks[place.layer]
    match place.site:
        case "resid_pre":
            return block, True, None
        case "resid_post":
            return block, False, None
        case "final_norm":
            return _known(core, FINAL_NORMS, place), False, None
        case "z":
            return _known(_known(block, ATTENTION, place), MIXERS, place), True, None
        case "attn_out":
            sandwiched = hasattr(block, "pre_feedforward_layernorm")  # Gemma: a norm before and after
            names = ("post_attention_layernorm",) if sandwiched else ATTENTION
            return _known(block, names, place), False, None
        case "mlp_out":
            return _known(block, ("post_feedforward_layernorm", "mlp", "feed_forward"), place), False, None
        case "resid_mid" | "mlp_normalized":
            parallel = getattr(block, "use_parallel_residual", False)
            names = ("pre_feedforward_layernorm", "ln_2", "post_attention_layernorm")
            if parallel or hasattr(block, "post_feedforward_layernorm") != hasattr(
                block, "pre_feedforward_layernorm"
            ):
                raise UnknownHook(f"Blocks of this model have no {SITES[place.site]}.")
            norm = _known(block, names, place)
            return norm, True, _without_weights(norm) if place.site == "mlp_normalized" else None
    raise UnknownHook(f"{place.site} is no place in a model.")


def _known(module: nn.Module, names: tuple[str, ...], place: Place) -> nn.Module:
    found = _first(module, names)
    if found is None:
        raise UnknownHook(f"In a {type(module).__name__} it is not known where {SITES[place.site]} is.")
    return found


def _first(module: nn.Module, names: tuple[str, ...]) -> nn.Module | None:
    for name in names:
        try:
            return module.get_submodule(name)
        except AttributeError:
            continue
    return None


def _without_weights(norm: nn.Module) -> Callable[[Tensor], Tensor]:
    """The norm with neither gain nor shift, as TransformerLens's hook_normalized has it."""
    eps = next(
        (
            value
            for name in ("eps", "variance_epsilon")
            if isinstance(value := getattr(norm, name, None), float)
        ),
        None,
    )
    if eps is None:
        raise UnknownHook(f"The norm before the MLP ({type(norm).__name__}) is of no known kind.")
    centred = isinstance(norm, nn.LayerNorm)

    def normalised(x: Tensor) -> Tensor:
        wide = x.to(torch.float32)
        wide = wide - wide.mean(dim=-1, keepdim=True) if centred else wide
        return (wide * torch.rsqrt(wide.pow(2).mean(dim=-1, keepdim=True) + eps)).to(x.dtype)

    return normalised
