"""Do items come up as often as their stored probability says, and do weighted means hit the truth?"""

import math
from typing import Any

import numpy as np

from auditor.sampling import designs

FRAME = 400
DRAWN = 60


def prove(seed: int, draws: int = 20_000) -> dict[str, Any]:
    """Draw again and again with each design; report the worst z-score of inclusion and of the mean.

    Under the claim, the z-scores of `FRAME` items are about standard normal, so the worst of them
    stays below 5 but for one campaign in some thousands.
    """
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(FRAME) < 0.1, np.nan, rng.gamma(2.0, 20.0, FRAME))
    panel = rng.integers(0, 2, (FRAME, 5)).astype(float)
    truth = (rng.random(FRAME) < 0.15).astype(float)
    ids = range(FRAME)
    report: dict[str, Any] = {"seed": seed, "draws": draws}
    cases: list[tuple[str, Any, designs.Allocation]] = [
        ("uniform", None, "equal"),
        ("stratified, equal", values, "equal"),
        ("stratified, proportional", values, "proportional"),
        ("by spread", designs.spread(panel), "equal"),
    ]
    for name, strata, allocation in cases:
        hits, stored, means = np.zeros(FRAME), np.zeros(FRAME), np.zeros(draws)
        for number in range(draws):
            draw = (
                designs.uniform(ids, DRAWN, seed + number)
                if strata is None
                else designs.stratified(ids, strata, DRAWN, seed + number, bins=4, allocation=allocation)
            )
            chosen, odds = np.array(draw.ids), np.array(draw.probability)
            hits[chosen] += 1
            stored[chosen] = odds
            means[number] = (truth[chosen] / odds).sum() / FRAME
        certain = stored >= 1
        spread = np.sqrt(draws * stored * (1 - stored))
        inclusion = np.abs(hits - draws * stored)[~certain] / spread[~certain]
        bias = (means.mean() - truth.mean()) / (means.std(ddof=1) / math.sqrt(draws))
        report[name] = {
            "worst_inclusion_z": round(float(inclusion.max(initial=0.0)), 2),
            "bias_z": round(float(bias), 2),
            "holds": bool(
                inclusion.max(initial=0.0) < 5 and abs(bias) < 5 and (hits[certain] == draws).all()
            ),
        }
    report["holds"] = all(part["holds"] for part in report.values() if isinstance(part, dict))
    return report
