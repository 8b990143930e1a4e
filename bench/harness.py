"""Measuring: repeated runs, medians, a floor from the same server, one JSON object a line."""

import json
import resource
import statistics
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any


@dataclass(frozen=True)
class Result:
    """One figure. `ratio` is value over floor, None without a floor."""

    name: str
    size: int  # transcripts
    value: float
    unit: str
    floor: float | None = None
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times the floor."""
        return None if not self.floor else round(self.value / self.floor, 2)


def emit(result: Result) -> None:
    """The figure as JSON on standard output, and as a row of the table on standard error."""
    conditions = {**result.conditions, "loop_ms": loop_ms()}
    record = {**asdict(result), "conditions": conditions, "ratio": result.ratio}
    record["value"] = round(result.value, 4)
    record["floor"] = None if result.floor is None else round(result.floor, 4)
    print(json.dumps(record, sort_keys=True), flush=True)
    floor = "–" if result.floor is None else f"{result.floor:.3g}"
    ratio = "–" if result.ratio is None else f"{result.ratio:.2f}×"
    print(
        f"{result.name:<28}{result.size:>8}{result.value:>12.4g} {result.unit:<8}{floor:>10}{ratio:>9}",
        file=sys.stderr, flush=True,
    )  # fmt: skip


def header() -> None:
    """The table's head."""
    print(f"{'name':<28}{'size':>8}{'value':>12} {'unit':<8}{'floor':>10}{'ratio':>9}", file=sys.stderr)


def loop_ms() -> int:
    """How fast this machine runs Python at the moment: milliseconds for five million additions, told from a million.

    Shared machines are two or three times as fast at one time as at another, within an hour too; milliseconds of
    different figures compare by this.
    """

    def count() -> None:
        total = 0
        for number in range(1_000_000):
            total += number

    return round(5_000 * min(seconds(count) for _ in range(2)))


def seconds(work: Callable[[], Any]) -> float:
    """Wall seconds of one call."""
    began = perf_counter()
    work()
    return perf_counter() - began


def median_ms(work: Callable[[], Any], *, times: int, warm: int = 2) -> float:
    """Median wall milliseconds over `times` calls, after `warm` that do not count."""
    for _ in range(warm):
        work()
    return 1000 * statistics.median(seconds(work) for _ in range(times))


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile; `share` in (0, 1]."""
    ordered = sorted(values)
    return ordered[max(0, round(share * len(ordered)) - 1)]


def forget_peak() -> None:
    """Begin anew to watch for the most memory (Linux; elsewhere the peak is of the whole process's life)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_megabytes() -> float:
    """The most memory this process held since `forget_peak`, in MB."""
    try:
        return _peak("self")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes, on macOS


def children_megabytes() -> float:
    """The most memory that the living children of this process held, each at its own time, in MB; 0 elsewhere than on Linux."""
    held = 0.0
    for listed in Path("/proc/self/task").glob("*/children"):
        for pid in listed.read_text(encoding="ascii").split():
            with suppress(OSError, StopIteration):  # it has just ended
                held += _peak(pid)
    return held


def _peak(process: str) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1000
