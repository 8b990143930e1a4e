"""Places in a transformer, by the names that the field gives them.

    blocks.12.hook_resid_post      after block 12 (TransformerLens)
    model.layers.12                the same (transformers' module), also transformer.h.12 and gpt_neox.layers.12
    hidden_states, 13              the same: index 0 is the embedding, so that n+1 is after block n

One trap lies there: the last of `hidden_states` comes after the final norm, and is another vector than what leaves the last block.
"""

import re
from dataclasses import dataclass

RESID_POST, HIDDEN_STATES = "resid_post", "hidden_states"  # conventions of a layer's number
CONVENTIONS = (RESID_POST, HIDDEN_STATES)
HOOKS = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_resid_post": "resid_post",
    "hook_mlp_in": "resid_mid",
    "hook_mlp_out": "mlp_out",
    "hook_attn_out": "attn_out",
    "attn.hook_z": "z",
    "ln2.hook_normalized": "mlp_normalized",
}
SITES = {
    "resid_pre": "residual stream before the block",
    "resid_mid": "residual stream between attention and MLP",
    "resid_post": "residual stream after the block",
    "mlp_out": "what the MLP adds to the residual stream",
    "attn_out": "what attention adds to the residual stream",
    "z": "attention heads' outputs before they are mixed",
    "mlp_normalized": "residual stream before the MLP, normalised, without the norm's weights",
    "final_norm": "residual stream after the last block and the final norm",
}
_BLOCKS = re.compile(r"blocks\.(\d{1,4})\.([a-z0-9_.]+)")
_MODULE = re.compile(
    r"(?:(?:model|transformer|gpt_neox|decoder|language_model)\.)*(?:layers|h)\.(\d{1,4})(?:\.output)?"
)


class UnknownHook(ValueError):
    """A name of no place that can be read here."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a model."""

    layer: int  # of the block, from 0
    site: str = "resid_post"  # a key of SITES

    @property
    def name(self) -> str:
        """As TransformerLens calls it."""
        hook = next((hook for hook, site in HOOKS.items() if site == self.site), self.site)
        return f"blocks.{self.layer}.{hook}"

    @property
    def words(self) -> str:
        """As a person would say it."""
        return f"{SITES[self.site]}, block {self.layer}"


def parse_hook(name: str) -> Place:
    """The place that a hook's name means.

    Raises:
        UnknownHook: a name of no such place, in words.
    """
    module = _MODULE.fullmatch(name)
    if module:
        return Place(int(module[1]))
    hook = _BLOCKS.fullmatch(name)
    if hook and hook[2] in HOOKS:
        return Place(int(hook[1]), HOOKS[hook[2]])
    known = ", ".join(f"blocks.N.{known}" for known in HOOKS)
    raise UnknownHook(
        f"The hook {name[:100]!r} is none that is read here; known are {known} and model.layers.N."
    )


def place_of(layer: int, convention: str, *, n_layers: int | None = None) -> Place:
    """The place that a layer's number means under a convention.

    Args:
        layer: n of "resid_post" (after block n), or the index in "hidden_states" (0 is the embedding).
        n_layers: of the model, where it is known: the last of `hidden_states` is after the final norm.

    Raises:
        UnknownHook: no such convention, or a layer that the model does not have.
    """
    if convention not in CONVENTIONS:
        raise UnknownHook(f"{convention[:60]!r} is no convention: it is {' or '.join(CONVENTIONS)}.")
    last = None if n_layers is None else n_layers - (convention == RESID_POST)
    if layer < 0 or (last is not None and layer > last):
        raise UnknownHook(f"There is no layer {layer} by {convention}" + (f": 0 to {last}." if last else "."))
    if convention == RESID_POST:
        return Place(layer)
    if layer == 0:
        return Place(0, "resid_pre")
    return Place(layer - 1, "final_norm" if layer == n_layers else "resid_post")
