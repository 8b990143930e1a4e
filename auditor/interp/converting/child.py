"""A process that reads one file of pickled objects into plain values and arrays, and can do nothing else.

    main()     standard input -> safetensors on standard output, `tree` in its metadata

Before it reads it gives up memory, time, files and descriptors, and from then on ends at once if anything is
opened, started, imported or connected.
"""

import codecs
import json
import math
import os
import resource
import sys
from typing import Any, NoReturn

import numpy as np
from safetensors.numpy import save

from auditor.interp.converting.archives import MOST_BYTES, read
from auditor.interp.converting.values import Array, Failed, Record, Refused

REFUSED, FAILED = 3, 4  # exit codes: a name without a rule; anything else that cannot be
MOST_NODES = 100_000  # values that are handed on


def plain(value: Any, arrays: dict[str, Any], left: list[int]) -> Any:
    """The value as JSON, each array as its number in `arrays`."""
    left[0] -= 1
    if left[0] < 0:
        raise Failed("it holds too many values")
    if isinstance(value, Array):
        numbers = np.asarray(value.numbers())
        if numbers.dtype.kind in "US":
            return {"list": [str(one)[:200] for one in numbers.ravel()[:1000]]}
        arrays[str(len(arrays))] = np.ascontiguousarray(numbers.astype(numbers.dtype.newbyteorder("=")))
        return {"array": len(arrays) - 1}
    if isinstance(value, Record):
        return {"record": value.text, "of": plain(value.state, arrays, left)["dict"]}
    if isinstance(value, dict):
        return {"dict": [[str(key)[:200], plain(one, arrays, left)] for key, one in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [plain(one, arrays, left) for one in value]}
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value if not isinstance(value, int) or abs(value) < 2**63 else str(value)
    return value[:1000] if isinstance(value, str) else str(type(value).__name__)


def give_up() -> None:
    """Give up what reading does not need: memory, time, files, descriptors, and everything that calls out."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # no file and no socket can be opened any more
    forbidden = ("os.", "subprocess.", "socket.", "ctypes.", "shutil.", "exec", "compile", "open", "import")

    def watch(event: str, _arguments: Any) -> None:
        if event.startswith(forbidden):
            os._exit(FAILED)

    sys.addaudithook(watch)


def main() -> NoReturn:
    """Read standard input, write standard output, or say on standard error why not."""
    for codec in ("ascii", "latin-1", "utf-8", "cp437", "raw-unicode-escape", "unicode_escape"):
        codecs.lookup(codec)  # while modules can still be loaded
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    give_up()
    try:
        if len(data) > MOST_BYTES:
            raise Failed(f"it is larger than {MOST_BYTES:,} bytes")
        arrays: dict[str, Any] = {}
        tree = plain(read(data), arrays, [MOST_NODES])
        answer, code = save(arrays or {"-": np.zeros(1, np.float32)}, {"tree": json.dumps(tree)}), 0
    except Refused as problem:
        answer, code = str(problem).encode("utf-8", "replace"), REFUSED
    except Failed as problem:
        answer, code = str(problem).encode("utf-8", "replace"), FAILED
    except (MemoryError, RecursionError):
        answer, code = b"it needs more memory than reading may take", FAILED
    except Exception as problem:
        answer, code = f"it is damaged ({type(problem).__name__})".encode(), FAILED
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
