"""The folder of a model or an adapter: what it must hold, what it must not, and the digests of its files."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.interp.sae_config import BYTES, Unusable, read_header

MOST_JSON = 64 << 20  # bytes; tokenizers of large vocabularies have 30 MB
MOST_TEMPLATE = 200_000  # code points
REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}|[\w.-]{1,96}")
SETTINGS = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json", "tokenizer.model",
)  # fmt: skip
TOKENIZER = SETTINGS[2:]
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")
CONVERT = (
    "Convert it where you trust its source: AutoModelForCausalLM.from_pretrained(folder).save_pretrained(other),"
    " which writes safetensors."
)


class Refused(ValueError):
    """The model cannot be used; why, and what to do, in words for a person."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in one of the folder's files.

    Raises:
        Refused: none, too large, or no object.
    """
    try:
        if path.stat().st_size > MOST_JSON:
            raise Refused(f"{path.name} is larger than {MOST_JSON >> 20} MB.")
        found = json.loads(path.read_bytes())
    except OSError as problem:
        raise Refused(f"{path.name} is missing.") from problem
    except (ValueError, RecursionError) as problem:
        raise Refused(f"{path.name} is no JSON: {str(problem)[:120]}.") from problem
    if not isinstance(found, dict):
        raise Refused(f"{path.name} holds no object.")
    return found


def find(reference: str, revision: str, *, may_download: bool) -> tuple[Path, str]:
    """The folder that a reference means, and the commit where it came from the hub.

    Raises:
        Refused: no such folder, and nothing on the hub that may be fetched or lies here already.
    """
    folder = Path(reference).expanduser()
    if folder.is_dir():
        return folder, ""
    if folder.is_absolute() or not REPOSITORY.fullmatch(reference):
        raise Refused(f"There is no folder {reference[:200]}, and it is no id on the hub.")
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(
            reference, revision=revision or None, local_files_only=not may_download,
            allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"],
        )  # fmt: skip
    except Exception as problem:
        how = (
            "could not be fetched"
            if may_download
            else "is not on this machine, and fetching is not allowed here"
        )
        raise Refused(f"{reference} {how}: {' '.join(str(problem).split())[:200]}") from problem
    return Path(found), Path(found).name


def check_model(folder: Path) -> dict[str, Any]:
    """The model's configuration, once its folder has everything and nothing that would run code.

    Raises:
        Refused: no safetensors, code of its own, or a file that is missing.
    """
    configuration = read_json(folder / "config.json")
    for name in ("config.json", "tokenizer_config.json"):
        if (folder / name).is_file() and "auto_map" in read_json(folder / name):
            raise Refused(f"{name} names code of the model's own (auto_map). Such code is never run here.")
    _check_weights(folder, "model.safetensors")
    if not (folder / "tokenizer.json").is_file():
        raise Refused(
            "tokenizer.json is missing. AutoTokenizer.from_pretrained(folder).save_pretrained(folder) writes it"
            " where transformers can convert the tokenizer."
        )
    return configuration


def check_adapter(folder: Path) -> dict[str, Any]:
    """The LoRA's configuration, under the same rules.

    Raises:
        Refused: no LoRA, no safetensors, or code of another package.
    """
    configuration = read_json(folder / "adapter_config.json")
    if configuration.get("peft_type") != "LORA":
        raise Refused(
            f"The adapter is of kind {str(configuration.get('peft_type'))[:40]}; only LoRA is applied."
        )
    mapping = configuration.get("auto_mapping") or {}
    if not str(mapping.get("parent_library", "transformers")).startswith("transformers"):
        raise Refused(
            "adapter_config.json names code of another package (auto_mapping). Such code is never run here."
        )
    _check_weights(folder, "adapter_model.safetensors")
    return configuration


def _check_weights(folder: Path, usual: str) -> None:
    index = folder / f"{usual}.index.json"
    if index.is_file():
        named = read_json(index).get("weight_map")
        files = set(named.values()) if isinstance(named, dict) else set()
        for name in sorted(map(str, files)):
            if Path(name).name != name or not name.endswith(".safetensors"):
                raise Refused(
                    f"{index.name} names {name[:100]!r}, which is no safetensors file in the folder."
                )
            if not (folder / name).is_file():
                raise Refused(f"{name} is missing, which {index.name} names.")
        return
    if (folder / usual).is_file():
        return
    pickled = next((path.name for pattern in PICKLED for path in sorted(folder.glob(pattern))), "")
    if pickled:
        raise Refused(
            f"The weights are in {pickled}, a kind of file that can run code as it is opened; only safetensors are read. {CONVERT}"
        )
    raise Refused(f"{usual} is missing.")


def weights_in(folder: Path) -> list[Path]:
    """Its safetensors files."""
    return sorted(folder.glob("*.safetensors"))


def parameters_in(folder: Path) -> int:
    """How many numbers its weights are, from the heads of the files.

    Raises:
        Refused: a file that is no safetensors file.
    """
    total = 0
    for path in weights_in(folder):
        with path.open("rb") as stream:
            try:
                header = read_header(stream, path.stat().st_size)
            except Unusable as problem:
                raise Refused(f"{path.name}: {problem}") from problem
        for dtype, shape in header.values():
            if dtype in BYTES:
                size = 1
                for side in shape:
                    size *= side
                total += size
    return total


def digests(folder: Path, names: tuple[str, ...] = SETTINGS) -> dict[str, dict[str, Any]]:
    """sha256 and size of every file of the folder that bears on a value, by name."""
    paths = [folder / name for name in names if (folder / name).is_file()] + [
        *weights_in(folder),
        *_maps(folder),
    ]
    return {path.name: {"sha256": _sha256(path), "size": path.stat().st_size} for path in sorted(paths)}


def _maps(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.safetensors.index.json")
    if (folder / "adapter_config.json").is_file():
        yield folder / "adapter_config.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """sha256 of a value's canonical JSON."""
    written = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
