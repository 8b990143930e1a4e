"""One target in a process of its own: `python -m bench.campaign.fuzz.one TARGET SECONDS SEED CORPUS FINDINGS`.

What breaks is written into FINDINGS, one file for each place in the code that broke, and the search goes on.
Prints one JSON object at the end.
"""

import hashlib
import json
import sys
import traceback
from pathlib import Path
from time import monotonic, process_time

import atheris

with atheris.instrument_imports(include=["auditor"]):
    from bench.campaign.fuzz.targets import targets

from bench.campaign.fuzz.mutate import mutated

LONGEST = 20_000  # bytes of an input
SLOW = 5.0  # seconds of the processor for one input that count as hanging; a busy machine is no finding
MEMORY = 1500  # MB


def main(name: str, seconds: int, seed: int, corpus: Path, findings: Path) -> None:
    """Search until the time is over."""
    target = targets()[name]
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    began, runs, slowest = monotonic(), 0, 0.0
    found: dict[str, str] = {}  # place in the code -> what it said

    def feed(data: bytes) -> None:
        nonlocal runs, slowest
        runs += 1
        at = process_time()
        try:
            target.check(data)
        except Exception as problem:
            last = traceback.extract_tb(problem.__traceback__)[-1]
            place = f"{type(problem).__name__} at {Path(last.filename).name}:{last.lineno}"
            keep(place, str(problem), data)
        took = process_time() - at
        slowest = max(slowest, took)
        if took > SLOW:
            keep("slow", f"{took:.1f} s", data)
        if monotonic() - began > seconds:
            print(
                json.dumps(
                    {
                        "target": name, "seed": seed, "seconds": round(monotonic() - began), "runs": runs,
                        "kept_inputs": sum(1 for _ in corpus.iterdir()), "slowest_s": round(slowest, 2), "findings": found,
                    }
                ),
                flush=True,
            )  # fmt: skip
            import os

            os._exit(0)

    def keep(place: str, words: str, data: bytes) -> None:
        if place in found:
            return
        found[place] = words[:200]
        findings.mkdir(parents=True, exist_ok=True)
        (findings / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        return mutated(
            bytes(data), limit, seed, lambda raw, most: bytes(atheris.Mutate(raw, min(most, LONGEST)))
        )

    options = [
        f"-max_len={LONGEST}",
        f"-seed={seed}",
        f"-rss_limit_mb={MEMORY}",
        "-timeout=60",
        "-verbosity=0",
    ]
    argv = [sys.argv[0], *options, f"-artifact_prefix={corpus}.died-", str(corpus)]
    atheris.Setup(argv, feed, **({"custom_mutator": mutate} if target.structured else {}))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
