"""Figures of labels without a database: how labels are cut, what suits which scale, and equal seeds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labeling.agreement.figures import Given, by_part, confusions, overall, pairs_of, parts_of
from labeling.agreement.measures import NOMINAL, ORDINAL, SETS, Measure
from labeling.agreement.report import read, report
from tests.labeling.agreement import plain

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
LABEL = Measure("label", "Label", NOMINAL, ("a", "b", "c"), ("Ay", "Bee", "Cee"))


def given(item: int, reviewer: int, label: str, **more: Any) -> Given:
    facts: dict[str, Any] = {
        "group": "g",
        "grade": "I0",
        "confidence": 3,
        "answers": {},
        "at": MONDAY,
        "version": 1,
    }
    return Given(item, reviewer, label, **{**facts, **more})


def test_parts_are_made_of_items_finished_then() -> None:
    labels = [
        given(
            item, reviewer, "a", at=MONDAY + timedelta(days=7 * (item % 2) + reviewer), version=1 + item % 3
        )
        for item in range(30)
        for reviewer in (1, 2)
    ]
    labels[0] = given(0, 1, "a", at=MONDAY + timedelta(days=6, hours=14))  # Sunday: still the first week
    found = {(cut, part): some for cut, part, some in parts_of(labels)}
    assert {part for cut, part in found if cut == "week"} == {"2026-11-02", "2026-11-09"}
    assert len(found["week", "2026-11-02"]) == 30
    assert [part for cut, part in found if cut == "tenth"] == [str(n) for n in range(1, 11)]
    assert {len({one.item for one in some}) for (cut, _), some in found.items() if cut == "tenth"} == {3}
    assert [part for cut, part in found if cut == "version"] == ["1", "2", "3"]
    assert not [part for cut, part in found if cut == "stratum"]  # there is one only


def test_few_items_are_not_cut_by_time() -> None:
    labels = [given(item, reviewer, "a") for item in range(29) for reviewer in (1, 2)]
    assert list(parts_of(labels)) == []


def test_pairs_are_those_who_met() -> None:
    labels = [given(0, 3, "a"), given(0, 1, "a"), given(1, 2, "a"), given(2, 2, "b"), given(2, 3, "b")]
    assert pairs_of(labels) == [(1, 3), (2, 3)]


def test_each_scale_has_the_coefficients_that_suit_it() -> None:
    labels = [
        given(i, r, "a", grade=f"I{(i + r) % 3}", answers={"many": ["x"] if (i + r) % 2 else ["x", "y"]})
        for i in range(6)
        for r in (1, 2)
    ]
    grade = Measure("grade", "Grade", ORDINAL, ("I0", "I1", "I2"), ("0", "1", "2"))
    many = Measure("q.many", "Many", SETS, ("x", "y"), ("Ex", "Why"))
    lines = overall(labels, [LABEL, grade, many], [], stage="final", seed=1)
    by = {
        key: [one.coefficient for one in lines if one.measure == key] for key in ("label", "grade", "q.many")
    }
    assert by["label"] == ["percent", "alpha", "Fleiss' kappa", "Gwet's AC1"]
    assert by["grade"] == [
        "percent",
        "ordinal alpha",
        "interval alpha",
        "alpha",
        "Fleiss' kappa",
        "Gwet's AC1",
    ]
    assert by["q.many"] == ["percent", "MASI alpha"]
    sets = [[frozenset(one.answers["many"]) for one in labels if one.item == i] for i in range(6)]
    (masi,) = [one for one in lines if one.coefficient == "MASI alpha"]
    assert masi.value == pytest.approx(float(plain.alpha(sets, plain.masi)), abs=1e-9)
    assert {one.reason for one in lines if one.measure == "label" and one.value is None} == {
        "not enough variation: all labels are the same"
    }


def test_a_pair_has_cohens_kappa_and_its_confusion() -> None:
    said = ["ab", "aa", "bb", "bc", "cc", "aa"]
    labels = [given(i, 5 + r, both[r]) for i, both in enumerate(said) for r in (0, 1)]
    labels.append(given(9, 5, "a"))  # nobody else's
    (kappa,) = [
        one for one in by_part(labels, LABEL, stage="final", seed=1) if one.coefficient == "Cohen's kappa"
    ]
    assert (kappa.cut, kappa.part, kappa.n) == ("pair", "5.6", 6)
    assert kappa.value == pytest.approx(float(plain.cohen([(a, b) for a, b in said])), abs=1e-9)
    (table,) = confusions(labels, LABEL, stage="final")
    assert (table["a"], table["b"]) == (5, 6)
    assert sorted(table["cells"]) == [
        ["a", "a", 2],
        ["a", "b", 1],
        ["b", "b", 1],
        ["b", "c", 1],
        ["c", "c", 1],
    ]


def test_one_figure_can_be_computed_again_without_the_others() -> None:
    labels = [given(i, r, "abc"[(i * r) % 3]) for i in range(12) for r in (1, 2, 3)]
    many = overall(labels, [Measure("group", "Group", NOMINAL), LABEL], [], stage="final", seed=9)
    alone = overall(labels, [LABEL], [], stage="final", seed=9)
    assert [one for one in many if one.measure == "label"] == alone
    other = overall(labels, [LABEL], [], stage="final", seed=10)
    assert [one.value for one in other] == [one.value for one in alone]
    assert [one.seed for one in other] != [one.seed for one in alone]


def test_a_report_without_labels_says_so_everywhere() -> None:
    found = report({"final": []}, [LABEL], [], seed=1, detail=["label"])
    assert {one.reason for one in found.lines} == {"no item has two labels"}
    assert (found.habits, found.entropy, found.compared) == ((), None, {"final": 0})
    assert read(found.plain()) == found


def test_a_label_that_the_codebook_no_longer_has_is_still_compared() -> None:
    labels = [given(0, 1, "old"), given(0, 2, "old"), given(1, 1, "a"), given(1, 2, "a")]
    (alpha,) = [
        one for one in overall(labels, [LABEL], [], stage="final", seed=1) if one.coefficient == "alpha"
    ]
    assert alpha.value == 1
