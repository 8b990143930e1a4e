"""Coefficients: published tables, cases by hand, the definitions written out, and the edges."""

import json
import math
import random
from typing import Any

import numpy as np
import pytest

from labeling.agreement import coefficients as they
from labeling.agreement.ratings import Patterns, Ratings, confusion, numbers_of, table_of
from labeling.agreement.resampling import Figure
from labeling.agreement.sets import masi_distance, masi_distances
from tests.auditor.intake.reading import real_file
from tests.labeling.agreement import plain

N = None
# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", data C: 12 units, 4 observers, 5 values.
KRIPPENDORFF = [
    [1, 1, N, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4],
    [1, 1, 2, 1], [2, 2, 2, 2], [N, 5, 5, 5], [N, N, 1, 1], [N, N, 3, N],
]  # fmt: skip
# Fleiss (1971), table 1: the diagnoses, 1 to 5, that six psychiatrists gave to each of 30 patients.
FLEISS = (
    "444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444 222333 144444 224445 "
    "333335 111455 111112 224444 133555 555555 244444 224555 114444 144445 222224 111155 224444 133333 555555"
)


def rated(rows: list[list[Any]], order: list[Any] | None = None) -> tuple[Ratings, list[Any]]:
    said = [(i, j, value) for i, row in enumerate(rows) for j, value in enumerate(row) if value is not None]
    found, values, _, _ = table_of(said, order or sorted({value for _, _, value in said}))
    return found, values


def of(figure: Figure, found: Patterns) -> float:
    return float(figure(found.times[None, :])[0])


def units(rows: list[list[Any]]) -> list[list[Any]]:
    return [[value for value in row if value is not None] for row in rows]


def test_krippendorffs_own_example() -> None:
    found, values = rated(KRIPPENDORFF)
    p = found.patterns
    assert p.n == 11  # the twelfth unit has one value: nothing to compare
    assert of(they.nominal_alpha(p), p) == pytest.approx(0.743, abs=0.0005)
    assert of(they.ordinal_alpha(p), p) == pytest.approx(0.815, abs=0.0005)
    assert of(they.interval_alpha(p, numbers_of(values)), p) == pytest.approx(0.849, abs=0.0005)


def test_gwets_figures_for_the_same_table() -> None:
    """As irrCAC prints them for its data set cac.raw4raters."""
    p = rated(KRIPPENDORFF)[0].patterns
    assert of(they.percent(p), p) == pytest.approx(0.81818, abs=5e-6)
    assert of(they.fleiss_kappa(p), p) == pytest.approx(0.76117, abs=5e-6)
    assert of(they.gwet_ac1(p), p) == pytest.approx(0.77544, abs=5e-6)


def test_fleiss_own_example() -> None:
    rows = [[int(digit) for digit in patient] for patient in FLEISS.split()]
    p = rated(rows)[0].patterns
    assert of(they.percent(p), p) == pytest.approx(0.556, abs=0.0005)
    assert of(they.fleiss_kappa(p), p) == pytest.approx(0.430245, abs=5e-7)


def test_a_case_by_hand() -> None:
    # Three reviewers, four items, one odd label on the last. Items 1 to 3 agree, item 4 has two pairs
    # of three that differ: percent = (1 + 1 + 1 + 1/3) / 4 = 5/6.
    # Shares: five 0s and seven 1s of 12. By chance (25 + 49) / 144 = 74/144.
    #   Fleiss = (5/6 - 74/144) / (1 - 74/144) = 46/70.
    #   AC1: chance 1 - 74/144 = 70/144; (120/144 - 70/144) / (74/144) = 50/74.
    # Alpha: unlike ordered pairs of item 4 are 4, over 3 - 1 = 2; D_o = 2/12.
    #   D_e = 2 * 5 * 7 / (12 * 11) = 70/132. Alpha = 1 - (1/6) / (70/132) = 1 - 22/70.
    found, values = rated([[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 1]])
    p = found.patterns
    assert of(they.percent(p), p) == pytest.approx(5 / 6, abs=1e-12)
    assert of(they.fleiss_kappa(p), p) == pytest.approx(46 / 70, abs=1e-12)
    assert of(they.gwet_ac1(p), p) == pytest.approx(50 / 74, abs=1e-12)
    for figure in (they.nominal_alpha(p), they.ordinal_alpha(p), they.interval_alpha(p, numbers_of(values))):
        assert of(figure, p) == pytest.approx(1 - 22 / 70, abs=1e-12)  # with two values they are the same


def test_cohens_kappa_by_hand() -> None:
    # Two reviewers, ten items: both yes 4, both no 3, first yes alone 2, second yes alone 1.
    # Observed 7/10. Yes: 6 and 5; no: 4 and 5. By chance (30 + 20) / 100. Kappa = (0.7 - 0.5) / 0.5 = 0.4.
    rows = [["y", "y"]] * 4 + [["n", "n"]] * 3 + [["y", "n"]] * 2 + [["n", "y"]] + [["y", N], [N, "n"]]
    pair = rated(rows)[0].pair(0, 1)
    figure, p = they.cohen_kappa(pair)
    assert of(figure, p) == pytest.approx(0.4, abs=1e-12)
    assert confusion(pair).tolist() == [[3, 1], [2, 4]]  # n, y
    assert (p.n, len(pair.codes)) == (10, 10)


def test_cohens_kappa_of_a_published_table() -> None:
    """The example of simple kappa in the manual of SAS; the second reviewer never says 0."""
    table = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
    rows = [[i, j] for i, line in enumerate(table) for j, n in enumerate(line) for _ in range(n)]
    figure, p = they.cohen_kappa(rated(rows, [0, 1, 2])[0].pair(0, 1))
    assert of(figure, p) == pytest.approx(0.4842, abs=5e-5)


def test_masi_by_hand() -> None:
    a, ab, bc, abc, none = (frozenset(word) for word in ("a", "ab", "bc", "abc", ""))
    sets = [a, ab, bc, abc, none]
    assert masi_distance(a, ab) == pytest.approx(1 - 1 / 2 * 2 / 3)
    assert masi_distance(ab, bc) == pytest.approx(1 - 1 / 3 * 1 / 3)
    assert masi_distance(a, bc) == 1
    assert masi_distance(none, a) == 1
    assert masi_distance(none, none) == 0
    table = masi_distances(sets)
    for i, one in enumerate(sets):
        for j, other in enumerate(sets):
            assert table[i, j] == pytest.approx(masi_distance(one, other), abs=1e-12)
            assert table[i, j] == pytest.approx(float(plain.masi(one, other)), abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_they_equal_the_definitions_written_out(seed: int) -> None:
    draw = random.Random(seed)
    raters, categories = draw.randint(2, 6), draw.randint(2, 6)
    rows: list[list[Any]] = [
        [draw.choice([None, *range(categories)]) for _ in range(raters)] for _ in range(draw.randint(12, 40))
    ]
    rows[0][:2] = [0, 1]  # something varies
    found, values = rated(rows, list(range(categories)))
    p, said = found.patterns, units(rows)
    numbers = [value * 1.7 - 3 for value in values]
    scaled = [[numbers[value] for value in unit] for unit in said]
    expected = {
        they.percent(p): plain.percent(said),
        they.fleiss_kappa(p): plain.fleiss(said),
        they.gwet_ac1(p): plain.ac1(said, categories),
        they.nominal_alpha(p): plain.alpha(said),
        they.ordinal_alpha(p): plain.alpha(said, plain.ladder(said)),
        they.interval_alpha(p, np.array(numbers)): plain.alpha(scaled, plain.squares),
    }
    for figure, value in expected.items():
        assert of(figure, p) == pytest.approx(float(value), abs=1e-9)
    pair = found.pair(0, 1)
    both = [(row[0], row[1]) for row in rows if row[0] is not None and row[1] is not None]
    figure, cells = they.cohen_kappa(pair)
    assert of(figure, cells) == pytest.approx(float(plain.cohen(both)), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_sets_equal_the_definition_written_out(seed: int) -> None:
    draw = random.Random(seed)
    rows: list[list[Any]] = [
        [
            draw.choice([None, frozenset(draw.sample("abcd", draw.randint(0, 3)))])
            for _ in range(draw.randint(4, 4))
        ]
        for _ in range(30)
    ]
    found, values, _, _ = table_of(
        (i, j, value) for i, row in enumerate(rows) for j, value in enumerate(row) if value is not None
    )
    p = found.patterns
    sets = [frozenset(value) for value in values]  # type: ignore[arg-type]
    figure = they.distance_alpha(p, masi_distances(sets))
    assert of(figure, p) == pytest.approx(float(plain.alpha(units(rows), plain.masi)), abs=1e-9)


def test_a_hand_picked_weight_is_an_item_taken_so_often() -> None:
    """What a resample gives is the figure of the table in which each item stands so often."""
    draw = random.Random(4)
    rows: list[list[Any]] = [[draw.choice([None, 1, 2, 3]) for _ in range(4)] for _ in range(20)]
    found, values = rated(rows, [1, 2, 3])
    p = found.patterns
    kept = [row for row in rows if any(value is not None for value in row)]
    times = [draw.randint(0, 3) for _ in kept]
    weights = np.bincount(p.of_item, weights=times, minlength=len(p.codes))[None, :]
    again = rated([row for row, n in zip(kept, times, strict=True) for _ in range(n)], [1, 2, 3])[0].patterns
    for make in (
        they.percent,
        they.fleiss_kappa,
        they.gwet_ac1,
        they.nominal_alpha,
        they.ordinal_alpha,
        lambda q: they.interval_alpha(q, numbers_of(values)),
        lambda q: they.distance_alpha(q, np.array([[0, 1, 3], [1, 0, 2], [3, 2, 0.0]])),
    ):
        assert float(make(p)(weights)[0]) == pytest.approx(of(make(again), again), abs=1e-9)


def test_one_category_alone_is_undefined_and_never_perfect() -> None:
    for rows in ([[2, 2], [2, 2]], [[7, 7, 7]], [[1, 1], [1, N], [N, N]]):
        found, values = rated(rows)
        p = found.patterns
        assert of(they.percent(p), p) == 1
        for figure in (
            they.fleiss_kappa(p),
            they.gwet_ac1(p),
            they.nominal_alpha(p),
            they.ordinal_alpha(p),
            they.interval_alpha(p, numbers_of(values)),
            they.distance_alpha(p, np.zeros((1, 1))),
        ):
            assert math.isnan(of(figure, p))
        pair_figure, cells = they.cohen_kappa(found.pair(0, 1))
        assert math.isnan(of(pair_figure, cells))


def test_total_disagreement_is_below_chance() -> None:
    # Two reviewers who always differ: percent 0, Cohen -1. Alpha: n = 8, D_o = 1, D_e = 2*4*4/(8*7) = 4/7.
    found, _ = rated([[0, 1], [1, 0], [0, 1], [1, 0]])
    p = found.patterns
    assert of(they.percent(p), p) == 0
    assert of(they.nominal_alpha(p), p) == pytest.approx(1 - 7 / 4, abs=1e-12)
    assert of(they.fleiss_kappa(p), p) == pytest.approx(-1, abs=1e-12)
    assert of(they.gwet_ac1(p), p) == pytest.approx(-1, abs=1e-12)
    figure, cells = they.cohen_kappa(found.pair(0, 1))
    assert of(figure, cells) == pytest.approx(-1, abs=1e-12)


def test_without_overlap_nothing_is_defined() -> None:
    p = rated([[1, N], [N, 2]])[0].patterns
    assert p.n == 0
    for make in (they.percent, they.fleiss_kappa, they.gwet_ac1, they.nominal_alpha, they.ordinal_alpha):
        assert math.isnan(of(make(p), p))


def test_names_and_order_of_reviewers_do_not_matter() -> None:
    mixed = [random.Random(str(row)).sample(row, 4) for row in KRIPPENDORFF]
    one, other = rated(KRIPPENDORFF)[0].patterns, rated(mixed)[0].patterns
    assert of(they.nominal_alpha(one), one) == pytest.approx(of(they.nominal_alpha(other), other), abs=1e-12)


def test_codes_outside_the_categories_are_refused() -> None:
    for codes in (np.array([[0, 3]]), np.array([[-2, 0]])):
        with pytest.raises(ValueError, match="outside"):
            Ratings(codes, 3)
    with pytest.raises(ValueError, match="two dimensions"):
        Ratings(np.array([0, 1]), 3)


def test_three_people_on_150_answers_agree_as_their_readme_says() -> None:
    path = real_file("sycophancy-reviews/150_items_3_reviewers.jsonl")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    said = [(i, ord(who[-1]), score) for i, line in enumerate(lines) for who, score in line["scores"].items()]
    said = [(i, who, score) for i, who, score in said if score is not None]
    found, values, _, _ = table_of(said)
    p = found.patterns
    assert p.n == 150
    assert of(they.interval_alpha(p, numbers_of(values)), p) == pytest.approx(0.572, abs=0.0005)
    assert sum(line["consensus_source"] == "manual" for line in lines) == 60

    def binned(low: bool) -> float:
        """Bounds in the middle, or outside."""
        bins = [
            (i, who, -1 if s < -0.1 or (low and s == -0.1) else 1 if s > 0.1 or (low and s == 0.1) else 0)
            for i, who, s in said
        ]
        q = table_of(bins)[0].patterns
        return of(they.nominal_alpha(q), q)

    assert binned(low=False) == pytest.approx(0.347, abs=0.0005)
    assert binned(low=True) == pytest.approx(0.393, abs=0.0005)


def test_five_judges_of_lies_agree_as_their_readme_says() -> None:
    path = real_file("lie-detector/857_items_5_judges.jsonl")
    lines = [json.loads(line)["judges"] for line in path.read_text(encoding="utf-8").splitlines()]
    names = sorted(lines[0])
    found, _, _, _ = table_of(
        (i, names.index(name), judged["binary"])
        for i, line in enumerate(lines)
        for name, judged in line.items()
    )
    p = found.patterns
    assert of(they.fleiss_kappa(p), p) == pytest.approx(0.362, abs=0.0005)
    assert of(they.percent(p), p) == pytest.approx(0.688, abs=0.0005)
    kappas = {}
    for a in range(5):
        for b in range(a):
            figure, cells = they.cohen_kappa(found.pair(a, b))
            kappas[names[b], names[a]] = of(figure, cells)
    assert min(kappas.values()) == pytest.approx(0.237, abs=0.0005)
    assert max(kappas.values()) == pytest.approx(0.472, abs=0.0005)
