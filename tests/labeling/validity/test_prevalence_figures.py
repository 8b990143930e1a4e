"""All figures of one question: what is refused and why, what is missing, and parts of the frame."""

from dataclasses import replace

import numpy as np
import pytest

from auditor.sampling.designs import strata
from auditor.sampling.designs.design import By, Design
from auditor.sampling.designs.drawing import plan
from labeling.validity.prevalence.figures import (
    CONSTANT,
    NO_JUDGE,
    SILENT,
    Cut,
    Given,
    prevalence,
)
from labeling.validity.prevalence.inclusion import of_plan
from labeling.validity.prevalence.report import (
    ALL,
    CORRECTED,
    JUDGE,
    LABELS,
    POWERED,
    RULINGS,
    SUPPLY,
    UNDETERMINED,
    VERDICTS,
    Line,
    Report,
    read,
)

N, DRAWN = 600, 90


def given(seed: int = 1, n: int = DRAWN, **more: object) -> Given:
    """A frame of 600 in two conditions, a judge that is mostly right, and a uniform draw that is labelled whole."""
    rng = np.random.default_rng(seed)
    condition = (rng.random(N) < 0.5).astype(np.int64)
    truth = (rng.random(N) < np.where(condition == 1, 0.5, 0.15)).astype(float)
    judged = np.where(rng.random(N) < 0.85, truth, 1 - truth)
    made = plan(Design(n=n), strata.whole(N))
    drawn = np.flatnonzero(made.draw(rng.random(N), lambda _: 0.0))
    cut = Cut("condition:oversight", "oversight", condition, ("off", "on"))
    found = Given(N, of_plan(made, drawn), truth[drawn], np.zeros(n, dtype=bool), judged, (cut,))
    return replace(found, **more)


def line(report: Report, estimator: str, cut: str = ALL, part: str = "") -> Line:
    found = report.line(estimator, cut, part)
    assert found is not None
    return found


def test_the_four_estimates_and_the_one_to_cite() -> None:
    made = prevalence(given())
    values = {key: line(made, key) for key in (POWERED, LABELS, CORRECTED, JUDGE)}
    assert all(one.value is not None and one.of == N for one in values.values())
    assert values[JUDGE].width is None  # what the judge says is no estimate
    assert made.default == values[POWERED]
    powered, labels = values[POWERED].width, values[LABELS].width
    assert powered is not None
    assert labels is not None
    assert powered < labels
    assert (made.drawn, made.labelled, made.judged, made.bounds) == (DRAWN, DRAWN, N, ())
    assert made.more[POWERED] is not None
    supply = line(made, SUPPLY)
    assert supply.value == pytest.approx(values[POWERED].value, abs=1e-12)
    assert read(made.plain()) == made


def test_the_order_of_labelling_changes_nothing() -> None:
    one = given()
    assert one.design is not None
    order = np.random.default_rng(5).permutation(DRAWN)
    other = replace(one, design=replace(one.design, drawn=one.design.drawn[order]), label=one.label[order])
    for first, second in zip(prevalence(one).lines, prevalence(other).lines, strict=True):
        assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))


def test_parts_of_the_frame_and_their_difference() -> None:
    made = prevalence(given())
    (difference,) = made.differences
    off, on = (line(made, POWERED, "condition:oversight", part) for part in ("off", "on"))
    assert off.of + on.of == N
    assert off.n + on.n == DRAWN
    assert off.value is not None
    assert on.value is not None
    by_name = {"off": off.value, "on": on.value}
    assert difference.value == pytest.approx(by_name[difference.a] - by_name[difference.b])
    assert difference.low < difference.value < difference.high
    assert difference.sure
    whole = line(made, LABELS)
    both = [line(made, LABELS, "condition:oversight", part) for part in ("off", "on")]
    assert whole.value == pytest.approx(sum((one.value or 0) * one.n for one in both) / DRAWN)
    few = prevalence(given(n=12))
    assert line(few, LABELS, "condition:oversight", "off").reason.startswith("too few labels")
    assert few.differences == ()
    assert line(few, POWERED).reason == "fewer than 20 labels: the judge's weight cannot be tuned"
    assert few.default == line(few, LABELS)


def test_many_parts_are_cut_to_the_commonest() -> None:
    codes = np.arange(N, dtype=np.int64) % 20
    codes[:30] = -1
    made = prevalence(given(cuts=(Cut("model", "Model", codes, tuple(f"m{i:02}" for i in range(20))),)))
    assert len({one.part for one in made.lines if one.cut == "model"}) == 12
    assert made.left_out["model"] == 8


def test_rates_near_none_and_all_have_a_width() -> None:
    for value in (0.0, 1.0):
        made = prevalence(given(label=np.full(DRAWN, value)))
        for key in (POWERED, LABELS):
            one = line(made, key)
            assert one.value == pytest.approx(value)
            assert one.width is not None
            assert 0.02 < one.width < 0.06
        assert "both kinds" in line(made, CORRECTED).reason


def test_a_judge_that_cannot_help_is_refused_with_the_reason() -> None:
    rng = np.random.default_rng(2)
    noise = (rng.random(N) < 0.5).astype(float)
    made = prevalence(given(judged=noise))
    assert line(made, CORRECTED).value is None
    assert "below 0.2" in line(made, CORRECTED).reason
    assert line(made, POWERED).value == pytest.approx(line(made, LABELS).value, abs=0.03)
    for judged, reason in ((None, NO_JUDGE), (np.full(N, np.nan), SILENT), (np.ones(N), CONSTANT)):
        made = prevalence(given(judged=judged))
        assert line(made, POWERED).reason == reason
        assert made.default == line(made, LABELS)


def test_nothing_is_carried_back_from_a_top_and_the_reason_is_given() -> None:
    made = prevalence(given(design=None, why_not="Only the top was taken."))
    assert [line(made, key).reason for key in (POWERED, LABELS, CORRECTED)] == ["Only the top was taken."] * 3
    assert line(made, JUDGE).value is not None
    assert (made.default, made.bounds, made.differences) == (None, (), ())


def test_items_without_a_ruling_give_bounds_by_hand() -> None:
    """90 drawn of 600, 30 yes among the 80 that are ruled: between 30/90 and 40/90 whatever comes."""
    label = np.array([1.0] * 30 + [0.0] * 50 + [np.nan] * 10)
    made = prevalence(given(label=label, judged=None))
    assert line(made, LABELS).value == pytest.approx(30 / 80)
    (bound,) = made.bounds
    assert (bound.what, bound.estimator, bound.missing) == (RULINGS, LABELS, 10)
    assert (bound.low, bound.high) == pytest.approx((30 / 90, 40 / 90))
    assert bound.outer_low < bound.low < bound.high < bound.outer_high


def test_a_round_in_the_order_of_a_channel_that_is_not_finished_gives_bounds_alone() -> None:
    label = np.array([1.0] * 30 + [0.0] * 50 + [np.nan] * 10)
    made = prevalence(given(label=label, not_random="It follows a channel."))
    assert line(made, LABELS).reason == line(made, POWERED).reason == "It follows a channel."
    assert {bound.estimator for bound in made.bounds} == {POWERED, LABELS}
    assert made.default is None


def test_what_was_left_open_gives_bounds() -> None:
    label, left_open = np.array([1.0] * 30 + [0.0] * 60), np.arange(DRAWN) >= 80
    made = prevalence(given(label=label, undetermined=left_open, judged=None))
    (bound,) = made.bounds
    assert (bound.what, bound.missing) == (UNDETERMINED, 10)
    assert (bound.low, bound.high) == pytest.approx((30 / 90, 40 / 90))


def test_missing_verdicts_give_bounds_by_hand() -> None:
    found = given()
    assert found.judged is not None
    judged = found.judged.copy()
    judged[:60] = np.nan
    made = prevalence(replace(found, judged=judged))
    yes = float(np.nansum(judged))
    by = {bound.estimator: bound for bound in made.bounds}
    assert {bound.what for bound in made.bounds} == {VERDICTS}
    assert (by[JUDGE].low, by[JUDGE].high) == pytest.approx((yes / N, (yes + 60) / N))
    assert line(made, JUDGE).value == pytest.approx(yes / (N - 60))
    assert (
        by[POWERED].high - by[POWERED].low < by[JUDGE].high - by[JUDGE].low
    )  # labels correct what is assumed
    assert by[CORRECTED].outer_low <= by[CORRECTED].low <= by[CORRECTED].high <= by[CORRECTED].outer_high


def test_a_stratum_without_a_label_is_named() -> None:
    values = np.arange(N, dtype=float)
    design = Design(n=DRAWN, strata=(By("channel", channels=("j",)),))
    made = plan(design, strata.by_value(values, bins=3))
    drawn = np.flatnonzero(made.draw(np.random.default_rng(1).random(N), lambda _: 0.0))
    label = np.where(drawn < 200, np.nan, 1.0)
    found = prevalence(
        given(design=of_plan(made, drawn), label=label, undetermined=np.zeros(DRAWN, dtype=bool))
    )
    assert line(found, LABELS).reason.startswith("no label yet in")
    assert line(found, CORRECTED).reason.startswith("no label yet in")
    assert {bound.what for bound in found.bounds} == {RULINGS}
