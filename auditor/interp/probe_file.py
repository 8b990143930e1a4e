"""Files with a probe's numbers: what is read, what is refused by its bytes, and the one form that is kept.

    read_probe(data, name=..., card=...) -> ProbeFile(card, head)
    head.score(activations [n, d]) -> [n]
    write_probe(file) -> bytes          safetensors: direction [d], bias [1], mean [d], scale [d]; the card as metadata

Nothing here builds objects from a file: formats that can run code when they are read are known by their first
bytes, whatever their name, and refused with the way to convert them.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from auditor.interp.card import FORMAT, Card, CardProblem

MOST_BYTES = 64 * 1024 * 1024
MOST_CARD = 256 * 1024  # bytes
WIDEST = 131_072  # numbers of a direction
TENSORS = ("direction", "bias", "mean", "scale")
CONVERT = (
    "It can run code when it is read, so it is not read here. On a machine of yours, make arrays of it: "
    "manage.py convert_probe {name} --out probe.safetensors"
)
LARGEST = float(np.finfo(np.float32).max)
_ZIP, _NPY = b"PK\x03\x04", b"\x93NUMPY"
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x04\x22\x4d\x18": "lz4",
    b"]\x00\x00": "lzma",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
    b"ZF0x": "joblib's zlib",
}
_WIDTHS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}

Vector = npt.NDArray[np.float32]


class BadProbeFile(ValueError):
    """The file cannot be a probe; the message names it, the tensor where there is one, and the reason."""


@dataclass(frozen=True)
class Head:
    """A direction of width d, and what is done before and after the product."""

    direction: Vector  # [d]
    bias: float = 0.0
    mean: Vector | None = None  # [d]
    scale: Vector | None = None  # [d], above 0
    probability: bool = False

    def score(self, activations: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The score of each token, in double precision: ((x - mean) / scale) · direction + bias.

        Args:
            activations: [n, d].

        Returns:
            [n]; through the logistic function where the head gives probabilities.
        """
        x = np.asarray(activations, dtype=np.float64)
        if self.mean is not None:
            x = x - self.mean.astype(np.float64)
        if self.scale is not None:
            x = x / self.scale.astype(np.float64)
        scores: npt.NDArray[np.float64] = x @ self.direction.astype(np.float64) + self.bias
        if self.probability:
            return 0.5 * (1 + np.tanh(scores / 2))
        return scores

    @property
    def width(self) -> int:
        """d."""
        return len(self.direction)


@dataclass(frozen=True)
class ProbeFile:
    """A probe whose card and numbers fit each other."""

    card: Card
    head: Head


def read_probe(data: bytes, *, name: str, card: Any = None) -> ProbeFile:
    """The probe in a file's bytes.

    Args:
        name: the file's name, for messages only: what it is, its bytes say.
        card: a decoded JSON object beside the file; what both it and the file say must agree.

    Raises:
        BadProbeFile: too large, of a form that is not read, or numbers that cannot be a probe.
        CardProblem: the card, naming its field.
    """
    if len(data) > MOST_BYTES:
        raise BadProbeFile(f"{name}: it has {len(data):,} bytes, and {MOST_BYTES:,} are read")
    tensors, inside = _arrays(data, name)
    found = Card.from_json(_joined(inside, card))
    head = head_of(tensors, name=name, standardisation=found.standardisation, output=found.output)
    return ProbeFile(found, head)


def head_of(
    tensors: Mapping[str, npt.NDArray[Any]], *, name: str, standardisation: str, output: str = "linear"
) -> Head:
    """The head that these arrays make under a card that says so.

    Raises:
        BadProbeFile: an unknown tensor, a shape that does not fit, a number that is not finite, or a mean or scale
            that the card's standardisation does not know.
    """
    if unknown := sorted(set(tensors) - set(TENSORS)):
        raise BadProbeFile(f"{name}: tensor {unknown[0]} is none of {', '.join(TENSORS)}")
    if "direction" not in tensors:
        raise BadProbeFile(f"{name}: it has no tensor direction")
    vectors = {key: _vector(value, f"{name}: tensor {key}") for key, value in tensors.items()}
    width = len(vectors["direction"])
    if not np.any(vectors["direction"]):
        raise BadProbeFile(f"{name}: tensor direction is all zeros")
    if "bias" in vectors and len(vectors["bias"]) != 1:
        raise BadProbeFile(f"{name}: tensor bias has {len(vectors['bias'])} numbers, and should have 1")
    wanted = {"none": (), "mean": ("mean",), "mean_scale": ("mean", "scale")}[standardisation]
    for key in ("mean", "scale"):
        if (key in vectors) != (key in wanted):
            has = "has" if key in vectors else "has no"
            raise BadProbeFile(
                f"{name}: it {has} tensor {key}, and the card says standardisation {standardisation}"
            )
        if key in vectors and len(vectors[key]) != width:
            raise BadProbeFile(
                f"{name}: tensor {key} has {len(vectors[key])} numbers, and direction has {width}"
            )
    if "scale" in vectors and not (vectors["scale"] > 0).all():
        raise BadProbeFile(f"{name}: tensor scale must be above 0 everywhere")
    bias = float(vectors["bias"][0]) if "bias" in vectors else 0.0
    return Head(
        vectors["direction"], bias, vectors.get("mean"), vectors.get("scale"), output == "probability"
    )


def write_probe(probe: ProbeFile) -> bytes:
    """The file that is kept; equal probes give equal bytes."""
    card = json.dumps(probe.card.to_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return write_head(probe.head, {"card": card})


def write_head(head: Head, metadata: dict[str, str] | None = None) -> bytes:
    """A head's arrays as safetensors."""
    bias = np.array([head.bias], np.float32)
    given = {"direction": head.direction, "bias": bias, "mean": head.mean, "scale": head.scale}
    tensors = {key: np.ascontiguousarray(value) for key, value in given.items() if value is not None}
    return save(tensors, metadata)


def read_card(data: bytes, *, name: str) -> dict[str, Any]:
    """A card's JSON, decoded and no more; `Card.from_json` checks it.

    Raises:
        BadProbeFile: too large, or no JSON object.
    """
    if len(data) > MOST_CARD:
        raise BadProbeFile(f"{name}: a card has at most {MOST_CARD:,} bytes")
    try:
        decoded = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        raise BadProbeFile(f"{name}: it is no JSON: {problem}") from problem
    if not isinstance(decoded, dict):
        raise BadProbeFile(f"{name}: a card is a JSON object")
    return decoded


def _arrays(data: bytes, name: str) -> tuple[dict[str, npt.NDArray[Any]], Any]:
    """The arrays of a file by name, and the card it carries, if any."""
    if not data:
        raise BadProbeFile(f"{name}: it is empty")
    if refused := refusal(data, name):
        raise BadProbeFile(refused)
    if data.startswith(_NPY):
        return {"direction": _one_array(io.BytesIO(data), name)}, None
    if data.startswith(_ZIP):
        return _npz(data, name), None
    if data.lstrip()[:1] in (b"[", b"{"):
        return _json_arrays(data, name)
    return _safetensors(data, name)


def refusal(data: bytes, name: str) -> str:
    """Why a file of these bytes is not read for what it is; empty if that is not known from them."""
    convert = CONVERT.format(name=name)
    if _is_safetensors(data):  # the length it begins with may be any bytes
        return ""
    if data[:1] == b"\x80" and data[1:2] and data[1] <= 5:
        return f"{name}: it holds pickled Python objects (as torch, joblib and scikit-learn write). {convert}"
    if data.startswith(_ZIP):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, ValueError) as problem:
            return f"{name}: it begins as a zip archive and is none: {problem}"
        if any(one.endswith(".pkl") for one in names):
            return f"{name}: it is an archive as torch.save writes it. {convert}"
        return ""
    for magic, packing in _PACKED.items():
        if data.startswith(magic):
            return f"{name}: it is compressed with {packing}, as joblib writes. {convert}"
    if data[257:262] == b"ustar":
        return f"{name}: it is a tar archive, as old versions of torch write. {convert}"
    if data[:1] in b"(cl}]iIFGKMN" and data.rstrip()[-1:] == b".":
        return f"{name}: it holds pickled Python objects in their oldest form. {convert}"
    if data.startswith(b"\x89HDF"):
        return f"{name}: HDF5 is not read; save the direction as safetensors, .npy or a JSON list"
    return ""


def _is_safetensors(data: bytes) -> bool:
    """Whether it begins with the length of a JSON object that is there."""
    return len(data) > 8 and int.from_bytes(data[:8], "little") <= len(data) - 8 and data[8:9] == b"{"


def _safetensors(data: bytes, name: str) -> tuple[dict[str, npt.NDArray[Any]], Any]:
    try:
        found = deserialize(data)  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, OverflowError) as problem:
        raise BadProbeFile(f"{name}: it is none of safetensors, .npy, .npz and JSON ({problem})") from problem
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    carried = header.get("__metadata__", {}).get("card")
    inside = None if carried is None else read_card(carried.encode(), name=f"{name}, metadata card")
    tensors = {key: _numbers(value, f"{name}: tensor {key}") for key, value in found}
    if len(tensors) == 1 and "direction" not in tensors:
        tensors = {"direction": next(iter(tensors.values()))}
    return tensors, inside


def _numbers(found: Mapping[str, Any], where: str) -> npt.NDArray[Any]:
    raw, kind, shape = bytes(found["data"]), found["dtype"], found["shape"]
    if kind == "BF16":  # the upper half of a 32-bit number
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if kind not in _WIDTHS:
        raise BadProbeFile(f"{where} is of type {kind}, and numbers of type F64, F32, F16 or BF16 are read")
    return np.frombuffer(raw, _WIDTHS[kind]).reshape(shape)


def _one_array(source: io.BytesIO, where: str) -> npt.NDArray[Any]:
    try:
        version = np.lib.format.read_magic(source)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = read(source, max_header_size=10_000)
        if kind.hasobject:
            raise BadProbeFile(f"{where}: it holds Python objects, and arrays of numbers alone are read")
        if int(np.prod(shape, dtype=object)) * kind.itemsize > MOST_BYTES:
            raise BadProbeFile(f"{where}: it says that it is {shape}, which is too large")
        source.seek(0)
        array: npt.NDArray[Any] = np.load(source, allow_pickle=False)
    except BadProbeFile:
        raise
    except (ValueError, OSError, EOFError, SyntaxError, TypeError, MemoryError) as problem:
        raise BadProbeFile(f"{where}: the array cannot be read: {problem}") from problem
    return array


def _npz(data: bytes, name: str) -> dict[str, npt.NDArray[Any]]:
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if not members or len(members) > 16 or any(not m.filename.endswith(".npy") for m in members):
            raise BadProbeFile(f"{name}: a zip archive is read where it is .npz with at most 16 arrays")
        for member in members:
            where = f"{name}: {member.filename}"
            if member.file_size > MOST_BYTES:
                raise BadProbeFile(f"{where} is larger than {MOST_BYTES:,} bytes")
            try:
                with archive.open(member) as file:
                    held = file.read(MOST_BYTES + 1)
            except (zipfile.BadZipFile, RuntimeError, OSError, ValueError) as problem:
                raise BadProbeFile(f"{where} cannot be read: {problem}") from problem
            arrays[member.filename.removesuffix(".npy")] = _one_array(io.BytesIO(held), where)
    if len(arrays) == 1 and "direction" not in arrays:
        return {"direction": next(iter(arrays.values()))}
    return arrays


def _json_arrays(data: bytes, name: str) -> tuple[dict[str, npt.NDArray[Any]], Any]:
    try:
        decoded = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        raise BadProbeFile(f"{name}: it begins as JSON and is none: {problem}") from problem
    given = decoded if isinstance(decoded, dict) else {"direction": decoded}
    inside = given.pop("card", None) if isinstance(decoded, dict) else None
    arrays = {}
    for key, value in given.items():
        many = value if isinstance(value, list) else [value]
        if len(many) > WIDEST or any(isinstance(v, bool) or not isinstance(v, int | float) for v in many):
            raise BadProbeFile(f"{name}: {str(key)[:60]} must be a list of at most {WIDEST:,} numbers")
        try:
            arrays[str(key)] = np.array(many, dtype=np.float64)
        except OverflowError as problem:
            raise BadProbeFile(f"{name}: {str(key)[:60]} holds a number too large to store") from problem
    return arrays, inside


def _vector(value: npt.NDArray[Any], where: str) -> Vector:
    if value.dtype.kind not in "fiu":
        raise BadProbeFile(f"{where} is of type {value.dtype}, and numbers are read")
    exact = np.squeeze(value.astype(np.float64))
    if exact.ndim == 0:
        exact = exact.reshape(1)
    if exact.ndim != 1 or not 1 <= len(exact) <= WIDEST:
        raise BadProbeFile(
            f"{where} is {value.shape}, and should be one vector of at most {WIDEST:,} numbers"
        )
    if not np.isfinite(exact).all() or np.abs(exact).max() > LARGEST:
        raise BadProbeFile(f"{where} holds a number that is not finite or too large for 32 bits")
    return np.ascontiguousarray(exact, dtype=np.float32)


def _joined(inside: Any, given: Any) -> Any:
    """One card of the file's own and the one beside it."""
    if inside is None or given is None:
        return given if inside is None else inside
    if not isinstance(inside, Mapping) or not isinstance(given, Mapping):
        raise CardProblem("card", "it must be a JSON object")
    for key in inside.keys() & given.keys() - {"format"}:
        if inside[key] != given[key]:
            raise CardProblem(
                str(key)[:60], "the card in the file and the one beside it say different things"
            )
    return {"format": FORMAT, **inside, **given}
