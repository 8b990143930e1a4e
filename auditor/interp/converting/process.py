"""Reading a file that could run code, in a process of its own that cannot."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 120  # that reading may take
MOST_BYTES = 512 * 1024 * 1024  # of the file
REFUSED = 3
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from auditor.interp.converting.child import main; main()"
)
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}  # threads cost address space, and nothing else


class CannotConvert(ValueError):
    """The file is not read; the message names it and says why."""


@dataclass(frozen=True)
class Rec:
    """An object of a known class, as the values it was stored with."""

    name: str
    values: Mapping[str, Any]


def read_apart(path: Path) -> Any:
    """What the file holds, as plain values, `Rec` and arrays; nothing in it is run.

    A fresh interpreter without environment or project reads it, after it has given up memory, time, files and
    descriptors; what comes back is read as safetensors.

    Raises:
        CannotConvert: a name that is not built here (the message says which), or a file that is not understood.
    """
    if path.stat().st_size > MOST_BYTES:
        raise CannotConvert(f"{path.name}: it is larger than {MOST_BYTES:,} bytes")
    try:
        with path.open("rb") as file:
            done = subprocess.run(  # noqa: S603 - our own interpreter and program; the file is its standard input
                [sys.executable, "-I", "-B", "-c", START, str(ROOT)],
                stdin=file, capture_output=True, env=ENVIRONMENT, cwd="/", timeout=SECONDS, check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired as problem:
        raise CannotConvert(f"{path.name}: reading it took more than {SECONDS} seconds") from problem
    if done.returncode == REFUSED:
        raise CannotConvert(
            f"{path.name}: it asks for {_words(done.stdout)}, which a probe does not need; nothing in it was run"
        )
    if done.returncode:
        raise CannotConvert(f"{path.name}: {_words(done.stdout) or 'reading it was ended'}")
    try:
        length = int.from_bytes(done.stdout[:8], "little")
        tree = json.loads(json.loads(done.stdout[8 : 8 + length])["__metadata__"]["tree"])
        return _built(tree, load(done.stdout))
    except (SafetensorError, KeyError, ValueError, RecursionError) as problem:
        raise CannotConvert(f"{path.name}: what came of reading it is damaged: {problem}") from problem


def _words(answer: bytes) -> str:
    return "".join(c if c.isprintable() else "?" for c in answer[:300].decode("utf-8", "replace"))


def _built(tree: Any, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[str(tree["array"])]
    if "list" in tree:
        return [_built(one, arrays) for one in tree["list"]]
    if "record" in tree:
        return Rec(tree["record"], {key: _built(one, arrays) for key, one in tree["of"]})
    return {key: _built(one, arrays) for key, one in tree["dict"]}
