"""The drawings of a training stand where their numbers say."""

from auditor.interp.sweepplot import BAR, BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, bars_of, sweep_of

NAMES = {"mean_difference": "mean", "logistic": "logistic"}
TRIED = [
    {"kind": "mean_difference", "layer": 0, "auroc": 0.5, "folds": [0.5]},
    {"kind": "mean_difference", "layer": 4, "auroc": 1.0, "folds": [1.0]},
    {"kind": "logistic", "layer": 0, "auroc": None, "folds": []},
    {"kind": "logistic", "layer": 4, "auroc": 0.7, "folds": [0.7]},
]


def test_curves_run_from_edge_to_edge_and_leave_out_what_has_no_figure() -> None:
    drawn = sweep_of(TRIED, names=NAMES, kind="mean_difference", layer=4)
    first, second = drawn.curves
    assert [(x, layer) for x, _, layer, _ in first.points] == [(LEFT, 0), (WIDTH - RIGHT, 4)]
    assert first.points[1][1] == TOP
    assert first.points[0][1] == drawn.half
    assert [layer for _, _, layer, _ in second.points] == [4]
    assert drawn.chosen == (WIDTH - RIGHT, TOP)
    assert drawn.up[0] == (HEIGHT - BOTTOM, "0.4")
    assert drawn.up[-1] == (TOP, "1.0")
    assert first.path == f"M{LEFT} {drawn.half:g} L{WIDTH - RIGHT} {TOP}"


def test_one_layer_stands_in_the_middle() -> None:
    drawn = sweep_of(TRIED[:1], names=NAMES, kind="mean_difference", layer=0)
    assert drawn.across == ((LEFT + (WIDTH - LEFT - RIGHT) / 2, 0),)


def test_a_figure_below_chance_is_inside_the_drawing() -> None:
    low = [{"kind": "logistic", "layer": 1, "auroc": 0.12, "folds": [0.12]}]
    drawn = sweep_of(low, names=NAMES, kind="logistic", layer=1)
    assert TOP <= drawn.curves[0].points[0][1] <= HEIGHT - BOTTOM


def interval(estimate: float | None, low: float | None = None, high: float | None = None) -> dict:
    return {"estimate": estimate, "low": low, "high": high, "n_positive": 30, "n_negative": 40}


def test_figures_without_an_interval_have_a_point_and_undefined_ones_nothing() -> None:
    result = {
        "test": interval(0.5, 0.25, 0.75), "held": None, "surface": interval(None), "surface_held": None,
        "random_labels": [0.4, 0.6],
    }  # fmt: skip
    test, surface, dealt = bars_of(result)
    assert (test.x, test.left, test.width) == (BAR / 2, 63, 114)
    assert (surface.x, surface.left, surface.width) == (None, None, None)
    assert (dealt.estimate, dealt.low, dealt.high) == (0.5, 0.4, 0.6)
