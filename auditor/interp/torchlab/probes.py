"""Linear probes: a score for each token from the activations at one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.interp.hookpoints import Place

Tensor = Any


@dataclass(frozen=True)
class ProbeHead:
    """score = ((x - mean) / scale) · direction + bias, negated where low means what the probe is named for."""

    direction: npt.NDArray[np.float64]  # [d]
    bias: float = 0.0
    mean: npt.NDArray[np.float64] | None = None  # [d]
    scale: npt.NDArray[np.float64] | None = None  # [d]
    flip: bool = False  # the polarity: high means the opposite
    probability: bool = False  # give 1 / (1 + exp(-score)) instead

    @classmethod
    def of(
        cls,
        tensors: Mapping[str, npt.NDArray[Any]],
        *,
        standardisation: str,
        flip: bool = False,
        probability: bool = False,
    ) -> "ProbeHead":
        """From the tensors of a probe's file: direction [d], optional bias [1], mean [d], scale [d].

        Args:
            standardisation: "none", "mean" or "mean_scale": which of them are applied.

        Raises:
            ValueError: a tensor is missing, has another shape, or is not finite; a scale of 0.
        """
        raise ValueError("direction is missing")

    def scores(self, x: Tensor) -> Tensor:
        """x [n, d] of any float dtype -> [n] float32."""
        raise RuntimeError("no weights")


@dataclass(frozen=True, slots=True)
class ProbeUse:
    """A probe in a capture."""

    key: str  # its channel's
    head: ProbeHead
    place: Place
    adapter: Path | None = None  # LoRA that is applied for this probe alone
