"""LoRA adapters that belong to probes, kept beside them: two files in a folder of the storage named by their digest."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.storage import FileSystemStorage, default_storage
from django.db import transaction
from safetensors import SafetensorError, safe_open

from auditor.corpus.sources import incoming, storage_lock, store_once

CONFIGURATION, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MOST_CONFIGURATION = 1_000_000  # bytes
CHUNK = 4 << 20  # bytes


class BadAdapter(ValueError):
    """The folder holds no adapter that is applied here; in words."""


def keep_adapter(folder: Path) -> tuple[str, str]:
    """Copy an adapter's two files into the storage; its folder there, and the sha256 hex over both.

    Raises:
        BadAdapter: a file is missing, another kind than LoRA, code of another package, or weights that are not
            safetensors.
    """
    configuration, weights = folder / CONFIGURATION, folder / WEIGHTS
    for file in (configuration, weights):
        if not file.is_file():
            raise BadAdapter(
                f"{folder.name} has no {file.name}; an adapter is these two files, as peft saves them"
            )
    if configuration.stat().st_size > MOST_CONFIGURATION:
        raise BadAdapter(f"{CONFIGURATION} is larger than a megabyte")
    _check(configuration, weights)
    digest = hashlib.sha256()
    for file in (configuration, weights):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    named = digest.hexdigest()
    place = f"probes/adapters/{named}"
    with transaction.atomic():
        storage_lock()
        for file in (configuration, weights):
            copied = incoming()
            shutil.copyfile(file, copied)
            store_once(f"{place}/{file.name}", copied)
    return place, named


def _check(configuration: Path, weights: Path) -> None:
    try:
        said = json.loads(configuration.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as problem:
        raise BadAdapter(f"{CONFIGURATION} is no JSON: {problem}") from problem
    if not isinstance(said, dict) or said.get("peft_type") != "LORA":
        raise BadAdapter(f"{CONFIGURATION}: only adapters of peft_type LORA are applied")
    mapping = said.get("auto_mapping") or {}
    if not str(mapping.get("parent_library", "transformers")).startswith("transformers"):
        raise BadAdapter(
            f"{CONFIGURATION} names code of another package (auto_mapping), which is never run here"
        )
    try:
        with safe_open(weights, framework="numpy") as opened:
            if not list(opened.keys()):
                raise BadAdapter(f"{WEIGHTS} holds no tensors")
    except (SafetensorError, OSError) as problem:
        raise BadAdapter(f"{WEIGHTS} cannot be read: {problem}") from problem


@contextmanager
def adapter_on_disk(place: str) -> Iterator[Path]:
    """The folder of a kept adapter: its own where the storage is a folder, else a copy that goes at the end."""
    if isinstance(default_storage, FileSystemStorage):
        yield Path(default_storage.path(place))
        return
    with tempfile.TemporaryDirectory(dir=incoming().parent) as folder:
        for name in (CONFIGURATION, WEIGHTS):
            with (
                default_storage.open(f"{place}/{name}", "rb") as source,
                (Path(folder) / name).open("wb") as target,
            ):
                shutil.copyfileobj(source, target, CHUNK)
        yield Path(folder)
