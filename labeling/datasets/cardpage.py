"""The card as a page: what was generated as headings, paragraphs and tables, what people wrote by our own Markdown."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.corpus.drawing import STYLE, Mark, Markup, draw
from auditor.corpus.markdown import styles
from labeling.datasets.card import parts

Runs = list[tuple[str, bool]]  # words, and whether they are code
_CODE = re.compile(r"`([^`]*)`")
_ESCAPED = re.compile(r"\\(.)")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Piece:
    """One block of the card.

    Attributes:
        kind: title, heading, text, list, table, or written.
        runs: of a heading or a text.
        rows: runs of each entry of a list, or of each cell of a table, the head first.
        drawn: HTML of what people wrote.
    """

    kind: str
    runs: Runs = field(default_factory=list)
    rows: list[list[Runs]] = field(default_factory=list)
    drawn: Markup | str = ""


def pieces(manifest: Mapping[str, Any], prose: Mapping[str, str]) -> list[Piece]:
    """The card of a release in blocks."""
    found: list[Piece] = []
    for text, by_people in parts(manifest, prose):
        found += [written(text)] if by_people else list(_generated(text))
    return found


def written(text: str) -> Piece:
    """Markdown of people, drawn over the text as it stands: no HTML, no element of its own."""
    style = styles(text)
    marks = [Mark(0, "text", a, b, STYLE, css) for a, b, css in style.runs]
    blocks = [(a, b, f"md {css}") for a, b, css in style.blocks]
    drawn = draw(text, sorted(marks, key=lambda mark: (mark.start, -mark.end)), set(), blocks)
    return Piece("written", drawn=drawn)


def _generated(text: str) -> Iterator[Piece]:
    body = text.split("\n---\n", 1)[-1] if text.startswith("---\n") else text
    for block in re.split(r"\n{2,}", body.strip()):
        lines = block.split("\n")
        if block.startswith("# "):
            yield Piece("title", _runs(block[2:]))
        elif block.startswith("## "):
            yield Piece("heading", _runs(block[3:]))
        elif block.startswith("|"):
            cells = [[_runs(cell.strip()) for cell in _CELLS.split(line)[1:-1]] for line in lines]
            yield Piece("table", rows=[cells[0], *cells[2:]])
        elif all(line.startswith("- ") for line in lines):
            yield Piece("list", rows=[[_runs(line[2:])] for line in lines])
        else:
            yield Piece("text", _runs(" ".join(lines)))


def _runs(text: str) -> Runs:
    """Words and code of one line, as they are meant: what was escaped for Markdown is itself again."""
    found: Runs = []
    at = 0
    for code in _CODE.finditer(text):
        found += [(_meant(text[at : code.start()]), False), (code[1].replace("\\u0060", "`"), True)]
        at = code.end()
    found.append((_meant(text[at:]), False))
    return [(words, is_code) for words, is_code in found if words]


def _meant(text: str) -> str:
    return html.unescape(_ESCAPED.sub(r"\1", text))
