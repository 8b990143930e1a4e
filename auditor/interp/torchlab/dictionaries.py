"""Encoders of sparse autoencoders and transcoders in SAELens's layout, equal to its own.

x [n, d_in] -> normalise -> subtract b_dec -> times W_enc plus b_enc -> activate, all in the encoder's dtype. What is left of
b_dec and of a scaling factor is folded into W_enc and b_enc once where SAELens would do the same; nothing else is
rearranged, so that equal weights give equal features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from auditor.evidence.blockformat import Top
from auditor.interp.hookpoints import Place
from auditor.interp.sae_config import (
    Configuration,
    Unusable,
    check_weights,
    needed,
    read_configuration,
    read_header,
)  # fmt: skip
from auditor.interp.torchlab.strongest import applies, strongest

__all__ = ["CannotWatch", "DictionaryUse", "Encoder", "Unusable", "densities", "open_dictionary"]

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}
CHUNK = 512  # tokens that are encoded at once
CHUNK_ON_CARD = 4096
EPSILON = 1e-5  # of layer_norm, as SAELens has it


class CannotWatch(ValueError):
    """These features cannot be computed without all the others."""


class Encoder:
    """An encoder of d_sae features over activations of width d_in.

    `encode`, `top` and what `watch` gives take x [n, d_in] of any float dtype, on the encoder's device.
    """

    def __init__(
        self, configuration: Configuration, tensors: Mapping[str, Tensor], *, scaling: float | None = None
    ) -> None:
        self.configuration = configuration
        self._weights = {name: value.contiguous() for name, value in tensors.items()}
        if configuration.needs_scaling:
            if scaling is None or not scaling > 0:
                raise Unusable(
                    "This dictionary was trained on activations of a set average norm (expected_average_only_in). The factor"
                    " that sets it stands in no cfg.json: give it, else every feature would be on another scale."
                )
            self._weights["W_enc"] = self._weights["W_enc"] * scaling
            if "b_dec" in self._weights:
                self._weights["b_dec"] = self._weights["b_dec"] / scaling
            if "W_dec" in self._weights:
                self._weights["W_dec"] = self._weights["W_dec"] / scaling
            if (
                configuration.rescale and "threshold" in self._weights
            ):  # it is in units of the decoder's norms
                self._weights["threshold"] = self._weights["threshold"] / scaling
        if configuration.kind == "gated":
            self._weights["gain"] = self._weights.pop("r_mag").exp()
        if configuration.rescale:
            self._weights["norms"] = self._weights.pop("W_dec").norm(dim=-1)

    @property
    def kind(self) -> str:
        return self.configuration.kind

    @property
    def place(self) -> Place:
        return self.configuration.place

    @property
    def d_in(self) -> int:
        return self.configuration.d_in

    @property
    def d_sae(self) -> int:
        return self.configuration.d_sae

    @property
    def dtype(self) -> torch.dtype:
        found: torch.dtype = self._weights["W_enc"].dtype
        return found

    def to(self, device: torch.device) -> "Encoder":
        """The same encoder with its weights there."""
        self._weights = {name: value.to(device) for name, value in self._weights.items()}
        return self

    def encode(self, x: Tensor) -> Tensor:
        """Every feature's activation, [n, d_sae] in the encoder's dtype; 0 where it is not active."""
        with torch.inference_mode():
            hidden = self._activated(self._prepared(x), self._weights)
            if self.configuration.k is None:
                return hidden
            values, index = torch.topk(hidden, self.configuration.k, dim=-1, sorted=False)
            return torch.zeros_like(hidden).scatter_(-1, index, values.relu_())

    def watch(self, features: Sequence[int]) -> Callable[[Tensor], Tensor]:
        """A function that gives these features' activations alone, [n, len(features)], as `encode` has them in its columns.

        Raises:
            CannotWatch: a feature's value depends on all others (TopK).
            ValueError: a feature that the dictionary does not have.
        """
        if not self.configuration.independent:
            raise CannotWatch(
                "In a TopK dictionary a feature counts only if few are stronger, so that none can be computed without all."
            )
        if any(not 0 <= feature < self.d_sae for feature in features):
            raise ValueError(f"features are numbered 0 to {self.d_sae - 1:,}")
        index = torch.tensor(list(features), dtype=torch.long, device=self._weights["W_enc"].device)
        some = {
            name: value.index_select(-1, index).contiguous() if name != "b_dec" else value
            for name, value in self._weights.items()
        }

        def watched(x: Tensor) -> Tensor:
            with torch.inference_mode():
                return self._activated(self._prepared(x), some)

        return watched

    def top(self, x: Tensor, k: int, *, chunk: int | None = None) -> Top:
        """The k strongest features of each token, strongest first; value 0 where fewer are active.

        Of equally strong features any may come first. Tokens are encoded in chunks, so that n · d_sae numbers are never held.
        """
        index = np.zeros((len(x), k), np.uint32)
        value = np.zeros((len(x), k), np.float32)
        chunk = chunk or self.chunk
        for begin in range(0, len(x), chunk):
            here = slice(begin, begin + chunk)
            found, at = self.strongest(x[here], k)
            value[here, : found.shape[1]] = found.float().cpu().numpy()
            index[here, : found.shape[1]] = at.cpu().numpy()
        index[value == 0] = 0
        return Top(index, value)

    def strongest(self, x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Values and numbers of the k strongest features of each token, [n, min(k, d_sae)], strongest first; at once."""
        with torch.inference_mode():
            kept = min(k, self.d_sae, self.configuration.k or self.d_sae)
            hidden = self._hidden(self._prepared(x), self._weights)
            threshold = self._weights.get("threshold")
            if applies(hidden, kept):
                return strongest(hidden, kept, threshold)
            if threshold is not None:
                hidden.masked_fill_(hidden <= threshold, 0)
            values, index = torch.topk(hidden, kept, dim=-1)
            return values.relu_(), index

    @property
    def chunk(self) -> int:
        """How many tokens are best encoded at once."""
        return CHUNK_ON_CARD if self._weights["W_enc"].is_cuda else CHUNK

    def _prepared(self, x: Tensor) -> Tensor:
        """What meets the encoder's weights: in its dtype, normalised, without b_dec."""
        x = x.to(self.dtype)
        match self.configuration.normalization:
            case "constant_norm_rescale":
                x = x * (self.d_in**0.5 / x.norm(dim=-1, keepdim=True))
            case "layer_norm":  # by the unbiased deviation, and with epsilon added to it
                x = x - x.mean(dim=-1, keepdim=True)
                x = x / (x.std(dim=-1, keepdim=True) + EPSILON)
        return x - self._weights["b_dec"] if self.configuration.apply_b_dec else x

    def _activated(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """[n, d_in] -> [n, features of these weights]; of TopK the pre-activations."""
        hidden = self._hidden(x, weights)
        if self.configuration.k is not None:
            return hidden
        if "threshold" in weights:
            hidden.masked_fill_(hidden <= weights["threshold"], 0)
        return hidden.relu_()

    def _hidden(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """The same before a threshold and before what is negative becomes 0."""
        if self.kind == "gated":
            hidden = x @ weights["W_enc"]
            active = hidden + weights["b_gate"] > 0
            return hidden.mul_(weights["gain"]).add_(weights["b_mag"]).mul_(active)
        hidden = torch.addmm(weights["b_enc"], x, weights["W_enc"])
        return hidden.mul_(weights["norms"]) if self.configuration.rescale else hidden


@dataclass(frozen=True, slots=True)
class DictionaryUse:
    """A dictionary in a capture: which features get a value for each token, and how many of the strongest are kept."""

    name: str  # the key in a block's `top.NAME.index`
    encoder: Encoder
    keys: tuple[str, ...] = ()  # channels' keys, one for each of `features`
    features: tuple[int, ...] = ()
    top: int = 0  # 0: these features alone are computed, unless the kind does not allow that


def open_dictionary(
    configuration: Mapping[str, Any],
    weights: Path,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    scaling: float | None = None,
) -> Encoder:
    """The encoder in a safetensors file, by its configuration (cfg.json as it came, pre-6 too).

    Args:
        scaling: the factor that "expected_average_only_in" needs; it stands in no cfg.json.

    Raises:
        Unusable: an unknown kind or normalisation, a missing tensor, shapes that do not fit, or weights that are not
            finite; in words.
    """
    known = read_configuration(configuration)
    if dtype not in DTYPES:
        raise Unusable(f"{dtype[:40]!r} is no dtype; it is one of {', '.join(DTYPES)}.")
    with weights.open("rb") as stream:
        header = read_header(stream, weights.stat().st_size)
    check_weights(known, header)
    try:
        with safe_open(weights, framework="pt", device=device) as file:
            tensors = {name: _tensor(file, name, known, header, DTYPES[dtype]) for name in needed(known)}
    except SafetensorError as problem:
        raise Unusable(f"The weights cannot be read: {str(problem)[:200]}.") from problem
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise Unusable(
                f"{name}: a number is not finite" + ("." if dtype == "float32" else f", at least as {dtype}.")
            )
    return Encoder(known, tensors, scaling=scaling)


def _tensor(
    file: Any, name: str, known: Configuration, header: Mapping[str, Any], dtype: torch.dtype
) -> Tensor:
    if name == "threshold" and name not in header:
        if "log_threshold" in header:
            spelled: Tensor = file.get_tensor("log_threshold").to(dtype).exp()
            return spelled
        return torch.full(
            (known.d_sae,),
            float(file.get_tensor("topk_threshold")),
            dtype=dtype,
            device=file.get_tensor("b_enc").device,
        )
    found: Tensor = file.get_tensor(name).to(dtype)
    return found


def densities(sparsity: Path) -> npt.NDArray[np.float64]:
    """Share of tokens on which each feature was active, [d_sae], from SAELens's sparsity.safetensors (log10 of it).

    Raises:
        Unusable: no tensor `sparsity` of one row, or numbers that are no logarithms of shares.
    """
    try:
        with safe_open(sparsity, framework="np") as file:
            found = np.asarray(file.get_tensor("sparsity"), np.float64)
    except (SafetensorError, OSError, TypeError) as problem:
        raise Unusable(f"sparsity.safetensors cannot be read: {str(problem)[:200]}.") from problem
    if found.ndim != 1 or np.isnan(found).any() or (found > 1e-6).any():
        raise Unusable("sparsity.safetensors: `sparsity` is one row of log10 shares, none above 0.")
    return np.minimum(10.0**found, 1.0)
