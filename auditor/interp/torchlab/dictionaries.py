"""Encoders of sparse autoencoders and transcoders in SAELens's layout, equal to its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.evidence.blockformat import Top
from auditor.interp.hookpoints import Place

Tensor = Any


class Encoder:
    """An encoder of d_sae features over activations of width d_in.

    `encode`, `watch` and `top` take x [n, d_in] of any float dtype, on any device.
    """

    kind: str
    place: Place
    d_in: int
    d_sae: int

    def encode(self, x: Tensor) -> Tensor:
        """Every feature's activation, [n, d_sae] in the encoder's dtype; 0 where it is not active."""
        raise RuntimeError("no weights")

    def watch(self, features: Sequence[int]) -> Callable[[Tensor], Tensor]:
        """A function that gives these features' activations alone, [n, len(features)], the same as `encode`'s columns.

        Raises:
            CannotWatch: a feature's value depends on all others (TopK).
        """
        raise RuntimeError("no weights")

    def top(self, x: Tensor, k: int, *, chunk: int = 256) -> Top:
        """The k strongest features of each token, strongest first; value 0 where fewer are active."""
        raise RuntimeError("no weights")


class CannotWatch(ValueError):
    """These features cannot be computed without all the others."""


@dataclass(frozen=True, slots=True)
class DictionaryUse:
    """A dictionary in a capture: which features get a value for each token, and how many of the strongest are kept."""

    name: str  # the key in a block's `top.NAME.index`
    encoder: Encoder
    keys: tuple[str, ...] = ()  # channels' keys, one for each of `features`
    features: tuple[int, ...] = ()
    top: int = 0  # 0: by watch-list alone, unless the kind does not allow that


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
        sae_config.Unusable: an unknown kind or normalisation, a missing tensor, or shapes that do not fit; in words.
    """
    raise RuntimeError("no weights")


def densities(sparsity: Path) -> npt.NDArray[np.float64]:
    """Share of tokens on which each feature was active, [d_sae], from sparsity.safetensors (log10, by SAELens)."""
    raise RuntimeError("no weights")
