"""Run the long proofs: `make campaign`, `make campaign ONLY=leases SEED=12`.

Each prints one JSON object; all of them are kept in bench/results/campaign.json. Exit 1 if one does not hold.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter

from bench.private import private_server

RESULTS = Path(__file__).resolve().parent.parent / "results" / "campaign.json"
PROOFS = ("sampling", "prevalence", "leases", "calls", "judging", "captures", "kills", "reviewing", "fuzzing")


def main() -> int:
    """Prove the chosen claims; exit 2 for a claim that does not exist."""
    only = os.environ.get("ONLY", "")
    seed = int(os.environ.get("SEED", "20261120"))
    if only and only not in PROOFS:
        print(f"ONLY must be one of {', '.join(PROOFS)}", file=sys.stderr)
        return 2
    holds = True
    with private_server():
        for name in [only] if only else PROOFS:
            began = perf_counter()
            report = import_module(f"bench.campaign.{name}").prove(
                seed
            )  # knows Django, which is ready only now
            report["took_s"] = round(perf_counter() - began, 1)
            kept = (
                json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
            )  # now, as others may write
            kept[name] = report
            holds = holds and bool(report["holds"])
            print(json.dumps({"proof": name, **report}), flush=True)
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
