"""Geometry of flows: how labels went from blind to final to the ruling; no Django here.

A column is a stage, a node a label there, as high as labels came to it; a ribbon is as thick as labels took it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labeling.validity.anchoring import Move

STAGES = ("Blind", "Final", "Ruling")
UNRULED = ""  # there is no ruling on it
WIDTH, NODE, TOP, GAP = (
    760,
    10,
    26,
    12,
)  # the drawing, a node's width, room for the headings, room between nodes
TALL, LEAST = 300, 3  # height of all labels of a stage together, and of the thinnest node


@dataclass(frozen=True)
class Node:
    """A label at a stage."""

    words: str
    hue: str
    n: int
    x: float
    y: float
    height: float
    anchor: str  # where its words stand: after it, or before it in the last column

    @property
    def text_x(self) -> float:
        return self.x - 6 if self.anchor == "end" else self.x + NODE + 6

    @property
    def text_y(self) -> float:
        return round(self.y + self.height / 2 + 4, 2)


@dataclass(frozen=True)
class Ribbon:
    """Labels that went from one node to one of the next stage."""

    stage: str  # "Blind to final"
    source: str
    target: str
    hue: str  # of where they came from
    n: int
    path: str
    moved: bool


@dataclass(frozen=True)
class Flows:
    """The whole drawing, and the same as rows."""

    nodes: tuple[Node, ...]
    ribbons: tuple[Ribbon, ...]
    n: int
    height: float
    headings: tuple[tuple[str, float, str], ...]  # words, x, anchor
    width: int = WIDTH
    node_width: int = NODE


def flows_of(
    moves: Sequence[Move], labels: Sequence[tuple[str, str, str]], unruled: str = "no ruling yet"
) -> Flows | None:
    """The drawing of these labels; None where there are none.

    Args:
        labels: (code, words, hue) of the codebook's labels, the most severe first; that is their order from the top.
        unruled: words for labels of items without a ruling; they stand last.
    """
    if not moves:
        return None
    known = {code: (words, hue) for code, words, hue in labels}
    strange = sorted({code for one in moves for code in _path(one)} - set(known) - {UNRULED})
    order = [*known, *strange, UNRULED]
    known |= {code: (code, "unsure") for code in strange} | {UNRULED: (unruled, "unsure")}
    counts = [Counter(_path(one)[stage] for one in moves) for stage in range(3)]
    scale = TALL / len(moves)
    most = max(len(one) for one in counts)
    height = TOP + TALL + GAP * (most - 1) + LEAST * most
    placed = [_column(stage, counts[stage], order, known, scale) for stage in range(3)]
    ribbons: list[Ribbon] = []
    for stage in range(2):
        taken = Counter((_path(one)[stage], _path(one)[stage + 1]) for one in moves)
        ribbons += _ribbons(stage, taken, placed[stage], placed[stage + 1], order, scale)
    nodes = tuple(node for column in placed for node in column.values())
    ends = (0.0, (WIDTH - NODE) / 2, float(WIDTH))
    anchors = ("start", "middle", "end")
    return Flows(
        nodes, tuple(ribbons), len(moves), round(height, 2), tuple(zip(STAGES, ends, anchors, strict=True))
    )


def _path(move: Move) -> tuple[str, str, str]:
    return move.blind, move.final, move.ruling


def _column(
    stage: int,
    counts: Mapping[str, int],
    order: Sequence[str],
    known: Mapping[str, tuple[str, str]],
    scale: float,
) -> dict[str, Node]:
    x = stage * (WIDTH - NODE) / 2
    y = float(TOP)
    found = {}
    for code in order:
        if (n := counts.get(code, 0)) == 0:
            continue
        tall = max(LEAST, n * scale)
        words, hue = known[code]
        found[code] = Node(words, hue, n, x, round(y, 2), round(tall, 2), "end" if stage == 2 else "start")
        y += tall + GAP
    return found


def _ribbons(
    stage: int, taken: Mapping[tuple[str, str], int], left: Mapping[str, Node], right: Mapping[str, Node],
    order: Sequence[str], scale: float,
) -> Iterable[Ribbon]:  # fmt: skip
    """In the order of the nodes on both sides, so that ribbons cross no more than they must."""
    begins = {code: node.y for code, node in left.items()}
    ends = {code: node.y for code, node in right.items()}
    words = f"{STAGES[stage]} to {STAGES[stage + 1].lower()}"
    for source in order:
        for target in order:
            if (n := taken.get((source, target), 0)) == 0:
                continue
            a, b, thick = begins[source], ends[target], n * scale
            begins[source] += thick
            ends[target] += thick
            path = _ribbon(left[source].x + NODE, a, right[target].x, b, thick)
            yield Ribbon(
                words, left[source].words, right[target].words, left[source].hue, n, path,
                source != target and target != UNRULED,
            )  # fmt: skip


def _ribbon(x0: float, y0: float, x1: float, y1: float, thick: float) -> str:
    mid = (x0 + x1) / 2
    return (
        f"M{x0:.1f} {y0:.1f}C{mid:.1f} {y0:.1f} {mid:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        f"V{y1 + thick:.1f}C{mid:.1f} {y1 + thick:.1f} {mid:.1f} {y0 + thick:.1f} {x0:.1f} {y0 + thick:.1f}Z"
    )
