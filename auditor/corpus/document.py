"""Turns messages and layers of marks into HTML whose text is the stored text, character for character.

    render(messages, marks) -> Document of RenderedMessage, each with its Blocks

Text is hostile: all of it is escaped, nothing in it becomes a link or an element. A block's element
has the stored text as its `textContent`, so offsets counted in the browser and offsets stored on the
server name the same words. Marks may overlap and nest: the text is cut at every boundary into flat
segments, each carrying the classes of the marks that cover it. Footnote letters are attributes drawn
by CSS, never text. Time is linear in the text, plus marks x log marks.
"""

import heapq
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

LEVELS = 32
LANES = 3  # underlines drawn one below the other before they share a line
SAID_BY_PEOPLE = ("intent", "halluc", "honest", "unsure", "truth", "misleads", "mine")
SAID_BY_MACHINES = ("judge", "probe", "sae", "score", "human")  # kinds of channel
HUES = frozenset((*SAID_BY_PEOPLE, *SAID_BY_MACHINES))
NAMES = {"tool": "tool result"}
MEDIA = ("image", "audio", "file")
_NOT_IN_IDENT = re.compile(r"[^\w.:-]+")


class Markup(str):
    """HTML made here from escaped text; templates print it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


class Message(Protocol):
    """What `render` reads of a message; rows of the corpus have it."""

    @property
    def position(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def reasoning(self) -> str: ...
    @property
    def parts(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def model_name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to show on the code points `start` to `end` (exclusive) of one part of a message."""

    position: int
    part: str  # "text", "reasoning" or "part:<i>"
    start: int
    end: int
    kind: str  # "heat", "span", "quote" or "hit"
    css: str = ""  # one of HUES, for span and quote
    level: int | None = None  # 0 to 31, for heat
    label: str = ""  # footnote letter shown after the mark
    ident: str = ""  # goes into data-m and makes #mark-<ident> a link target
    title: str = ""  # tooltip


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a message, ready to print."""

    part: str
    kind: str  # text, reasoning, tool_call, tool_result, image, audio, file, other
    html: Markup
    n_chars: int  # code points
    title: str = ""  # tool name, media type
    note: str = ""  # what went wrong: a tool's error, arguments that are no JSON
    anchored: bool = True  # False where there are no stored words to point at


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """One message, ready to print."""

    position: int
    role: str
    name: str  # the role in words
    model_name: str
    blocks: tuple[Block, ...]
    has_marks: bool
    heat: int | None  # highest heat level in the message, None without heat
    hues: tuple[str, ...]  # hues of its spans and quotes, in order of first appearance

    @property
    def number(self) -> int:
        """What people call it, counting from 1."""
        return self.position + 1

    @property
    def n_chars(self) -> int:
        """Code points in all its parts."""
        return sum(block.n_chars for block in self.blocks)


class Document(list[RenderedMessage]):
    """The messages in order, and how many marks did not fit their text."""

    clamped = 0  # reached past the end or before the start, and were cut
    ignored = 0  # empty, wholly outside, or on a part that is not there


def level(fraction: float | None) -> int:
    """The heat level 0..31 of a value scaled to 0..1; values outside are clamped, None and NaN are 0."""
    if fraction is None or not fraction > 0:
        return 0
    return min(LEVELS - 1, round(fraction * (LEVELS - 1)))


def render(messages: Iterable[Message], marks: Iterable[Mark] = ()) -> Document:
    """The messages as HTML blocks with `marks` drawn on them.

    A mark out of range is cut to its part, or left out, and counted on the returned document;
    it never shifts another one. Marks of one `ident` share its link target: the first has it.
    """
    document = Document()
    by_part: dict[tuple[int, str], list[Mark]] = {}
    for mark in marks:
        by_part.setdefault((mark.position, mark.part), []).append(mark)
    targets: set[str] = set()
    for message in messages:
        shown: list[Mark] = []
        blocks = []
        for part, kind, text, title, note in _parts_of(message):
            if kind in MEDIA:
                blocks.append(Block(part, kind, _markup(text), 0, title, note, anchored=False))
                continue
            fitting = _fit(by_part.pop((message.position, part), []), len(text), document)
            blocks.append(Block(part, kind, _draw(text, fitting, targets), len(text), title, note))
            shown += fitting
        heat = [mark.level or 0 for mark in shown if mark.kind == "heat"]
        hues = dict.fromkeys(
            mark.css for mark in shown if mark.kind in ("span", "quote") and mark.css in HUES
        )
        document.append(
            RenderedMessage(
                position=message.position,
                role=message.role,
                name=NAMES.get(message.role, message.role),
                model_name=message.model_name,
                blocks=tuple(blocks),
                has_marks=bool(shown),
                heat=max(heat) if heat else None,
                hues=tuple(hues),
            )
        )
    document.ignored += sum(len(left) for left in by_part.values())
    return document


def _parts_of(message: Message) -> Iterable[tuple[str, str, str, str, str]]:
    """(part, kind, text, title, note) of everything a message holds, in reading order."""
    title = note = ""
    for piece in message.parts:
        if piece.get("kind") == "tool_result" and not piece.get("text"):  # describes the message's own text
            title, note = str(piece.get("name") or ""), str(piece.get("error") or "")
    if message.reasoning:
        yield "reasoning", "reasoning", message.reasoning, "", ""
    if message.text or title or note or (message.role == "tool" and not message.parts):
        yield "text", "tool_result" if message.role == "tool" else "text", message.text, title, note
    for index, piece in enumerate(message.parts):
        kind = str(piece.get("kind") or "other")
        part = f"part:{index}"
        text = str(piece.get("text") or "")
        if kind in MEDIA:
            words = [str(piece[key]) for key in ("media_type", "size", "note") if piece.get(key)]
            yield part, kind, " · ".join(words) or "not kept here", kind, ""
        elif kind == "tool_call":
            note = "" if piece.get("valid", True) else "arguments are not valid JSON"
            yield part, kind, text, str(piece.get("name") or "unnamed tool"), note
        elif kind == "tool_result":
            if text:
                yield part, kind, text, str(piece.get("name") or ""), str(piece.get("error") or "")
        else:
            yield part, "other", text, kind, ""


def _fit(marks: list[Mark], size: int, document: Document) -> list[Mark]:
    """The marks that fall on the text, cut to it, in order of start; the rest is counted."""
    fitting = []
    for mark in marks:
        start, end = max(mark.start, 0), min(mark.end, size)
        if start >= end or (mark.kind == "heat" and mark.level is None):
            document.ignored += 1
            continue
        if (start, end) != (mark.start, mark.end):
            document.clamped += 1
        heat = None if mark.level is None else min(max(mark.level, 0), LEVELS - 1)
        fitting.append(
            Mark(
                mark.position,
                mark.part,
                start,
                end,
                mark.kind,
                mark.css,
                heat,
                mark.label,
                mark.ident,
                mark.title,
            )
        )
    return sorted(fitting, key=lambda mark: (mark.start, -mark.end))


def _draw(text: str, marks: list[Mark], targets: set[str]) -> Markup:
    """`text` as escaped HTML, cut into flat segments at every boundary of `marks` (sorted by start)."""
    out: list[str] = []
    active: dict[int, tuple[Mark, int]] = {}  # index in marks -> the mark and its lane
    ends: list[tuple[int, int]] = []  # heap of (end, index)
    at, index = 0, 0
    while at < len(text):
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
            ends[0][0] if ends else len(text), marks[index].start if index < len(marks) else len(text)
        )
        words = _escape(text[at:until])
        out.append(_segment(words, list(active.values()), opening, until, targets) if active else words)
        at = until
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
    classes, idents, titles, labels = [], [], [], []
    heat = -1
    for mark, lane in active:
        if mark.kind == "heat":
            heat = max(heat, mark.level or 0)
        elif mark.kind == "hit":
            classes.append("hit")
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


def _escape(text: str) -> str:
    """`text` so that an HTML parser gives it back unchanged; a bare CR would come back as LF."""
    return html.escape(text, quote=False).replace("\r", "&#13;")


def _markup(text: str) -> Markup:
    return Markup(_escape(text))
