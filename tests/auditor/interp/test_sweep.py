"""What chooses never tests; a probe that sees nothing says so; what is only length is told apart."""

import numpy as np
import pytest

from auditor.interp.sweep import KINDS, LEAST, Examples, sweep
from auditor.interp.training import NotEnough, auroc


def examples(
    n: int = 240, *, seed: int = 5, signal: float = 2.0, per_group: int = 2, at: int = 3, leak: float = 0.0,
    held: bool = False, splits: bool = False,
) -> Examples:  # fmt: skip
    """Invented activations of 6 layers in which a label shows at one layer alone, and, with `leak`, in the length."""
    draw = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n // per_group), per_group)
    y = np.repeat(draw.random(n // per_group) < 0.5, per_group)
    direction = draw.normal(size=16)
    direction /= np.linalg.norm(direction)
    layers = {layer: draw.normal(size=(n, 16)).astype(np.float32) for layer in range(6)}
    layers[at] += (signal * np.where(y, 0.5, -0.5)[:, None] * direction).astype(np.float32)
    surface = draw.normal(size=(n, 3))
    surface[:, 0] += leak * y
    names = [("train", "validation", "test")[index % 3] for index in groups] if splits else [""] * n
    return Examples(
        at=layers, y=y, groups=groups, held=(groups % 4 == 0) if held else np.zeros(n, bool), splits=names,
        surface=surface,
    )  # fmt: skip


def test_the_layer_with_the_signal_is_chosen_and_its_figure_is_near_the_truth() -> None:
    """A shift of 2 standard deviations along one direction: the best possible AUROC is Phi(2 / sqrt 2) = 0.921."""
    found = sweep(examples(2000), seed=1)
    assert found.layer == 3
    assert found.test.estimate == pytest.approx(0.921, abs=0.04)
    assert found.test.low is not None
    assert found.test.high is not None
    assert found.test.low < 0.921 < found.test.high
    assert len(found.tried) == 6 * len(KINDS)
    assert found.gain is not None
    assert found.gain[0] > 0.2


def test_rows_of_one_group_are_never_on_both_sides() -> None:
    given = examples(60, per_group=6)
    found = sweep(given, seed=2)
    assert found.counts["train"]["groups"] + found.counts["test"]["groups"] == 10
    assert found.counts["train"]["positive"] + found.counts["test"]["positive"] == given.y.sum()
    for part in ("train", "test"):
        assert (found.counts[part]["positive"] + found.counts[part]["negative"]) % 6 == 0


def test_without_a_signal_nothing_is_found_however_many_are_tried() -> None:
    """36 tries, the best taken: the test's interval covers one half all the same, in nearly all of 20 worlds."""
    covered = 0
    for seed in range(20):
        found = sweep(examples(200, seed=100 + seed, signal=0.0), seed=seed)
        assert found.test.low is not None
        assert found.test.high is not None
        covered += found.test.low <= 0.5 <= found.test.high
    assert covered >= 17


def test_dealt_labels_give_about_one_half() -> None:
    found = sweep(examples(400), seed=3)
    assert len(found.random_labels) == 20
    assert abs(float(np.mean(found.random_labels)) - 0.5) < 0.1


def test_what_is_only_length_is_found_by_the_surface_probe_too() -> None:
    found = sweep(examples(1200, signal=2.0, leak=4.0), seed=4)
    assert found.surface.estimate is not None
    assert found.surface.estimate > 0.97
    assert found.gain is not None
    assert found.gain[1] < 0.02


def test_what_is_held_out_has_no_part_and_has_a_figure_of_its_own() -> None:
    given = examples(800, held=True)
    found = sweep(given, seed=6)
    assert found.held is not None
    assert found.held.n_positive + found.held.n_negative == int(given.held.sum())
    others = found.counts["train"], found.counts["test"]
    assert sum(part["positive"] + part["negative"] for part in others) == int((~given.held).sum())
    changed = Examples(
        at={layer: np.where(given.held[:, None], 99.0, x) for layer, x in given.at.items()}, y=given.y,
        groups=given.groups, held=given.held, splits=given.splits, surface=given.surface,
    )  # fmt: skip
    again = sweep(changed, seed=6)
    np.testing.assert_array_equal(again.fitted.direction, found.fitted.direction)
    assert again.test == found.test


def test_the_releases_own_splits_are_used_where_it_has_them() -> None:
    given = examples(600, splits=True)
    found = sweep(given, seed=7)
    assert found.own_splits
    test = np.array(given.splits) == "test"
    assert found.test.n_positive == int(given.y[test].sum())
    assert all(len(one.folds) == 1 for one in found.tried)
    x = given.at[found.layer]
    assert found.test.estimate == auroc(found.fitted.scores(x[test]), given.y[test])


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    given = examples(120)
    assert sweep(given, seed=8).to_json() == sweep(given, seed=8).to_json()
    assert sweep(given, seed=8).to_json() != sweep(given, seed=9).to_json()


def test_small_numbers_are_said() -> None:
    found = sweep(examples(60), seed=10)
    assert min(found.test.n_positive, found.test.n_negative) < LEAST
    assert any("first look" in words for words in found.warnings)


def test_one_class_is_not_enough() -> None:
    given = examples(60)
    same = Examples(
        at=given.at, y=np.ones(60, bool), groups=given.groups, held=given.held, splits=given.splits,
        surface=given.surface,
    )  # fmt: skip
    with pytest.raises(NotEnough, match="all of one class"):
        sweep(same, seed=1)
