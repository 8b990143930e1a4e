"""Linear probes: a score for each token from the activations at one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from auditor.interp.hookpoints import Place, parse_hook

Numbers = npt.NDArray[np.float64]
NEEDED = {"none": (), "mean": ("mean",), "mean_scale": ("mean", "scale")}


@dataclass(frozen=True)
class ProbeHead:
    """score = ((x - mean) / scale) · direction + bias; what a high one means is said by the probe's card.

    Kept as one direction and one number, which give the same score: direction / scale, and bias - mean · direction / scale.
    """

    direction: Numbers  # [d]
    bias: float = 0.0
    probability: bool = False  # give 1 / (1 + exp(-score)) instead

    @classmethod
    def of(
        cls, tensors: Mapping[str, npt.NDArray[Any]], *, standardisation: str, probability: bool = False
    ) -> "ProbeHead":
        """From the tensors of a probe's file: direction [d], optional bias [1], mean [d], scale [d].

        Args:
            standardisation: "none", "mean" or "mean_scale": which of them are applied.

        Raises:
            ValueError: a tensor is missing, has another shape, or is not finite; a scale that is not above 0.
        """
        if standardisation not in NEEDED:
            raise ValueError(f"standardisation is one of {', '.join(NEEDED)}")
        direction = _vector(tensors, "direction", None)
        bias = float(_vector(tensors, "bias", 1)[0]) if "bias" in tensors else 0.0
        mean, scale = np.zeros(len(direction)), np.ones(len(direction))
        if "mean" in NEEDED[standardisation]:
            mean = _vector(tensors, "mean", len(direction))
        if "scale" in NEEDED[standardisation]:
            scale = _vector(tensors, "scale", len(direction))
            if not (scale > 0).all():
                raise ValueError("scale: every number is above 0")
        folded = direction / scale
        return cls(folded, float(bias - mean @ folded), probability)

    @property
    def d_model(self) -> int:
        return len(self.direction)

    def scores(self, x: Tensor) -> Tensor:
        """x [n, d] of any float dtype, on any device -> [n] float32, computed in float32."""
        weight = torch.as_tensor(self.direction, dtype=torch.float32, device=x.device)
        found = x.to(torch.float32) @ weight + self.bias
        return torch.sigmoid(found) if self.probability else found


def _vector(tensors: Mapping[str, npt.NDArray[Any]], name: str, size: int | None) -> Numbers:
    if name not in tensors:
        raise ValueError(f"{name} is missing")
    found = np.asarray(tensors[name], np.float64)
    found = found.reshape(-1) if found.ndim == 0 or sorted(found.shape)[:-1] in ([], [1]) else found
    if found.ndim != 1 or not len(found) or (size is not None and len(found) != size):
        raise ValueError(
            f"{name} is {list(found.shape)}, and should be [{size if size is not None else 'd'}]"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{name}: a number is not finite")
    return found


@dataclass(frozen=True, slots=True)
class ProbeUse:
    """A probe in a capture."""

    key: str  # its channel's
    head: ProbeHead
    place: Place
    adapter: Path | None = None  # the folder of a LoRA that is applied for this probe alone


def use_of(
    key: str,
    tensors: Mapping[str, npt.NDArray[Any]],
    *,
    hook: str,
    standardisation: str,
    output: str = "linear",
    adapter: Path | None = None,
) -> ProbeUse:
    """A probe by what its card says: `Card.full_hook`, `standardisation` and `output`.

    Raises:
        ValueError: tensors that do not fit, or an unknown hook.
    """
    head = ProbeHead.of(tensors, standardisation=standardisation, probability=output == "probability")
    return ProbeUse(key, head, parse_hook(hook), adapter)
