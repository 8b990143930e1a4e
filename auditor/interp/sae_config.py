"""What a dictionary's configuration and weights say, read without torch: SAELens's cfg.json and the head of a safetensors file.

    configuration = read_configuration(json.loads(cfg))       pre-6 layouts too
    header = read_header(stream, size)                         names, kinds and shapes; no weights
    check_weights(configuration, header)

A dictionary that cannot be used is refused with its reason; nothing is guessed.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from auditor.interp.hookpoints import Place, UnknownHook, parse_hook

TRANSCODERS = ("transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder")
JUMPRELU = (
    "jumprelu",
    "batchtopk",
    "matryoshka_batchtopk",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
)
KINDS = ("standard", "gated", "topk", "jumprelu", "batchtopk", "matryoshka_batchtopk", *TRANSCODERS)
NORMALIZATIONS = ("none", "expected_average_only_in", "constant_norm_rescale", "layer_norm")
RENAMED = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}
MOST_HEADER = 1 << 20  # bytes
MOST_FEATURES = 1 << 22
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


class Unusable(ValueError):
    """The dictionary cannot be used; why, and what to do where something can be done."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A dictionary's encoder, as its configuration describes it."""

    kind: str  # one of KINDS
    d_in: int
    d_sae: int
    hook: str  # as it is written
    place: Place
    normalization: str = "none"
    apply_b_dec: bool = True  # subtract b_dec before the encoder
    rescale: bool = False  # multiply pre-activations by the decoder's norms
    reshape_z: bool = False  # attention heads side by side
    k: int | None = None  # of TopK
    model_name: str = ""
    neuronpedia_id: str = ""
    hook_out: str = ""  # of a transcoder

    @property
    def independent(self) -> bool:
        """Whether a feature's value depends on no other, so that some can be computed alone."""
        return self.kind != "topk"

    @property
    def needs_scaling(self) -> bool:
        """Whether a factor is needed that stands in no configuration."""
        return self.normalization == "expected_average_only_in"


def read_configuration(given: Any) -> Configuration:
    """What cfg.json says.

    Raises:
        Unusable: a kind, normalisation or hook that is not read here, or a field that is missing or makes no sense.
    """
    if not isinstance(given, Mapping):
        raise Unusable("cfg.json holds no object.")
    written = {RENAMED.get(str(key), str(key)): value for key, value in given.items()}
    metadata = written.get("metadata")
    about = {**written, **(metadata if isinstance(metadata, Mapping) else {})}
    kind = _text(written, "architecture", "standard") or "standard"
    details = written.get("activation_fn_kwargs")
    k = written.get("k", details.get("k") if isinstance(details, Mapping) else None)
    activation = _text(written, "activation_fn", "relu")
    if activation == "topk" and kind == "standard":
        kind = "topk"
    elif activation not in ("relu", "topk", ""):
        raise Unusable(
            f"cfg.json: the activation {activation[:60]!r} is not read here; known are relu and topk."
        )
    if kind not in KINDS:
        raise Unusable(f"cfg.json: the kind {kind[:60]!r} is not read here; known are {', '.join(KINDS)}.")
    if kind == "topk" and (type(k) is not int or k < 1):
        raise Unusable("cfg.json: a TopK dictionary needs k, a whole number from 1.")
    hook = _text(about, "hook_name", "")
    if not hook:
        raise Unusable(
            "cfg.json: hook_name is missing, so that it is not known where in the model this reads."
        )
    if about.get("hook_head_index") is not None:
        raise Unusable(
            "cfg.json: a dictionary of a single attention head (hook_head_index) is not read here."
        )
    try:
        place = parse_hook(hook)
    except UnknownHook as problem:
        raise Unusable(f"cfg.json: {problem}") from problem
    reshape = _text(written, "reshape_activations", "hook_z" if "hook_z" in hook else "none")
    if reshape not in ("none", "hook_z") or (reshape == "hook_z") != (place.site == "z"):
        raise Unusable(
            f"cfg.json: reshape_activations {reshape[:60]!r} does not go with the hook {hook[:60]!r}."
        )
    d_sae = _count(written, "d_sae")
    if d_sae > MOST_FEATURES:
        raise Unusable(f"cfg.json: at most {MOST_FEATURES:,} features are read, and this has {d_sae:,}.")
    if kind == "topk" and isinstance(k, int) and k > d_sae:
        raise Unusable(f"cfg.json: k is {k:,} of {d_sae:,} features.")
    apply_b_dec = _flag(written, "apply_b_dec_to_input", kind not in TRANSCODERS)
    if apply_b_dec and kind in TRANSCODERS:
        raise Unusable(
            "cfg.json: a transcoder's b_dec belongs to its output (apply_b_dec_to_input must be false)."
        )
    return Configuration(
        kind=kind, d_in=_count(written, "d_in"), d_sae=d_sae, hook=hook, place=place,
        normalization=_normalization(written), apply_b_dec=apply_b_dec,
        rescale=_flag(written, "rescale_acts_by_decoder_norm", default=False) and kind in ("topk", *JUMPRELU[1:3]),
        reshape_z=reshape == "hook_z", k=k if kind == "topk" else None,
        model_name=_text(about, "model_name", "")[:200], neuronpedia_id=_text(about, "neuronpedia_id", "")[:200],
        hook_out=_text(about, "hook_name_out", "")[:200],
    )  # fmt: skip


def _normalization(written: Mapping[str, Any]) -> str:
    value = written.get("normalize_activations")
    if isinstance(value, bool):  # before 2024
        return "expected_average_only_in" if value else "none"
    found = _text(written, "normalize_activations", "none") or "none"
    if found not in NORMALIZATIONS:
        raise Unusable(
            f"cfg.json: the normalisation {found[:60]!r} is not read here; known are {', '.join(NORMALIZATIONS)}."
        )
    return found


def _text(written: Mapping[str, Any], name: str, default: str) -> str:
    value = written.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Unusable(f"cfg.json: {name} is a text.")
    return value


def _flag(written: Mapping[str, Any], name: str, default: bool) -> bool:
    value = written.get(name, default)
    if not isinstance(value, bool):
        raise Unusable(f"cfg.json: {name} is true or false.")
    return value


def _count(written: Mapping[str, Any], name: str) -> int:
    value = written.get(name)
    if type(value) is not int or not 0 < value < 1 << 31:
        raise Unusable(f"cfg.json: {name} is a whole number from 1.")
    return value


Header = Mapping[str, tuple[str, tuple[int, ...]]]  # tensor -> (dtype, shape)


def read_header(stream: BinaryIO, size: int) -> Header:
    """The tensors that a safetensors file of `size` bytes names, from its head alone.

    Raises:
        Unusable: it is none, or its head does not fit its size.
    """
    length = int.from_bytes(stream.read(8), "little")
    if not 2 <= length <= min(MOST_HEADER, size - 8):
        raise Unusable("This is no safetensors file: its head has no length that fits.")
    try:
        written = json.loads(stream.read(length))
        found: dict[str, tuple[str, tuple[int, ...]]] = {}
        for name, about in written.items():
            if name != "__metadata__":
                shape, (start, end) = tuple(int(side) for side in about["shape"]), about["data_offsets"]
                found[name] = (str(about["dtype"]), shape)
                each = BYTES.get(str(about["dtype"]))
                if min((*shape, 1)) < 0 or not 0 <= start <= end <= size - 8 - length:
                    raise ValueError(f"{name} does not lie in the file")
                if each and end - start != math.prod(shape) * each:
                    raise ValueError(f"{name} has other bytes than its shape needs")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise Unusable(f"This is no safetensors file: {str(problem)[:200]}.") from problem
    return found


def needed(configuration: Configuration) -> dict[str, tuple[int, ...]]:
    """The tensors that the encoder needs, with their shapes."""
    d_in, d_sae = configuration.d_in, configuration.d_sae
    found: dict[str, tuple[int, ...]] = {"W_enc": (d_in, d_sae)}
    if configuration.kind == "gated":
        found |= {"b_gate": (d_sae,), "b_mag": (d_sae,), "r_mag": (d_sae,)}
    else:
        found["b_enc"] = (d_sae,)
    if configuration.kind in JUMPRELU:
        found["threshold"] = (d_sae,)
    if configuration.apply_b_dec:
        found["b_dec"] = (d_in,)
    if configuration.rescale:
        found["W_dec"] = (d_sae, d_in)
    return found


def check_weights(configuration: Configuration, header: Header) -> None:
    """That the file has what the encoder needs.

    A threshold may be named `log_threshold`, or be the single `topk_threshold` of a BatchTopK as it was trained.

    Raises:
        Unusable: a tensor is missing, or has another shape or kind of number; names it.
    """
    for name, shape in needed(configuration).items():
        spelled = {name: shape}
        if name == "threshold":
            spelled |= {"log_threshold": shape}
            if "batchtopk" in configuration.kind:
                spelled |= {"topk_threshold": ()}
        here = next((other for other in spelled if other in header), None)
        if here is None:
            more = (
                " A BatchTopK is used by its threshold; it stands in a checkpoint saved for inference."
                if name == "threshold"
                else ""
            )
            raise Unusable(
                f"The weights have no {name}, which a {configuration.kind} dictionary needs.{more}"
            )
        dtype, found = header[here]
        if found != spelled[here] and not (here == "topk_threshold" and math.prod(found) == 1):
            raise Unusable(
                f"{here} is {_shape(found)}, and should be {_shape(spelled[here])} by cfg.json"
                f" (d_in {configuration.d_in:,}, d_sae {configuration.d_sae:,})."
            )
        if dtype not in BYTES:
            raise Unusable(f"{here} is of {dtype[:20]}; read are {', '.join(BYTES)}.")


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{side:,}" for side in shape) or "a single number"
