"""Flows of labels: every label is in every column once, ribbons fill their nodes, and hostile words stay words."""

import itertools
import re
from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.validity.anchoring import Move
from labeling.validity.flows import GAP, LEAST, TALL, UNRULED, flows_of

LABELS = [("D", "Deception", "intent"), ("K", "Known slip", "halluc"), ("H", "Honest", "honest")]
codes = st.sampled_from(["D", "K", "H", "Z"])


def moves(*paths: tuple[str, str, str]) -> list[Move]:
    return [Move(number, 1, *path) for number, path in enumerate(paths)]


def test_nothing_moved_is_no_drawing() -> None:
    assert flows_of([], LABELS) is None


def test_four_labels_by_hand() -> None:
    found = flows_of(moves(("K", "D", "D"), ("K", "K", ""), ("H", "H", ""), ("K", "D", "K")), LABELS)
    assert found is not None
    assert found.n == 4
    by_column = [[(node.words, node.n) for node in found.nodes if node.x == x] for x in (0, 375, 750)]
    assert by_column == [
        [("Known slip", 3), ("Honest", 1)],
        [("Deception", 2), ("Known slip", 1), ("Honest", 1)],
        [("Deception", 1), ("Known slip", 1), ("no ruling yet", 2)],
    ]
    taken = {(one.stage, one.source, one.target): (one.n, one.moved) for one in found.ribbons}
    assert taken == {
        ("Blind to final", "Known slip", "Deception"): (2, True),
        ("Blind to final", "Known slip", "Known slip"): (1, False),
        ("Blind to final", "Honest", "Honest"): (1, False),
        ("Final to ruling", "Deception", "Deception"): (1, False),
        ("Final to ruling", "Deception", "Known slip"): (1, True),
        ("Final to ruling", "Known slip", "no ruling yet"): (1, False),
        ("Final to ruling", "Honest", "no ruling yet"): (1, False),
    }
    first = next(node for node in found.nodes if node.words == "Known slip" and node.x == 0)
    assert first.height == TALL * 3 / 4
    assert {node.hue for node in found.nodes if node.words == "Deception"} == {"intent"}


@given(st.lists(st.tuples(codes, codes, st.sampled_from(["D", "K", UNRULED])), min_size=1, max_size=60))
def test_every_label_is_in_each_column_once(paths: list[tuple[str, str, str]]) -> None:
    found = flows_of(moves(*paths), LABELS)
    assert found is not None
    for x in {node.x for node in found.nodes}:
        column = sorted((node for node in found.nodes if node.x == x), key=lambda node: node.y)
        assert sum(node.n for node in column) == len(paths)
        for above, below in itertools.pairwise(column):
            assert below.y - above.y == pytest.approx(above.height + GAP, abs=0.02)
        assert column[-1].y + column[-1].height <= found.height
    for stage in ("Blind to final", "Final to ruling"):
        assert sum(one.n for one in found.ribbons if one.stage == stage) == len(paths)
    assert all(node.height >= LEAST for node in found.nodes)
    assert len(Counter((one.stage, one.source, one.target) for one in found.ribbons)) == len(found.ribbons)


def test_a_ribbon_is_as_thick_as_labels_took_it() -> None:
    found = flows_of(moves(("D", "D", "D"), ("D", "H", "D"), ("D", "H", "D")), LABELS)
    assert found is not None
    thick = {}
    for one in found.ribbons:
        numbers = [float(n) for n in re.findall(r"-?[0-9.]+", one.path)]
        y0, y1, down = numbers[1], numbers[7], numbers[8]
        thick[one.stage, one.source, one.target] = round(down - y1)
        assert y0 >= 0
    assert thick["Blind to final", "Deception", "Honest"] == TALL * 2 / 3
    assert thick["Blind to final", "Deception", "Deception"] == TALL / 3


def test_words_that_are_markup_stay_words() -> None:
    from django.template.loader import render_to_string

    found = flows_of(moves(("D", "D", "")), [("D", "<script>&", "intent")])
    text = render_to_string("labeling/validity/flows_file.svg", {"flows": found, "title": "<b>"})
    names = [node.text for node in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    assert "<script>& " in names
