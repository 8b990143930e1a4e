"""A short, seeded version of `make campaign ONLY=prevalence`: intervals hold the truth about as often as they say."""

import numpy as np
import pytest

from bench.campaign.prevalence import (
    corpora,
    covers,
    designs,
    given,
    in_order_of_uncertainty,
    top_alone,
)
from labeling.validity.prevalence.figures import prevalence
from labeling.validity.prevalence.report import LABELS, POWERED

TIMES = 30  # corpora of each design
SOME = (
    "uniform", "stratified, equal", "poisson with a floor", "systematic", "stratified beside a top",
    "with an earlier draw, wider strata",
)  # fmt: skip


@pytest.mark.slow
def test_intervals_cover_over_all_designs_together() -> None:
    held: dict[str, list[bool]] = {LABELS: [], POWERED: []}
    for number, name in enumerate(SOME):
        for of, design, inside in corpora(designs()[name], [26, number], TIMES):
            found = covers(of, inside, prevalence(given(of, design, inside)))
            for figure, hits in held.items():
                hits.append(found[figure])
    for figure, hits in held.items():
        assert len(hits) == TIMES * len(SOME), figure
        assert 0.91 < np.mean(hits) < 0.99, figure  # 95% of 180, give or take two and a half standard errors


def test_every_design_of_the_sampler_can_be_carried_back() -> None:
    for number, drawer in enumerate(designs().values()):
        ((of, design, inside),) = corpora(drawer, [27, number], 1)
        made = prevalence(given(of, design, inside))
        assert made.default is not None
        assert made.default.estimator == POWERED
        truth = of.truth[inside].mean()
        assert made.default.value == pytest.approx(truth, abs=0.15)


def test_orders_by_uncertainty_never_bias_it_and_a_top_alone_is_refused() -> None:
    found = in_order_of_uncertainty([28], 5)
    assert found["holds"]
    refused = top_alone(28)
    assert refused["holds"]
    assert "Draw a random remainder beside it" in refused["refused"]
