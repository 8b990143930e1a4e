"""Do 95% intervals of prevalence hold the truth in 93 to 97 of 100 corpora, for each design that can be drawn?

Every corpus is another one: its rate, how good the judge is, who was drawn. Plans and draws are the sampler's own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from auditor.sampling.designs import disagreement, strata
from auditor.sampling.designs.arrays import Floats, Mask, Whole
from auditor.sampling.designs.design import By, Design
from auditor.sampling.designs.drawing import Plan, allotted, plan
from auditor.sampling.designs.union import as_first, united
from labeling.validity.prevalence.figures import Cut, Given, prevalence
from labeling.validity.prevalence.inclusion import Inclusion, of_plan, of_union
from labeling.validity.prevalence.report import CORRECTED, LABELS, POWERED, Report

FRAME, DRAWN = 2_000, 160
CORPORA = 1_000
EVERYONE = np.arange(FRAME)
WANTED = (0.93, 0.97)
BY_VALUE = By("channel", channels=("j",))
COMMON, RARE = (0.08, 0.5), (0.004, 0.02)  # between which rates lie


@dataclass(frozen=True)
class World:
    """A corpus: a channel, sizes, a panel, a judge, two conditions, and the truth."""

    values: Floats  # (FRAME,), NaN for one in ten
    sizes: Floats  # (FRAME,), skewed; some zero, some missing
    panel: Floats  # (FRAME, 5)
    judge: Floats  # (FRAME,), 1 or 0, NaN for one in fifty
    condition: Whole  # (FRAME,), 0 or 1; it is commoner under 1
    truth: Floats  # (FRAME,), 1 or 0


Drawer = Callable[
    [World, np.random.Generator], tuple[Inclusion, Whole]
]  # and the frame's members in the corpus


def world(rng: np.random.Generator, rates: tuple[float, float] = COMMON) -> World:
    """A fresh corpus whose rate lies about between these."""
    rate = rng.uniform(*rates)
    condition = (rng.random(FRAME) < 0.4).astype(np.int64)
    chance = np.clip(rate * np.where(condition == 1, 1.3, 0.8), 0.0, 0.9)
    truth = (rng.random(FRAME) < chance).astype(float)
    values = np.clip(np.round(rng.normal(35 + 25 * truth, 22)), 0, 100)
    missing = rng.random(FRAME) < 0.1
    sizes = (values + 5) * rng.lognormal(0.0, 0.5, FRAME)
    sizes[rng.random(FRAME) < 0.1] = 0.0
    sizes[rng.random(FRAME) < 0.05] = np.nan
    right = np.where(truth == 1, rng.uniform(0.6, 0.9), rng.uniform(0.75, 0.97))
    judge = np.where(rng.random(FRAME) < right, truth, 1 - truth)
    judge[rng.random(FRAME) < 0.02] = np.nan
    panel = np.where(rng.random((FRAME, 5)) < 0.7, truth[:, None], rng.integers(0, 2, (FRAME, 5))).astype(
        float
    )
    return World(np.where(missing, np.nan, values), sizes, panel, judge, condition, truth)


def designs() -> dict[str, Drawer]:
    """Every design that the sampler offers, by name."""
    stratified = Design(n=DRAWN, strata=(BY_VALUE,))
    made: dict[str, Drawer] = {
        "uniform": single(Design(n=DRAWN), whole),
        "uniform, extended": extended(Design(n=DRAWN // 2), DRAWN, whole),
        "stratified, equal": single(stratified, bins),
        "stratified, proportional": single(replace(stratified, allocation="proportional"), bins),
        "stratified by hand": single(replace(stratified, allocation="hand", hand=(80, 40, 40)), masks),
        "by spread, crossed with filters": single(stratified, crossed),
    }
    for selection in ("poisson", "systematic"):
        sized = Design(n=DRAWN, size_by="s", selection=selection)
        made[selection] = single(sized, whole)
        made[f"{selection} with a floor"] = single(replace(sized, floor=20.0), whole)
        made[f"{selection}, stratified, beside a top"] = single(
            replace(sized, strata=(BY_VALUE,), top=30, top_by="j", n=DRAWN - 30), bins
        )
    top = {"top": 40, "top_by": "j", "n": DRAWN - 40}
    made["top beside a uniform remainder"] = single(Design(**top), whole)  # type: ignore[arg-type]
    made["stratified beside a top"] = single(replace(stratified, **top), bins)  # type: ignore[arg-type]
    half = DRAWN // 2
    made["what an earlier draw left"] = left_over(
        (replace(stratified, n=half), bins), (Design(n=DRAWN), whole)
    )
    made["with an earlier draw, same strata"] = chain(
        (replace(stratified, n=half), bins), (replace(stratified, n=half), bins)
    )
    made["with an earlier draw, wider strata"] = chain(
        (replace(stratified, n=half), bins), (Design(n=half), whole)
    )
    made["with two earlier draws"] = chain(
        (replace(stratified, n=half), bins),
        (replace(stratified, n=half // 2, allocation="proportional"), bins),
        (Design(n=half // 2), whole),
    )
    made["a top, then the rest"] = chain((Design(top=40, top_by="j"), whole), (Design(n=DRAWN - 40), whole))
    return made


def whole(of: World) -> strata.Partition:
    """One stratum."""
    return strata.whole(FRAME)


def bins(of: World) -> strata.Partition:
    """Four bins of the channel, and those without a value."""
    return strata.by_value(of.values, bins=4)


def masks(of: World) -> strata.Partition:
    """By filters: high, middling, the remainder."""
    return strata.by_match(
        [np.flatnonzero(of.values > 70), np.flatnonzero(of.values > 45)], ["a", "b"], FRAME
    )


def crossed(of: World) -> strata.Partition:
    """Disagreement of the panel crossed with filters."""
    spread = strata.by_value(disagreement.spread(of.panel), bins=3)
    return strata.crossed([spread, masks(of)], FRAME)


def single(design: Design, cut: Callable[[World], strata.Partition]) -> Drawer:
    """One draw."""

    def go(of: World, rng: np.random.Generator) -> tuple[Inclusion, Whole]:
        made = plan(design, cut(of), **_columns(design, of))
        return of_plan(made, np.flatnonzero(drawn(made, rng))), EVERYONE

    return go


def extended(design: Design, n: int, cut: Callable[[World], strata.Partition]) -> Drawer:
    """A draw that was made larger."""

    def go(of: World, rng: np.random.Generator) -> tuple[Inclusion, Whole]:
        small = plan(design, cut(of), **_columns(design, of))
        large = allotted(small.strata, small.member, small.sizes, replace(design, n=n))
        return of_plan(large, np.flatnonzero(drawn(large, rng))), EVERYONE

    return go


def left_over(*links: tuple[Design, Callable[[World], strata.Partition]]) -> Drawer:
    """The last of several draws by itself: its rates are those of what the earlier ones left."""

    def go(of: World, rng: np.random.Generator) -> tuple[Inclusion, Whole]:
        taken: Mask = np.zeros(FRAME, dtype=bool)
        for design, cut in links[:-1]:
            taken = taken | drawn(plan(design, cut(of), outside=taken if taken.any() else None), rng)
        design, cut = links[-1]
        made = plan(design, cut(of), outside=taken)
        inside = np.flatnonzero(~taken)
        small = made.reordered(inside)
        return of_plan(small, np.flatnonzero(drawn(made, rng)[inside])), inside

    return go


def chain(*links: tuple[Design, Callable[[World], strata.Partition]]) -> Drawer:
    """Draws each of which excludes all before it, taken as one."""

    def go(of: World, rng: np.random.Generator) -> tuple[Inclusion, Whole]:
        taken: Mask = np.zeros(FRAME, dtype=bool)
        odds: Floats | None = None
        members: list[Whole] = []
        before: tuple[Plan, Whole] | None = None
        for design, cut in links:
            partition = cut(of)
            made = plan(design, partition, outside=taken if before else None, **_columns(design, of))
            if before is None or odds is None:
                odds, own = made.odds, made.member
            else:
                odds, reason = united(as_first(before[0], odds, before[1]), made, partition.member)
                own = partition.member
                if odds is None:
                    raise ValueError(reason)
            before = made, own
            members.append(own)
            taken = taken | drawn(made, rng)
        assert odds is not None
        return of_union(members, odds, np.flatnonzero(taken), equal=True), EVERYONE

    return go


def drawn(made: Plan, rng: np.random.Generator) -> Mask:
    """One draw with fresh numbers."""
    at = {stratum.name: float(rng.random()) for stratum in made.strata}
    return made.draw(rng.random(len(made.member)), at.__getitem__)


def corpora(
    drawer: Drawer, seed: list[int], times: int, rates: tuple[float, float] = COMMON
) -> Iterator[tuple[World, Inclusion, Whole]]:
    """Fresh corpora with a draw each, and where the frame's members stand in the corpus."""
    for number in range(times):
        rng = np.random.default_rng([*seed, number])
        of = world(rng, rates)
        design, inside = drawer(of, rng)
        yield of, design, inside


def given(of: World, design: Inclusion, inside: Whole, known: Mask | None = None) -> Given:
    """What the product would read of it."""
    label = of.truth[inside][design.drawn].copy()
    if known is not None:
        label[~known] = np.nan
    cut = Cut("condition", "Condition", of.condition[inside], ("a", "b"))
    return Given(design.size, design, label, np.zeros(len(label), dtype=bool), of.judge[inside], (cut,))


def covers(of: World, inside: Whole, made: Report) -> dict[str, bool]:
    """By figure whether its interval holds the truth; figures that were refused are left out."""
    truth, condition = of.truth[inside], of.condition[inside]
    found = {}
    for estimator in (POWERED, LABELS, CORRECTED):
        line = made.line(estimator)
        if line is not None and line.low is not None and line.high is not None:
            found[estimator] = line.low <= truth.mean() <= line.high
    for line in made.lines:
        if (
            line.cut == "condition"
            and line.estimator == POWERED
            and line.low is not None
            and line.high is not None
        ):
            rate = truth[condition == "ab".index(line.part)].mean()
            found[f"under condition {line.part}"] = line.low <= rate <= line.high
    for one in made.differences:
        real = truth[condition == "ab".index(one.a)].mean() - truth[condition == "ab".index(one.b)].mean()
        found["difference of conditions"] = one.low <= real <= one.high
    return found


def coverage(
    drawer: Drawer, seed: list[int], times: int, rates: tuple[float, float] = COMMON
) -> dict[str, Any]:
    """How often each figure's interval holds the truth, how wide it is and how far its figure is off."""
    held: dict[str, list[bool]] = {}
    errors: dict[str, list[float]] = {}
    widths: dict[str, list[float]] = {}
    for of, design, inside in corpora(drawer, seed, times, rates):
        made = prevalence(given(of, design, inside))
        for figure, holds in covers(of, inside, made).items():
            held.setdefault(figure, []).append(holds)
        for estimator in (POWERED, LABELS, CORRECTED):
            line = made.line(estimator)
            if line is not None and line.value is not None and line.width is not None:
                errors.setdefault(estimator, []).append(line.value - float(of.truth[inside].mean()))
                widths.setdefault(estimator, []).append(line.width)
    return {
        "covers": {figure: round(float(np.mean(some)), 3) for figure, some in held.items()},
        "of": {figure: len(some) for figure, some in held.items() if len(some) < times},
        "width": {figure: round(float(np.mean(some)), 4) for figure, some in widths.items()},
        "bias_in_its_error": {
            figure: round(float(np.mean(some) / (np.std(some, ddof=1) / len(some) ** 0.5)), 2)
            for figure, some in errors.items()
        },
    }  # fmt: skip


def in_order_of_uncertainty(seed: list[int], times: int) -> dict[str, Any]:
    """Items handed out by uncertainty: the same figures when all are labelled, refused before, and why."""
    drawer = designs()["uniform"]
    apart, wrong = 0.0, []
    for of, design, inside in corpora(drawer, seed, times):
        doubt = np.abs(np.nan_to_num(of.values[design.drawn], nan=50.0) - 50)
        order = np.argsort(doubt, kind="stable")
        ordered = replace(design, drawn=design.drawn[order])
        one, other = (prevalence(given(of, each, inside)) for each in (design, ordered))
        for estimator in (POWERED, LABELS):
            first, second = one.line(estimator), other.line(estimator)
            assert first is not None
            assert second is not None
            apart = max(
                apart,
                abs((first.value or 0) - (second.value or 0)),
                abs((first.low or 0) - (second.low or 0)),
            )
        half = np.zeros(len(order), dtype=bool)
        half[order[: len(order) // 2]] = True
        wrong.append(covers(of, inside, prevalence(given(of, design, inside, half)))[LABELS])
        refused = prevalence(replace(given(of, design, inside, half), not_random="in the order of a channel"))
        assert all(line.value is None for line in refused.lines if line.estimator in (LABELS, POWERED))
    return {
        "largest_difference_when_all_are_labelled": apart,
        "covers_if_half_were_taken_for_random": round(float(np.mean(wrong)), 3),
        "holds": apart < 1e-9,
    }


def top_alone(seed: int) -> dict[str, Any]:
    """A top without a remainder is refused."""
    of = world(np.random.default_rng(seed))
    made = plan(Design(top=40, top_by="j"), strata.whole(FRAME), top=of.values)
    try:
        of_plan(made, np.flatnonzero(made.odds > 0))
    except ValueError as reason:
        return {"refused": str(reason), "holds": True}
    return {"refused": "", "holds": False}


def prove(seed: int, times: int = CORPORA) -> dict[str, Any]:
    """Every design; then rates near zero, orders by uncertainty, and a top alone."""
    report: dict[str, Any] = {"seed": seed, "corpora": times, "frame": FRAME, "drawn": DRAWN}
    for number, (name, drawer) in enumerate(designs().items()):
        found = coverage(drawer, [seed, number], times)
        held = [found["covers"].get(one) for one in (POWERED, LABELS, CORRECTED)]
        found["holds"] = all(one is not None and WANTED[0] <= one <= WANTED[1] for one in held)
        report[name] = found
    rare = coverage(designs()["uniform"], [seed, 1000], times, RARE)
    rare["holds"] = all(rare["covers"][one] >= WANTED[0] for one in (POWERED, LABELS))
    report["near zero, uniform"] = rare
    report["in order of uncertainty"] = in_order_of_uncertainty([seed, 2000], max(20, times // 5))
    report["a top alone"] = top_alone(seed)
    report["holds"] = all(part["holds"] for part in report.values() if isinstance(part, dict))
    return report


def _columns(design: Design, of: World) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if design.size_by:
        made["sizes"] = of.sizes
    if design.top:
        made["top"] = of.values
    return made
