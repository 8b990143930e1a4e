"""Which of a published file's arrays are the direction, bias, mean and scale, and what a card can know of them.

Nothing is guessed that changes a score's meaning: what a layout does not say (how layers are counted, what a high
value means, how tokens become one value) is left for the card to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.interp.converting.process import CannotConvert, Rec

NESTED = ("state_dict", "model_state_dict", "probe_state_dict", "probe", "head", "model")
MEANS, SCALES = ("mean", "scaler_mean", "mean_"), ("scale", "std", "scaler_scale", "scale_")
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Found:
    """What a layout gives."""

    layout: str  # for people
    tensors: Arrays
    card: dict[str, Any] = field(default_factory=dict)  # what is known of it
    notes: tuple[str, ...] = ()  # what whoever writes the card should know


def find(value: Any, *, layer: int | None = None, beside: Mapping[str, Any] | None = None) -> Found:
    """The probe in what a file holds.

    Args:
        layer: which one, where the file has several.
        beside: the file's configuration, decoded: `cfg.yaml` or `probe_config.json`.

    Raises:
        CannotConvert: no layout that is known, several layers and no choice, or more than two classes.
    """
    beside = beside or {}
    if isinstance(value, Mapping) and "directions" in value:
        return _apollo(value, layer, beside)
    if records := _records(value):
        return _sklearn(records)
    if isinstance(value, np.ndarray):
        return Found("an array", {"direction": _row(value, "the array")}, {"standardisation": "none"})
    for name in NESTED:
        if isinstance(value, Mapping) and isinstance(value.get(name), Mapping):
            return find(value[name], layer=layer, beside=beside)
    if isinstance(value, Mapping) and any(isinstance(one, np.ndarray) for one in value.values()):
        return _state_dict(value, beside)
    raise CannotConvert(
        "the file holds no probe of a known layout: a detector with directions and layers, a logistic regression "
        "of scikit-learn with or without its scaler, or a state dict with one weight"
    )


def _apollo(value: Mapping[str, Any], wanted: int | None, beside: Mapping[str, Any]) -> Found:
    """`detector.pt`: directions [L, d], scaler_mean and scaler_scale [L, d], layers [L], normalize."""
    directions = _array(value, "directions")
    directions = directions[None] if directions.ndim == 1 else directions
    layers = value.get("layers")
    layers = layers.tolist() if isinstance(layers, np.ndarray) else layers
    layers = [layers] if isinstance(layers, int) else layers
    if not isinstance(layers, list) or len(layers) != len(directions):
        raise CannotConvert("layers and directions have different lengths")
    if wanted is None and len(layers) > 1:
        raise CannotConvert(
            f"it has a direction for each of the layers {', '.join(map(str, layers))}, and a probe reads one: "
            "choose with --layer"
        )
    if wanted is not None and wanted not in layers:
        raise CannotConvert(f"it has no layer {wanted}; there are {', '.join(map(str, layers))}")
    at = 0 if wanted is None else layers.index(wanted)
    tensors = {"direction": _row(directions[at], "directions")}
    mean, scale = value.get("scaler_mean"), value.get("scaler_scale")
    if isinstance(mean, np.ndarray) and value.get("normalize", True):
        tensors["mean"] = _row(np.atleast_2d(mean)[at], "scaler_mean")
        if isinstance(scale, np.ndarray):
            tensors["scale"] = _row(np.atleast_2d(scale)[at], "scaler_scale")
    card = {
        "kind": "logistic" if "reg_coeff" in value or beside.get("method") == "lr" else "mean_difference",
        "layer": int(layers[at]), "standardisation": _standardisation(tensors),
    }  # fmt: skip
    if isinstance(beside.get("model_name"), str):
        card["model"] = beside["model_name"]
    notes = (
        "Detectors of this layout count layers in both ways: compare a score with the authors' before you say which.",
        "Their code calls honest positive while it trains, and turns the sign later: check which way yours points.",
    )
    return Found("a detector with directions and layers", tensors, card, notes)


def _sklearn(records: list[Rec]) -> Found:
    """coef_ [1, d] and intercept_ [1] of a linear classifier, mean_ and scale_ of the scaler before it."""
    heads = [one for one in records if "coef_" in one.values]
    scalers = [one for one in records if one.name.endswith(".StandardScaler")]
    if len(heads) != 1 or len(scalers) > 1:
        raise CannotConvert(f"it holds {len(heads)} fitted classifiers and {len(scalers)} scalers")
    coefficients = np.atleast_2d(_array(heads[0].values, "coef_"))
    if len(coefficients) != 1:
        raise CannotConvert(f"its classifier tells {len(coefficients)} classes apart, and a probe two")
    tensors = {"direction": _row(coefficients, "coef_")}
    intercept = heads[0].values.get("intercept_")
    if isinstance(intercept, np.ndarray):
        tensors["bias"] = intercept.reshape(-1)
    for scaler in scalers:
        mean, scale = scaler.values.get("mean_"), scaler.values.get("scale_")
        width = len(tensors["direction"])
        if isinstance(mean, np.ndarray) and scaler.values.get("with_mean", True):
            tensors["mean"] = _row(mean, "mean_")
        elif isinstance(scale, np.ndarray):
            tensors["mean"] = np.zeros(width)
        if isinstance(scale, np.ndarray):
            tensors["scale"] = _row(scale, "scale_")
    classes = heads[0].values.get("classes_")
    named = classes.tolist() if isinstance(classes, np.ndarray) else classes
    notes = (
        (f"A high score is class {named[1]!r}; the other is {named[0]!r}.",)
        if named and len(named) == 2
        else ()
    )
    return Found(
        f"{heads[0].name.rsplit('.', 1)[-1]} of scikit-learn", tensors,
        {"kind": "logistic", "standardisation": _standardisation(tensors)}, notes,
    )  # fmt: skip


def _state_dict(value: Mapping[str, Any], beside: Mapping[str, Any]) -> Found:
    """One weight, with a bias, a mean and a scale where there are such."""
    arrays = {key: one for key, one in value.items() if isinstance(one, np.ndarray)}
    last = {key: key.rsplit(".", 1)[-1] for key in arrays}
    biases = [key for key in arrays if last[key] in ("bias", "b", "intercept", "intercept_")]
    means, scales = ([k for k in arrays if last[k] in names] for names in (MEANS, SCALES))
    weights = [key for key in arrays if key not in {*biases, *means, *scales} and arrays[key].size > 1]
    if len(weights) != 1 or max(len(biases), len(means), len(scales)) > 1:
        raise CannotConvert(
            f"its state dict has {len(weights)} weights, and a linear probe has one: {_few(weights)}"
        )
    weight = arrays[weights[0]]
    two = weight.ndim == 2 and weight.shape[0] == 2 and weight.shape[1] > 2
    tensors = {"direction": weight[1] - weight[0] if two else _row(weight, weights[0])}
    if biases:
        bias = arrays[biases[0]].reshape(-1)
        tensors["bias"] = bias[1:] - bias[:1] if two and len(bias) == 2 else bias
    if means:
        tensors["mean"] = _row(arrays[means[0]], means[0])
    if scales:
        tensors["scale"] = _row(arrays[scales[0]], scales[0])
        tensors.setdefault("mean", np.zeros(len(tensors["direction"])))
    card: dict[str, Any] = {"standardisation": _standardisation(tensors)}
    notes: tuple[str, ...] = ("It has two outputs; their difference is the score.",) if two else ()
    layer = beside.get("layer_idx", beside.get("layer"))
    if type(layer) is int and layer >= 0:
        card |= {"layer": layer}
        notes += (
            f"Its configuration says layer {layer}; whether that counts the embedding, say in convention.",
        )
    if "layer_idx" in beside:
        card |= {"kind": "token_hallucination", "output": "probability"}
    model = beside.get("model_name", beside.get("base_model", beside.get("model_id")))
    if isinstance(model, str) and model:
        card["model"] = model
    return Found("a state dict with one weight", tensors, card, notes)


def _records(value: Any) -> list[Rec]:
    """The objects of scikit-learn in a value, those of a pipeline one by one."""
    if isinstance(value, Rec):
        return _records(value.values.get("steps")) if value.name.endswith(".Pipeline") else [value]
    if isinstance(value, list):
        return [one for item in value for one in _records(item)]
    if isinstance(value, Mapping):
        return [one for item in value.values() for one in _records(item)]
    return []


def _standardisation(tensors: Arrays) -> str:
    return "mean_scale" if "scale" in tensors else "mean" if "mean" in tensors else "none"


def _array(value: Mapping[str, Any], name: str) -> npt.NDArray[Any]:
    found = value.get(name)
    if not isinstance(found, np.ndarray):
        raise CannotConvert(f"{name} is no array")
    return found


def _row(value: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    row = np.squeeze(value)
    if row.ndim != 1:
        raise CannotConvert(f"{name} is {value.shape}, and a direction is one vector")
    return row


def _few(names: list[str]) -> str:
    return ", ".join(name[:60] for name in names[:5]) or "none"
