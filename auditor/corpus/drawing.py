"""One text with its marks as HTML: escaped, cut at every boundary into flat segments.

    draw(text, marks, targets, blocks) -> Markup whose textContent is `text`

Marks may overlap and nest: each segment carries the classes of the marks that cover it. Blocks (of a
Markdown text) are elements around segments; they come in order and never overlap. Footnote letters are
attributes drawn by CSS, never text. Time is linear in the text, plus marks x log marks.
"""

import heapq
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVELS = 32
LANES = 3  # underlines drawn one below the other before they share a line
SAID_BY_PEOPLE = ("intent", "halluc", "honest", "unsure", "truth", "misleads", "mine")
SAID_BY_MACHINES = ("judge", "probe", "sae", "score", "human")  # kinds of channel
SIDES = ("b", "c")  # the second and third of several people, who mark in the same hues by other lines
BY_SIDE = tuple(f"{hue}-{side}" for hue in ("intent", "halluc", "honest", "unsure") for side in SIDES)
HUES = frozenset((*SAID_BY_PEOPLE, *BY_SIDE, *SAID_BY_MACHINES))
PLAIN = {"hit": "hit", "target": "target", "differs": "differs"}  # kinds that are a class of their own
STYLE = "style"  # of Markdown: the class is the mark's own
_NOT_IN_IDENT = re.compile(r"[^\w.:-]+")


class Markup(str):
    """HTML made here from escaped text; templates print it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to show on the code points `start` to `end` (exclusive) of one part of a message."""

    position: int
    part: str  # "text", "reasoning" or "part:<i>"
    start: int
    end: int
    kind: str  # "heat", "span", "quote", "hit", "target", "differs" or "style"
    css: str = ""  # one of HUES, for span and quote; classes, for style
    level: int | None = None  # 0 to 31, for heat
    label: str = ""  # footnote letter shown after the mark
    ident: str = ""  # goes into data-m and makes #mark-<ident> a link target
    title: str = ""  # tooltip


def draw(
    text: str, marks: Sequence[Mark], targets: set[str], blocks: Sequence[tuple[int, int, str]] = ()
) -> Markup:
    """`text` as escaped HTML with `marks` (sorted by start) drawn on it and `blocks` around it.

    Args:
        targets: idents that are link targets already; those made here are added.
    """
    out: list[str] = []
    active: dict[int, tuple[Mark, int]] = {}  # index in marks -> the mark and its lane
    ends: list[tuple[int, int]] = []  # heap of (end, index)
    at, index = 0, 0
    edges = sorted([(start, 1, css) for start, _, css in blocks] + [(end, 0, "") for _, end, _ in blocks])
    edge = 0
    while at < len(text):
        while edge < len(edges) and edges[edge][0] <= at:
            out.append(f'<span class="{edges[edge][2]}">' if edges[edge][1] else "</span>")
            edge += 1
        opening: list[Mark] = []
        while ends and ends[0][0] <= at:
            del active[heapq.heappop(ends)[1]]
        while index < len(marks) and marks[index].start <= at:
            mark = marks[index]
            active[index] = (mark, _free_lane(active, mark))
            heapq.heappush(ends, (mark.end, index))
            opening.append(mark)
            index += 1
        until = min(
            ends[0][0] if ends else len(text),
            marks[index].start if index < len(marks) else len(text),
            edges[edge][0] if edge < len(edges) else len(text),
        )
        words = escape(text[at:until])
        out.append(_segment(words, list(active.values()), opening, until, targets) if active else words)
        at = until
    out += ["</span>"] * sum(1 - edges[i][1] for i in range(edge, len(edges)))
    return Markup("".join(out))


def _free_lane(active: Mapping[int, tuple[Mark, int]], mark: Mark) -> int:
    """The first underline that no open mark uses; marks without an underline get -1."""
    if mark.kind not in ("span", "quote"):
        return -1
    taken = {lane for _, lane in active.values()}
    return next((lane for lane in range(LANES) if lane not in taken), LANES - 1)


def _segment(
    words: str, active: list[tuple[Mark, int]], opening: list[Mark], until: int, targets: set[str]
) -> str:
    """One span around escaped `words`, saying which marks cover it and which begin or end here."""
    if len(active) == 1:
        (only, _) = active[0]
        if only.kind == "heat" and not only.ident and not only.label:  # the most frequent by far
            title = f' title="{html.escape(only.title)}"' if only.title else ""
            return f'<span class="heat-{only.level or 0}"{title}>{words}</span>'
        if only.kind == STYLE:
            return f'<span class="{html.escape(only.css)}">{words}</span>'
    classes, styles, idents, titles, labels = [], [], [], [], []
    heat = -1
    for mark, lane in active:
        if mark.kind == "heat":
            heat = max(heat, mark.level or 0)
        elif mark.kind in PLAIN:
            classes.append(PLAIN[mark.kind])
        elif mark.kind == STYLE:
            styles.append(html.escape(mark.css))
        else:
            classes.append(f"u{lane}-{mark.css if mark.css in HUES else 'mine'}")
        if mark.ident:
            idents.append(_ident(mark))
        if mark.title:
            titles.append(mark.title)
        if mark.label and mark.end == until:
            labels.append(mark.label)
    if classes:
        classes.insert(0, "m")
    classes += styles
    if heat >= 0:
        classes.append(f"heat-{heat}")
    new = [
        name for name in dict.fromkeys(_ident(mark) for mark in opening if mark.ident) if name not in targets
    ]
    targets.update(new)
    extra = "".join(f'<i id="mark-{name}"></i>' for name in new[1:])
    target = f' id="mark-{new[0]}"' if new else ""
    data = f' data-m="{" ".join(dict.fromkeys(idents))}"' if idents else ""
    title = f' title="{html.escape(" · ".join(dict.fromkeys(titles)))}"' if titles else ""
    label = f' data-label="{html.escape(" ".join(labels))}"' if labels else ""
    return (
        f'{extra}<span class="{" ".join(dict.fromkeys(classes))}"{target}{data}{title}{label}>{words}</span>'
    )


def _ident(mark: Mark) -> str:
    return _NOT_IN_IDENT.sub("-", mark.ident)


def escape(text: str) -> str:
    """`text` so that an HTML parser gives it back unchanged; a bare CR would come back as LF."""
    return html.escape(text, quote=False).replace("\r", "&#13;")


def plain(text: str) -> Markup:
    """`text` escaped, with nothing drawn on it."""
    return Markup(escape(text))
